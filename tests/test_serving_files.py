"""The files of launch/serving: configurations parse, clients are answered."""

import json
import re
import subprocess
import sys
from concurrent import futures

import numpy as np
import pytest
import serving

LAUNCH = serving.LAUNCH
CONFIGS = LAUNCH / "tensorflow_serving"


def parse(path, message):
    from google.protobuf import text_format

    return text_format.Parse(path.read_text(), message)


def test_models_config_is_tensorflow_serving_s():
    config = pytest.importorskip(
        "tensorflow_serving.config.model_server_config_pb2"
    )
    found = parse(CONFIGS / "models.config", config.ModelServerConfig())
    (model,) = found.model_config_list.config
    assert model.base_path == f"/models/{model.name}"
    assert model.version_labels["stable"] == 1
    assert model.model_version_policy.latest.num_versions == 2


def message(name, fields, inner=()):
    """A message of TensorFlow Serving that its package leaves out.

    Fields are {name: (number, type)}; a list stands for a repeated one.
    """
    from google.protobuf import (
        descriptor_pb2,
        descriptor_pool,
        message_factory,
        wrappers_pb2,
    )

    file = descriptor_pb2.FileDescriptorProto(
        name=f"{name}.proto", package="serving_test", syntax="proto3"
    )
    file.dependency.append(wrappers_pb2.DESCRIPTOR.name)
    for title, parts in ((name, fields), *inner):
        described = file.message_type.add(name=title)
        for field, (number, kind) in parts.items():
            repeated = isinstance(kind, list)
            (kind,) = kind if repeated else (kind,)
            simple = {"int64": 3, "bool": 8, "string": 9}.get(kind)
            described.field.add(
                name=field,
                number=number,
                label=3 if repeated else 1,
                type=simple or 11,
                type_name=None if simple else kind,
            )
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(wrappers_pb2.DESCRIPTOR.serialized_pb)
    pool.Add(file)
    found = pool.FindMessageTypeByName(f"serving_test.{name}")
    return message_factory.GetMessageClass(found)()


def test_batching_config_is_tensorflow_serving_s():
    """The fields of session_bundle_config.proto's BatchingParameters."""
    boxed = ".google.protobuf.Int64Value"
    fields = {
        "max_batch_size": (1, boxed),
        "batch_timeout_micros": (2, boxed),
        "max_enqueued_batches": (3, boxed),
        "num_batch_threads": (4, boxed),
        "allowed_batch_sizes": (6, ["int64"]),
    }
    shape = message("BatchingParameters", fields)
    found = parse(CONFIGS / "batching.config", shape)
    allowed = [*found.allowed_batch_sizes]
    assert allowed == sorted(allowed)
    # TensorFlow Serving refuses another last one.
    assert allowed[-1] == found.max_batch_size.value


def test_monitoring_config_is_tensorflow_serving_s():
    """The fields of monitoring_config.proto."""
    inner = {"enable": (1, "bool"), "path": (2, "string")}
    shape = message(
        "MonitoringConfig",
        {"prometheus_config": (1, ".serving_test.PrometheusConfig")},
        [("PrometheusConfig", inner)],
    )
    found = parse(CONFIGS / "monitoring.config", shape)
    assert found.prometheus_config.enable


