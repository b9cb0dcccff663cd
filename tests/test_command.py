"""Flags of a command, its one-line errors and its exit codes."""

import dataclasses
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tfnas.choice import choice, fields
from tfnas.cli import command
from tfnas.cli.interruption import EXIT_CODE, READER_LEFT
from tfnas.errors import UserError
from tfnas.methods.method import Method
from tfnas.search import SearchConfig

ROOT = Path(__file__).parents[1]


@dataclasses.dataclass(frozen=True)
class Config:
    """A flag of every type."""

    name: str = choice("plain", "any text")
    kind: str = choice("red", "one of two texts", ("red", "blue"))
    folder: str | None = choice(None, "text or nothing")
    epochs: int = choice(50, "a whole number", least=1)
    size: int | None = choice(None, "a whole number or nothing")
    order: int = choice(1, "one of two numbers", (1, 2))
    rate: float = choice(0.5, "a number")
    resume: bool = choice(False, "yes or no")
    cells: tuple[int, ...] = choice((8,), "whole numbers")
    rates: tuple[float, ...] = choice((0.1,), "numbers")
    names: tuple[str, ...] = choice(("a", "b"), "texts")
    hidden: int = 3


def parse(*arguments):
    return command.parse(["program", *arguments], Config)


# === Values ===


@pytest.mark.parametrize(
    ("argument", "expected"),
    [
        ("--name=two words", {"name": "two words"}),
        ("--name=a,b", {"name": "a,b"}),
        ("--name=", {"name": ""}),
        ("--kind=blue", {"kind": "blue"}),
        ("--folder=images", {"folder": "images"}),
        ("--epochs=3", {"epochs": 3}),
        ("--size=-1", {"size": -1}),
        ("--order=2", {"order": 2}),
        ("--rate=3e-4", {"rate": 3e-4}),
        ("--rate=1", {"rate": 1.0}),
        ("--resume", {"resume": True}),
        ("--resume=true", {"resume": True}),
        ("--resume=false", {"resume": False}),
        ("--noresume", {"resume": False}),
        ("--cells=5,11,17", {"cells": (5, 11, 17)}),
        ("--cells=5, 11", {"cells": (5, 11)}),
        ("--cells=", {"cells": ()}),
        ("--rates=0.1,1", {"rates": (0.1, 1.0)}),
        ("--names=none,skip_connect", {"names": ("none", "skip_connect")}),
    ],
)
def test_a_flag_has_the_type_of_its_field(argument, expected):
    given = parse(argument)
    assert given == expected
    assert list(map(type, given.values())) == list(map(type, expected.values()))


def test_only_what_was_given_is_returned():
    assert parse() == {}
    assert parse("--epochs=50") == {"epochs": 50}


def test_a_value_may_follow_its_flag():
    assert parse("--epochs", "3", "--resume") == {"epochs": 3, "resume": True}


@pytest.mark.parametrize(
    ("arguments", "both"),
    [
        (("--epochs=3", "--epochs=4"), "--epochs: given twice, as 3 and 4"),
        (("--epochs", "3", "--epochs=3"), "--epochs: given twice, as 3 and 3"),
        (("--cells=5", "--cells=6,7"), "--cells: given twice, as 5 and 6,7"),
        (
            ("--resume", "--noresume"),
            "--resume: given twice, as true and false",
        ),
        (("--kind=red", "-kind=blue"), "--kind: given twice, as red and blue"),
        (("--name=A", "--name=b"), "--name: given twice, as A and b"),
    ],
)
def test_a_repeated_flag_is_refused(arguments, both):
    with pytest.raises(UserError) as error:
        parse(*arguments)
    assert str(error.value) == f"{both}; keep one"


def test_a_home_folder_is_read_as_in_a_shell(monkeypatch):
    monkeypatch.setenv("HOME", "/me")
    assert parse("--folder=~/x", "--name=a~") == {
        "folder": "/me/x",
        "name": "a~",
    }


@pytest.mark.parametrize(
    "arguments",
    [("--epochs", "=", "3"), ("--epochs", "=3"), ("--epochs=", "3")],
)
def test_blanks_around_an_equals_sign_are_refused(arguments):
    with pytest.raises(UserError) as error:
        parse(*arguments)
    assert str(error.value).endswith(": write --epochs=3, without blanks")


def test_what_only_looks_like_a_mistake_is_taken():
    assert parse("--name==", "--folder=--epochs=3 --epochs=4") == {
        "name": "=",
        "folder": "--epochs=3 --epochs=4",
    }
    assert parse("--names=", "--epochs=3") == {"names": (), "epochs": 3}


def test_several_dataclasses_share_a_command_line():
    arguments = ["search", "--seed=1", "--epochs=2"]
    assert command.parse(arguments, SearchConfig, Method) == {
        "seed": 1,
        "epochs": 2,
    }


def test_parsing_leaves_nothing_behind():
    assert parse("--epochs=3") == {"epochs": 3}
    assert parse() == {}


