"""A process that measures one case (see `run.Worker`).

The first line of its input is the job, a JSON object; every other line names
a step. It answers each with one line of JSON.
"""

import json
import os
import sys
import time
from pathlib import Path

from tfnas.cli import command
from tfnas.errors import UserError


def main():
    """Answer until the input ends."""
    # A library's prints must not come between the answers.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    job = json.loads(sys.stdin.readline())

    def answer(**values):
        line = json.dumps({**values, "peak": peak()})
        print(line, file=answers, flush=True)

    try:
        with command.quiet_start():
            from tfnas.benchmark import subjects

        subjects.set_up(job)
        started = time.perf_counter()
        steps = subjects.SUBJECTS[job["part"]](job)
        for step in steps.values():
            step()
    except UserError as error:
        answer(note=str(error))
        return
    answer(steps=list(steps), startup=time.perf_counter() - started)
    for line in sys.stdin:
        started = time.perf_counter()
        value = steps[line.rstrip("\n")]()
        seconds = time.perf_counter() - started
        limits = value if job["part"] == "machine" else None
        answer(seconds=seconds, value=limits)


def peak():
    """This process's peak memory in bytes.

    By the kernel's own count: `getrusage` would begin with the parent's memory
    at the start of this process.
    """
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024


if __name__ == "__main__":
    main()
