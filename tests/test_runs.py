"""A run's folder: one owner, whole files, checkpoints that survive."""

import hashlib
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tfnas.cli.files import staged
from tfnas.errors import UserError
from tfnas.runs.folder import Folder
from tfnas.runs.reading import read_run, runs_in

ROOT = Path(__file__).parents[1]
CONFIG = {"config": {"seed": 0}, "method": {"epochs": 50, "cells": (8,)}}


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "runs" / "darts"


@pytest.fixture
def run(folder):
    with Folder(folder, CONFIG) as run:
        yield run


def resume(folder, config=CONFIG):
    return Folder(folder, config, resume=True)


def listing(folder):
    return sorted(path.name for path in folder.iterdir())


# === Whose folder it is ===


def test_a_new_run_writes_down_what_it_is(run, folder):
    assert listing(folder) == ["config.json", "lock"]
    assert json.loads((folder / "config.json").read_text()) == {
        "config": {"seed": 0},
        "method": {"epochs": 50, "cells": [8]},
    }


def test_check_touches_nothing(folder):
    assert not Folder(folder, CONFIG).check()
    assert not folder.parent.exists()


def test_the_same_values_resume(folder):
    with Folder(folder, CONFIG):
        pass
    before = (folder / "config.json").stat().st_mtime_ns
    assert resume(folder).check()
    with resume(folder):
        assert (folder / "config.json").stat().st_mtime_ns == before


def test_a_run_is_not_overwritten(folder):
    with Folder(folder, CONFIG):
        pass
    with pytest.raises(UserError, match=r"holds a run; add --resume"):
        Folder(folder, CONFIG).__enter__()


def test_other_values_do_not_resume_and_are_all_listed(folder):
    with Folder(folder, CONFIG):
        pass
    other = {"config": {"seed": 1}, "method": {"epochs": 25, "cells": (8,)}}
    with pytest.raises(UserError) as error:
        resume(folder, other).__enter__()
    assert str(error.value) == (
        f"--resume: {folder} was started with other values: "
        "config.seed was 0, now 1; method.epochs was 50, now 25"
    )


def test_another_command_line_and_other_versions_resume(folder):
    first = CONFIG | {"command": ["a"], "versions": {"numpy": "1"}}
    with Folder(folder, first):
        pass
    later = CONFIG | {"command": ["a", "b"], "versions": {"numpy": "2"}}
    assert resume(folder, later).check()


def test_a_part_of_the_values_can_be_checked_alone(folder):
    with Folder(folder, CONFIG):
        pass
    assert resume(folder, {"config": {"seed": 0}}).check()
    with pytest.raises(UserError, match=r"config\.seed was 0, now 1"):
        resume(folder, {"config": {"seed": 1}}).check()


def test_nothing_to_resume(folder):
    with pytest.raises(UserError, match="no run to resume; drop --resume"):
        resume(folder).__enter__()
    assert not folder.exists()


def test_a_folder_with_other_things_is_left_alone(folder):
    folder.mkdir(parents=True)
    (folder / "thesis.tex").write_text("years of work")
    with pytest.raises(UserError, match=r"holds 'thesis.tex' but not a run"):
        Folder(folder, CONFIG).__enter__()
    assert listing(folder) == ["thesis.tex"]


@pytest.mark.parametrize("left", [[], ["lock"], ["lock", "config.json.part"]])
def test_a_run_killed_before_it_began_is_no_obstacle(folder, left):
    folder.mkdir(parents=True)
    for name in left:
        (folder / name).touch()
    with Folder(folder, CONFIG):
        assert listing(folder) == ["config.json", "lock"]


@pytest.mark.parametrize("text", ["", "{", "[]", '"text"', "\x00"])
def test_a_damaged_config_is_named(folder, text):
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(text)
    with pytest.raises(UserError, match=r"config\.json: not .*; restore it"):
        resume(folder).check()


@pytest.mark.parametrize("name", ["file", "file/below", "n" * 300])
@pytest.mark.parametrize("action", [Folder.check, Folder.__enter__])
def test_a_folder_that_cannot_be_made(tmp_path, name, action):
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match=r"--out=.*choose a writable"):
        action(Folder(tmp_path / name, CONFIG))


# === One process at a time ===


