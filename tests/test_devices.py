"""Where a step is computed: devices, workers, and how a batch is shared."""

import json

import pytest

from tfnas.devices import cluster, devices, replicas
from tfnas.errors import UserError
from tfnas.search import SearchConfig


def test_devices_are_read():
    assert devices.parse("auto") == devices.Devices("auto", None)
    assert devices.parse("cpu:2") == devices.Devices("cpu", 2)
    assert devices.parse("gpu:16") == devices.Devices("gpu", 16)


@pytest.mark.parametrize("text", ["", "2", "cpu", "cpu:0", "tpu:2", "gpu:-1"])
def test_other_devices_are_refused(text):
    with pytest.raises(UserError, match=r"--devices=.*: use auto, cpu:N or"):
        devices.parse(text)


@pytest.mark.parametrize(
    ("size", "count", "workers", "near"),
    [(64, 3, 1, "63 or 66"), (2, 4, 1, "4"), (6, 2, 2, "4 or 8")],
)
def test_an_indivisible_batch_names_those_that_divide(
    size, count, workers, near
):
    with pytest.raises(UserError, match=f"--batch_size={size}: .*{near}$"):
        devices.check_batch(size, count, workers)


def test_a_divisible_batch_passes():
    devices.check_batch(64, 4)
    devices.check_batch(64, 2, 2)
    devices.check_batch(7, None)


def test_parts_make_the_whole_batch():
    for images in range(12):
        for count in range(1, 5):
            parts = [replicas.part_of(images, i, count) for i in range(count)]
            places = [i for part in parts for i in range(*part)]
            assert places == list(range(images))


WORKERS = {"worker": ["a:1", "b:2"]}


def tf_config(kind="worker", index=0, **hosts):
    task = {"type": kind, "index": index}
    return {"TF_CONFIG": json.dumps({"cluster": hosts, "task": task})}


def test_a_process_alone_has_no_cluster():
    assert cluster.from_environment({}) is None
    alone = tf_config(worker=["a:1"])
    assert cluster.from_environment(alone) is None
    assert cluster.from_environment({"SLURM_NTASKS": "8"}) is None


def test_tf_config_is_read():
    found = cluster.from_environment(tf_config(index=1, **WORKERS))
    assert found == cluster.Cluster(("a:1", "b:2"), 1) and not found.chief
    both = tf_config("worker", 0, chief=["c:9"], worker=["a:1"])
    assert cluster.from_environment(both).workers == ("c:9", "a:1")
    assert cluster.from_environment(both).index == 1


@pytest.mark.parametrize(
    "environment",
    [
        {"TF_CONFIG": "{"},
        {"TF_CONFIG": "[]"},
        tf_config(index=2, **WORKERS),
        tf_config("ps", 0, ps=["a:1"], worker=["b:2"]),
        tf_config(worker=["a", "b"]),
    ],
)
def test_a_bad_tf_config_is_one_line(environment):
    with pytest.raises(UserError, match=r"^TF_CONFIG: does not make a cluster"):
        cluster.from_environment(environment)


def test_slurm_s_variables_are_read():
    found = cluster.from_environment(
        {
            "SLURM_STEP_NUM_TASKS": "3",
            "SLURM_STEP_NODELIST": "gpu[07-08]",
            "SLURM_STEP_TASKS_PER_NODE": "2,1",
            "SLURM_PROCID": "2",
            "SLURM_JOB_ID": "41",
        }
    )
    assert found.workers == ("gpu07:20041", "gpu07:20042", "gpu08:20041")
    assert found.index == 2


def test_slurm_s_short_forms_are_expanded():
    assert cluster.expand_hosts("a,n[1-2,07]x,b") == [
        "a",
        "n1x",
        "n2x",
        "n07x",
        "b",
    ]
    assert cluster.expand_hosts("r[1-2]n[3-4]") == [
        "r1n3",
        "r1n4",
        "r2n3",
        "r2n4",
    ]
    assert cluster.expand_counts("2(x3),1") == [2, 2, 2, 1]
    with pytest.raises(UserError, match="SLURM_STEP_TASKS_PER_NODE=two"):
        cluster.expand_counts("two")


def test_only_the_chief_touches_the_folder(monkeypatch):
    config = SearchConfig()
    for index in (0, 1):
        text = tf_config(index=index, **WORKERS)["TF_CONFIG"]
        monkeypatch.setenv("TF_CONFIG", text)
        assert cluster.check_placing(config, 64) == (index == 0)
    with pytest.raises(UserError, match="--batch_size=7: .*2 devices"):
        cluster.check_placing(config, 7)
    with pytest.raises(UserError, match="--tune: runs on one host"):
        cluster.check_placing(SearchConfig(tune=2), 64)
