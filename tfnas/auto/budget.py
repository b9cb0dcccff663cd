"""How a time is filled: the largest networks that it allows, their epochs."""

import dataclasses

from tfnas.auto import predict, rules
from tfnas.auto.predict import Measured
from tfnas.auto.rules import COMPARED_FROM
from tfnas.errors import UserError

# A machine that drifts by 15 % either way stays within three quarters and all.
PLANNED = 0.86
# The share of the free memory that a plan may take.
ROOM = 0.75
# Images of each class that a training needs at least.
FEW = 20


def case_of(seen, hours):
    """The `rules.Case` of what was seen."""
    return rules.Case(
        images=seen.images,
        seconds_per_image=3600 * hours / seen.images,
        imbalance=seen.most / max(seen.rarest, 1e-9),
    )


@dataclasses.dataclass(frozen=True)
class Filled:
    """How a rung fills the time.

    Attributes:
        measured: the `Measured` of the rung.
        search_images: images of the search.
        search_epochs: its epochs.
        images: images of a training, the held-out ones included.
        epochs: its epochs.
        search_seconds: the search's time.
        seconds: a training's time.
        total: everything's, by the plan.
        full: whether every ceiling was reached.
    """

    measured: Measured
    search_images: int
    search_epochs: int
    images: int
    epochs: int
    search_seconds: float
    seconds: float
    total: float
    full: bool


def filled(rung, measured, seen, values, hours, compared):
    """The `Filled` of a rung, None if it is too large for the time.

    On the smallest rung the runs may take a part of the images. `compared` says
    whether rivals are trained too.
    """
    smallest = rung == 0
    here = predict.at(rung, measured, seen, values)
    trainings = 3 if compared else 1
    search_start = predict.search_start(here)
    start = predict.training_start(here, seen, values)
    fixed = measured.seconds + search_start + trainings * start
    fixed += predict.export(here) + predict.ending(here)
    if compared:
        fixed += predict.drawing(here)
    room = PLANNED * 3600 * hours - fixed
    if room <= 0:
        return None
    # === Trainings: as many epochs as their share allows ===
    share = (1 - values["search_share"]) * room / trainings
    image, images = predict.image(here, values), seen.images
    least, most = values["least_epochs"], values["epochs"]
    if share < least * images * image:
        images = int(share / (least * image))
        if not smallest or images < FEW * seen.classes:
            return None
    epoch = images * image
    epochs = min(most, int(share / epoch))
    # === The search: what remains, by more images before more epochs ===
    pair = predict.pair(here)
    pairs = (room - trainings * epochs * epoch) / pair
    fewest, longest = values["least_search_epochs"], values["search_epochs"]
    usual = 2 * fewest
    searched = min(seen.images, int(2 * pairs / usual))
    if searched < min(seen.images, values["search_images"]):
        searched = min(seen.images, values["search_images"])
    passes = min(longest, int(2 * pairs / searched))
    if passes < fewest and not smallest:
        return None
    if passes < fewest:
        passes, searched = fewest, int(2 * pairs / fewest)
        if searched < FEW * seen.classes:
            return None
    search = passes * searched / 2 * pair
    # === What the search leaves, as it has a ceiling ===
    epochs = min(most, int((room - search) / trainings / epoch))
    spent = search + trainings * epochs * epoch
    return Filled(
        measured=here,
        search_images=searched,
        search_epochs=passes,
        images=images,
        epochs=epochs,
        search_seconds=search_start + search,
        seconds=start + epochs * epoch,
        total=fixed + spent,
        full=passes == longest and epochs == most,
    )


def best_rung(measured, seen, values, hours, compared=None):
    """(`Filled` of the largest rung that fits, notes); raises without one."""
    notes = []
    if compared is None:
        compared = hours >= COMPARED_FROM
    for rung in range(values["rung"], -1, -1):
        found = filled(rung, measured, seen, values, hours, compared)
        if found is None:
            continue
        need = predict.memory(rung, seen, values)
        if need <= ROOM * seen.memory:
            return found, tuple(notes)
        of = f"{need / 1e9:.1f} GB of {seen.memory / 1e9:.1f}"
        if rung == 0:
            notes.append(f"even the smallest networks need {of}: it may stop")
            return found, tuple(notes)
        channels = rules.LADDER[rung].network[0]
        notes.append(
            f"networks of {channels} channels would need {of}: smaller ones"
        )
    raise UserError(
        f"--hours={hours}: too short for {seen.images:,} images on this "
        f"machine; use at least --hours={_least_hours(measured, seen, values)}"
    )


def _least_hours(measured, seen, values):
    hours = 0.05
    while filled(0, measured, seen, values, hours, False) is None:
        hours *= 1.1
        if hours > 1000:
            break
    return round(hours + 0.005, 2)