def holder(folder):
    """A second process that holds a run until its input ends."""
    code = (
        "import sys; from tfnas.runs.folder import Folder\n"
        "with Folder(sys.argv[1], {}, resume=True): print('held', flush=True)"
        "; sys.stdin.read()"
    )
    return subprocess.Popen(
        [sys.executable, "-c", code, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )


@pytest.mark.parametrize("action", [Folder.check, Folder.__enter__])
def test_a_second_process_is_refused_until_the_first_is_gone(folder, action):
    with Folder(folder, CONFIG):
        pass
    with holder(folder) as process:
        assert process.stdout.readline() == "held\n"
        with pytest.raises(UserError, match="another process runs there"):
            action(resume(folder))
        process.kill()
    with resume(folder):
        pass


def test_a_refused_run_does_not_hold_the_lock(folder):
    with Folder(folder, CONFIG):
        with pytest.raises(UserError, match="another process"):
            resume(folder).__enter__()
        with pytest.raises(UserError, match="another process"):
            Folder(folder, CONFIG).__enter__()
    with resume(folder):
        pass


# === Whole files ===


def test_a_file_is_replaced_and_nothing_stays_beside_it(run, folder):
    run.write("history.csv", "first")
    run.write("history.csv", b"second")
    assert (folder / "history.csv").read_bytes() == b"second"
    assert listing(folder) == ["config.json", "history.csv", "lock"]


def test_json_and_arrays_read_back(run, folder):
    run.write_json("summary.json", {"seconds": 1.5, "name": "Zürich"})
    run.write_arrays("alphas.npz", {"stage0/alphas": np.eye(2, dtype="f4")})
    text = (folder / "summary.json").read_text(encoding="utf-8")
    assert json.loads(text) == {"seconds": 1.5, "name": "Zürich"}
    with np.load(folder / "alphas.npz", allow_pickle=False) as arrays:
        assert arrays["stage0/alphas"].dtype == np.float32
        assert np.array_equal(arrays["stage0/alphas"], np.eye(2))


@pytest.mark.parametrize("failing", ["fsync", "replace"])
@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError(28, "full")])
def test_a_failure_half_way_leaves_the_earlier_file(
    run, folder, monkeypatch, failing, error
):
    run.write("history.csv", "earlier")

    def fail(*_):
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(os, failing, fail)
        with pytest.raises((KeyboardInterrupt, UserError)):
            run.write("history.csv", "later")
        with pytest.raises((KeyboardInterrupt, UserError)):
            run.save_checkpoint({"w": np.zeros(3)}, {"epoch": 1})
    assert (folder / "history.csv").read_text() == "earlier"
    assert not list(folder.rglob("*.part"))
    assert run.load_checkpoint() is None


def test_what_a_killed_process_left_goes_with_the_next_write(run, folder):
    (folder / "history.csv.x1.part").mkdir()
    (folder / "history.csv.part").touch()  # as older versions left it
    (folder / "notes.part").touch()
    run.write("history.csv", "whole")
    names = ["config.json", "history.csv", "lock", "notes.part"]
    assert listing(folder) == names


def test_two_who_write_a_file_at_once_leave_it_whole(tmp_path):
    path = tmp_path / "report.html"
    with staged(path) as one, staged(path) as other:
        one.write_text("one")
        other.write_text("other")
    assert path.read_text() == "one"
    assert listing(tmp_path) == ["report.html"]


# === The reader ===