@pytest.mark.parametrize("config", [SearchConfig, Method])
def test_every_flag_reads_back_the_default_that_the_help_shows(config):
    for field in fields(config):
        if field.default is not None:
            argument = f"--{field.name}={command.show(field.default)}"
            given = command.parse(["search", argument], config)
            assert given == {field.name: field.default}


# === Errors ===


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ("--epoch=3", "--epoch: no such flag; did you mean --epochs?"),
        ("--Epochs=3", "--Epochs: no such flag; did you mean --epochs?"),
        ("--noresum", "--noresum: no such flag; did you mean --resume?"),
        ("--zzz", "--zzz: no such flag; see --help"),
        ("--hidden=4", "--hidden: no such flag; see --help"),
        ("--epochs=3.5", "--epochs=3.5: give a whole number"),
        ("--epochs=", "--epochs=: give a whole number"),
        ("--size=big", "--size=big: give a whole number"),
        ("--rate=high", "--rate=high: give a number"),
        ("--resume=maybe", "--resume=maybe: give true or false"),
        ("--kind=green", "--kind=green: use red or blue"),
        ("--order=3", "--order=3: use 1 or 2"),
        (
            "--cells=5,x",
            "--cells=5,x: give int values separated by commas",
        ),
        ("--cells=5,,8", "--cells=5,,8: give int values separated by commas"),
        ("--rates=a", "--rates=a: give float values separated by commas"),
        ('--names="a', '--names="a: give values separated by commas'),
        ("--epochs", "--epochs: has no value; give a whole number"),
        ("positional", "positional: not a flag; write --name=value"),
        ("epochs=3", "epochs=3: not a flag; did you mean --epochs=3?"),
        ("--kind=", "--kind=: use red or blue"),
        ("--folder", "--folder: has no value; give a text"),
    ],
)
def test_an_error_names_the_flag_and_the_remedy(argument, message):
    with pytest.raises(UserError) as error:
        parse(argument)
    assert str(error.value) == message


def test_a_value_alone_is_told_its_flag():
    class Known(Config):
        BARE = {"name": lambda: ("plain", "fancy"), "kind": lambda: ("red",)}

    for word, line in {
        "fancy": "did you mean --name=fancy?",
        "red": "did you mean --kind=red?",
        "blue": "write --name=value",
    }.items():
        with pytest.raises(UserError) as error:
            command.parse(["program", "--epochs=3", word], Known)
        assert str(error.value) == f"{word}: not a flag; {line}"


def test_an_argument_after_two_dashes_is_no_flag_either():
    with pytest.raises(UserError, match="epochs=3: not a flag"):
        parse("--", "--epochs=3")


@pytest.mark.parametrize("value", ["a\nb", "a\n: b"])
def test_a_value_of_two_lines_still_gives_one(value, capsys):
    with pytest.raises(SystemExit):
        command.run(parse_and_fail, ["program", f"--epochs={value}"])
    assert len(capsys.readouterr().err.splitlines()) == 1


# === Exit codes ===


def parse_and_fail(argv):
    command.parse(argv, Config)


def leave(main):
    with pytest.raises(SystemExit) as left:
        command.run(main, ["program"])
    return left.value.code


@pytest.mark.parametrize(("returned", "code"), [(None, 0), (0, 0), (3, 3)])
def test_main_decides_the_exit_code(returned, code):
    assert leave(lambda argv: returned) == code


def test_a_user_error_is_one_line_and_exit_code_1(capsys):
    def main(argv):
        raise UserError("--epochs=0:\n  use  1\n or more")

    assert leave(main) == 1
    output = capsys.readouterr()
    assert output.err == "error: --epochs=0: use 1 or more\n"
    assert output.out == ""


def test_a_defect_keeps_its_traceback():
    def main(argv):
        raise ValueError("not the user's fault")

    with pytest.raises(ValueError, match="not the user's fault"):
        command.run(main, ["program"])


def test_an_interrupt_is_one_line_and_the_shell_s_code(capsys):
    def main(argv):
        raise KeyboardInterrupt

    assert leave(main) == 130
    assert capsys.readouterr().err == "error: interrupted\n"


@pytest.fixture
def unread():
    """A pipe to write to that nobody reads."""
    reading, writing = os.pipe()
    os.close(reading)
    yield writing
    os.close(writing)


def ended(body, **streams):
    """(exit code, standard error) of a command with this `main`."""
    code = "from tfnas.cli import command\n"
    code += "from tfnas.errors import UserError\n"
    code += "from tfnas.cli.interruption import Interrupted\n"
    code += f"def main(argv):\n    {body}\ncommand.run(main)"
    done = subprocess.run(
        [sys.executable, "-c", code],
        **{"stderr": subprocess.PIPE, **streams},
        text=True,
        cwd=ROOT,
        env={k: v for k, v in os.environ.items() if k != "PYTHONUNBUFFERED"},
    )
    return done.returncode, done.stderr


