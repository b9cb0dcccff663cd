"""The runs behind the survey's claims, and which of them to compare."""

import dataclasses
import json

from tfnas import methods
from tfnas.compare.records import by_label
from tfnas.compare.verdicts import Verdict

# What keeps DARTS from collapsing, or may.
REMEDIES = ("warmup_epochs", "beta_decay", "smoothing", "auxiliary_skip")
REMEDIES += ("skip_dropout", "stop_skips", "skip_limit", "operations_kept")
REMEDIES += ("partial_channels", "edge_normalization", "relaxation")
REMEDIES += ("derivation",)


@dataclasses.dataclass(frozen=True)
class Evidence:
    """What runs say about a claim.

    Attributes:
        measured: what was measured, in words.
        verdict: on the claim.
        unit: of the effect.
        sign: "+" for a difference, "" for a quantity without a sign.
    """

    measured: str
    verdict: Verdict
    unit: str = "points"
    sign: str = "+"

    def cells(self):
        """Its cells of a table: measured, effect, n, verdict."""
        return (
            self.measured,
            self.verdict.written(self.unit, self.sign),
            ", ".join(f"{count:,}" for count in self.verdict.n),
            self.verdict.says,
        )


@dataclasses.dataclass(frozen=True)
class Runs:
    """The runs behind the features.

    Attributes:
        found: list of `records.Found`.
        places: {folder: `lookup.Place`}.
    """

    found: list
    places: dict

    def group(self, method):
        """The searches of one of a method's labels, or [].

        It is the bare name's, or else that of the most searches; searches of
        different labels are never pooled. DARTS's has no remedy if there is
        such a one.
        """
        groups = by_label([one for one in self.found if one.method == method])
        return max(
            groups.values(),
            key=lambda group: (
                is_plain(group[0]),
                group[0].label == method,
                len(group),
            ),
            default=[],
        )

    def accuracies(self, *groups, supernet=False):
        """The common measure of all of these cells, group by group.

        (its name, lists of percents): the test accuracy if all were trained,
        else the benchmark's, else, with `supernet`, the supernet's; None if no
        measure has all.
        """
        judges = {
            "test accuracy": lambda one: one.main and 100 - one.main.error,
            "NAS-Bench-201's accuracy": self._benchmark,
        }
        if supernet:
            judges["the supernet's accuracy"] = lambda one: one.accuracy
        for name, judge in judges.items():
            values = [[judge(one) for one in group] for group in groups]
            if all(v is not None for group in values for v in group):
                return name, values
        return None

    def _benchmark(self, one):
        place = self.places.get(one.folder)
        return place and place.accuracies["cifar10"]

    def variants(self, name):
        """Searches that differ in one value: {value: list of `Found`}.

        Of several such families, the one with the most searches.
        """
        families = {}
        for one in self.found:
            if name in one.values and one.accuracy is not None:
                others = {k: v for k, v in one.values.items() if k != name}
                key = json.dumps([one.method, others], sort_keys=True)
                value = _hashable(one.values[name])
                families.setdefault(key, {}).setdefault(value, []).append(one)
        several = [family for family in families.values() if len(family) > 1]
        if not several:
            return {}
        largest = max(several, key=lambda f: sum(map(len, f.values())))
        return dict(sorted(largest.items()))


def is_plain(one):
    """Whether a search is DARTS's, without a remedy against collapse."""
    if one.method != "darts":
        return False
    space = one.values["space"]
    own = methods.get("darts").with_flags({"space": space}).values()
    select = one.genotype.provenance.get("select", "last")
    return select != "early_stop" and all(
        _hashable(one.values.get(name, own[name])) == own[name]
        for name in REMEDIES
    )


def _hashable(value):
    """A value as a method has it: JSON made lists of tuples."""
    return tuple(value) if isinstance(value, list) else value
