"""What a search is about to train, told before it starts."""

from tfnas import cost
from tfnas.cost.layers import Site, operation
from tfnas.spaces import darts, mobile
from tfnas.spaces.attention import PLACEMENTS


def plan(method, dataset):
    """The supernet of each stage in words.

    Which candidates a later stage keeps is not known yet; its cost is that of
    the costliest ones.

    Args:
        method: a `Method`.
        dataset: a `Dataset`.

    Returns:
        A list of lines.

    Example: `print(*plan(methods.get("pdarts"), dataset), sep="\\n")`.
    """
    images = {
        "input_shape": dataset.image_shape,
        "classes": len(dataset.classes),
    }
    if method.space == "mobile":
        return _chain(method, images)
    return [
        _stage(method, number, stage, images)
        for number, stage in enumerate(method.stages(), 1)
    ]


def _chain(method, images):
    searched = cost.supernet_cost(
        {"layers": mobile.per_layer()},
        width=method.channels / mobile.STEM,
        **images,
    )
    lines = [f"{mobile.LAYERS} layers, {_in_words(searched)}"]
    adaptation = mobile.adaptation(images["input_shape"])
    return [*lines, adaptation] if adaptation else lines


def _stage(method, number, stage, images):
    kept = _costliest(method.candidates(), stage.operations_kept)
    placement = PLACEMENTS[method.attention]
    searched = cost.supernet_cost(
        darts.per_edge(kept, method.nodes),
        channels=method.channels,
        cells=stage.cells,
        nodes=method.nodes,
        edge_attentions=placement.second,
        cell_attentions=placement.end,
        partial=method.partial_channels,
        **images,
    )
    bound = "at most " if number > 1 else ""
    return (
        f"Stage {number}: {stage.cells} cells, {stage.operations_kept} "
        f"operations an edge, {bound}{_in_words(searched)}"
    )


def _costliest(names, count):
    site = Site(channels=16, entering=(8, 8), leaving=(8, 8))
    ranked = sorted(names, key=lambda name: -operation(name, site).parameters)
    return [name for name in names if name in ranked[:count]]


def _in_words(searched):
    return (
        f"{searched.parameters / 1e6:.2f} M weights, "
        f"{searched.multiply_adds / 1e6:.1f} M multiply-adds an image"
    )
