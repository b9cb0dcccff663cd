"""What a training checks and says before its first step."""

from tfnas import cost, data, spaces
from tfnas.cli import command
from tfnas.devices.free_memory import available_memory, total_memory
from tfnas.errors import UserError
from tfnas.runs import memory

# The smallest image that a network with a stem takes.
LEAST = {"cifar": 4, "imagenet": 32}


def check_memory(config, recipe, genotype, dataset):
    """Warn or stop if the training needs more memory than there is."""
    estimates = []
    if spaces.get(genotype.space).can("estimate memory"):
        size = recipe.size(dataset)
        estimates.append(cost.training_memory(genotype, **size))
    lines = memory.check(
        "training",
        estimates,
        recipe,
        dataset.image_shape,
        available=available_memory(),
        total=total_memory(),
        force=config.force or config.resume,
    )
    print(*lines, sep="\n", end="\n" * bool(lines), flush=True)


def check_images(recipe, dataset):
    """Refuse sizes and views that the images do not allow."""
    if recipe.test_views == 2 and not dataset.flip:
        raise UserError(
            f"--test_views=2: a mirrored image of {dataset.name} may show "
            "another class; use 1, or 6 for the moved images alone"
        )
    least = LEAST[recipe.stem]
    for epoch in range(recipe.epochs if recipe.sizes else 0):
        size = recipe.image_size_at(epoch, dataset.image_shape)
        if size is not None and min(size) < least:
            raise UserError(
                f"--sizes={command.show(recipe.sizes)}: images would shrink to "
                f"{size[0]}x{size[1]} pixels, and the network needs "
                f"{least}x{least}; use larger shares"
            )


def plan(genotype, size, dataset, train, valid):
    """Lines on a training's network and images.

    Args:
        genotype: the `Genotype`.
        size: as in `Recipe.size`.
        dataset: the `Dataset`.
        train: places of the training images to train on.
        valid: places of those that select weights.
    """
    of = cost.built_cost(genotype, **size)
    lines = [
        f"{of.parameters / 1e6:.3f} M parameters, "
        f"{of.multiply_adds / 1e6:.1f} M multiply-adds per image; "
        f"{len(train)} images to train, {len(valid)} to select "
        f"weights, {len(dataset.test)} to test"
    ]
    labels = dataset.train.labels
    parts = {"the images to train on": labels[train]}
    if len(valid):
        parts["the images to select weights"] = labels[valid]
    parts["the test images"] = dataset.test.labels
    missing = data.lacking(dataset, parts)
    return [*lines, missing] if missing else lines
