"""The cases to measure, each in its own process."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Case:
    """One way to compute one thing.

    Attributes:
        part: "search", "second_order", "retraining" or "inference".
        variant: for trained parts "fast", "plain", "baseline", "no determinism"
            or "darts", or "beside" for another checkout's "fast"; for inference
            the runtime.
    """

    part: str
    variant: str

    def measured(self, config):
        """The configuration of this case."""
        if self.variant != "darts":
            return config
        return dataclasses.replace(config, method="darts", operations_kept=None)


RUNTIMES = ("Keras", "SavedModel", "ONNX Runtime")
# A row's reference: the first of these that was measured.
REFERENCES = ("baseline", RUNTIMES[0], "darts")


def groups(config):
    """Lists of the cases that take turns with each other.

    A group ends before the next one starts, to free its memory.
    """
    found = []
    for part in config.parts:
        if part == "inference":
            found.append([Case(part, name) for name in RUNTIMES])
            continue
        variants = [*config.variants, *(["beside"] if config.beside else [])]
        own = [v for v in variants if v != "darts" or part == "search"]
        found.append([Case(part, name) for name in own])
        if part == "search" and config.second_order:
            own = [v for v in variants if v in ("fast", "plain", "beside")]
            found.append([Case("second_order", name) for name in own])
    return [group for group in found if group]
