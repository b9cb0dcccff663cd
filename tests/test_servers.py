"""KServe and Triton, really running, serve an exported network."""

import base64
import concurrent.futures
import contextlib
import json
import shutil
import struct
import threading
import time

import numpy as np
import pytest
import serving

pytestmark = pytest.mark.server
protocols = serving.module("protocols")
SHAPE = (8, 8, 1)


@pytest.fixture(scope="module")
def expected(served):
    """Function of images to the logits of the network in Keras."""
    import tfnas
    from tfnas.networks.classifier import reference

    network = tfnas.load(served.name, zoo=served.zoo)
    return reference(network)


@pytest.fixture(scope="module")
def servers(served, tmp_path_factory):
    """Function of a server's kind: its URL; it runs until the last test."""
    logs = tmp_path_factory.mktemp("logs")
    with contextlib.ExitStack() as stack:
        urls = {}

        def url(kind):
            if kind not in urls:
                folder = served.folder / served.name
                started = serving.running(kind, folder, logs / kind)
                urls[kind] = stack.enter_context(started)
            return urls[kind]

        yield url


@pytest.fixture
def connect(servers, served):
    """Function of a server's kind: a connection that the test's end closes."""
    with contextlib.ExitStack() as stack:
        yield lambda kind: stack.enter_context(
            protocols.PROTOCOLS[kind](servers(kind), served.name)
        )


def images(count, seed=0):
    generator = np.random.default_rng(seed)
    return generator.integers(0, 256, (count, *SHAPE)).astype("float32")


@pytest.mark.parametrize("kind", ["kserve", "triton"])
@pytest.mark.parametrize("count", [1, 7, 64])
def test_a_server_gives_the_network_s_logits(connect, expected, kind, count):
    client = connect(kind)
    asked = images(count)
    np.testing.assert_allclose(
        client.ask(asked), expected(asked), atol=1e-4, rtol=1e-4
    )


def test_the_rest_client_asks_about_files(servers, served, expected, tmp_path):
    asked = images(2, seed=3)
    files = [tmp_path / f"{number}.png" for number in range(2)]
    for file, image in zip(files, asked, strict=True):
        file.write_bytes(serving.png(image))
    said = serving.run("rest_client.py", servers("kserve"), served.name, *files)
    classes = expected(asked).argmax(-1)
    words = [line.split() for line in said.splitlines()]
    assert [int(word[1]) for word in words] == classes.tolist()


def test_triton_answers_files(connect, expected):
    asked = images(3, seed=4)
    client = connect("triton")
    status, headers, answer = file_request(client, *map(serving.png, asked))
    assert status == 200
    np.testing.assert_allclose(
        tensor(headers, answer), expected(asked), atol=1e-4, rtol=1e-4
    )


def file_request(client, *files):
    raw = b"".join(struct.pack("<I", len(f)) + f for f in files)
    model = f"{client.name}_bytes"
    return client.infer(model, "image_bytes", "BYTES", (len(files),), raw)


def tensor(headers, answer):
    split = int(headers["Inference-Header-Content-Length"])
    (logits,) = json.loads(answer[:split])["outputs"]
    return np.frombuffer(answer[split:], "<f4").reshape(logits["shape"])


# === Load ===


@pytest.mark.parametrize("kind", ["kserve", "triton"])
def test_2000_requests_are_answered_and_none_wrong(servers, served, kind):
    said = serving.run(
        "load_test.py",
        f"--folder={served.folder / served.name}",
        f"--server={kind}={servers(kind)}",
        "--clients=4",
        "--requests=2000",
        python=serving.python_of(kind),
    )
    rows = [line.split("|") for line in said.splitlines()[2:]]
    assert [row[1].strip() for row in rows] == ["onnxruntime", kind]
    assert all([int(v) for v in row[7:9]] == [0, 0] for row in rows)


def test_a_load_test_stays_on_this_machine(served):
    python = serving.python_of("kserve")
    with pytest.raises(AssertionError, match="not on this machine"):
        serving.run(
            "load_test.py",
            f"--folder={served.folder / served.name}",
            "--server=kserve=http://192.0.2.1:80",
            python=python,
        )


@pytest.mark.parametrize("kind", ["kserve", "triton"])
def test_a_new_version_is_taken_under_load(
    served, expected, kind, tmp_path, perturbed
):
    """Each answer is of one version whole, the last ones of the new one."""
    serving.python_of(kind)
    folder = shutil.copytree(
        served.folder / served.name, tmp_path / "out" / served.name
    )
    asked = images(4, seed=5)
    old, new = expected(asked), perturbed.expected(asked)
    assert np.abs(old - new).max() > 0.01
    answers, stop = [], threading.Event()
    with serving.running(kind, folder, tmp_path / "log") as url:

        def ask():
            with protocols.PROTOCOLS[kind](url, served.name) as client:
                while not stop.is_set():
                    answers.append(client.ask(asked))

        with concurrent.futures.ThreadPoolExecutor(3) as pool:
            asking = [pool.submit(ask) for _ in range(3)]
            time.sleep(0.5)
            whole = perturbed.folder / served.name / "1"
            shutil.copytree(whole, tmp_path / "staged")
            (tmp_path / "staged").rename(folder / "2")
            time.sleep(4)
            stop.set()
            for future in asking:
                future.result()

    def is_of(answer, logits):
        return np.allclose(answer, logits, atol=1e-4, rtol=1e-4)

    assert all(is_of(a, old) or is_of(a, new) for a in answers)
    assert is_of(answers[0], old) and is_of(answers[-1], new)


