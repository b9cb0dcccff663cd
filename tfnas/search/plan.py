"""A search's plan, printed before it starts."""

from tfnas import cost
from tfnas.cost.layers import costliest


def plan(method, dataset):
    """The supernet of each stage in words, a list of lines.

    The candidates of a later stage are not known yet; its cost assumes the
    costliest ones.
    """
    images = {
        "input_shape": dataset.image_shape,
        "classes": len(dataset.classes),
    }
    lines = [
        _stage(method, number, stage, images)
        for number, stage in enumerate(method.stages(), 1)
    ]
    adaptation = method.search_space.adaptation(dataset.image_shape)
    return [*lines, adaptation] if adaptation else lines


def memories(method, dataset):
    """The `cost.Memory` of each stage; none if the space has no estimate."""
    if not method.search_space.can("estimate memory"):
        return []
    return [_memory(method, stage, dataset) for stage in method.stages()]


def _memory(method, stage, dataset):
    return cost.search_memory(
        _candidates(method, stage),
        input_shape=dataset.image_shape,
        classes=len(dataset.classes),
        **_size(method, stage),
    )


def _stage(method, number, stage, images):
    searched = cost.supernet_cost(
        _candidates(method, stage),
        space=method.space,
        **images,
        **_size(method, stage),
    )
    bound = "at most " if number > 1 else ""
    return (
        f"{method.search_space.stage_in_words(number, stage)}, "
        f"{bound}{searched.parameters / 1e6:.2f} M weights, "
        f"{searched.multiply_adds / 1e6:.1f} M multiply-adds per image"
    )


def _candidates(method, stage):
    """Those of each edge, the costliest if the stage keeps only some."""
    space, kept = method.search_space, None
    if space.candidates:
        kept = costliest(method.candidates(), stage.operations_kept)
    return space.per_edge(kept, method.nodes)


def _size(method, stage):
    return method.search_space.supernet_size(
        method.of_stage(stage), method.channels, stage.cells
    )
