"""The ONNX file: written by tf2onnx, named after the network's layers."""

import re
import tempfile
from pathlib import Path

from tfnas.errors import UserError
from tfnas.export import graph

# Operations that belong to training and must not be left.
_TRAINING = ("BatchNormalization", "Dropout", "RandomUniform", "RandomNormal")


def write(path, model, endpoint, opset):
    """Write the endpoint of images as ONNX.

    Batch norms are folded into their convolutions, and a depthwise
    convolution, dilated or not, is one grouped Conv.

    Args:
        path: the file.
        model: of `graph.inference`.
        endpoint: "serving_default" of `graph.endpoints`.
        opset: 17 or 18; tf2onnx has no later one.
    """
    import onnx
    import tf2onnx

    proto, _ = tf2onnx.convert.from_function(
        endpoint, input_signature=endpoint.input_signature, opset=opset
    )
    # tf2onnx lists its own domain, though no node uses it.
    used = {node.domain for node in proto.graph.node}
    kept = [o for o in proto.opset_import if o.domain in used]
    del proto.opset_import[:]
    proto.opset_import.extend(kept)
    for value in (*proto.graph.input, *proto.graph.output):
        value.type.tensor_type.shape.dim[0].dim_param = "batch"
    _rename(proto.graph, {part.name for part in model._flatten_layers()})
    onnx.save(proto, path)


def _rename(graph, layers):
    """Name nodes after layers: cell_00/edge_1/Conv, not Conv__662.

    TensorFlow numbers scopes that it enters again (edge_1_7). When tf2onnx
    folds a batch norm into a convolution, it drops the convolution's name but
    keeps its kernel's.
    """

    def plain(part):
        shorter = re.sub(r"_\d+$", "", part)
        return shorter if shorter in layers else part

    taken = set()
    for node in graph.node:
        scoped = next((n for n in (node.name, *node.input[1:]) if "/" in n), "")
        parts = [plain(part) for part in scoped.split("/")[:-1]]
        parts = [p for p in parts[1:] if p not in ("Conv2D", "PartitionedCall")]
        name = "/".join([*parts, node.op_type])
        number = 2
        unique = name
        while unique in taken:
            unique = f"{name}_{number}"
            number += 1
        taken.add(unique)
        node.name = unique


def check(path, model, opset):
    """Refuse an ONNX file that breaks the promises to servers.

    Args:
        path: the file.
        model: of `graph.inference`.
        opset: its version.

    Raises:
        UserError: if ONNX's checker refuses it, a batch norm, dropout or a
            foreign operation is left, the batch is not dynamic, or a depthwise
            convolution is not one Conv.
    """
    import onnx

    check_standard(path)
    proto = onnx.load(path)
    nodes = list(proto.graph.node)
    foreign = [n.op_type for n in nodes if n.domain or n.op_type in _TRAINING]
    grouped = sum(
        n.op_type == "Conv"
        and any(a.name == "group" and a.i > 1 for a in n.attribute)
        for n in nodes
    )
    depthwise = sum(map(_is_depthwise, model.variables))
    batches = {
        value.type.tensor_type.shape.dim[0].dim_param
        for value in (*proto.graph.input, *proto.graph.output)
    }
    versions = {o.domain: o.version for o in proto.opset_import}
    for wrong, what in (
        (foreign, f"{foreign[:1]} is left in it"),
        (grouped != depthwise, f"{grouped} grouped Conv for {depthwise}"),
        (batches != {"batch"}, "its batch is not dynamic"),
        (versions != {"": opset}, f"has operations of {versions}"),
    ):
        if wrong:
            raise UserError(f"ONNX: {what}; nothing was exported")


def _is_depthwise(variable):
    """Whether a kernel of more than one channel is applied depthwise."""
    name = variable.path.rpartition("/")[2]
    if len(variable.shape) != 4:
        return False
    size, _, depth, width = variable.shape
    if name == "spatial":  # CBAM's 7x7, on a maximum and a mean; BAM's is 1x1
        return size > 1
    # BAM's dilated ones are a depthwise convolution of all pairs.
    channels = depth * width if name.startswith("dilated") else depth
    return name.startswith(("depthwise", "dilated")) and channels > 1


def check_standard(path):
    """Refuse what ONNX's own checker refuses, with its shape inference."""
    import onnx

    try:
        onnx.checker.check_model(str(path), full_check=True)
    except (
        onnx.checker.ValidationError,
        onnx.shape_inference.InferenceError,
    ) as error:
        line = str(error).partition("\n")[0]
        raise UserError(f"ONNX: {line}; nothing was exported") from None


def onnx_runner(network, threads=0):
    """The `runner` of the file written from a network."""
    model = graph.inference(network)
    endpoint = graph.endpoints(model)["serving_default"]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "network.onnx"
        write(path, model, endpoint, 17)
        return runner(path, threads)


def runner(path, threads=0):
    """A function from images to {output: array} by ONNX Runtime.

    `threads` of 0 leaves their number to ONNX Runtime.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(
        str(path), options, providers=["CPUExecutionProvider"]
    )
    names = [output.name for output in session.get_outputs()]

    def run(images):
        return dict(
            zip(names, session.run(names, {"image": images}), strict=True)
        )

    return run
