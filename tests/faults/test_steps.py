"""Steps that go wrong, and stages that are left between them."""

import shutil

import numpy as np
import pytest
import tensorflow as tf
from small_runs import arrays, digest, newest, search_here

from tfnas.bilevel.search import BilevelSearch
from tfnas.errors import UserError
from tfnas.runs import callbacks
from tfnas.search import run as search_run


class Stop(Exception):
    """Ends a run where a test wants it to, as SIGKILL would."""


@pytest.fixture(scope="module")
def killed(tmp_path_factory):
    """The folder of a search that was killed after its first epoch."""
    folder = tmp_path_factory.mktemp("killed") / "run"
    end = search_run._Search.end_epoch

    def end_and_stop(self, *arguments):
        end(self, *arguments)
        raise Stop

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(search_run._Search, "end_epoch", end_and_stop)
        with pytest.raises(Stop):
            search_here(folder)
    return folder


@pytest.fixture
def begun(killed, tmp_path):
    return shutil.copytree(killed, tmp_path / "run")


def assert_intact(folder, before):
    """The checkpoint is the one from before, and of finite numbers."""
    assert digest(folder) == before
    found = arrays(newest(folder) / "state.npz")
    numbers = [a for a in found.values() if a.dtype.kind == "f"]
    assert len(numbers) > 50
    assert all(np.isfinite(array).all() for array in numbers)


def test_a_loss_that_is_no_number_names_the_step(begun, monkeypatch):
    before = digest(begun)
    with monkeypatch.context() as patch:
        patch.setattr(callbacks.schedule, "cosine", lambda *_: 1e30)
        with pytest.raises(UserError) as error:
            search_here(begun, resume=True)
    line = str(error.value)
    assert line.startswith("epoch 2, step ")
    assert "loss is " in line and "\n" not in line
    assert line.endswith("lower --learning_rate or --alpha_learning_rate")
    assert_intact(begun, before)
    assert search_here(begun, resume=True).normal.edges
    assert (begun / "report.html").exists()


def test_a_step_that_needs_too_much_memory_names_the_batch(begun, monkeypatch):
    before = digest(begun)
    step = BilevelSearch.step_weights

    def large(self, batch):
        # More than any machine has: the allocator refuses it.
        image = tf.random.uniform([1 << 46])
        self.trackers["loss"].update_state(tf.reduce_max(image))
        step(self, batch)

    with monkeypatch.context() as patch:
        patch.setattr(BilevelSearch, "step_weights", large)
        with pytest.raises(UserError) as error:
            search_here(begun, resume=True)
    line = str(error.value)
    assert line.startswith("--batch_size: a step does not fit into memory (")
    assert "with a smaller one" in line and "\n" not in line
    assert_intact(begun, before)


STAGES = {
    "method": "pdarts",
    "cells": (3, 3),
    "operations": ("max_pool_3x3", "skip_connect", "none"),
    "operations_kept": (2,),
    "skip_dropout": (0.0, 0.0),
    "warmup_epochs": 0,
    "epochs": 1,
}


def test_a_search_killed_between_stages_keeps_its_operations(
    tmp_path, monkeypatch
):
    folder, kept = tmp_path / "run", []
    start, end = search_run._Search._start_stage, search_run._Search.end_epoch

    def stop_before(self, stage, operations):
        if stage == 1:
            kept.append(operations)
            raise Stop
        start(self, stage, operations)

    def stop_after(self, *arguments):
        end(self, *arguments)
        raise Stop

    def stop_at_once(self):
        kept.append((self.stage, self.epoch, self.model.supernet.operations))
        raise Stop

    # Before the second stage, twice: the survivors are the same.
    with monkeypatch.context() as patch:
        patch.setattr(search_run._Search, "_start_stage", stop_before)
        for resume in (False, True):
            with pytest.raises(Stop):
                search_here(folder, resume=resume, **STAGES)
    assert kept[0] == kept[1]
    assert {len(edge) for edge in kept[0]["normal"]} == {2}
    # Inside it: stage and survivors come from the checkpoint.
    with monkeypatch.context() as patch:
        patch.setattr(search_run._Search, "end_epoch", stop_after)
        with pytest.raises(Stop):
            search_here(folder, resume=True, **STAGES)
        patch.setattr(search_run._Search, "_fit", stop_at_once)
        with pytest.raises(Stop):
            search_here(folder, resume=True, **STAGES)
    stage, epoch, operations = kept[2]
    assert (stage, epoch) == (1, 1)
    same = {
        kind: [tuple(edge) for edge in edges]
        for kind, edges in operations.items()
    }
    assert same == {
        kind: [tuple(edge) for edge in edges] for kind, edges in kept[0].items()
    }
