"""What a search is about to train, told before it starts."""

from pathlib import Path

from tfnas import cost
from tfnas.cost.layers import costliest


def plan(method, dataset):
    """The supernet of each stage in words, a list of lines.

    Which candidates a later stage keeps is not known yet; its cost is that of
    the costliest ones.
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


def memory_lines(method, dataset, available):
    """A list of one line if the search will not fit into memory, else of none.

    There is none either where the space has no estimate.
    """
    if not method.search_space.can("estimate memory"):
        return []
    needs = [_memory(method, stage, dataset) for stage in method.stages()]
    need = max(memory.peak(method.batch_size) for memory in needs)
    if need <= available:
        return []
    largest = min(memory.largest_batch(available) for memory in needs)
    remedy = (
        f"the largest batch that fits is --batch_size={largest}"
        if largest
        else "not even --batch_size=1 fits, so lower --channels or --cells"
    )
    return [
        f"Memory: this search takes about {need / 1e9:.1f} GB and "
        f"{available / 1e9:.1f} GB are free; {remedy}"
    ]


def available_memory():
    """Bytes that this process may use, those that it has included.

    The machine's free memory, or less where a control group sets a limit.
    """
    lines = Path("/proc/meminfo").read_text().splitlines()
    free = {name: value for name, value in (x.split(":") for x in lines)}
    own = int(Path("/proc/self/statm").read_text().split()[1]) * 4096
    available = int(free["MemAvailable"].split()[0]) * 1024 + own
    limit = Path("/sys/fs/cgroup/memory.max")
    if limit.is_file() and (most := limit.read_text().strip()) != "max":
        available = min(available, int(most))
    return available


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
        f"{method.search_space.stage_in_words(number, stage)}, {bound}"
        f"{searched.parameters / 1e6:.2f} M weights, "
        f"{searched.multiply_adds / 1e6:.1f} M multiply-adds an image"
    )


def _candidates(method, stage):
    """Those of each edge, the costliest where the stage keeps a part."""
    space, kept = method.search_space, None
    if space.candidates:
        kept = costliest(method.candidates(), stage.operations_kept)
    return space.per_edge(kept, method.nodes)


def _size(method, stage):
    return method.search_space.supernet_size(
        method, method.channels, stage.cells
    )
