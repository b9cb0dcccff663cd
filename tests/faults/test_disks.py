"""Disks that are full, read-only, or gave back something else; lost readers."""

import os
import shutil
import subprocess
import time

import preloaded
import pytest
from small_runs import (
    ROOT,
    assert_same_end,
    digest,
    disk,
    error,
    fill,
    newest,
    run,
    words,
)

from tfnas.cli.interruption import READER_LEFT
from tfnas.errors import UserError
from tfnas.report import write_report


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The folder of a search that nothing has disturbed."""
    folder = tmp_path_factory.mktemp("whole") / "run"
    done = run(folder)
    assert done.returncode == 0, done.stderr
    return folder


def test_a_disk_that_fills_up_in_a_search_costs_an_epoch(whole, tmp_path):
    with disk(tmp_path / "disk", "size=8m") as small:
        folder = small / "run"
        process = preloaded.Process(
            words(folder),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )
        first = folder / "checkpoints" / "000000"
        while not first.exists() and process.poll() is None:
            time.sleep(0.001)
        filler = fill(small)
        out, err = process.communicate(timeout=300)
        done = subprocess.CompletedProcess([], process.returncode, out, err)
        line = error(done)
        assert line.startswith(f"{folder}/")
        assert "No space left on device; make room" in line
        assert line.endswith("go on with --resume")
        assert newest(folder) == first
        assert not list(folder.rglob("*.part"))
        filler.unlink()
        done = run(folder, resume=True)
        assert done.returncode == 0, done.stderr
        assert "Resuming after epoch 1" in done.stdout
        assert_same_end(folder, whole)


# Every day test_command.py has a run of this kind without a search.
@pytest.mark.slow
def test_a_reader_that_leaves_costs_an_epoch(whole, tmp_path):
    """As with `| grep -m1 "Epoch 1"`."""
    folder = tmp_path / "run"
    with preloaded.Process(
        words(folder),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    ) as process:
        for line in process.stdout:
            if line.startswith("Epoch 1"):
                break
        process.stdout.close()
        err = process.stderr.read()
    assert process.returncode == READER_LEFT, err
    assert err.strip().splitlines()[-1] == (
        "stopped: the reader of the output left; repeat the command with "
        "--resume"
    )
    assert not (folder / "report.html").exists()
    done = run(folder, resume=True)
    assert done.returncode == 0, done.stderr
    assert "Resuming after epoch" in done.stdout
    assert_same_end(folder, whole)


def test_a_disk_that_is_full_from_the_start(tmp_path):
    with disk(tmp_path / "disk", "size=64k") as small:
        filler = fill(small)
        line = error(run(small / "run"))
        assert "No space left on device" in line
        filler.unlink()
        assert not list(small.rglob("*.part"))


def test_a_report_that_does_not_fit_is_named(whole, tmp_path):
    with disk(tmp_path / "disk", "size=8m") as small:
        folder = small / "run"
        shutil.copytree(whole, folder)
        before = (folder / "report.html").read_bytes()
        fill(small)
        with pytest.raises(UserError, match=r"report\.html: No space left"):
            write_report(folder)
        assert (folder / "report.html").read_bytes() == before


@pytest.mark.parametrize("resume", [None, True])
def test_a_read_only_folder_is_refused_at_once(resume, tmp_path):
    with disk(tmp_path / "disk", "size=8m") as small:
        if resume:
            (small / "run").mkdir()
            (small / "run" / "config.json").write_text("{}")
        remount = ["mount", "-o", "remount,ro", str(small)]
        subprocess.run(remount, check=True)
        started = time.monotonic()
        line = error(
            subprocess.run(
                words(small / "run", resume=resume),
                capture_output=True,
                text=True,
                cwd=ROOT,
            )
        )
        assert time.monotonic() - started < 5
        assert line.startswith(f"--out={small}/run: ")
        assert line.endswith("choose a writable folder")


def test_a_torn_checkpoint_is_said_and_costs_an_epoch(whole, tmp_path):
    folder = tmp_path / "run"
    shutil.copytree(whole, folder)
    path = newest(folder) / "state.npz"
    os.truncate(path, path.stat().st_size // 2)
    done = run(folder, resume=True)
    assert done.returncode == 0, done.stderr
    assert f"{path.parent}: damaged (" in done.stdout
    assert "trying the one before" in done.stdout
    assert "Resuming after epoch 1" in done.stdout
    assert_same_end(folder, whole)


def test_a_refused_resume_leaves_the_checkpoints(whole, tmp_path):
    folder = tmp_path / "run"
    shutil.copytree(whole, folder)
    before = digest(folder)
    other = {"batch_size": 32, "seed": 1, "order": 2}
    line = error(run(folder, resume=True, **other))
    assert "config.seed was 0, now 1" in line
    assert "method.batch_size was 16, now 32" in line
    assert "method.order was 1, now 2" in line
    line = error(run(folder, resume=True, method="fair_darts"))
    assert "config.method was 'darts', now 'fair_darts'" in line
    assert digest(folder) == before
