"""Rounds: what is done with more hours after a plan's end.

The second round trains the chosen cell longer. Where its training had reached
its ceiling, and from the third round on, a search with another seed finds
another cell. All rounds' trainings are compared by the same held-out images.
"""

import dataclasses
import itertools

from tfnas.auto import budget, plan, predict, rules, trained


def folder(out, number):
    """The folder of a round, counted from 1."""
    return str(out) if number == 1 else f"{out}/round{number}"


def plans(out):
    """The plans of all rounds."""
    found = (plan.read(folder(out, n)) for n in itertools.count(1))
    return list(itertools.takewhile(lambda one: one is not None, found))


def next_plan(config, made):
    """The plan of the next round, for the hours that are left.

    Args:
        config: an `AutoConfig`, with the hours of all rounds.
        made: the plans before, all of them done.

    Raises:
        UserError: if these hours are too few.
    """
    number = len(made) + 1
    hours = config.hours - sum(each.hours for each in made)
    out, seen = folder(config.out, number), made[0].seen
    measured = dataclasses.replace(made[-1].measured, seconds=0.0)
    if number == 2:
        longer = _longer(config, made[0], hours, out, measured)
        if longer is not None:
            return longer
    return plan.searched(
        config,
        seen,
        measured,
        hours=hours,
        compared=False,
        seed=config.seed + number - 1,
        out=out,
    )


def _longer(config, first, hours, out, measured):
    """The plan of a longer training; None if it cannot be longer."""
    seen = first.seen
    case = budget.case_of(seen, hours)
    values = rules.values(case)
    chosen = trained.best(trained.all_of([first]))
    before = next(s for s in first.steps if s.folder == str(chosen.run.folder))
    held = before.flags["valid_images"]
    images = before.flags.get("train_images", seen.images) - held
    start = predict.training_start(measured, seen, values)
    image = predict.image(measured, values)
    room = budget.PLANNED * 3600 * hours - start
    room -= predict.export(measured) + predict.ending(measured)
    epochs = min(values["epochs"], int(room / (images * image)))
    if epochs <= before.flags["epochs"]:
        return None
    seconds = start + epochs * images * image
    step = dataclasses.replace(
        before,
        name="trained",
        flags={
            **before.flags,
            "genotype": str(chosen.run.folder),
            "channels": chosen.run.config["recipe"]["channels"],
            "epochs": epochs,
            "warmup_epochs": max(1, epochs // 5),
            "out": f"{out}/trained",
        },
        minutes=round(seconds / 60, 2),
        reason=f"{epochs} epochs instead of {before.flags['epochs']}, of "
        f"{chosen.title}",
    )
    total = seconds + predict.export(measured) + predict.ending(measured)
    return dataclasses.replace(
        first,
        config=plan.recorded(config),
        hours=hours,
        measured=measured,
        choices=plan.choices(case, config),
        steps=(step,),
        beside=plan.beside(measured, 0),
        minutes=round(total / 60, 2),
        notes=("the chosen cell is trained longer",),
    )
