"""Versions appear whole or not at all, whatever happens meanwhile."""

import contextlib
import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import preloaded
import pytest

from tfnas.errors import UserError
from tfnas.export.staging import check_target, publish, stage

ROOT = Path(__file__).parents[1]
FILES = 5
# Publishes small versions for ever; imports no TensorFlow.
LOOP = f"""
import sys
from pathlib import Path
from tfnas.export import description
from tfnas.export.staging import publish, stage
folder = Path(sys.argv[1])
print("ready", flush=True)
while True:
    with stage(folder) as aside:
        whole = aside / "version"
        (whole / "variables").mkdir(parents=True)
        for number in range({FILES}):
            (whole / "variables" / str(number)).write_bytes(bytes(5000))
        for name in ("model.onnx", "model_int8.onnx", "labels.txt"):
            (whole / name).write_bytes(bytes(50000))
        def finish(version):
            description.write(whole, {{"name": "net", "version": version}})
        publish(whole, folder, "net", finish)
"""
# One export of a real network, once everything is imported.
EXPORT = """
import sys, tfnas
network = tfnas.load(sys.argv[2], zoo=sys.argv[3])
from tfnas.export import run
print("ready", flush=True)
tfnas.export_network(network, sys.argv[1], "net")
print("done", flush=True)
"""


def versions(folder):
    """The numbers in a folder, each of which is found to be whole."""
    if not folder.is_dir():
        return []
    for path in folder.iterdir():
        assert path.name in (
            *("net", "net.onnx", "net_int8.onnx", "labels.txt", "model.json"),
        )
    numbers = sorted(int(p.name) for p in (folder / "net").glob("*"))
    for number in numbers:
        version = folder / "net" / str(number)
        about = json.loads((version / "model.json").read_text())
        assert about["version"] == number
        names = {
            p.relative_to(version).as_posix()
            for p in version.rglob("*")
            if p.is_file()
        }
        assert names == {*about["files"], "model.json"}
        for name, digest in about["files"].items():
            content = (version / name).read_bytes()
            assert hashlib.sha256(content).hexdigest() == digest["sha256"]
    shown = folder / "model.json"
    if shown.is_file():
        newest = json.loads(shown.read_text())["version"]
        # The description comes last, so it is at most one behind.
        assert newest in numbers[-2:]
    return numbers


