"""The engines that run a sweep's tasks: this machine, or Ray.

SLURM and Kubernetes need no code: each element of an array or of an indexed
job runs one task with `--task`.
"""

import functools
import importlib.util
import os
from pathlib import Path

from tfnas.cli.interruption import (
    EXIT_CODE,
    READER_LEFT,
    Interrupted,
    ReaderLeft,
    Requests,
)
from tfnas.cli.relay import Relay
from tfnas.errors import UserError
from tfnas.sweep.tasks import run


def run_here(tasks):
    """Run tasks one after the other; raise failures after the last.

    On SIGTERM or Ctrl-C it raises `Interrupted`, after the run's checkpoint.
    """
    failed = []
    with Relay() as relay:
        for task in tasks:
            code = run(task, relay.start)
            # A run may have been stopped on its own, or lost another worker.
            if relay.stop or code == EXIT_CODE:
                raise Interrupted(_stopped(relay.stop or task.folder))
            if code == READER_LEFT:  # the sweep's output has the same reader
                raise ReaderLeft(_stopped("the reader of the output left"))
            if code:
                failed.append(task)
    _report(failed, tasks)


def run_on_ray(tasks, cpus, gpus):
    """Run tasks on a Ray cluster, as many at a time as fit.

    All of its machines need tfnas and the runs' folder. `cpus` and `gpus` are a
    run's. On SIGTERM or Ctrl-C it raises `Interrupted`, after
    the runs' checkpoints.
    """
    if importlib.util.find_spec("ray") is None:
        raise UserError(
            "--engine=ray: Ray is not installed; pip install 'tfnas[ray]'"
        )
    import ray

    ray.init()
    room = ray.cluster_resources()
    if gpus > room.get("GPU", 0):
        raise UserError(
            f"--gpus={gpus}: the Ray cluster has {room.get('GPU', 0):.0f}; "
            "use fewer"
        )
    cpus = min(cpus, int(room.get("CPU", 1)))
    # A run resumes even if its machine is lost.
    remote = ray.remote(num_cpus=cpus, num_gpus=gpus, max_retries=3)(_on_ray)
    folder = os.getcwd()
    waiting = {remote.remote(task, cpus, gpus, folder): task for task in tasks}
    try:
        # Ray's own handler would leave the runs to chance.
        with Requests() as requests:
            failed = _collect(ray, dict(waiting), requests)
        if requests.stop:
            raise Interrupted(_stopped(requests.stop))
    except (Interrupted, BrokenPipeError):
        for reference in waiting:
            ray.cancel(reference)
        ray.wait(list(waiting), num_returns=len(waiting), timeout=60)
        raise
    finally:
        ray.shutdown()
    _report(failed, tasks)


def _on_ray(task, cpus, gpus, folder):
    """Run a task in a process of Ray; return its exit code."""
    if Path(folder).is_dir():
        os.chdir(folder)
    environment = dict(os.environ)
    if not gpus:
        # As `threads.divide` does on a machine with so many cores.
        environment["TF_NUM_INTEROP_THREADS"] = str(cpus)
        environment["TF_NUM_INTRAOP_THREADS"] = "1"
    with Relay() as relay:
        return run(
            task, functools.partial(relay.start, environment=environment)
        )


def _collect(ray, waiting, requests):
    """Wait for all tasks, or a signal; returns those that have failed."""
    failed, total = [], len(waiting)
    while waiting and not requests.stop:
        ready, _ = ray.wait(list(waiting), num_returns=1, timeout=1)
        if not ready:
            continue
        (reference,) = ready
        task = waiting.pop(reference)
        try:
            code = ray.get(reference)
        except ray.exceptions.RayError as error:
            code = str(error).strip().splitlines()[0]
        if code:
            failed.append(task)
        end = f"failed ({code})" if code else "finished"
        done = total - len(waiting)
        print(f"{done} of {total}: {task.folder} {end}", flush=True)
    return failed


def _stopped(reason):
    return f"{reason}: the checkpoints are saved; repeat the command to resume"


def _report(failed, tasks):
    if failed:
        names = ", ".join(task.folder for task in failed)
        raise UserError(
            f"{names}: {len(failed)} of {len(tasks)} failed; see the messages "
            "above, then repeat the command to retry them"
        )
