"""Every file of launch/ parses, and does with local processes what it says."""

import json
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import launching
import numpy as np
import pytest

from tfnas.devices import cluster

ROOT = Path(__file__).parents[1]
LAUNCH = ROOT / "launch"
SBATCH = sorted(LAUNCH.glob("slurm/*.sbatch"))
MANIFESTS = sorted(LAUNCH.glob("kubernetes/*.yaml"))
DOCKERFILES = sorted(LAUNCH.glob("docker/*.Dockerfile"))
README = (LAUNCH / "README.md").read_text(encoding="utf-8")
LINES = [line.strip() for line in README.splitlines() if line[:4] == "    "]
SMALL = ["--channels=2", "--cells=3", "--nodes=1", "--epochs=1"]
SMALL += ["--operations=max_pool_3x3,skip_connect"]
SMALL += ["--batch_size=64", "--train_images=128"]
# Of sbatch's manual.
OPTIONS = {"job-name", "nodes", "ntasks-per-node", "cpus-per-task", "time"}
OPTIONS |= {"gpus-per-node", "signal", "requeue", "open-mode", "output"}
OPTIONS |= {"array"}


def documents(path):
    yaml = pytest.importorskip("yaml")
    return list(yaml.safe_load_all(path.read_text()))


def ids(path):
    return path.name


def test_every_file_is_of_a_kind_that_is_checked_here():
    found = {p for p in LAUNCH.rglob("*") if p.is_file()}
    found = {p for p in found if "serving" not in p.relative_to(LAUNCH).parts}
    known = {LAUNCH / "README.md", *SBATCH, *MANIFESTS, *DOCKERFILES}
    assert found == known
    assert len(SBATCH) == 3 and len(MANIFESTS) == 4 and len(DOCKERFILES) == 2


@pytest.mark.parametrize("path", [*SBATCH, *MANIFESTS, *DOCKERFILES], ids=ids)
def test_the_readme_runs_every_file(path):
    name = str(path.relative_to(ROOT))
    assert [line for line in LINES if name in line.split()]


@pytest.mark.parametrize("line", LINES)
def test_the_readme_s_lines_name_files_and_flags_that_are_there(line):
    words = shlex.split(line)
    for word in words:
        if word.startswith("launch/"):
            assert (ROOT / word).is_file()
    if words[0] == "sbatch":
        (at,) = (i for i, word in enumerate(words) if "launch/" in word)
        module = "sweep" if "sweep" in words[at] else "search"
        launching.check(["-m", f"tfnas.{module}", *words[at + 1 :]])
    if "python" in words:
        launching.check(words[words.index("python") + 1 :])


# === SLURM ===


def submit(path, folder, *flags, tasks=1, **environment):
    values = {"TASKS": str(tasks), "SLURM_JOB_NAME": "tfnas"}
    values |= {"SLURM_JOB_ID": "7", "SLURM_ARRAY_TASK_ID": "1"}
    values |= environment
    return launching.run(["bash", str(path), *flags], folder, **values)


def requeued(folder):
    path = folder / "log.scontrol"
    return path.read_text().split() if path.exists() else []


@pytest.mark.parametrize("path", SBATCH, ids=ids)
def test_headers_are_sbatch_s(path):
    options = launching.sbatch_options(path)
    assert options.keys() <= OPTIONS
    assert {"requeue", "signal", "time"} <= options.keys()
    text = path.read_text()
    assert text.startswith("#!/bin/bash\n")
    # Behind the first command sbatch would pass over them.
    assert text.count("#SBATCH") == len(options)


@pytest.mark.parametrize("path", SBATCH, ids=ids)
def test_the_line_in_the_file_is_one_of_the_readme(path):
    (line,) = re.findall(r"^#   (sbatch .*)$", path.read_text(), re.MULTILINE)
    assert line in LINES