def run_in(server, code, *arguments):
    done = subprocess.run(
        [serving.python_of(server), "-c", code, *map(str, arguments)],
        capture_output=True,
        text=True,
        env=serving.environment(server),
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.server
def test_triton_s_config_is_its_own(served):
    code = (
        "import sys\n"
        "from google.protobuf import json_format, text_format\n"
        "from tritonclient.grpc import model_config_pb2 as config\n"
        "text = open(sys.argv[1]).read()\n"
        "found = text_format.Parse(text, config.ModelConfig())\n"
        "print(json_format.MessageToJson(found))\n"
    )
    found = run_in("triton", code, LAUNCH / "triton" / "config.pbtxt")
    import onnxruntime

    network = f"{served.folder / served.name}.onnx"
    session = onnxruntime.InferenceSession(network)
    ours = [v.name for v in (*session.get_inputs(), *session.get_outputs())]
    named = [v["name"] for v in found["input"] + found["output"]]
    assert sorted(named) == sorted(ours)
    assert (served.folder / served.name / "1" / "model.onnx").is_file()


@pytest.mark.server
def test_the_inference_service_is_kserve_s():
    """Every key is one of KServe's or Kubernetes' own classes."""
    code = """
import json, re, sys
import kserve, kubernetes.client, yaml
def check(value, kind):
    if inner := re.fullmatch(r"list\\[(.*)\\]", kind):
        return [check(v, inner[1]) for v in value]
    known = getattr(kserve, kind, getattr(kubernetes.client, kind, None))
    if known is None or not isinstance(value, dict):
        return
    keys = {key: name for name, key in known.attribute_map.items()}
    for key, inner in value.items():
        assert key in keys, f"{kind}: {key}"
        check(inner, known.openapi_types[keys[key]])
found = yaml.safe_load(open(sys.argv[1]))
check(found, "V1beta1InferenceService")
print(json.dumps(found))
"""
    path = LAUNCH / "kserve" / "inference_service.yaml"
    found = run_in("kserve", code, path)
    (container,) = found["spec"]["predictor"]["containers"]
    flags = {flag.split("=")[0] for flag in container["args"]}
    server = (LAUNCH / "kserve" / "server.py").read_text()
    assert flags == {"--folder", "--http_port"} and "--folder" in server
    docker = (LAUNCH / "kserve" / "Dockerfile").read_text()
    for source in re.findall(r"^COPY (\S+) ", docker, re.MULTILINE):
        assert (LAUNCH / source).is_file()


@pytest.mark.server
def test_the_compose_file_mounts_what_is_there():
    code = (
        "import json, sys, yaml\n"
        "print(json.dumps(yaml.safe_load(open(sys.argv[1]))))\n"
    )
    found = run_in("kserve", code, CONFIGS / "compose.yaml")
    service = found["services"]["tensorflow_serving"]
    mounts = dict(m.rsplit(":", 2)[:2] for m in service["volumes"])
    mounts = {inside: outside for outside, inside in mounts.items()}
    assert (CONFIGS / mounts["/models"]).resolve().name == "served"
    for flag in service["command"]:
        name, _, value = flag.removeprefix("--").partition("=")
        if value.startswith("/config/"):
            assert (CONFIGS / value.removeprefix("/config/")).is_file(), name
    assert all(p.startswith("127.0.0.1:") for p in service["ports"])


@pytest.mark.server
def test_the_grpc_client_is_answered_by_the_signature(served, tmp_path):
    """TensorFlow Serving's service, with the SavedModel behind it."""
    service = pytest.importorskip(
        "tensorflow_serving.apis.prediction_service_pb2_grpc",
        reason="pip install --no-deps tensorflow-serving-api",
    )
    from tensorflow_serving.apis import predict_pb2

    grpc = pytest.importorskip("grpc")
    import tensorflow as tf

    loaded = tf.saved_model.load(str(served.folder / served.name / "1"))

    class Service(service.PredictionServiceServicer):
        def Predict(self, request, context):
            assert request.model_spec.name == served.name
            function = loaded.signatures[request.model_spec.signature_name]
            inputs = {
                key: tf.constant(tf.make_ndarray(value))
                for key, value in request.inputs.items()
            }
            answer = predict_pb2.PredictResponse()
            for key, value in function(**inputs).items():
                proto = tf.make_tensor_proto(value)
                answer.outputs[key].CopyFrom(proto)
            return answer

    images = np.random.default_rng(0).integers(0, 256, (2, 8, 8, 1))
    files = [tmp_path / f"{number}.png" for number in range(2)]
    for file, image in zip(files, images, strict=True):
        file.write_bytes(serving.png(image))
    server = grpc.server(futures.ThreadPoolExecutor(1))
    service.add_PredictionServiceServicer_to_server(Service(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        address = f"127.0.0.1:{port}"
        said = serving.run(
            "grpc_client.py",
            address,
            served.name,
            *files,
            python=sys.executable,
        )
    finally:
        server.stop(None).wait()
    expected = loaded.signatures["serving_default"](
        image=tf.constant(images, tf.float32)
    )
    words = [line.split() for line in said.splitlines()]
    assert [w[0] for w in words] == [str(file) for file in files]
    assert [int(w[1]) for w in words] == expected["class"].numpy().tolist()


def test_clients_are_short():
    for name in ("rest_client.py", "grpc_client.py"):
        lines = (LAUNCH / name).read_text().split('"""')[2].splitlines()
        code = [line for line in lines if line.strip()]
        assert len(code) <= 22, name


def test_the_readme_names_every_file():
    readme = (LAUNCH / "README.md").read_text()
    for path in sorted(LAUNCH.rglob("*")):
        if path.is_file() and path.suffix not in (".md", ".pyc"):
            assert path.name in readme, path
