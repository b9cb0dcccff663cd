"""The commands as processes of their own, and what they leave in a folder."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import preloaded

ROOT = Path(__file__).parents[1]
SMALL = ("--channels=4", "--cells=3", "--train_images=240")


def start(
    module, *flags, out, tell=None, process=preloaded.Process, **environment
):
    """A command's process; each of its steps makes a checkpoint.

    It goes on with the run in the folder `out` if there is one.

    Args:
        module: "search" or "train".
        *flags: of the command.
        out: the run's folder.
        tell: a file for the variables that it ends with, as `worker.py`.
        process: `subprocess.Popen` for one that imports everything anew.
        **environment: variables put over this process's own.
    """
    program = ["-m", f"tfnas.{module}"]
    if tell is not None:
        program = [str(ROOT / "tests" / "worker.py"), str(tell), module]
    if (out / "config.json").exists():
        flags = (*flags, "--resume")
    return process(
        [
            *(sys.executable, *program, *flags),
            *(f"--out={out}", "--checkpoint_minutes=0"),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)} | environment,
    )


def finish(process, timeout=600):
    """(exit code, stdout, stderr) of a process."""
    try:
        out, err = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        process.kill()
        raise
    return process.returncode, out, err


def run(module, *flags, out, **options):
    """Run a command to its end, which has to be a good one; its stdout."""
    code, said, err = finish(start(module, *flags, out=out, **options))
    assert code == 0, err
    return said


def newest(out):
    """The number of the newest checkpoint, or -1."""
    folder = out / "checkpoints"
    names = os.listdir(folder) if folder.is_dir() else []
    return max((int(name) for name in names if name.isdigit()), default=-1)


def is_writing(out):
    """Whether a checkpoint is being written, or was when its process died."""
    return any(out.glob("checkpoints/*.part"))


def final_state(out):
    """The arrays of the newest checkpoint."""
    return arrays(out / "checkpoints" / f"{newest(out):06d}" / "state.npz")


def arrays(path):
    with np.load(path, allow_pickle=False) as file:
        return dict(file)
