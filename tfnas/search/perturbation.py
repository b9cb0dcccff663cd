"""Derivation by perturbation: the phase after a search's last epoch."""

import functools
import time

from tfnas import data
from tfnas.bilevel.removal import Removals
from tfnas.data.progress import in_words
from tfnas.derivation.perturbation import missed_most, rounds
from tfnas.devices.workers import Agreement, agreed
from tfnas.networks.proxy import in_whole_batches
from tfnas.report.findings import CELL_NAMES
from tfnas.runs import contents
from tfnas.runs.callbacks import EachTuningEpoch


class Perturbation:
    """A search's choices by removals, one after the other (DARTS-PT).

    Each is saved when it is made. `state` and `restore` carry the choices
    through a checkpoint; the supernet holds what they decided.

    Args:
        search: the search, after its last epoch when `run` is called.
    """

    def __init__(self, search):
        self.search = search
        self.decisions = []
        self.seconds = 0.0  # of the search before the first choice

    def state(self):
        """JSON-ready values for a checkpoint."""
        return {"decisions": self.decisions, "seconds": self.seconds}

    def restore(self, values):
        """Take over what `state` returned."""
        self.decisions, self.seconds = values["decisions"], values["seconds"]

    def run(self):
        """Make the remaining choices; returns summary.json's entry on them."""
        search, supernet = self.search, self.search.model.supernet
        own = rounds(
            supernet.operations,
            supernet.space.edges(supernet.nodes),
            supernet.architecture_layer.rule,
            search.config.seed,
        )
        choices = [choice for each in own for choice in each]
        tuning = search.method.perturbation_epochs
        valid = search.dataset.train.take(
            in_whole_batches(search.halves[1], search.method.batch_size)
        )
        counts = {
            "choices": len(choices),
            "evaluations": sum(len(choice.options) for choice in choices),
            "images": len(valid),
            "tuning_epochs": (len(own) - 1) * tuning,
        }
        batches = data.evaluation_batches(
            valid, search.dataset, search.method.batch_size
        )
        self.removals = Removals(supernet, batches)
        self.agree = Agreement(search.strategy)
        if not self.decisions:
            self._begin(counts)
        searched = search.history.rows[-1]["epoch"]
        for number, choice in enumerate(choices, 1):
            if number > len(self.decisions):
                self._decide(choice, f"{number} of {len(choices)}")
            made, rest = divmod(number, len(own[0]))
            if not rest and made < len(own):
                self._tune(searched + made * tuning)
        return {**counts, "seconds": round(search.seconds() - self.seconds, 1)}

    def _begin(self, counts):
        """Say what it costs, and make the optimizer new, as the authors do."""
        search = self.search
        self.seconds = search.seconds()
        for buffer in search.model.optimizer.buffers:
            buffer.assign(buffer * 0)
        fading = search.model.supernet.auxiliary_weight
        if fading is not None:
            fading.assign(0)  # DARTS-'s skip is gone after the last epoch.
        self.removals()  # traces
        began = time.monotonic()
        accuracy, _ = self.removals()
        seconds = counts["evaluations"] * (time.monotonic() - began)
        seconds += counts["tuning_epochs"] * search.history.rows[-1]["seconds"]
        print(
            f"Perturbation: {counts['choices']} choices by "
            f"{counts['evaluations']} evaluations of {counts['images']:,} "
            f"images, {counts['tuning_epochs']} epochs of tuning between them, "
            f"{in_words(seconds)}. The whole supernet's accuracy is "
            f"{accuracy:.4f}.",
            flush=True,
        )

    def _tune(self, epochs):
        """Train on until the search has so many epochs."""
        search = self.search
        if search.epoch < epochs:
            search.fit(
                functools.partial(search.stream, epochs=epochs),
                epochs=epochs,
                steps=search.steps,
                validation=None,
                callbacks=[EachTuningEpoch(search)],
            )

    def _decide(self, choice, place):
        """Make a choice and save it."""
        search = self.search
        with search.saving() as requests:
            found = agreed(
                search.strategy,
                [self.removals(choice.kind, *each) for each in choice.options],
            )
            kept = missed_most(found, choice.kept)
            layer = search.model.supernet.architecture_layer
            decided = layer.decided[choice.kind]
            decided.assign(choice.settle(decided.numpy(), kept))
            record = self._record(choice, found, kept)
            self.decisions.append(record)
            print(f"Choice {place}: {in_a_line(record)}", flush=True)
            search.run.write_json(contents.DECISIONS, self.decisions)
            search.save()
            if self.agree([requests.stop is not None])[0]:
                search.leave(requests)

    def _record(self, choice, found, kept):
        """A choice as decisions.json has it."""
        supernet = self.search.model.supernet
        places = supernet.space.edges(supernet.nodes)
        edge = choice.options[0][0]
        if choice.is_of_edges:
            where = {"node": places[edge][1]}
            names = [f"from {places[edge][0]}" for edge, _ in choice.options]
        else:
            where = {"edge": places[edge]}
            operations = supernet.operations[choice.kind][edge]
            names = [operations[column] for _, column in choice.options]
        return {
            "cell": choice.kind,
            **where,
            "kept": [names[place] for place in kept],
            "without": {
                name: {"accuracy": accuracy, "loss": loss}
                for name, (accuracy, loss) in zip(names, found, strict=True)
            },
        }


def in_a_line(record):
    """A choice in words, as the log has it."""
    if "node" in record:
        where = f"edges into {record['node']}"
    else:
        where = "edge {} to {}".format(*record["edge"])
    measured = ", ".join(
        f"{name} {found['accuracy']:.4f}"
        for name, found in record["without"].items()
    )
    kept = " and ".join(record["kept"])
    cell = CELL_NAMES[record["cell"]]
    return f"{cell}, {where}: kept {kept}; accuracy without {measured}"
