"""The whole way: the plan, its steps, the choice, the export, the report."""

import contextlib
import dataclasses
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tfnas import sweep
from tfnas.auto import cells, ending, plan, predict, rounds, words
from tfnas.auto.clock import Clock
from tfnas.errors import UserError
from tfnas.runs import contents, parsing
from tfnas.runs.contents import is_begun, is_finished
from tfnas.runs.folder import hold, wait


@dataclasses.dataclass(frozen=True)
class Job:
    """One command in one folder, as `sweep.run_here` takes its tasks."""

    kind: str
    folder: str
    given: dict

    def runs(self):
        yield self.kind, self.folder, self.given


def run(config):
    """Make a plan, or go on with the one in the folder, and do it.

    Returns the content of summary.json, None if only the plan was asked for.
    On SIGTERM or Ctrl-C it raises `Interrupted`, after the run's checkpoint.
    """
    if config.plan:
        found = rounds.plans(config.out) or [first(config)]
        print(*words.of_plan(found[-1]), sep="\n")
        return None
    with held(config.out):
        clock = Clock(config.out)
        made = rounds.plans(config.out)
        more = config.hours > sum(each.hours for each in made) + 1e-6
        if made and not more and is_finished(config.out):
            return _ended(config)
        if not made:
            with clock.step("looking"):
                made = [first(config)]
                made[0].write(config.out)
        for each in made:
            do(each, clock)
        if config.hours > sum(each.hours for each in made) + 1e-6:
            made.append(rounds.next_plan(config, made))
            (Path(config.out) / contents.REPORT).unlink(missing_ok=True)
            made[-1].write(rounds.folder(config.out, len(made)))
            do(made[-1], clock)
        ending.end(config, made, clock, start)
        return _ended(config)


def _ended(config):
    """Show the end; returns the content of summary.json."""
    summary = parsing.read_json(Path(config.out) / contents.SUMMARY)
    print(*words.of_end(summary, config.out), sep="\n", flush=True)
    return summary


def first(config):
    """The first round's `Plan`."""
    seen, measured = look(config)
    return plan.make(config, seen, measured)


def look(config):
    """What `look` answers: a `Seen` and a `Measured`."""
    with tempfile.TemporaryDirectory() as folder:
        answer = Path(folder) / "answer.json"
        job = {
            "config": dataclasses.asdict(config),
            "hours": config.hours,
            "began": time.time(),
            "answer": str(answer),
        }
        print("Looking at the images and the machine ...", flush=True)
        command = [sys.executable, "-m", "tfnas.auto.look", json.dumps(job)]
        code = subprocess.run(command).returncode
        if not answer.is_file():
            raise UserError(
                f"the process that measures ended with code {code}; see the "
                "messages above"
            )
        found = json.loads(answer.read_text(encoding="utf-8"))
    if "error" in found:
        raise UserError(found["error"])
    return predict.Seen(**found["seen"]), predict.Measured(**found["measured"])


def do(made, clock):
    """Show a plan and do the rest of its steps, one after the other."""
    if all(is_finished(step.folder) for step in made.steps):
        return
    print(*words.of_plan(made), sep="\n", flush=True)
    for number, step in enumerate(made.steps, 1):
        if is_finished(step.folder):
            continue
        print(f"\nStep {number} of {len(made.steps)}: {step.name}", flush=True)
        again = is_begun(step.folder)
        later = _restart(step, made.measured) if again else None
        with clock.step(step.folder, later):
            wait(step.folder)
            start(step.kind, step.folder, cells.completed(made, step))


def start(kind, folder, given):
    """Run a command; raise its failure."""
    given = {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in given.items()
        if name != "out"
    }
    sweep.run_here([Job(kind, str(folder), given)])


def _restart(step, measured):
    """Seconds until a stopped step's new process takes steps."""
    trace = measured.search_trace if step.kind == "search" else measured.trace
    return measured.start + trace


@contextlib.contextmanager
def held(folder):
    """Hold a folder against a second process."""
    try:
        os.makedirs(folder, exist_ok=True)
        lock = open(Path(folder) / contents.LOCK, "a")  # noqa: SIM115
    except OSError as error:
        raise UserError(
            f"--out={folder}: {error.strerror}; choose a writable folder"
        ) from None
    with lock:
        hold(lock, folder)
        yield
