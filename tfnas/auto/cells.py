"""Flags that follow from the found cell: widths, and the published rival.

They are functions of the genotype and the plan alone, so a plan that goes on
after a stop finds the same.
"""

from pathlib import Path

from tfnas import cost, zoo
from tfnas.runs import kept_images

# Rivals in order of their papers' error on CIFAR-10; the first is taken whose
# network costs about as much at some width.
PUBLISHED = ("PDARTS", "DARTS_V2", "PC_DARTS_cifar", "DARTS_V1", "SNAS")
# As far as `tfnas.baseline --like` goes.
ALIKE = 0.15
# The found cell's network is at most so much wider or narrower than planned:
# what a pool costs is not in its multiply-adds.
WIDEST = 1.5


def completed(plan, step):
    """{flag: value} of a step, with what follows from the found cell.

    Args:
        plan: the `Plan`.
        step: its `Step`; the steps before it must have finished.
    """
    flags = {**step.flags, **_images(plan, step)}
    if not step.fit or "channels" in flags:
        return flags
    found = zoo.genotype(plan.found)
    size = size_of(plan)
    channels = found_width(found, plan.network, size)
    if step.fit != "published":
        return {**flags, "channels": channels}
    target = multiply_adds(found, channels, size)
    name, channels = published(target, size)
    return {**flags, "genotype": name, "channels": channels}


def _images(plan, step):
    """{flag: value} of the images that the first search has listed, if it has.

    So all runs test the same images, whatever their seeds.
    """
    first = Path(plan.config["out"]) / "search"
    if Path(step.folder) == first:
        return {}
    return kept_images.listed(first, step.flags)


def size_of(plan):
    """{argument of `cost.built_cost`: value} of a plan's networks."""
    return {
        "cells": plan.network["cells"],
        "input_shape": plan.seen.shape,
        "classes": plan.seen.classes,
    }


def multiply_adds(genotype, channels, size):
    """Those of a network, for an image."""
    return cost.built_cost(genotype, channels=channels, **size).multiply_adds


def found_width(genotype, network, size):
    """Channels at which a found cell costs what the plan expects."""
    usual = network["channels"]
    widths = range(-int(-usual // WIDEST), int(usual * WIDEST) + 1)
    return width(genotype, network["multiply_adds"], size, widths)


def width(genotype, target, size, widths=range(1, 129)):
    """The channels whose multiply-adds are nearest to a target."""

    def distance(channels):
        return abs(multiply_adds(genotype, channels, size) - target)

    nearest, best = widths[0], distance(widths[0])
    for channels in widths[1:]:
        now = distance(channels)
        if now > best:  # they grow with the channels
            break
        nearest, best = channels, now
    return nearest


def published(target, size):
    """(name, channels) of the published cell that costs about so much.

    It is the first of `PUBLISHED` that comes within `ALIKE`, or else the
    nearest.
    """
    found = []
    for name in PUBLISHED:
        genotype = zoo.genotype(name)
        channels = width(genotype, target, size)
        cost_there = multiply_adds(genotype, channels, size)
        distance = abs(cost_there - target) / target
        if distance <= ALIKE:
            return name, channels
        found.append((distance, name, channels))
    _, name, channels = min(found)
    return name, channels
