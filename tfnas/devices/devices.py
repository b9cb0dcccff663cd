"""The devices of a step, and the strategy that divides it among them.

A step is the same on any number of devices: each takes a part of the global
batch, and sums go over all parts (`replicas.py`).
"""

import dataclasses
import os
import re
from pathlib import Path

from tfnas.errors import UserError

KINDS = ("cpu", "gpu")


@dataclasses.dataclass(frozen=True)
class Devices:
    """The value of `--devices`.

    Attributes:
        kind: "cpu", "gpu", or "auto": all GPUs, or the CPU as one device.
        count: this process's number of them; None for all.
    """

    kind: str
    count: int | None


def parse(text):
    """Read the value of `--devices`: auto, cpu:N or gpu:N."""
    if text == "auto":
        return Devices("auto", None)
    match = re.fullmatch(r"(cpu|gpu):([1-9]\d{0,3})", text)
    if match is None:
        raise UserError(
            f"--devices={text}: use auto, cpu:N or gpu:N, such as gpu:2"
        )
    return Devices(match[1], int(match[2]))


def check_present(devices, system="/dev"):
    """Refuse missing GPUs, as far as the system tells.

    Only NVIDIA's are counted; TensorFlow decides about others. `system` is the
    folder of devices.
    """
    if devices.kind != "gpu":
        return
    hidden = os.environ.get("CUDA_VISIBLE_DEVICES") in ("", "-1")
    others = ("dxg", "kfd", "nvhost-gpu", "nvmap")
    if not hidden and any((Path(system) / name).exists() for name in others):
        return
    count = len(list(Path(system).glob("nvidia[0-9]*")))
    _check_count(devices, 0 if hidden else count)


def _check_count(devices, count):
    if count < devices.count:
        raise UserError(
            f"--devices=gpu:{devices.count}: {count} GPU(s) here; use "
            "--devices=auto for those"
        )


def check_batch(batch_size, count, workers=1):
    """Refuse a batch that does not divide among all devices.

    `count` is each process's devices, None if not yet known. The message has
    sizes that do.
    """
    parts = (count or 1) * workers
    if batch_size % parts:
        below = batch_size // parts * parts
        near = f"{below} or {below + parts}" if below else str(parts)
        raise UserError(
            f"--batch_size={batch_size}: does not divide among {parts} "
            f"devices; use a multiple of {parts}, such as {near}"
        )


def make_strategy(devices, cluster=None):
    """The `tf.distribute` strategy of this process.

    The default one for one device, else a MirroredStrategy or, with a `Cluster`
    of several workers, a MultiWorkerMirroredStrategy. TensorFlow fixes its
    devices when it begins to compute, so call this before the first network.
    Too few devices raise `UserError`.
    """
    import tensorflow as tf

    names = _names(devices, tf)
    if cluster is not None:
        return _across_workers(cluster, names, tf)
    if len(names) == 1:
        return tf.distribute.get_strategy()
    return tf.distribute.MirroredStrategy(names)


def _names(devices, tf):
    """The names of the devices; makes the logical ones."""
    present = tf.config.list_physical_devices("GPU")
    if devices.kind == "gpu":
        _check_count(devices, len(present))
    if devices.kind == "cpu" or not present:
        return _logical_cpus(devices.count or 1, tf)
    count = devices.count or len(present)
    try:
        tf.config.set_visible_devices(present[:count], "GPU")
    except RuntimeError:
        _refuse_late(devices)
    return [f"/gpu:{index}" for index in range(count)]


def _logical_cpus(count, tf):
    cpu = tf.config.list_physical_devices("CPU")[0]
    try:
        tf.config.set_visible_devices([], "GPU")
        if count > 1:
            part = tf.config.LogicalDeviceConfiguration()
            tf.config.set_logical_device_configuration(cpu, [part] * count)
    except (RuntimeError, ValueError):
        # A second run in one process finds the devices of the first.
        if len(tf.config.list_logical_devices("CPU")) < count:
            _refuse_late(Devices("cpu", count))
    return [f"/cpu:{index}" for index in range(count)]


def _refuse_late(devices):
    raise UserError(
        f"--devices={devices.kind}:{devices.count}: TensorFlow has started "
        "with other devices; start a new process"
    ) from None


def _across_workers(cluster, names, tf):
    gpu = names[0].startswith("/gpu")
    if not gpu and len(names) > 1:
        raise UserError(
            f"--devices=cpu:{len(names)}: each of several workers has one CPU "
            "device; start more workers instead"
        )
    kinds = tf.distribute.experimental.CommunicationImplementation
    options = tf.distribute.experimental.CommunicationOptions(
        implementation=kinds.NCCL if gpu else kinds.RING
    )
    return tf.distribute.MultiWorkerMirroredStrategy(
        cluster_resolver=cluster.resolver(), communication_options=options
    )
