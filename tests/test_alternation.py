"""The halves of a step on one host: their order, and what fails in them."""

import pytest
import tensorflow as tf

from tfnas.bilevel.alternation import Alternation

# Images and labels of either half; the labels mean nothing here.
HALVES = [(tf.constant(number), tf.constant(0)) for number in (1.0, 2.0)]


class Search:
    """Notes which half saw which batch; either may fail."""

    architecture_frozen = False
    distribute_strategy = tf.distribute.get_strategy()

    def __init__(self, trace_fails=False, run_fails=False):
        self.trace_fails, self.run_fails = trace_fails, run_fails
        self.total = tf.Variable(0.0)

    def step_alpha(self, train_batch, valid_batch):
        valid_batch, _ = valid_batch
        if self.run_fails:
            tf.debugging.assert_less(valid_batch, 0.0, "alpha's half")
        self.total.assign(2 * self.total + valid_batch)

    def step_weights(self, train_batch):
        train_batch, _ = train_batch
        if self.trace_fails:
            raise ValueError("w's half")
        self.total.assign(10 * self.total + train_batch)

    def get_metrics_result(self):
        return {"total": float(self.total)}


def test_alpha_comes_first_and_may_be_left_out():
    search = Search()
    step = Alternation(search)
    batches = iter([HALVES] * 3)
    assert step(batches) == {"total": 21.0}  # 10 * (2 * 0 + 2) + 1
    assert step(batches) == {"total": 441.0}
    search.architecture_frozen = True
    assert step(batches) == {"total": 4411.0}


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("trace_fails", ValueError),
        ("run_fails", tf.errors.InvalidArgumentError),
    ],
)
def test_a_first_step_that_fails_in_either_half_says_so(fault, error):
    step = Alternation(Search(**{fault: True}))
    with pytest.raises(error, match="half"):
        step(iter([HALVES]))
