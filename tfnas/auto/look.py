"""A process that looks at images and machine, and times a step of each kind.

Its one argument is a JSON object: the flags, the hours, and the file for its
answer. Another process starts it, as TensorFlow gives no memory back.
"""

import json
import sys
import time
from pathlib import Path

from tfnas.auto import predict, rules
from tfnas.auto.budget import best_rung, case_of
from tfnas.auto.config import AutoConfig
from tfnas.auto.predict import Measured
from tfnas.choice import fields
from tfnas.cli import command
from tfnas.errors import UserError

# What steps take before anything was measured, to choose what to measure.
NOMINAL = 4e9
# The share of the time that looking and measuring may take.
PATIENCE = 0.12
# What a supernet's start takes for each of its cells, in starts of a network,
# where there is no time to measure it.
STARTS = 0.6


def main(argv):
    """Answer with what was seen and measured, or with an error's line."""
    job = json.loads(argv[1])
    known = {field.name for field in fields(AutoConfig)}
    config = AutoConfig(
        **{k: v for k, v in job["config"].items() if k in known}
    )
    try:
        found = _looked(config, job["hours"], job["began"])
    except UserError as error:
        found = {"error": str(error)}
    Path(job["answer"]).write_text(json.dumps(found), encoding="utf-8")


def _looked(config, hours, began):
    with command.quiet_start():
        from tfnas.auto import timing
    images = timing.Images(config, _side(hours))
    started = time.time() - began
    seen = images.seen
    values = rules.values(case_of(seen, hours))

    def spent():
        return time.time() - began

    def measured(rung):
        trained = timing.training(images, rung, values)
        searched = _by_ratio(rung, seen, values, *trained[:2])
        enough = spent() + searched[0] < PATIENCE * 3600 * hours
        if enough:
            searched = timing.search(images, rung, values)
        return Measured(rung, spent(), started, *searched, *trained, enough)

    def rung_by(measured):
        try:
            return best_rung(measured, seen, values, hours)[0].measured.rung
        except UserError:
            return 0

    found = measured(rung_by(_nominal(seen, values, started)))
    chosen = rung_by(found)
    if chosen != found.rung and found.seconds < PATIENCE * 3600 * hours:
        found = measured(chosen)
    return {"seen": vars(seen), "measured": vars(found)}


def _side(hours):
    """A function of the number of images: the side that the rules choose."""

    def side(images):
        case = rules.Case(images, 3600 * hours / images)
        return rules.values(case)["image_size"]

    return side


def _by_ratio(rung, seen, values, trace, step):
    """A search's two figures by those of a training."""
    search, network = predict.multiply_adds(rung, seen, values)
    pairs = predict.SEARCH_BATCH * search / (values["batch_size"] * network)
    cells = rules.LADDER[rung].search[1]
    return STARTS * cells * trace, pairs * step


def _nominal(seen, values, started):
    """A `Measured` of the smallest rung, by what other machines took."""
    search, network = predict.multiply_adds(0, seen, values)
    batch = values["batch_size"]
    return Measured(
        rung=0,
        seconds=4 * started,
        start=started,
        search_trace=3 * started,
        search_step=0.2 + predict.SEARCH_BATCH * search / NOMINAL,
        trace=started,
        step=0.05 + batch * network / NOMINAL,
        small_step=0.05 + batch * network / NOMINAL * values["sizes"][0] ** 2,
    )


if __name__ == "__main__":
    main(sys.argv)
