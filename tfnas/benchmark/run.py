"""Worker processes and their turns."""

import contextlib
import dataclasses
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from tfnas import cost, zoo
from tfnas.benchmark import cases, limits
from tfnas.devices import processor
from tfnas.errors import UserError

ROOT = Path(__file__).parents[2]


class Worker:
    """A process that sets up a case and then takes steps on request.

    Every line sent to it names a step, every line of its answers is a JSON
    object.

    Args:
        case: a `Case`.
        config: a `BenchmarkConfig`.

    Attributes:
        steps: names of its steps; empty if it cannot run.
        note: why it cannot run, or None.
        startup: seconds of building, tracing and the first steps.
        peak: its peak memory so far, in bytes.
    """

    def __init__(self, case, config):
        self.case = case
        self.steps, self.note, self.startup, self.peak = [], None, None, None
        self.errors = tempfile.TemporaryFile("w+")  # noqa: SIM115
        measured = dataclasses.asdict(case.measured(config))
        job = {**measured, **dataclasses.asdict(case)}
        root = ROOT
        if case.variant == "beside":
            root, job["variant"] = Path(config.beside).absolute(), "fast"
        path = [str(root), *filter(None, [os.environ.get("PYTHONPATH")])]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tfnas.benchmark.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.errors,
            text=True,
            cwd=root,  # "-m" looks there first
            env=os.environ | {"PYTHONPATH": os.pathsep.join(path)},
        )
        self.take(json.dumps(job))

    def take(self, step):
        """Let it take a step; return its answer, or None if it died."""
        try:
            print(step, file=self.process.stdin, flush=True)
        except BrokenPipeError:
            line = ""
        else:
            line = self.process.stdout.readline()
        if not line:
            self.steps, self.note = [], self._last_words()
            return None
        answer = json.loads(line)
        for name in ("steps", "note", "startup", "peak"):
            setattr(self, name, answer.get(name, getattr(self, name)))
        return answer

    def _last_words(self):
        code = self.process.wait()
        self.errors.seek(0)
        lines = self.errors.read().split("\n")
        said = [line.strip() for line in lines if line.strip()]
        if code < 0 or not said:
            return f"its process ended with code {code}"
        return said[-1]

    def __enter__(self):
        return self

    def __exit__(self, *error):
        if error[0] is not None:
            self.process.kill()
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()
        self.errors.close()


def measure(config, note=print):
    """Measure all cases of a configuration with a number of threads.

    `note` gets lines of text on the progress. Returns {"machine": {"processor":
    its name, "features": a list, "oneDNN": whether it is on, "gemm": FLOP/s,
    "copy": bytes/s}, "floor": seconds of an alpha and a weight step, "rows": a
    list of dicts}. "over_reference" is a row's time divided by the baseline's,
    by Keras's for inference, or by DARTS's if there is no other; "over_beside"
    divides by the other checkout's.
    """
    limit = {"gemm": 0.0, "copy": 0.0}
    done = []
    with Worker(cases.Case("machine", "machine"), config) as machine:
        if machine.note is not None:
            raise UserError(f"TensorFlow: cannot be used here, {machine.note}")
        own = {
            "processor": processor.name(),
            "features": processor.features(),
            "oneDNN": machine.take("oneDNN")["value"],
        }
        for group in cases.groups(config):
            done += _take_turns(group, config, machine, limit, note)
    rows = [row for worker, times in done for row in _rows(worker, times)]
    for row in rows:
        _compare(row, rows, config, limit)
    floor = limits.floor(config, **limit)
    return {"machine": own | limit, "floor": floor, "rows": rows}


def _take_turns(group, config, machine, limit, note):
    with contextlib.ExitStack() as stack:
        workers = []
        for case in group:
            note(f"{case.part}, {case.variant}: starting")
            workers.append(stack.enter_context(Worker(case, config)))
        done = [(w, {name: [] for name in w.steps}) for w in workers]
        for turn in range(config.rounds):
            note(f"{group[0].part}: round {turn + 1} of {config.rounds}")
            found = machine.take("machine")["value"]
            limit.update({k: max(limit[k], found[k]) for k in limit})
            for worker, times in done:
                for name in worker.steps:
                    if (answer := worker.take(name)) is not None:
                        times[name].append(answer["seconds"])
        return done


def _rows(worker, times):
    """The medians of a worker; the first row has its common values."""
    case, note = worker.case, worker.note
    whole = {"peak_bytes": worker.peak, "startup_seconds": worker.startup}
    if note is not None:
        return [{"what": case.part, "variant": case.variant, "note": note}]
    medians = {name: statistics.median(t) for name, t in times.items()}
    if medians.keys() == {"alpha", "weights"}:
        total = sum(medians.values())
        medians = {"alpha + weights": total, **medians}
    rows = [
        {"what": name, "variant": case.variant, "seconds": seconds}
        for name, seconds in medians.items()
    ]
    rows[0] |= whole
    return rows


def _compare(row, rows, config, limit):
    """Add to a row its seconds in relation to the references."""
    if "seconds" not in row:
        return
    config = cases.Case(row["what"], row["variant"]).measured(config)
    what, images = row["what"], config.batch
    if what.startswith("inference"):
        what, _, images = what.partition(", batch ")
    if what in ("retraining", "inference"):
        multiply_adds = cost.network_cost(
            zoo.genotype("DARTS_V2"),
            input_shape=(config.image_size, config.image_size, 3),
            channels=config.channels,
            cells=config.cells,
        ).multiply_adds
    else:
        multiply_adds = limits.search_multiply_adds(config)
    work = limits.PASSES[what] * multiply_adds * int(images)
    row["multiply_adds_per_second"] = work / row["seconds"]
    if what == "alpha + weights":
        row["over_floor"] = row["seconds"] / limits.floor(config, **limit)
    same = {
        other["variant"]: other["seconds"]
        for other in rows
        if other["what"] == row["what"] and "seconds" in other
    }
    if row["variant"] == "fast" and "beside" in same:
        row["over_beside"] = row["seconds"] / same["beside"]
    references = [v for v in cases.REFERENCES if v in same]
    if references:
        row["over_reference"] = row["seconds"] / same[references[0]]