def killed(code, seconds, *arguments):
    """Runs code and kills it so many seconds after it was ready."""
    process = preloaded.Process(
        [sys.executable, "-c", code, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        cwd=ROOT,
    )
    with process.stdout as output:
        assert output.readline() == "ready\n"
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(seconds)
        process.send_signal(signal.SIGKILL)
        process.wait()
        return output.read()


def test_ten_kills_leave_whole_versions(tmp_path):
    draw, folder, before = random.Random(0), tmp_path / "out", []
    for _ in range(10):
        killed(LOOP, draw.uniform(0.01, 0.5), folder)
        found = versions(folder)
        assert found[: len(before)] == before
        before = found
    assert len(before) > 2  # Some were killed before they published.


def test_who_polls_sees_whole_versions_only(tmp_path):
    folder = tmp_path / "out"
    process = subprocess.Popen(
        [sys.executable, "-c", LOOP, folder],
        stdout=subprocess.PIPE,
        cwd=ROOT,
    )
    with process.stdout as output:
        assert output.readline() == b"ready\n"
        seen = set()
        until = time.monotonic() + 2
        while time.monotonic() < until:
            for path in folder.glob("net/*"):
                about = json.loads((path / "model.json").read_text())
                assert all((path / name).is_file() for name in about["files"])
                seen.add(path.name)
        process.kill()
        process.wait()
    assert seen


@pytest.mark.parametrize("kills", [2, pytest.param(20, marks=pytest.mark.slow)])
def test_a_killed_export_leaves_whole_versions(served, tmp_path, kills):
    """The kills are spread over the time that an export takes."""
    folder = tmp_path / "out"
    shutil.copytree(served.folder / served.name / "1", folder / "net" / "1")
    about = folder / "net" / "1" / "model.json"
    about.write_text(about.read_text().replace(f'"{served.name}"', '"net"', 1))
    draw, longest = random.Random(1), 12.0
    for number in range(kills):
        spread = (number + draw.random()) / kills
        arguments = (folder, served.name, served.zoo)
        said = killed(EXPORT, longest * spread, *arguments)
        found = versions(folder)
        assert found[0] == 1
        finished = "after its end" if said else "in its midst"
        print(f"{longest * spread:5.1f} s, {finished}: whole versions {found}")


def test_what_a_killed_export_left_is_removed_by_the_next(tmp_path):
    folder = tmp_path / "out"
    left = tmp_path / ".tfnas_export_out_old"
    left.mkdir()
    other = tmp_path / ".tfnas_export_mine_old"
    other.mkdir()
    with stage(folder) as aside:
        assert left.is_dir(), "it may be of an export that just began"
        old = time.time() - 3600
        for path in (left, other, aside):
            os.utime(path, (old, old))
        with stage(folder):
            assert not left.is_dir()
            assert aside.is_dir(), "its export lives"
            assert other.is_dir(), "it is of another folder"
    assert {path.name for path in tmp_path.iterdir()} == {other.name}


def whole_version(aside, onnx=("model.onnx",)):
    whole = aside / "version"
    whole.mkdir()
    for name in (*onnx, "labels.txt", "model.json"):
        (whole / name).write_text(name)
    return whole


def test_the_next_free_number_is_above_all(tmp_path):
    folder = tmp_path / "out"
    for name in ("2", "10", "notes"):
        (folder / "net" / name).mkdir(parents=True)
    with stage(folder) as aside:
        whole = whole_version(aside)
        assert publish(whole, folder, "net", lambda number: None) == 11


def test_a_number_taken_meanwhile_is_left_to_its_taker(tmp_path):
    folder, asked = tmp_path / "out", []

    def finish(number):
        asked.append(number)
        if number == 1:
            (folder / "net" / "1").mkdir()
            (folder / "net" / "1" / "other").touch()

    with stage(folder) as aside:
        assert publish(whole_version(aside), folder, "net", finish) == 2
    assert asked == [1, 2]
    assert [p.name for p in (folder / "net" / "1").iterdir()] == ["other"]


def test_an_onnx_file_of_an_older_version_goes(tmp_path):
    folder = tmp_path / "out"
    for onnx in (("model.onnx", "model_int8.onnx"), ("model.onnx",)):
        with stage(folder) as aside:
            whole = whole_version(aside, onnx)
            publish(whole, folder, "net", lambda number: None)
    assert {p.name for p in folder.glob("*.onnx")} == {"net.onnx"}
    assert (folder / "net" / "1" / "model_int8.onnx").is_file()


# === Places ===


def refused(folder, name="net"):
    with pytest.raises(UserError) as error:
        check_target(folder, name)
    assert "\n" not in str(error.value)
    return str(error.value)


def test_a_folder_in_use_is_left_alone(tmp_path):
    (tmp_path / "mine").touch()
    assert "is in use; choose another" in refused(tmp_path)


def test_a_folder_of_another_network_is_named(tmp_path):
    (tmp_path / "model.json").write_text('{"name": "other"}')
    assert "holds other; choose another folder" in refused(tmp_path)


def test_a_file_is_no_folder(tmp_path):
    (tmp_path / "file").touch()
    assert "is a file" in refused(tmp_path / "file")
    assert "cannot be written" in refused(tmp_path / "file" / "below")


@pytest.mark.parametrize("name", ["../x", "a/b", "", ".x", "model.json"])
def test_a_name_that_is_none(tmp_path, name):
    assert f"name={name}: " in refused(tmp_path, name)
