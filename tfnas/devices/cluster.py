"""The workers of a run on several hosts, as set by their launcher.

Kubernetes' training operators and people set TF_CONFIG; SLURM's `srun` sets its
own variables. Nothing here starts TensorFlow.
"""

import dataclasses
import json
import os
import re

from tfnas.devices import devices
from tfnas.errors import UserError

SLURM = ("SLURM_STEP_NODELIST", "SLURM_STEP_TASKS_PER_NODE", "SLURM_PROCID")


@dataclasses.dataclass(frozen=True)
class Cluster:
    """All workers, and which one this process is.

    Attributes:
        workers: "host:port" of each.
        index: this process's place among them; 0 is the chief, the only one
            that writes.
    """

    workers: tuple[str, ...]
    index: int

    @property
    def chief(self):
        return self.index == 0

    def resolver(self):
        """The resolver that tells `MultiWorkerMirroredStrategy` its workers."""
        import tensorflow as tf

        return tf.distribute.cluster_resolver.SimpleClusterResolver(
            tf.train.ClusterSpec({"worker": list(self.workers)}),
            task_type="worker",
            task_id=self.index,
            rpc_layer="grpc",
        )


def from_environment(environment):
    """The cluster that this process belongs to, or None if it is alone.

    TF_CONFIG comes before SLURM's variables; if they are set but do not make a
    cluster, that raises `UserError`.
    """
    text = environment.get("TF_CONFIG")
    if text:
        cluster = _from_tf_config(text)
    elif environment.get("SLURM_STEP_NUM_TASKS", "1") != "1":
        cluster = _from_slurm(environment)
    else:
        return None
    return cluster if len(cluster.workers) > 1 else None


def check_placing(config, batch_size):
    """Whether this process writes: it is alone, or the chief.

    It refuses devices and workers that cannot share a run; `batch_size` counts
    a step's images over all devices.
    """
    workers = from_environment(os.environ)
    count = 1 if workers is None else len(workers.workers)
    asked = devices.parse(config.devices)
    devices.check_present(asked)
    devices.check_batch(batch_size, asked.count, count)
    if workers is not None and config.tune:
        raise UserError("--tune: runs on one host; unset TF_CONFIG")
    return workers is None or workers.chief


def _from_tf_config(text):
    try:
        given = json.loads(text)
        if not given.get("cluster"):
            return Cluster((), 0)
        hosts, task = given["cluster"], given["task"]
        strange = set(hosts) - {"chief", "worker"}
        if strange:
            raise ValueError(f"tasks of type {sorted(strange)[0]}")
        chiefs = list(hosts.get("chief", ()))
        workers = (*chiefs, *hosts.get("worker", ()))
        index = int(task["index"])
        index += len(chiefs) if task["type"] == "worker" else 0
        if task["type"] not in hosts or not 0 <= index < len(workers):
            raise ValueError(f"no {task['type']} {task['index']}")
        if not all(re.fullmatch(r"\S+:\d+", str(w)) for w in workers):
            raise ValueError("a worker is not HOST:PORT")
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(
            f"TF_CONFIG: does not make a cluster ({error}); unset it or "
            'set {"cluster": {"worker": ["HOST:PORT", ...]}, "task": {"type": '
            '"worker", "index": 0}}'
        ) from None
    return Cluster(workers, index)


def _from_slurm(environment):
    """One worker per task; tasks of one host have consecutive ports."""
    missing = [name for name in SLURM if name not in environment]
    if missing:
        raise UserError(f"{missing[0]}: missing; start the command with srun")
    nodes = expand_hosts(environment["SLURM_STEP_NODELIST"])
    tasks = expand_counts(environment["SLURM_STEP_TASKS_PER_NODE"])
    # Two jobs may share a host.
    port = 20000 + int(environment.get("SLURM_JOB_ID", "0")) % 10000
    workers = tuple(
        f"{node}:{port + place}"
        for node, count in zip(nodes, tasks, strict=True)
        for place in range(count)
    )
    return Cluster(workers, int(environment["SLURM_PROCID"]))


def expand_hosts(text):
    """SLURM's short form of host names, in full."""
    hosts = []
    for part in re.findall(r"(?:[^,\[]|\[[^\]]*\])+", text):
        head, bracket, rest = part.partition("[")
        if not bracket:
            hosts.append(part)
            continue
        ranges, _, tail = rest.partition("]")
        for item in ranges.split(","):
            first, _, last = item.partition("-")
            for number in range(int(first), int(last or first) + 1):
                digits = f"{number:0{len(first)}d}"
                hosts += expand_hosts(f"{head}{digits}{tail}")
    return hosts


def expand_counts(text):
    """SLURM's short form of tasks per node, in full."""
    counts = []
    for part in text.split(","):
        match = re.fullmatch(r"(\d+)(?:\(x(\d+)\))?", part)
        if match is None:
            raise UserError(
                f"SLURM_STEP_TASKS_PER_NODE={text}: not a list of counts; "
                "start the command with srun"
            )
        counts += [int(match[1])] * int(match[2] or 1)
    return counts