# === Hostile requests ===

GARBAGE = np.random.default_rng(0).bytes(50_000_000)


def v1(instances):
    return json.dumps({"instances": instances}).encode()


def in_base64(file):
    return v1([{"b64": base64.b64encode(file).decode()}])


KSERVE = {
    "wrong shape": lambda: v1([[1, 2], [3, 4]]),
    "ragged": lambda: v1([[1, 2], [3]]),
    "wrong dtype": lambda: v1([[[["x"]] * 8] * 8]),
    "NaN": lambda: v1(np.full((1, *SHAPE), np.nan).tolist()),
    "empty batch": lambda: v1([]),
    "10,000 images": lambda: v1(np.zeros((10_000, *SHAPE), int).tolist()),
    "huge number": lambda: v1([[[[1e999]] * 8] * 8]),
    "truncated JPEG": lambda: in_base64(serving.jpeg()[:300]),
    "bomb": lambda: in_base64(serving.bomb()),
    "no base64": lambda: v1([{"b64": "!"}]),
    "mixed": lambda: v1([{"b64": ""}, 1]),
    "50 MB of garbage": lambda: GARBAGE,
    "no instances": lambda: b"{}",
    "a list": lambda: b"[1]",
    "nested": lambda: b'{"instances": ' + b"[" * 5000 + b"]" * 5000 + b"}",
}


@pytest.mark.parametrize("attack", KSERVE)
def test_kserve_refuses_and_goes_on(connect, served, expected, attack):
    client = connect("kserve")
    path = f"/v1/models/{served.name}:predict"
    status, _, answer = client.post(path, KSERVE[attack]())
    assert 400 <= status < 500, answer[:300]
    assert b"Traceback" not in answer
    serves(client, expected)


def serves(client, expected):
    """The next good request, on a connection of its own, is answered."""
    asked = images(2, seed=9)
    url = f"http://{client.http.host}:{client.http.port}"
    with type(client)(url, client.name) as another:
        np.testing.assert_allclose(
            another.ask(asked), expected(asked), atol=1e-4, rtol=1e-4
        )


def tensors(shape, datatype="FP32", kind="<f4"):
    raw = np.zeros(shape, kind).tobytes()
    return lambda c: c.infer(c.name, "image", datatype, shape, raw)


def garbage(client):
    return client.post(f"/v2/models/{client.name}/infer", GARBAGE)


TRITON = {
    "wrong shape": tensors((1, 9, 8, 1)),
    "wrong dtype": tensors((1, *SHAPE), "INT64", "<i8"),
    "10,000 images": tensors((10_000, *SHAPE)),
    "unknown input": lambda c: c.infer(c.name, "x", "FP32", (1,), b"\0" * 4),
    "too few bytes": lambda c: c.infer(
        c.name, "image", "FP32", (1, *SHAPE), b"\0"
    ),
}


@pytest.mark.parametrize("attack", TRITON)
def test_triton_refuses_and_goes_on(connect, expected, attack):
    client = connect("triton")
    status, _, answer = TRITON[attack](client)
    assert 400 <= status < 500, answer[:300]
    serves(client, expected)


def test_triton_goes_on_after_garbage(connect, expected):
    """Its own status for a body that is no JSON is 500."""
    client = connect("triton")
    status, _, answer = garbage(client)
    assert status >= 400 and b"failed to parse" in answer
    serves(client, expected)


def test_triton_answers_an_empty_batch_or_refuses_it(connect, expected):
    client = connect("triton")
    status, headers, answer = tensors((0, *SHAPE))(client)
    assert 400 <= status < 500 or tensor(headers, answer).size == 0
    serves(client, expected)


def test_triton_s_bad_images_have_no_class(connect, served, expected):
    client = connect("triton")
    asked = images(2)
    asked[1, 0, 0, 0] = np.nan
    wanted = {"name": "class"}
    body = {
        "inputs": [
            {
                "name": "image",
                "shape": list(asked.shape),
                "datatype": "FP32",
                "parameters": {"binary_data_size": asked.nbytes},
            }
        ],
        "outputs": [wanted],
    }
    head = json.dumps(body).encode()
    length = {"Inference-Header-Content-Length": str(len(head))}
    path = f"/v2/models/{served.name}/infer"
    status, _, answer = client.post(path, head + asked.tobytes(), length)
    assert status == 200, answer
    (classes,) = json.loads(answer)["outputs"]
    assert classes["data"] == [int(expected(asked[:1]).argmax()), -1]
    good = serving.png(images(1)[0])
    broken = (serving.jpeg()[:300], serving.bomb(), b"", good)
    status, headers, answer = file_request(client, *broken)
    assert status == 200, answer
    logits = tensor(headers, answer)
    assert not logits[:3].any() and logits[3].any()
    serves(client, expected)


@pytest.mark.parametrize("kind", ["kserve", "triton"])
def test_200_connections_at_once(servers, served, expected, kind):
    url, asked = servers(kind), images(1)
    logits = expected(asked)
    barrier = threading.Barrier(200)

    def ask(_):
        with protocols.PROTOCOLS[kind](url, served.name) as client:
            client.http.connect()
            barrier.wait(60)
            return client.ask(asked)

    with concurrent.futures.ThreadPoolExecutor(200) as pool:
        for found in pool.map(ask, range(200)):
            np.testing.assert_allclose(found, logits, atol=1e-4, rtol=1e-4)