@pytest.mark.parametrize("name", ["search", "workers"])
def test_a_job_starts_a_search_and_then_resumes_it(name, tmp_path):
    path = LAUNCH / "slurm" / f"{name}.sbatch"
    done, calls = submit(path, tmp_path, "--method=pdarts", "--note=a b")
    assert done.returncode == 0, done.stderr
    ((words, _),) = calls
    assert words == [
        *("-m", "tfnas.search", "--out=runs/tfnas-7"),
        *("--method=pdarts", "--note=a b"),
    ]
    launching.check(words[:-1])
    begun = tmp_path / "runs" / "tfnas-7"
    begun.mkdir(parents=True)
    (begun / "config.json").touch()
    _, calls = submit(path, tmp_path, "--method=pdarts")
    resumed = [words for words, _ in calls if words[-1] == "--resume"]
    assert len(resumed) == 1
    launching.check(resumed[0])


@pytest.mark.parametrize("path", SBATCH, ids=ids)
@pytest.mark.parametrize(("code", "again"), [(0, 0), (1, 0), (75, 1)])
def test_only_a_job_that_was_stopped_queues_itself_again(
    path, code, again, tmp_path
):
    done, _ = submit(path, tmp_path, CODE=str(code))
    assert done.returncode == code
    assert requeued(tmp_path) == ["requeue", "7"] * again


def test_workers_queue_themselves_again_after_one_was_killed(tmp_path):
    path = LAUNCH / "slurm" / "workers.sbatch"
    submit(path, tmp_path, tasks=2, CODE="137")
    assert requeued(tmp_path) == ["requeue", "7"]
    submit(path, tmp_path, CODE="75", SLURM_RESTART_COUNT="20")
    assert requeued(tmp_path) == ["requeue", "7"]


def test_workers_learn_of_each_other_from_srun(tmp_path):
    path = LAUNCH / "slurm" / "workers.sbatch"
    done, calls = submit(path, tmp_path, "--batch_size=64", tasks=2)
    assert done.returncode == 0, done.stderr
    found = [cluster.from_environment(passed) for _, passed in calls]
    assert {each.index for each in found} == {0, 1}
    hosts = ("localhost:20007", "localhost:20008")
    assert {each.workers for each in found} == {hosts}
    assert calls[0][0] == calls[1][0]


def test_an_element_of_an_array_runs_its_task(tmp_path):
    path = LAUNCH / "slurm" / "sweep.sbatch"
    _, calls = submit(path, tmp_path, "--seeds=0,1")
    ((words, _),) = calls
    assert launching.check(words) == {"task": 1, "seeds": (0, 1)}


