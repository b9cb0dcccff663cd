"""oneDNN is on wherever a command starts TensorFlow, unless the user says no.

A stand-in for TensorFlow writes down what it finds when it is imported, and
ends the process.
"""

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tfnas.cli import command
from tfnas.devices import processor

ROOT = Path(__file__).parents[1]
VARIABLE = "TF_ENABLE_ONEDNN_OPTS"
STAND_IN = f"""
import os, sys
with open(os.environ["SEEN"], "a") as file:
    file.write(os.environ.get({VARIABLE!r}, "nothing") + "\\n")
sys.stderr.write("oneDNN custom operations are on.\\n")
sys.stderr.flush()
os._exit(9)
"""
MODEL = "--model=darts_digits.digits_c16_l6"
# Each command up to TensorFlow's import, in its own process or in one that it
# starts. OUT is a folder that holds what some of them read.
WORDS = {
    "search": "tfnas.search --out=OUT/run",
    "search, tuned": "tfnas.search --method=fair_darts --tune=2 --out=OUT/run",
    "train": "tfnas.train --genotype=DARTS_V2 --out=OUT/run",
    "baseline": "tfnas.baseline --name=random --out=OUT/run",
    "convert": "tfnas.convert --genotype=PDARTS --checkpoint=OUT/authors.npz "
    "--out=OUT/ours.weights.h5",
    "export": f"tfnas.export {MODEL} --out=OUT/run",
    "demo": f"tfnas.demo {MODEL}",
    "predict": f"tfnas.predict {MODEL} OUT/authors.npz",
    "build": f"tfnas.build {MODEL} --out=OUT/run",
    "build, verified": f"tfnas.build {MODEL} --verify --accuracy",
    "sweep": "tfnas.sweep --methods=darts --out=OUT/run",
    "compare": "tfnas.compare --methods=darts --seeds=0 --out=OUT/run",
    "compare, measured": "tfnas.compare.measuring OUT",
    "auto": "tfnas.auto --dataset=digits --hours=0.1 --out=OUT/run",
    "auto, asked": "tfnas.auto.asked OUT OUT",
    "benchmark": "tfnas.benchmark --parts=inference --rounds=1",
}
NEEDS = {
    "search, tuned": ("keras_tuner",),
    "baseline": ("keras_tuner",),
    "export": ("onnx", "onnxruntime", "tf2onnx"),
    "auto": ("onnx", "onnxruntime", "tf2onnx"),
    "demo": ("gradio",),
}


def seen(name, home, **environment):
    """(lines that the stand-ins wrote, what the command printed)."""
    folder = home / name.replace(", ", "_")
    stand_in = folder / "packages" / "tensorflow"
    stand_in.mkdir(parents=True)
    (stand_in / "__init__.py").write_text(STAND_IN)
    (folder / "authors.npz").touch()
    (folder / "config.json").write_text(json.dumps({"method": {}}))
    module, *flags = WORDS[name].replace("OUT", str(folder)).split()
    given = {k: v for k, v in os.environ.items() if k != VARIABLE}
    given |= {"PYTHONPATH": os.pathsep.join([f"{stand_in.parent}", f"{ROOT}"])}
    given |= {"SEEN": str(folder / "seen"), **environment}
    done = subprocess.run(
        [sys.executable, "-m", module, *flags],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=given,
    )
    assert (folder / "seen").exists(), done.stderr
    return (folder / "seen").read_text().split(), done.stdout + done.stderr


@pytest.fixture(scope="module")
def all_seen(tmp_path_factory):
    """name of a command -> what `seen` returns; run two at a time."""
    home = tmp_path_factory.mktemp("commands")
    with ThreadPoolExecutor(2) as threads:
        answers = {n: threads.submit(seen, n, home) for n in WORDS}
    return {name: answer.result for name, answer in answers.items()}


@pytest.mark.parametrize("name", WORDS)
def test_every_command_turns_it_on_before_tensorflow_starts(name, all_seen):
    for library in NEEDS.get(name, ()):
        pytest.importorskip(library)
    found, printed = all_seen[name]()
    assert set(found) == {"1"}
    assert "oneDNN custom" not in printed


@pytest.mark.parametrize(
    ("name", "value"), [("search", "0"), ("sweep", "0"), ("benchmark", "false")]
)
def test_what_the_user_has_set_stays(name, value, tmp_path):
    found, _ = seen(name, tmp_path, **{VARIABLE: value})
    assert set(found) == {value}


def test_no_command_is_missing():
    programs = {
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(
            ".__main__"
        )
        for path in (ROOT / "tfnas").rglob("*.py")
        if '__name__ == "__main__"' in path.read_text()
    }
    elsewhere = {
        "tfnas",  # starts the others
        "tfnas.report",  # needs no TensorFlow
        "tfnas.auto.answers",  # neither
        "tfnas.auto.look",  # auto's
        "tfnas.benchmark.worker",  # the benchmark's
        "tfnas.export.replay",  # the export's, in its environment
    }
    tested = {words.split()[0] for words in WORDS.values()}
    assert programs == tested | elsewhere


def test_the_tests_compute_as_the_commands_do(monkeypatch):
    assert VARIABLE in os.environ
    monkeypatch.delenv(VARIABLE)
    command.prefer_onednn()
    assert os.environ[VARIABLE] == "1"


# === What is said of it ===


def test_the_versions_have_what_is_in_force(monkeypatch):
    """Not what a variable says that came after TensorFlow."""
    started = os.environ[VARIABLE]
    assert started in ("0", "1"), "the tests run with one of these"
    from tfnas.runs import summary

    for later in ("0", "1"):
        monkeypatch.setenv(VARIABLE, later)
        assert summary.versions()["oneDNN"] == ["off", "on"][int(started)]


def test_the_processor_s_features_are_those_that_linux_names(monkeypatch):
    text = "model name\t: Own\nflags\t\t: fpu avx2 avx512f avx512_vnni\n"
    text += "\nmodel name\t: Other\nflags\t\t: amx_bf16\n"

    def described(text):
        monkeypatch.setattr(processor, "_description", lambda: text)
        return processor.name(), processor.features()

    assert described(text) == ("Own", ["AVX2", "AVX-512", "VNNI"])
    assert described("flags : amx_bf16 avx_vnni\n")[1] == ["VNNI", "bf16"]
    name, features = described("")
    assert name and features == []
