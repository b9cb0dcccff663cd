"""Processes in which TensorFlow has been imported before they begin.

The import takes a process longer than a small search. So one process imports
what the commands do, begins nothing, and forks for each command that a test
runs. What comes of it is a child of the test like any other, with streams, an
environment and an exit code of its own, that can be stopped and killed. Tests
of how a process starts use `subprocess`; so do those that need the hashes of
two processes to differ.

It is a program too, to which `Process` speaks: python tests/preloaded.py SOCKET
"""

import atexit
import ctypes
import gc
import importlib
import json
import os
import runpy
import socket
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
MODULES = (
    "sklearn.datasets",
    "tfnas.report",
    "tfnas.search.run",
    "tfnas.train.run",
)
# Read when a command begins; the import may have read any other variable.
THREADS = {"TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"}
LATE = {"PYTEST_CURRENT_TEST", "TF_CONFIG", *THREADS}
LONGEST = 1 << 17
SET_CHILD_SUBREAPER = 36  # of prctl(2)


class Process(subprocess.Popen):
    """`subprocess.Popen` of this Python's "-m", "-c" or a program.

    It takes `cwd`, `env` and streams; other options mean nothing here.

    Example: `Process([sys.executable, "-m", "tfnas.search"], env=os.environ)`
    """

    # Where `Popen` begins a process; pipes and waiting stay its own.
    def _execute_child(self, *given):
        words, cwd, environment = given[0], *given[5:7]
        pipes = given[10:16]
        ends = pipes[0], pipes[3], pipes[5]
        streams = [n if end == -1 else end for n, end in enumerate(ends)]
        environment = {"PYTHONPATH": str(ROOT)} | dict(
            os.environ if environment is None else environment
        )
        request = [list(map(str, words)), str(cwd or os.getcwd()), environment]
        self.pid = _importer(environment).fork(request, streams)
        self._child_created = True
        self._close_pipe_fds(*pipes)


def run(words, *, timeout=600, **options):
    """`subprocess.run` that captures text."""
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with Process(words, text=True, **streams, **options) as process:
        try:
            out, err = process.communicate(timeout=timeout)
        except BaseException:
            process.kill()
            raise
    return subprocess.CompletedProcess(words, process.returncode, out, err)


class _Importer:
    """The process that imports and forks, seen from the tests."""

    def __init__(self, environment):
        self.environment = environment
        self.socket, other = socket.socketpair(type=socket.SOCK_SEQPACKET)
        with other:
            self.process = subprocess.Popen(
                # From 3.12 on Python warns of threads, which NumPy has.
                [sys.executable, "-W", "ignore::DeprecationWarning", __file__]
                + [str(other.fileno())],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                env=environment,
                pass_fds=[other.fileno()],
            )

    def fork(self, request, streams):
        """The number of a new child of this process."""
        # Its parent leaves at once; then it is given to who asks for orphans.
        system = ctypes.CDLL(None)
        system.prctl(SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        try:
            text = json.dumps(request).encode()
            socket.send_fds(self.socket, [text], streams)
            return int(self.socket.recv(32))
        finally:
            system.prctl(SET_CHILD_SUBREAPER, 0, 0, 0, 0)

    def stop(self):
        self.socket.close()
        self.process.wait()


_importers = []


def _importer(environment):
    """One at a time, as each keeps what it has imported in memory."""
    early = {k: v for k, v in environment.items() if k not in LATE}
    if not _importers or _importers[0].environment != early:
        stop()
        _importers.append(_Importer(early))
    return _importers[0]


@atexit.register
def stop():
    while _importers:
        _importers.pop().stop()


# === The program ===


def main(number):
    from tfnas.cli import command

    with command.quiet_start():
        for name in MODULES:
            importlib.import_module(name)
    _check_idle()
    gc.collect()
    gc.freeze()
    become(*_serve(socket.socket(fileno=int(number))))


def _check_idle():
    """TensorFlow's threads would be missing in a fork."""
    from tensorflow.python.eager import context

    begun = context.context_safe()
    assert begun is None or not begun._initialized, "TensorFlow has begun"


def _serve(connection):
    """Fork for each request; returns it in the new processes alone."""
    while True:
        text, streams, _, _ = socket.recv_fds(connection, LONGEST, 3)
        if not text:
            os._exit(0)  # the tests have ended
        read, write = os.pipe()
        between = os.fork()
        if between == 0:
            child = os.fork()
            if child == 0:
                connection.close()
                os.close(read)
                os.close(write)
                return *json.loads(text), streams
            os.write(write, str(child).encode())
            os._exit(0)
        os.waitpid(between, 0)
        connection.send(os.read(read, 32))
        for end in (read, write, *streams):
            os.close(end)


def become(words, folder, environment, streams):
    """Do in this process what Python does when it starts with these words."""
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    _, first, *rest = words
    if first == "-m":
        sys.argv, sys.path[0] = rest, folder
        runpy.run_module(rest[0], run_name="__main__", alter_sys=True)
    elif first == "-c":
        sys.argv, sys.path[0] = ["-c", *rest[1:]], ""
        exec(rest[0], {"__name__": "__main__"})
    else:
        sys.argv, sys.path[0] = [first, *rest], str(Path(first).parent)
        runpy.run_path(first, run_name="__main__")


if __name__ == "__main__":
    main(sys.argv[1])
