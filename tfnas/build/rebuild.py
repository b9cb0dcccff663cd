"""Remake an entry of the zoo by its recorded commands."""

import subprocess
import sys
from pathlib import Path

from tfnas import zoo
from tfnas.build import entries
from tfnas.cli import command
from tfnas.errors import UserError
from tfnas.runs import contents, earlier, recorded
from tfnas.runs.reading import read_run
from tfnas.search import SearchConfig
from tfnas.train import TrainConfig
from tfnas.zoo.genotypes import genotype_file
from tfnas.zoo.loading import genotype_of

_CONFIGS = {"search": SearchConfig, "train": TrainConfig}


def rebuild(config):
    """Search if asked to, train, measure, export and describe.

    Each part is the recorded command in its own process, as typed by a person.
    A part that fails, or a new search whose genotype differs from that of other
    entries, raises `UserError`.
    """
    entry, out = zoo.entry(config.model, config.zoo), Path(config.out)
    genotype_of(entry, config.zoo)  # Raises now if its file is wrong.
    source = genotype_file(entry.architecture, config.zoo)
    search = entry.search
    other = False
    # Both commands are checked before the first one starts.
    again = {"resume": config.resume, "data_dir": config.data_dir}
    # The entry's values from before its command could name them.
    again |= earlier.lacking("recipe", entry.training["recipe"])
    train = _replay("train", entry.training["command"], out, **again)
    if config.search:
        _run("search", _replay("search", entry.search["command"], out, **again))
        found = read_run(out / "search").genotype
        source = out / "search" / contents.GENOTYPE
        other = _is_other(entry, found, config.zoo)
        search = entries.record_search(out / "search", found)
    # The new search's data may differ from the training's.
    train = {"dataset": TrainConfig.dataset, **train}
    _run("train", {**train, "genotype": str(source)})
    run = read_run(out / "train", "train")
    draft = entries.describe(
        run,
        entry.name,
        config.zoo,
        search=search,
        data_dir=config.data_dir,
        anew=other,
    )
    same = draft.entry.weights == entry.weights
    print(
        "The weights equal the stored ones, bit for bit."
        if same
        else "The weights differ from the stored ones.",
        flush=True,
    )
    entries.finish(config, draft)


def _replay(kind, line, out, data_dir, resume, **instead):
    folder = out / kind
    instead["out"] = str(folder)
    # A build may have stopped before this part began.
    if resume and contents.is_begun(folder):
        instead["resume"] = True
    return recorded.replay(_CONFIGS[kind], line, data_dir, **instead)


def _run(kind, given):
    words = ["-m", f"tfnas.{kind}", *command.typed(given)]
    print(" ".join(["python", *words]), flush=True)
    done = subprocess.run([sys.executable, *words])
    if done.returncode:
        raise UserError(
            f"tfnas.{kind}: stopped with exit code {done.returncode}, see "
            "above; go on with --resume"
        )


def _is_other(entry, found, folder):
    """Whether a genotype has changed; refused if other entries share it."""
    old = genotype_of(entry, folder)
    if entries.same_architecture(old, found):
        return False
    others = [
        other.name
        for other in zoo.entries(folder)
        if other.architecture == entry.architecture and other != entry
    ]
    if others:
        raise UserError(
            f"--search: found another {entry.architecture} than "
            f"{others[0]} was trained with; train it and give it another "
            "--name with --run"
        )
    return True
