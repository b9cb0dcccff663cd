"""Real servers for the tests, and what goes on the wire to them."""

import contextlib
import importlib.util
import io
import os
import socket
import struct
import subprocess
import sys
import sysconfig
import time
import urllib.error
import urllib.request
import zlib
from pathlib import Path

import numpy as np
import pytest

LAUNCH = Path(__file__).parents[1] / "launch" / "serving"
# The interpreters of the servers' own environments, which .ci/run makes.
PYTHONS = {"kserve": "TFNAS_KSERVE_PYTHON", "triton": "TFNAS_TRITON_PYTHON"}
_START_SECONDS = 120


def module(name):
    """A module of launch/serving, such as protocols."""
    spec = importlib.util.spec_from_file_location(name, LAUNCH / f"{name}.py")
    found = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found)
    return found


def python_of(server):
    """The interpreter of a server's environment; skips without one."""
    path = os.environ.get(PYTHONS[server])
    if not path:
        pytest.skip(
            f"{PYTHONS[server]} names no Python with {server}; .ci/run makes "
            "one, CONTRIBUTING.md says how"
        )
    return path


def environment(server):
    """The environment variables of a server."""
    values = {**os.environ, "PYTHONUNBUFFERED": "1"}
    if server == "triton":
        values["LD_LIBRARY_PATH"] = sysconfig.get_config_var("LIBDIR")
    return values


def free_ports(count):
    """Ports of this machine that nobody listens on."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


@contextlib.contextmanager
def running(server, folder, log, *flags):
    """A server of an exported network's versions; gives its URL."""
    python = python_of(server)
    http, grpc, metrics = free_ports(3)
    words = [f"--folder={folder}", f"--http_port={http}", *flags]
    ready = f"http://127.0.0.1:{http}/v1/models/{folder.name}"
    if server == "triton":
        words += [f"--grpc_port={grpc}", f"--metrics_port={metrics}"]
        ready = f"http://127.0.0.1:{http}/v2/models/{folder.name}_bytes/ready"
    with open(log, "wb") as output:
        process = subprocess.Popen(
            [python, LAUNCH / server / "server.py", *words],
            stdout=output,
            stderr=subprocess.STDOUT,
            env=environment(server),
        )
        try:
            _wait(process, ready, log)
            yield f"http://127.0.0.1:{http}"
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _wait(process, url, log):
    until = time.monotonic() + _START_SECONDS
    while time.monotonic() < until:
        assert process.poll() is None, Path(log).read_text()[-2000:]
        with (
            contextlib.suppress(OSError, urllib.error.URLError),
            urllib.request.urlopen(url, timeout=5),
        ):
            return
        time.sleep(0.3)
    raise AssertionError(Path(log).read_text()[-2000:])


# === Image files ===


def png(image):
    """An image (H, W, C) of whole numbers as a PNG file."""
    height, width, channels = image.shape
    rows = b"".join(b"\0" + row.tobytes() for row in image.astype("uint8"))
    return _png(height, width, channels, zlib.compress(rows))


def bomb(side=20000):
    """A PNG of a few kilobytes for a gigabyte of pixels."""
    packer = zlib.compressobj(9)
    row = b"\0" * (3 * side + 1)
    packed = b"".join(packer.compress(row) for _ in range(side))
    return _png(side, side, 3, packed + packer.flush())


def _png(height, width, channels, packed):
    def chunk(kind, content):
        checksum = struct.pack(">I", zlib.crc32(kind + content))
        return struct.pack(">I", len(content)) + kind + content + checksum

    colour = 0 if channels == 1 else 2
    head = struct.pack(">IIBBBBB", width, height, 8, colour, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        [chunk(b"IHDR", head), chunk(b"IDAT", packed), chunk(b"IEND", b"")]
    )


def jpeg(side=64):
    """A photograph-like JPEG file."""
    from PIL import Image

    x = np.linspace(0, 255, side)
    image = np.stack([x[None] + 0 * x[:, None], x[:, None] + 0 * x[None]], -1)
    image = np.concatenate([image, image[..., :1]], -1).astype("uint8")
    file = io.BytesIO()
    Image.fromarray(image).save(file, "JPEG")
    return file.getvalue()


def run(script, *arguments, python=sys.executable):
    """What a script of launch/serving prints."""
    done = subprocess.run(
        [python, LAUNCH / script, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
