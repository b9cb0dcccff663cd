"""Lines on how far a run is, for output that is not a terminal."""

import re

import keras
import numpy as np
import pytest

from tfnas.data.progress import in_words
from tfnas.runs.progress import Progress


class Clock:
    """Time that passes as a test says."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


def lines(capsys, progress, clock, steps, seconds, first=None):
    """What is said of so many steps, each of so many seconds."""
    for number in range(progress.step, progress.step + steps):
        clock.now += seconds if first is None or number else first
        progress.on_train_batch_end(number, {"loss": 1.5})
    return capsys.readouterr().out.splitlines()


def test_a_line_comes_every_half_minute(capsys):
    clock = Clock()
    progress = Progress(3, 100, clock=clock)
    progress.on_epoch_begin(0)
    said = lines(capsys, progress, clock, 100, 7, first=60)
    # 99 steps of 7 seconds; a line at the first step after 30.
    assert len(said) == 99 * 7 // 35 + 1
    assert all(line.startswith("Epoch 1 of 3, step ") for line in said)
    assert said[0] == (
        "Epoch 1 of 3, step 2 of 100: loss 1.5000, 35 min to the end of epoch 3"
    )


def test_what_is_left_is_the_steps_left_at_this_rate(capsys):
    clock = Clock()
    progress = Progress(2, 50, clock=clock)
    for epoch, done in enumerate((0, 50)):
        progress.on_epoch_begin(epoch)
        for line in lines(capsys, progress, clock, 50, 10):
            step, left = re.search(
                r"step (\d+) of 50.*, (.+) to", line
            ).groups()
            assert left == in_words(10 * (100 - done - int(step)))
        progress.on_epoch_end(epoch)


def test_a_resumed_epoch_goes_on_from_its_step(capsys):
    clock = Clock()
    progress = Progress(1, 10, step=6, clock=clock)
    progress.on_epoch_begin(0)
    said = lines(capsys, progress, clock, 4, 40)
    assert [line[:30] for line in said] == [
        f"Epoch 1 of 1, step {n} of 10: los"[:30] for n in (8, 9, 10)
    ]


def test_a_short_run_says_nothing(capsys):
    clock = Clock()
    progress = Progress(1, 20, clock=clock)
    progress.on_epoch_begin(0)
    assert lines(capsys, progress, clock, 20, 1, first=9) == []


@pytest.mark.parametrize("terminal", [True, False])
def test_fit_has_it_where_the_output_is_no_terminal(
    terminal, capsys, monkeypatch
):
    import tensorflow as tf

    from tfnas.devices.distributed_model import DistributedModel
    from tfnas.runs import fitting, progress

    class Model(DistributedModel):
        def __init__(self):
            super().__init__()
            self.built = True

        def train_step(self, data):
            return {"loss": tf.reduce_sum(data)}

    monkeypatch.setattr("sys.stdout.isatty", lambda: terminal)
    monkeypatch.setattr(progress, "SECONDS", 0)
    model = Model()
    model.compile(keras.optimizers.SGD(), jit_compile=False)
    data = tf.data.Dataset.from_tensors(np.ones((2, 1), "float32")).repeat()
    fitting.fit(model, lambda step: data, epochs=2, steps=3, epoch=0, step=0)
    said = re.findall(r"Epoch \d of 2, step \d", capsys.readouterr().out)
    assert len(said) == (0 if terminal else 5)
