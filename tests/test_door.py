"""`tfnas` and `python -m tfnas`: the list of commands, and each of them."""

import platform
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import tfnas
from tfnas import __main__ as door
from tfnas.cli import commands

ROOT = Path(__file__).parents[1]
RUNNABLE = sorted(p.parent.name for p in ROOT.glob("tfnas/*/__main__.py"))


def run(*words):
    return subprocess.run(
        [sys.executable, "-m", "tfnas", *words],
        capture_output=True,
        text=True,
        cwd=ROOT,
    )


@pytest.mark.parametrize("words", [[], ["--help"], ["-h"]])
def test_it_lists_every_command_with_a_line(words, capsys):
    assert door.main(["tfnas", *words]) == 0
    listed = [x for x in capsys.readouterr().out.splitlines() if x[:2] == "  "]
    assert [line.split()[0] for line in listed] == RUNNABLE
    assert all(len(line.split()) > 3 for line in listed)
    assert max(map(len, listed)) <= 80


def test_it_says_the_versions_that_a_report_of_a_fault_needs():
    import keras
    import tensorflow

    done = run("--version")
    assert (done.returncode, done.stderr) == (0, "")
    said = dict(line.split() for line in done.stdout.splitlines())
    assert said["tfnas"] == tfnas.__version__
    assert said["python"] == platform.python_version()
    assert said["keras"] == keras.__version__
    installed = said.keys() & {"tensorflow", "tensorflow-cpu"}
    assert {said[name] for name in installed} == {tensorflow.__version__}


def test_a_command_runs_as_its_module_does():
    done = run("search", "--method=pdarts", "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert "  --cells=5,11,17" in done.stdout
    done = run("search", "--epoch=3")
    line = "error: --epoch: no such flag; did you mean --epochs?\n"
    assert (done.returncode, done.stderr) == (1, line)


def test_the_console_script_is_the_same_door():
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    script = tomllib.loads(text)["project"]["scripts"]["tfnas"]
    assert script == f"{door.__name__}:{door.script.__name__}"


def test_a_flag_s_commands_are_those_whose_help_has_it():
    from test_flags import COMMANDS, names_of

    # These pass on what a search takes, and a baseline what a training does.
    direct = {name: names_of(*configs) for name, configs in COMMANDS.items()}
    direct["baseline"] = names_of(COMMANDS["baseline"][0])
    for flag in set().union(*direct.values()):
        having = {name for name, flags in direct.items() if flag in flags}
        assert set(commands.having(flag)) == having, flag
    assert commands.having("planted") == []
