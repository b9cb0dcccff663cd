"""Each mistyped command gives one line with its remedy, before TensorFlow."""

import shlex
import sys

import pytest
from mistyped import MISTYPED

from tfnas import __main__ as door
from tfnas.cli import command


@pytest.mark.parametrize(("words", "line"), MISTYPED)
def test_a_mistyped_command_is_told_the_remedy(
    words, line, tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr(command, "quiet_start", None)  # nobody starts it
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "photos").mkdir()
    typed = shlex.split(words)
    monkeypatch.setattr("sys.argv", ["tfnas", *typed])
    # As in a new process; another test may have imported it.
    monkeypatch.delitem(sys.modules, f"tfnas.{typed[0]}.__main__", False)
    with pytest.raises(SystemExit) as left:
        door.script()
    said = capsys.readouterr()
    assert said.err == f"error: {line}\n".replace("HOME", str(tmp_path))
    assert (left.value.code, said.out) == (1, "")
