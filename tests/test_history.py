"""What a search remembers: rows, architecture variables, genotypes."""

import csv
import io
import json

import keras
import numpy as np
import pytest

from tfnas.genotype import Cell, Edge, Genotype
from tfnas.runs.contents import OPTIONAL_COLUMNS, SEARCH_COLUMNS
from tfnas.runs.folder import Folder
from tfnas.search.history import History

OPERATIONS = [["none", "skip_connect"]] * 2


class Supernet:
    """What the history asks a supernet for, and nothing else."""

    def __init__(self):
        self.operations = {"normal": OPERATIONS, "reduce": OPERATIONS}
        self.architecture = {
            f"alphas_{kind}": keras.Variable(np.zeros((2, 2), "float32"))
            for kind in self.operations
        }
        self.skips = 0

    def train(self, value, skips):
        """Set every alpha to a value, and how many skips are derived."""
        for variable in self.architecture.values():
            variable.assign(np.full((2, 2), value, "float32"))
        self.skips = skips

    def derive(self):
        names = ["skip_connect"] * self.skips
        names += ["sep_conv_3x3"] * (2 - self.skips)
        normal = tuple(Edge(op, i, 2) for i, op in enumerate(names))
        reduce = tuple(Edge("max_pool_3x3", i, 2) for i in range(2))
        return Genotype(
            "darts", normal=Cell(normal, (2,)), reduce=Cell(reduce, (2,))
        )


@pytest.fixture
def supernet():
    return Supernet()


@pytest.fixture
def history(supernet):
    """Two epochs of a stage and one of the next."""
    history = History()
    history.start_stage(0, supernet)
    for epoch in (1, 2):
        supernet.train(epoch / 10, skips=epoch - 1)
        history.add(0, epoch, supernet, {"train_loss": 1 / epoch})
    history.start_stage(1, supernet)
    supernet.train(0.3, skips=2)
    history.add(1, 1, supernet, {"train_loss": 0.25, "seconds": 1.5})
    return history


def save(history, folder):
    with Folder(folder, {}) as run:
        history.save(run)
    return folder


def test_alphas_begin_before_the_first_epoch_of_a_stage(history):
    first = history.arrays["stage0/alphas_normal"]
    assert first.shape == (3, 2, 2)
    assert np.allclose(first[:, 0, 0], [0, 0.1, 0.2])
    second = history.arrays["stage1/alphas_reduce"]
    assert np.allclose(second[:, 1, 1], [0.2, 0.3])


def test_what_was_noted_does_not_change_with_the_variables(history, supernet):
    before = history.arrays["stage1/alphas_normal"].copy()
    supernet.train(9, skips=0)
    assert np.array_equal(history.arrays["stage1/alphas_normal"], before)


def test_the_table_has_the_columns_that_the_report_reads(history, tmp_path):
    text = (save(history, tmp_path / "run") / "history.csv").read_text()
    rows = list(csv.DictReader(io.StringIO(text)))
    assert tuple(rows[0]) == (*SEARCH_COLUMNS, *OPTIONAL_COLUMNS)
    assert [(row["stage"], row["epoch"]) for row in rows] == [
        ("0", "1"),
        ("0", "2"),
        ("1", "1"),
    ]
    assert [float(row["train_loss"]) for row in rows] == [1, 0.5, 0.25]
    assert [row["seconds"] for row in rows] == ["", "", "1.5"]


def test_skips_are_counted_in_each_cell(history):
    assert [row["skips_normal"] for row in history.rows] == [0, 1, 2]
    assert [row["skips_reduce"] for row in history.rows] == [0, 0, 0]


def test_an_unknown_column_is_a_defect(history, supernet, tmp_path):
    history.add(1, 2, supernet, {"train_los": 0.1})
    with pytest.raises(ValueError, match="train_los"):
        save(history, tmp_path / "run")


def test_the_files_need_no_pickle_and_hold_every_epoch(history, tmp_path):
    folder = save(history, tmp_path / "run")
    with np.load(folder / "alphas.npz", allow_pickle=False) as arrays:
        names = arrays["stage0/operations_normal"]
        assert names.tolist() == OPERATIONS and names.dtype.kind == "U"
        assert {name.split("/")[0] for name in arrays} == {"stage0", "stage1"}
    entries = json.loads((folder / "genotypes.json").read_text())
    skips = [
        Genotype.from_dict(entry["genotype"]).operation_counts()["normal"]
        for entry in entries
    ]
    assert [count.get("skip_connect", 0) for count in skips] == [0, 1, 2]


def test_a_checkpoint_carries_the_history_bit_for_bit(
    history, supernet, tmp_path
):
    with Folder(tmp_path / "checkpointed", {}) as run:
        arrays, values = history.state()
        run.save_checkpoint(arrays | {"variable/w": np.ones(1)}, values)
        arrays, values = run.load_checkpoint()
    restored = History()
    restored.restore(arrays, values)
    for each in (history, restored):
        supernet.train(0.4, skips=1)
        each.add(1, 2, supernet, {"train_loss": 1 / 3})
    written = [
        save(each, tmp_path / name)
        for each, name in ((history, "unbroken"), (restored, "resumed"))
    ]
    for name in ("history.csv", "genotypes.json"):
        first, second = ((folder / name).read_bytes() for folder in written)
        assert first == second
    first, second = (np.load(folder / "alphas.npz") for folder in written)
    assert first.files == second.files
    assert all(np.array_equal(first[name], second[name]) for name in first)