@pytest.mark.slow
def test_the_workers_script_trains_with_two_real_processes(tmp_path):
    """The stand-in for srun starts both on this machine."""
    python = f'#!/bin/sh\nexec {sys.executable} "$@"\n'
    path = launching.stand_ins(
        tmp_path / "bin",
        python=python,
        srun=launching.SRUN,
        scontrol=launching.SCONTROL,
    )
    done = subprocess.run(
        ["bash", str(LAUNCH / "slurm" / "workers.sbatch"), *SMALL],
        cwd=tmp_path,
        env={
            "PATH": path,
            "PYTHONPATH": str(ROOT),
            "LOG": str(tmp_path / "log"),
            "TASKS": "2",
            "SLURM_JOB_NAME": "tfnas",
            "SLURM_JOB_ID": "77",
        },
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr
    folder = tmp_path / "runs" / "tfnas-77"
    # The chief alone writes and reports.
    assert done.stdout.count("Report: ") == 1
    with np.load(folder / "alphas.npz") as file:
        alphas = [a for a in dict(file).values() if a.dtype.kind == "f"]
    assert alphas and all(np.isfinite(array).all() for array in alphas)
    assert json.loads((folder / "genotype.json").read_text())["normal"]


# === Kubernetes ===


@pytest.mark.parametrize("path", MANIFESTS, ids=ids)
def test_manifests_are_complete(path):
    for document in documents(path):
        assert {"apiVersion", "kind", "metadata", "spec"} <= document.keys()
        name = document["metadata"]["name"]
        assert re.fullmatch(r"[a-z][a-z0-9-]{0,30}", name)
    if path.name != "runs.yaml":
        assert f"-f {path.relative_to(ROOT)}\n" in path.read_text()


def started(path, folder, index):
    """What the containers of a manifest start as one of its indices."""
    for document in documents(path):
        for container in launching.containers(document):
            values = launching.environment(container, index)
            words = [
                launching.expand(word, values) for word in container["command"]
            ]
            done, calls = launching.run(words, folder, **values)
            assert done.returncode == 0, done.stderr
            ((called, passed),) = calls
            launching.check(called)
            return called, passed
    raise AssertionError(f"{path} starts nothing")


@pytest.mark.parametrize("name", ["workers", "trainjob"])
@pytest.mark.parametrize("index", [0, 1])
def test_workers_know_each_other(name, index, tmp_path):
    path = LAUNCH / "kubernetes" / f"{name}.yaml"
    _, passed = started(path, tmp_path, index)
    found = cluster.from_environment(passed)
    host = {
        # An indexed job's pods, with its subdomain; and JobSet's.
        "workers": "tfnas-search-{}.tfnas-search:2222",
        "trainjob": "tfnas-search-node-0-{}.tfnas-search:2222",
    }[name]
    assert found.workers == (host.format(0), host.format(1))
    assert found.index == index


def test_names_agree_with_the_hosts_that_workers_look_for():
    service, job = documents(LAUNCH / "kubernetes" / "workers.yaml")
    name = job["metadata"]["name"]
    pod = job["spec"]["template"]["spec"]
    assert service["metadata"]["name"] == pod["subdomain"] == name
    assert service["spec"]["selector"] == {"job-name": name}
    assert service["spec"]["clusterIP"] == "None"
    runtime, train = documents(LAUNCH / "kubernetes" / "trainjob.yaml")
    assert train["spec"]["runtimeRef"]["name"] == runtime["metadata"]["name"]
    (replicated,) = runtime["spec"]["template"]["spec"]["replicatedJobs"]
    assert (train["metadata"]["name"], replicated["name"]) == (name, "node")
    workers = runtime["spec"]["mlPolicy"]["numNodes"]
    assert workers == train["spec"]["trainer"]["numNodes"] == 2
    assert job["spec"]["completions"] == job["spec"]["parallelism"] == 2


@pytest.mark.parametrize("index", [0, 5])
def test_an_indexed_job_has_an_index_for_each_task(index, tmp_path):
    path = LAUNCH / "kubernetes" / "sweep.yaml"
    words, _ = started(path, tmp_path, index)
    given = launching.check(words)
    assert given.pop("task") == index
    (job,) = documents(path)
    count = len(given["methods"]) * len(given["seeds"])
    assert job["spec"]["completions"] == count
    (rule,) = (
        r
        for r in job["spec"]["podFailurePolicy"]["rules"]
        if "onExitCodes" in r
    )
    assert rule["onExitCodes"]["values"] == [1]
    (container,) = launching.containers(job)
    assert rule["onExitCodes"]["containerName"] == container["name"]


# === Docker ===


@pytest.mark.parametrize("path", DOCKERFILES, ids=ids)
def test_an_image_has_all_that_the_package_is_built_from(path):
    found = launching.dockerfile(path)
    assert found[0] == ("FROM", "python:3.11-slim")
    allowed = {"FROM", "WORKDIR", "COPY", "RUN", "ENV", "CMD"}
    assert {name for name, _ in found} == allowed
    copied = {s for n, a in found if n == "COPY" for s in a.split()[:-1]}
    assert all((ROOT / source).exists() for source in copied)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    needed = {"pyproject.toml", "README.md", "LICENSE", "tfnas", "zoo"}
    assert copied == needed
    (install,) = (a for n, a in found if n == "RUN")
    extras = re.search(r"\.\[([a-z,]*)\]", install)[1].split(",")
    assert set(extras) <= project["project"]["optional-dependencies"].keys()
    assert path.name.split(".")[0] == extras[0]


@pytest.mark.parametrize("path", DOCKERFILES, ids=ids)
def test_what_an_image_runs_is_a_command(path):
    lines = re.findall(r"^# docker run .*", path.read_text(), re.MULTILINE)
    (words,) = map(shlex.split, lines)
    launching.check(words[words.index("python") + 1 :])
    build = f"docker build -f {path.relative_to(ROOT)} -t tfnas:"
    assert build + path.name.split(".")[0] + " ." in path.read_text()
    name, words = launching.dockerfile(path)[-1]
    assert (name, words[0], words[-1]) == ("CMD", "python", "--help")
    launching.check(words[1:-1])
