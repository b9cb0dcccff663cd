"""The search space: everything that differs between spaces."""

import dataclasses

from tfnas.errors import UserError
from tfnas.genotype import OPERATIONS
from tfnas.genotype.schema import PARTS


@dataclasses.dataclass(frozen=True)
class Space:
    """A search space: its architectures, and what it cannot do.

    A subclass is a kind of space. It gives `edges(nodes=None)`, the (from, to)
    of alpha's rows; `choices()`, {name: its options}, and `genotype(chosen,
    provenance=None)`, the `Genotype` of any combination of them;
    `size(channels, cells, stem)`, these values as its supernets, networks and
    costs take them; `supernet_size(method, channels, cells, nodes=None)`, the
    same with the other arguments of a supernet's cost; and
    `paper_size(channels)`, the (channels, cells) of its paper's network for a
    search with so many channels.

    Args:
        name: as in `--space` and in genotypes.

    Attributes:
        candidates: names that `--operations` takes; () if nothing reads it.
        competing: further names that an edge's candidates may have.
        nodes: of a cell, if the space fixes them.
        stacks: number of a network's stacks of equally many cells.
        derivations: rules for its genotypes, the default first.
        passed_over: rules of a method that the default replaces.
        lacks: {flag of a search that it does not read: why}.
        absent: {argument of `build_network` that it does not take: what its
            networks have instead}.
        settled: further flags of a training that it does not read.
        cannot: {what it cannot do: the error's text}.
    """

    name: str

    candidates = ()
    competing = ()
    nodes = None
    stacks = 1
    derivations = ("strongest",)
    passed_over = ()
    lacks = {}
    absent = {}
    settled = ()
    cannot = {}

    def per_edge(self, operations=None, nodes=None):
        """The candidates of each edge or layer, checked.

        They are None for all, a list of names for every edge, or {part of the
        genotype: names of each edge}, equally many in each; the result is {part
        of the genotype: list of lists of names}. `nodes` counts a cell's nodes,
        if the space leaves them open. An unknown name or a wrong number of
        lists raises `UserError`.
        """
        parts, count = PARTS[self.name], len(self.edges(nodes))
        known = (*(self.candidates or OPERATIONS[self.name]), *self.competing)
        if not hasattr(operations, "keys"):
            every = known if operations is None else operations
            operations = dict.fromkeys(parts, [every] * count)
        rows = {
            part: [list(names) for names in operations.get(part, ())]
            for part in parts
        }
        for part, lists in rows.items():
            lengths = {len(names) for names in lists}
            if len(lists) != count or len(lengths) != 1 or 0 in lengths:
                each = f"edge of {nodes} nodes" if nodes else "edge or layer"
                raise UserError(
                    f"operations[{part!r}]: give {count} lists of equal "
                    f"length, at least 1, one list for each {each}"
                )
            for name in sum(lists, []):
                if name not in known:
                    raise UserError(
                        f"operations[{part!r}]: unknown {name!r}; choose from "
                        f"{', '.join(known)}"
                    )
        return rows

    def method_values(self, method):
        """{flag: value} that a method's move to this space changes."""
        return {}

    def check_cells(self, cells):
        """Refuse a number of cells that does not make equal stacks."""
        if cells < self.stacks or cells % self.stacks:
            raise UserError(
                f"cells={cells}: networks of space {self.name} are "
                f"{self.stacks} stacks of equally many cells; give a multiple "
                f"of {self.stacks}"
            )

    def can(self, feature):
        """Whether the space can do what not every space can."""
        return feature not in self.cannot

    def check(self, feature):
        """Raise the `UserError` for what the space cannot do."""
        if not self.can(feature):
            raise UserError(self.cannot[feature].format(space=self.name))

    def stage_in_words(self, number, stage):
        """A stage's search, the first words of its line in the plan."""
        return (
            f"Stage {number}: {stage.cells} cells, {stage.operations_kept} "
            "operations an edge"
        )

    def adaptation(self, input_shape):
        """One line on how small images change the networks, or ""."""
        return ""