@pytest.mark.parametrize("module", ["search", "report"])
def test_a_help_without_a_reader_is_silent(module, unread):
    done = subprocess.run(
        [sys.executable, "-m", f"tfnas.{module}", "--help"],
        stdout=unread,
        stderr=subprocess.PIPE,
        cwd=ROOT,
    )
    assert (done.returncode, done.stderr) == (READER_LEFT, b"")


@pytest.mark.parametrize(
    ("body", "code", "said"),
    [
        ("print('a result')", READER_LEFT, ""),
        ("print('a result', flush=True)", READER_LEFT, ""),
        ("print('a result'); raise UserError('x')", 1, "error: x\n"),
        ("print('y'); raise Interrupted('x')", EXIT_CODE, "stopped: x\n"),
        ("print(); raise KeyboardInterrupt", 130, "error: interrupted\n"),
    ],
)
def test_without_a_reader_no_code_is_lost(body, code, said, unread):
    assert ended(body, stdout=unread) == (code, said)
    both = {"stdout": unread, "stderr": unread}
    assert ended(body, **both) == (code, None)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ("raise UserError('x')", 1),
        ("raise Interrupted('x')", EXIT_CODE),
        ("raise KeyboardInterrupt", 130),
        ("pass", 0),
    ],
)
def test_nobody_has_to_read_the_errors(body, code, unread):
    assert ended(body, stderr=unread) == (code, None)


def test_a_run_that_nobody_reads_can_be_resumed(unread, tmp_path):
    place = str(tmp_path / "run")
    run = f"from tfnas.runs.folder import Folder; run = Folder({place!r}, "
    code, said = ended(f"{run}{{}}).__enter__(); print(1)", stdout=unread)
    assert (code, said) == (READER_LEFT, "")
    within = f"{run}{{}}, True)\n    with run: print(1, flush=True)"
    code, said = ended(within, stdout=unread)
    assert code == READER_LEFT
    assert said.endswith("repeat the command with --resume\n")


@pytest.mark.parametrize("number", [1, 2])
def test_a_closed_stream_is_as_if_nobody_listened(number, tmp_path):
    """No file takes its place, and what is written to it is dropped."""
    path = tmp_path / "file"
    body = (
        "import os, sys; print('to output'); print('error', file=sys.stderr); "
        f"file = open({str(path)!r}, 'w'); "
        f"os.write({number}, b'note'); assert file.fileno() > 2; "
        "file.write('content')"
    )
    code, _ = ended(
        body, preexec_fn=lambda: os.close(number), stdout=subprocess.PIPE
    )
    assert code == 0
    assert path.read_text() == "content"


def test_every_program_leaves_by_the_same_door():
    programs = {
        path.relative_to(ROOT / "tfnas").as_posix(): text
        for path in (ROOT / "tfnas").rglob("*.py")
        if '__name__ == "__main__"' in (text := path.read_text())
    }
    # What they write is read by the process that starts them alone.
    for name in ("benchmark/worker.py", "export/replay.py"):
        del programs[name]
    for name in ("look", "asked", "answers"):
        del programs[f"auto/{name}.py"]
    assert not {n for n, text in programs.items() if "command.run(" not in text}


# === Help ===


@pytest.mark.parametrize("argument", ["--help", "-h", "-help", "--helpfull"])
def test_help_is_asked_for(argument):
    assert command.asks_for_help(["program", "--epochs=3", argument])
    assert not command.asks_for_help([argument])


def test_help_shows_every_flag_with_the_value_that_holds():
    names = [f.name for f in fields(Config)]
    shown = dict(zip(names, command.help_lines(Config), strict=True))
    assert shown["epochs"].splitlines()[0] == "  --epochs=50"
    assert shown["resume"].splitlines()[0] == "  --resume=false"
    assert shown["names"].splitlines()[0] == "  --names=a,b"
    assert shown["folder"].splitlines()[0] == "  --folder="
    assert "one of two numbers (1, 2)" in shown["order"]
    assert "hidden" not in shown


def test_help_answers_at_once():
    def seconds():
        started = time.perf_counter()
        subprocess.run(
            [sys.executable, "-m", "tfnas.search", "--help"],
            stdout=subprocess.DEVNULL,
            check=True,
            cwd=ROOT,
        )
        return time.perf_counter() - started

    assert min(seconds() for _ in range(5)) < 0.5


# === A quiet start ===


def written(code):
    """What a new Python writes to standard error."""
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            f"import os\nfrom tfnas.cli import command\n{code}",
        ],
        capture_output=True,
        text=True,
    )
    return done.stderr


def test_notes_written_during_the_start_are_dropped():
    code = "with command.quiet_start():\n    os.write(2, b'note')\n"
    assert written(code + "os.write(2, b'error')") == "error"


def test_notes_are_shown_if_the_start_fails():
    code = "with command.quiet_start():\n    os.write(2, b'note')\n    1 / 0"
    assert written(code).startswith("noteTraceback")
    assert "ZeroDivisionError" in written(code)