KINDS = {
    "search": {"method": {}},
    "train": {"recipe": {}, "genotype": {}},
    "baseline": {"recipe": {}},
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_run_says_which_command_made_it(folder, kind):
    with Folder(folder, {"config": {}, **KINDS[kind]}):
        assert read_run(folder).kind == kind
    for other in KINDS.keys() - {kind}:
        with pytest.raises(UserError, match=rf"not from tfnas\.{other}; give"):
            read_run(folder, other)


@pytest.mark.parametrize("text", ["[]", "{}", '{"config": {}}'])
def test_what_no_command_wrote_is_not_a_run(folder, text):
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(text)
    with pytest.raises(UserError, match=r"config\.json: not from a run"):
        read_run(folder)
    assert not list(runs_in(folder.parent))


def test_a_file_is_read_when_it_is_asked_for(folder):
    with Folder(folder, {"config": {}, "method": {}}) as writing:
        run = read_run(folder)
        with pytest.raises(
            UserError, match=r"summary\.json: missing; .*resume"
        ):
            run.summary  # noqa: B018
        writing.write_json("summary.json", {"seconds": 7200})
        assert run.hours == 2


# === Checkpoints ===


def save(run, epoch):
    run.save_checkpoint({"w": np.full(1000, epoch, "f4")}, {"epoch": epoch})


def saved(run):
    return listing(run.folder / "checkpoints")


def assert_stands_after(run, epoch):
    arrays, state = run.load_checkpoint()
    assert state["epoch"] == epoch
    assert arrays["w"].dtype == np.float32
    assert np.array_equal(arrays["w"], np.full(1000, epoch))


def test_without_a_checkpoint_there_is_none(run, capsys):
    assert run.load_checkpoint() is None
    assert capsys.readouterr().out == ""


def test_the_two_newest_are_kept(run):
    for epoch in range(1, 5):
        save(run, epoch)
        assert_stands_after(run, epoch)
    assert saved(run) == ["000002", "000003"]


def test_numbers_go_on_after_the_last_digit(run):
    (run.folder / "checkpoints" / "999998").mkdir(parents=True)
    for epoch in (1, 2, 3):
        save(run, epoch)
    assert saved(run) == ["1000000", "1000001"]
    assert_stands_after(run, 3)


def cut_arrays(path):
    file = path / "state.npz"
    os.truncate(file, file.stat().st_size // 2)


def cut_state(path):
    file = path / "state.json"
    os.truncate(file, file.stat().st_size // 2)


def empty_state(path):
    os.truncate(path / "state.json", 0)


def lose_arrays(path):
    (path / "state.npz").unlink()


def lose_state(path):
    (path / "state.json").unlink()


def flip_a_bit(path):
    data = bytearray((path / "state.npz").read_bytes())
    data[len(data) // 2] ^= 1
    (path / "state.npz").write_bytes(data)


def lose_digest(path):
    (path / "state.json").write_text('{"epoch": 9}')


def write_a_list(path):
    (path / "state.json").write_text("[1, 2]")


TEARS = [
    cut_arrays,
    cut_state,
    empty_state,
    lose_arrays,
    lose_state,
    flip_a_bit,
    lose_digest,
    write_a_list,
]


@pytest.mark.parametrize("tear", TEARS)
def test_a_torn_checkpoint_gives_way_to_the_one_before(run, capsys, tear):
    save(run, 1)
    save(run, 2)
    tear(run.folder / "checkpoints" / "000001")
    assert_stands_after(run, 1)
    line = capsys.readouterr().out
    assert line.startswith(f"{run.folder}/checkpoints/000001: damaged (")
    assert line.endswith("trying the one before\n") and line.count("\n") == 1


def test_a_torn_checkpoint_does_not_count_as_one_of_the_two(run):
    save(run, 1)
    save(run, 2)
    cut_arrays(run.folder / "checkpoints" / "000001")
    assert_stands_after(run, 1)
    save(run, 2)
    cut_arrays(sorted((run.folder / "checkpoints").glob("*[0-9]"))[-1])
    assert_stands_after(run, 1)


def test_a_checkpoint_torn_twice_at_the_same_number(run):
    save(run, 1)
    for _ in range(2):
        save(run, 2)
        cut_state(run.folder / "checkpoints" / "000001")
        assert_stands_after(run, 1)


def test_when_all_are_torn_the_run_says_that_it_starts_again(run, capsys):
    for epoch in (1, 2):
        save(run, epoch)
    for number in (0, 1):
        cut_arrays(run.folder / "checkpoints" / f"{number:06d}")
    assert run.load_checkpoint() is None
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3 and lines[-1].endswith(
        "starting from the beginning."
    )


def test_a_checkpoint_left_half_written_is_not_seen(run):
    save(run, 1)
    part = run.folder / "checkpoints" / "000001.part"
    part.mkdir()
    (part / "state.json").write_text('{"epoch": 2}')
    assert_stands_after(run, 1)
    save(run, 2)
    assert_stands_after(run, 2)
    assert saved(run) == ["000000", "000001"]


class Trap:
    """Writes a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (Path.touch, (self.path,))


def test_a_pickle_is_never_opened(run, tmp_path, capsys):
    save(run, 1)
    path = run.folder / "checkpoints" / "000000"
    buffer = io.BytesIO()
    np.savez(buffer, w=np.array([Trap(tmp_path / "sprung")], dtype=object))
    digest = hashlib.sha256(buffer.getvalue()).hexdigest()
    (path / "state.npz").write_bytes(buffer.getvalue())
    (path / "state.json").write_text(json.dumps({"digest": digest}))
    assert run.load_checkpoint() is None
    assert "allow_pickle=False" in capsys.readouterr().out
    assert not (tmp_path / "sprung").exists()


# === A full disk ===


@pytest.fixture
def small_disk(tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(disk)]
    if os.geteuid() or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("only root can mount a small disk")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


def test_a_full_disk_is_named_and_spares_what_is_there(small_disk):
    with Folder(small_disk / "run", CONFIG) as run:
        save(run, 1)
        run.write("history.csv", "earlier")
        large = {"w": np.zeros(1 << 19)}
        with pytest.raises(UserError, match=r"checkpoints/000001: No space"):
            run.save_checkpoint(large, {"epoch": 2})
        with pytest.raises(UserError, match=r"alphas\.npz: No space .*--res"):
            run.write_arrays("alphas.npz", large)
        with pytest.raises(UserError, match=r"history\.csv: No space"):
            run.write("history.csv", b"0" * (1 << 21))
        assert (run.folder / "history.csv").read_text() == "earlier"
        assert not list(run.folder.rglob("*.part"))
        assert_stands_after(run, 1)
        save(run, 2)
        assert_stands_after(run, 2)
