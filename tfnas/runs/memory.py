"""Check before the start that a run fits into this machine's memory."""

from tfnas.errors import UserError

# From so many pixels a side on, a stem that shrinks the map helps most.
LARGE_SIDE = 64


def check(what, memories, values, image_shape, *, available, total, force):
    """Refuse a run that needs more memory than the machine has.

    Returns a list of lines to print: one for a run that would fit if nothing
    else ran.

    Args:
        what: the run in words, such as "search".
        memories: the `cost.Memory` of each stage.
        values: a `Method` or a `Recipe`, with `batch_size` and `stem`.
        image_shape: (height, width, channels) of an image.
        available: free bytes, see `devices.free_memory`.
        total: the machine's bytes.
        force: whether to start anyway.

    Raises:
        UserError: if it needs more than the machine has, unless forced.
    """
    need = max((m.peak(values.batch_size) for m in memories), default=0)
    if need <= available:
        return []
    takes = f"this {what} takes about {need / 1e9:.1f} GB"
    if need > total and not force:
        remedy = _remedy(memories, values, image_shape, total)
        raise UserError(
            f"--batch_size={values.batch_size}: {takes}, the machine has "
            f"{total / 1e9:.1f} GB; {remedy}; --force starts anyway"
        )
    remedy = _remedy(memories, values, image_shape, available)
    return [f"Memory: {takes} and {available / 1e9:.1f} GB are free; {remedy}"]


def _remedy(memories, values, image_shape, available):
    large = min(image_shape[:2]) >= LARGE_SIDE and values.stem == "cifar"
    smaller = "use --stem=imagenet or a smaller --image_size"
    largest = min(memory.largest_batch(available) for memory in memories)
    if largest:
        fits = f"the largest batch that fits is --batch_size={largest}"
        return f"{smaller}; {fits}" if large else fits
    other = smaller if large else "lower --channels or --cells"
    return f"not even --batch_size=1 fits, so {other}"
