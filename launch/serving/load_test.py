r"""Requests per second and latencies of servers on this machine, in one table.

    python load_test.py --folder=served/NAME \\
        --server=kserve=http://localhost:8080 \\
        --server=triton=http://localhost:8000

Each client sends its share of the requests, one after the other; every answer
is compared with ONNX Runtime's own. "onnxruntime" is the same without a server,
in threads of this process. A server is kserve or triton, with an optional
remark (--server="triton, joined=http://..."). It only asks servers on this
machine.
"""

import argparse
import sys
import threading
import time
import urllib.parse
from pathlib import Path

import numpy as np
from predictor import Predictor
from protocols import PROTOCOLS

_LOCAL = ("localhost", "127.0.0.1", "::1")
# Number of distinct requests of each size.
_DISTINCT = 8


class Local:
    """ONNX Runtime without a server, as a connection."""

    def __init__(self, predictor):
        self.predictor = predictor

    def __enter__(self):
        return self

    def __exit__(self, *error):
        pass

    def ask(self, images):
        """Logits (N, classes) of images (N, H, W, C)."""
        return self.predictor.predict(images)["logits"]


def measure(connect, batches, expected, clients, requests):
    """(latencies in seconds, failures, wrong answers, seconds) of a server.

    Args:
        connect: function that returns a `Connection`.
        batches: the requests, taken in turn.
        expected: the logits of each.
        clients: number of concurrent clients.
        requests: number of requests in all.
    """
    latencies, failures, wrong = [], [], []
    ready = threading.Barrier(clients + 1)

    def client(share):
        with connect() as server:
            ready.wait()
            for number in share:
                place = number % len(batches)
                began = time.perf_counter()
                try:
                    logits = server.ask(batches[place])
                except Exception as error:
                    failures.append(error)
                    continue
                latencies.append(time.perf_counter() - began)
                right = expected[place]
                if not np.allclose(logits, right, atol=1e-4, rtol=1e-4):
                    wrong.append(number)

    threads = [
        threading.Thread(target=client, args=(range(i, requests, clients),))
        for i in range(clients)
    ]
    for thread in threads:
        thread.start()
    ready.wait()
    began = time.perf_counter()
    for thread in threads:
        thread.join()
    return latencies, failures, wrong, time.perf_counter() - began


def main(argv):
    """Print the table; return 1 if an answer is missing or wrong."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--folder", required=True, type=Path)
    parser.add_argument("--server", action="append", default=[])
    parser.add_argument("--clients", type=int, default=4)
    parser.add_argument("--requests", type=int, default=2000)
    parser.add_argument(
        "--images", default="1", help="per request, such as 1,8"
    )
    chosen = parser.parse_args(argv)
    predictor = Predictor(chosen.folder)
    targets = {"onnxruntime": lambda: Local(predictor)}
    for server in chosen.server:
        title, _, url = server.rpartition("=")
        if urllib.parse.urlsplit(url).hostname not in _LOCAL:
            parser.error(f"--server={server}: not on this machine")
        kind = PROTOCOLS[title.split(",")[0]]
        targets[title] = lambda k=kind, u=url: k(u, predictor.name)
    print(
        "| server | images a request | p50, ms | p99, ms | requests/s |"
        " images/s | unanswered | wrong |"
    )
    print("|---|---|---|---|---|---|---|---|")
    failed = False
    generator = np.random.default_rng(0)
    for count in map(int, chosen.images.split(",")):
        shape = (_DISTINCT, count, *predictor.version.shape)
        batches = generator.integers(0, 256, shape).astype("float32")
        expected = [predictor.predict(b)["logits"] for b in batches]
        for title, connect in targets.items():
            for rounds in (
                max(chosen.requests // 20, chosen.clients),
                chosen.requests,
            ):
                latencies, failures, wrong, seconds = measure(
                    connect, batches, expected, chosen.clients, rounds
                )  # The first round warms up.
            failed |= bool(failures or wrong)
            p50, p99 = np.percentile(latencies or [np.nan], (50, 99)) * 1e3
            rate = len(latencies) / seconds
            print(
                f"| {title} | {count} | {p50:.2f} | {p99:.2f} | {rate:.0f} | "
                f"{rate * count:.0f} | {len(failures)} | {len(wrong)} |",
                flush=True,
            )
            for error in failures[:1]:
                print(f"{title}: {error!r}", file=sys.stderr)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
