"""Files of launch/ as their launchers read them, and stand-ins to run them."""

import json
import os
import re
import stat
import subprocess
from pathlib import Path

from tfnas import train
from tfnas.cli import command
from tfnas.search import config as search
from tfnas.sweep import config as sweep
from tfnas.train.recipe import Recipe

ROOT = Path(__file__).parents[1]
LAUNCH = ROOT / "launch"
# Says what it was called with, and leaves with the code it is told.
PYTHON = """#!/bin/sh
env > "$LOG.env.$$"
for word; do printf '%s\\0' "$word"; done > "$LOG.words.$$"
exit ${CODE:-0}
"""
# As many tasks as SLURM was asked for, all on this machine.
SRUN = """#!/bin/bash
while [[ $1 == -* ]]; do shift; done
export SLURM_STEP_NUM_TASKS=$TASKS SLURM_STEP_TASKS_PER_NODE=$TASKS
export SLURM_STEP_NODELIST=localhost
for ((i = 0; i < TASKS; i++)); do
  SLURM_PROCID=$i "$@" &
  tasks+=($!)
done
code=0
for task in "${tasks[@]}"; do
  wait "$task"
  now=$?
  ((now > code)) && code=$now
done
exit $code
"""
SCONTROL = """#!/bin/sh
echo "$*" >> "$LOG.scontrol"
"""


def stand_ins(folder, **scripts):
    """A folder of programs to put first in PATH; returns that PATH."""
    folder.mkdir(exist_ok=True)
    for name, text in scripts.items():
        path = folder / name
        path.write_text(text)
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return f"{folder}:{os.environ['PATH']}"


def run(words, folder, **environment):
    """Run a program in a folder with stand-ins for what it calls.

    Returns:
        (finished process, [(words, {name: value})] of each call of python and
        its environment).
    """
    path = stand_ins(
        folder / "bin", python=PYTHON, srun=SRUN, scontrol=SCONTROL
    )
    log = folder / "log"
    done = subprocess.run(
        words,
        cwd=folder,
        env={"PATH": path, "LOG": str(log), **environment},
        capture_output=True,
        text=True,
    )
    calls = []
    for file in sorted(folder.glob("log.words.*")):
        lines = Path(str(file).replace(".words.", ".env.")).read_text()
        pairs = (line.partition("=") for line in lines.splitlines())
        words = file.read_text().split("\0")[:-1]
        calls.append((words, {name: value for name, _, value in pairs}))
    return done, calls


def check(words):
    """Read a command's words as the command itself would; returns its flags."""
    dash, module, *flags = words
    assert dash == "-m"
    if module == "tfnas.search":
        given = command.parse(
            [module, *flags], search.SearchConfig, search.Method
        )
        search.resolve(given)
    elif module == "tfnas.sweep":
        given = command.parse(
            [module, *flags],
            search.SearchConfig,
            search.Method,
            sweep.SweepConfig,
        )
        sweep.resolve(given)
    else:
        assert module == "tfnas.train"
        given = command.parse([module, *flags], train.TrainConfig, Recipe)
        train.resolve(given)
    return given


def sbatch_options(path):
    """{option: value} of a job script's header, which ends at a command."""
    options = {}
    for line in path.read_text().splitlines()[1:]:
        if match := re.fullmatch(r"#SBATCH --([a-z-]+)(?:=(\S+))?", line):
            options[match[1]] = match[2]
        else:
            assert not line.startswith("#SBATCH"), line
            if line and not line.startswith("#"):
                break
    return options


def containers(document):
    """The containers of a Kubernetes document, with what a TrainJob gives."""
    kind, spec = document["kind"], document["spec"]
    if kind == "Job":
        return spec["template"]["spec"]["containers"]
    return [spec["trainer"]] if kind == "TrainJob" else []


def environment(container, index):
    """{name: value} of a container of an indexed job, as kubelet makes it."""
    found = {}
    for variable in container["env"]:
        if "valueFrom" in variable:
            field = variable["valueFrom"]["fieldRef"]["fieldPath"]
            assert field == (
                "metadata.annotations['batch.kubernetes.io/"
                "job-completion-index']"
            )
            found[variable["name"]] = str(index)
        else:
            found[variable["name"]] = expand(variable["value"], found)
    return found


def expand(text, values):
    """`$(NAME)` replaced as Kubernetes does; unknown names stay."""
    return re.sub(r"\$\(([^)]*)\)", lambda m: values.get(m[1], m[0]), text)


def dockerfile(path):
    """[(instruction, arguments)] of a Dockerfile; JSON forms as lists."""
    found = []
    for line in path.read_text().splitlines():
        if line and not line.startswith("#"):
            name, rest = line.split(maxsplit=1)
            as_list = rest.startswith("[")
            found.append((name, json.loads(rest) if as_list else rest))
    return found
