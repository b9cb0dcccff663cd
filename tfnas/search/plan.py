"""What a search is about to train, told before it starts."""

from pathlib import Path

from tfnas import cost
from tfnas.cost.layers import costliest
from tfnas.spaces import darts, mobile, nasbench201
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


def memory_lines(method, dataset, available):
    """A line if the search will not fit into memory, else none.

    Args:
        method: a `Method`.
        dataset: a `Dataset`.
        available: bytes, see `available_memory`.

    Returns:
        A list of at most one line. There is an estimate for supernets of the
        space darts alone.
    """
    if method.space != "darts":
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
    kept = costliest(method.candidates(), stage.operations_kept)
    placement = PLACEMENTS[method.attention]
    return cost.search_memory(
        darts.per_edge(kept, method.nodes),
        input_shape=dataset.image_shape,
        classes=len(dataset.classes),
        channels=method.channels,
        cells=stage.cells,
        nodes=method.nodes,
        edge_attentions=placement.second,
        cell_attentions=placement.end,
        partial=method.partial_channels,
        stem=method.stem,
    )


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
    kept = costliest(method.candidates(), stage.operations_kept)
    size = {
        "channels": method.channels,
        "cells": stage.cells,
        "partial": method.partial_channels,
        **images,
    }
    if method.space == "nasbench201":
        candidates = {"cell": nasbench201.per_edge(kept)}
    else:
        placement = PLACEMENTS[method.attention]
        candidates = darts.per_edge(kept, method.nodes)
        size |= {
            "nodes": method.nodes,
            "edge_attentions": placement.second,
            "cell_attentions": placement.end,
            "stem": method.stem,
        }
    searched = cost.supernet_cost(candidates, **size)
    bound = "at most " if number > 1 else ""
    return (
        f"Stage {number}: {stage.cells} cells, {stage.operations_kept} "
        f"operations an edge, {bound}{_in_words(searched)}"
    )


def _in_words(searched):
    return (
        f"{searched.parameters / 1e6:.2f} M weights, "
        f"{searched.multiply_adds / 1e6:.1f} M multiply-adds an image"
    )
