"""A search from epoch to epoch: what is frozen, clipped, disturbed."""

from types import SimpleNamespace

import keras
import numpy as np
import pytest
import tensorflow as tf
from parity import untraced

from tfnas import methods, schedule
from tfnas.bilevel import search as bilevel
from tfnas.errors import UserError
from tfnas.networks.darts.supernet import Supernet
from tfnas.runs.callbacks import EachEpoch, check_finite

SHAPE = (6, 6, 1)
CLASSES = 3
STEPS = 4


def supernet(method="darts", dtype="float32", seed=0, **flags):
    """A net of one node with operations that have no kink of their own."""
    keras.utils.set_random_seed(seed)
    return Supernet(
        methods.get(method).with_flags(flags),
        input_shape=SHAPE,
        classes=CLASSES,
        channels=2,
        cells=3,
        nodes=1,
        operations=["skip_connect", "avg_pool_3x3"],
        dtype=dtype,
    )


def batches(dtype="float32", images=4):
    """A training and a validation batch."""
    random = np.random.default_rng(0)
    return [
        (
            tf.constant(random.normal(size=(images, *SHAPE)), dtype),
            tf.constant(random.integers(0, CLASSES, images)),
        )
        for _ in range(2)
    ]


def copies(variables):
    return [np.array(v) for v in variables]


def same(first, second):
    return all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))


class Fitted(keras.callbacks.Callback):
    """Fits a search as the command does and notes its state at every step."""

    def __init__(self, model, epochs, skips=0):
        super().__init__()
        self.search = model
        self.method = model.method
        self.stages, self.stage = self.method.stages(), 0
        self.step, self.began = 0, 0.0
        self.history = SimpleNamespace(rows=[{"skips_normal": skips}])
        self.alphas, self.weights, self.rates, self.logs = [], [], [], []
        self.note()
        data = tf.data.Dataset.from_tensors(tuple(batches())).repeat()
        model.fit(
            data,
            epochs=epochs,
            steps_per_epoch=STEPS,
            callbacks=[EachEpoch(self), self],
            shuffle=False,
            verbose=0,
        )

    def note(self):
        net = self.search.supernet
        optimizer = self.search.alpha_optimizer
        self.alphas.append(
            copies([*net.architecture.values(), *optimizer.variables])
        )
        self.weights.append(copies(net.weight_variables))

    def on_epoch_begin(self, epoch, logs=None):
        self.step = 0

    def on_train_batch_end(self, batch, logs=None):
        self.step += 1
        self.note()

    def end_epoch(self, epoch, logs, seconds):
        self.logs.append(logs)
        self.rates.append(float(self.search.optimizer.learning_rate))

    def moved(self, states):
        """For every step, whether a state differs from the one before."""
        return [
            not same(*pair) for pair in zip(states, states[1:], strict=False)
        ]


# === Which steps move alpha ===


@pytest.fixture(scope="module")
def warmed():
    """An epoch of warm-up and one in which alpha makes every second step."""
    method = {"epochs": 2, "warmup_epochs": 1, "inner_steps": 2}
    return Fitted(bilevel.BilevelSearch(supernet(**method)), epochs=2)


def test_alpha_and_its_optimizer_stay_bit_for_bit_in_the_warm_up(warmed):
    assert warmed.moved(warmed.alphas)[:STEPS] == [False] * STEPS


def test_of_two_inner_steps_the_first_moves_alpha(warmed):
    assert warmed.moved(warmed.alphas)[STEPS:] == [True, False] * 2


def test_every_step_moves_the_weights(warmed):
    assert all(warmed.moved(warmed.weights))


def test_the_loss_of_alpha_is_noted_once_alpha_moves(warmed):
    first, second = (logs["alpha_loss"] for logs in warmed.logs)
    assert (first == 0) and (second > 0)


def test_the_learning_rate_follows_the_cosine(warmed):
    method = warmed.method
    expected = [
        schedule.cosine(e, 2, method.learning_rate, method.learning_rate_min)
        for e in range(2)
    ]
    assert warmed.rates == pytest.approx(expected, rel=1e-6)


def test_each_half_of_a_step_is_traced_once(warmed):
    """Whether or not a step moves alpha."""
    halves = warmed.search.train_function
    for half in (halves.alpha, halves.weights):
        assert half.experimental_get_tracing_count() == 1


def test_halves_of_a_step_are_keras_s_step_of_both():
    """Whose graph has alpha's half and w's together; nor does a graph matter.

    In float64: the graphs may round float32 to either side of a kink.
    """
    ends = []
    for step in ("make_train_function", "keras", "eager"):
        search = bilevel.BilevelSearch(supernet(dtype="float64"))
        if step == "keras":
            search.train_function = search._make_function(search.train_step)
        else:
            search.make_train_function()
        data = tf.data.Dataset.from_tensors(tuple(batches("float64")))
        stream = iter(data.repeat())
        if step == "eager":
            search.run_eagerly = True
            logs = [search.train_step(next(stream)) for _ in range(3)]
        else:
            logs = [search.train_function(stream) for _ in range(3)]
        ends.append(copies(search.supernet.variables))
        ends[-1] += [float(log[name]) for log in logs for name in sorted(log)]
    for own, together, eager in zip(*ends, strict=True):
        np.testing.assert_allclose(own, together, rtol=1e-6, atol=1e-7)
        np.testing.assert_allclose(own, eager, rtol=1e-6, atol=1e-7)


def test_thawing_goes_on_as_if_never_frozen():
    """A frozen step is a step of the weights alone."""
    ends = []
    for frozen in (False, True):
        search = bilevel.BilevelSearch(untraced(supernet()))
        search.run_eagerly = True
        search.freeze_architecture(frozen)
        search.freeze_architecture(False)
        search.train_step(batches())
        ends.append(copies(search.supernet.variables))
    assert same(*ends)


# === What the schedule sets ===


def test_every_epoch_sets_what_the_method_schedules():
    flags = {
        "epochs": 4,
        "skip_dropout": (0.4,),
        "auxiliary_skip": True,
        "beta_decay": 10.0,
        "smoothing": 0.3,
        "relaxation": "gumbel",
    }
    search = bilevel.BilevelSearch(supernet(**flags))
    state = SimpleNamespace(
        method=search.method, stages=search.method.stages(), stage=0
    )
    callback = EachEpoch(state)
    callback.set_model(search)
    found = []
    for epoch in range(4):
        callback.on_epoch_begin(epoch)
        found.append(
            [
                float(search.supernet.skip_dropout_rate),
                float(search.supernet.auxiliary_weight),
                float(search.supernet.beta_decay_weight),
                float(search.smoothing_radius),
                float(search.supernet.temperature),
            ]
        )
    expected = [
        [
            *(0.4 * np.exp(-0.2 * e), 1 - e / 4, 10 * e / 4),
            *(0.03 + 0.27 * e / 4, 10 - 9.9 * e / 3),
        ]
        for e in range(4)
    ]
    np.testing.assert_allclose(found, expected, rtol=1e-6)


@pytest.mark.parametrize(
    ("limit", "skips", "epochs"), [(2, 2, 1), (2, 5, 1), (3, 2, 3), (0, 9, 3)]
)
def test_a_search_stops_when_skips_take_over(limit, skips, epochs):
    search = bilevel.BilevelSearch(supernet(epochs=3, stop_skips=limit))
    search.run_eagerly = True
    search.train_step = lambda data: {"loss": 1.0}
    assert len(Fitted(search, 3, skips).logs) == epochs


@pytest.mark.parametrize("name", ["loss", "alpha_loss", "val_loss"])
def test_a_search_that_has_diverged_stops_in_one_line(name):
    check_finite("epoch 1", {"loss": 2.3})
    with pytest.raises(UserError, match=f"^epoch 2: {name} is nan") as error:
        check_finite("epoch 2", {"loss": 2.3, name: float("nan")})
    assert "\n" not in str(error.value)


# === One step ===


def after_a_step(seed=0, radius=None, **flags):
    """A search after a step from the same start."""
    search = bilevel.BilevelSearch(untraced(supernet(**flags)), seed)
    search.run_eagerly = True
    if radius is not None:
        search.smoothing_radius.assign(radius)
    search.train_step(batches())
    return search


def first_moment(search):
    """Adam's, after one step: (1 - beta_1) times the gradient it was given."""
    moments = copies(search.alpha_optimizer.first)
    flat = np.concatenate([m.ravel() for m in moments])
    return flat / (1 - search.method.alpha_beta_1)


def test_the_gradient_of_alpha_is_clipped_to_a_norm_over_all_of_it():
    flags = {"method": "pc_darts", "partial_channels": 2}
    flags |= {"alpha_weight_decay": 0.0}
    free = first_moment(after_a_step(**flags))
    norm = np.linalg.norm(free)
    clipped = first_moment(after_a_step(alpha_clip=norm / 10, **flags))
    np.testing.assert_allclose(clipped, free / 10, rtol=1e-4)
    loose = first_moment(after_a_step(alpha_clip=norm * 10, **flags))
    np.testing.assert_allclose(loose, free, rtol=1e-6)


def test_smoothing_disturbs_the_steps_of_the_weights_alone():
    still = after_a_step(smoothing=0.3, radius=0.0)
    moved = after_a_step(smoothing=0.3, radius=0.3)
    assert same(
        copies(still.supernet.architecture.values()),
        copies(moved.supernet.architecture.values()),
    )
    assert same(*(copies(s.alpha_optimizer.variables) for s in (still, moved)))
    assert not same(
        *(copies(s.supernet.weight_variables) for s in (still, moved))
    )


def test_the_seed_decides_the_disturbance():
    ends = [
        copies(after_a_step(seed, 0.3, smoothing=0.3).supernet.variables)
        for seed in (1, 1, 2)
    ]
    assert same(ends[0], ends[1])
    assert not same(ends[1], ends[2])


def correlation(first, second):
    return np.corrcoef(np.ravel(first), np.ravel(second))[0, 1]


@pytest.mark.parametrize("method", ["darts", "fair_darts", "att_darts"])
def test_every_kind_of_cell_is_disturbed_by_noise_of_its_own(method):
    """Nor is it noise of the skips' dropout, which has the step's seed."""
    method = methods.get(method).with_flags({"alpha_deviation": 0.0})
    net = Supernet(method, input_shape=SHAPE, channels=2, cells=3, nodes=2)
    seed = tf.constant([3, 1], tf.int64)
    again, other = [3, 1], [3, 3]
    noise = {
        key: {
            kind: own["alphas"].numpy()
            for kind, own in net.relaxed(numbers, radius=0.05).items()
        }
        for key, numbers in (("", seed), ("again", again), ("other", other))
    }
    normal, reduce = noise[""]["normal"], noise[""]["reduce"]
    assert normal.std() > 0.01
    assert abs(correlation(normal, reduce)) < 0.5
    for kind, drawn in noise[""].items():
        np.testing.assert_array_equal(drawn, noise["again"][kind])
        assert abs(correlation(drawn, noise["other"][kind])) < 0.5
        dropout = tf.random.stateless_uniform(drawn.shape, seed)
        assert abs(correlation(drawn, dropout)) < 0.5


# === Second order of methods with losses and variables of their own ===

RATE, MOMENTUM, DECAY = 0.5, 0.9, 0.01


def losses(net, batch):
    """Mean cross-entropy of integer labels, by its definition."""
    images, labels = batch
    shares = tf.nn.softmax(net(images, training=True, seed=(0, 0)))
    return -tf.reduce_mean(tf.math.log(tf.gather(shares, labels, batch_dims=1)))


def validation_loss_one_step_ahead(net, train, valid, buffers):
    """L_valid(w - xi (mu v + dL_train/dw + lambda w), alpha) + L(alpha)."""
    weights = net.weight_variables
    start = copies(weights)
    with tf.GradientTape() as tape:
        loss = losses(net, train)
    gradients = tape.gradient(loss, [w.value for w in weights])
    for w, v, g in zip(weights, buffers, gradients, strict=True):
        w.assign_sub(RATE * (MOMENTUM * v + g + DECAY * w))
    loss = losses(net, valid) + net.architecture_loss()
    for w, value in zip(weights, start, strict=True):
        w.assign(value)
    return float(loss)


@pytest.mark.parametrize(
    ("method", "flags"),
    [
        ("darts", {"beta_decay": 3.0}),
        ("darts", {"relaxation": "gumbel"}),
        ("fair_darts", {}),
        ("att_darts", {}),
        ("pc_darts", {"partial_channels": 2}),
    ],
)
def test_exact_second_order_is_the_derivative_one_step_ahead(method, flags):
    """Along a random direction in all of the architecture's variables."""
    net = untraced(supernet(method, "float64", **flags))
    if net.beta_decay_weight is not None:
        net.beta_decay_weight.assign(3.0)
    random = np.random.default_rng(1)
    alphas = list(net.architecture.values())
    for alpha in alphas:
        alpha.assign(random.normal(size=alpha.shape))
    train, valid = batches("float64")
    buffers = [random.normal(size=w.shape) for w in net.weight_variables]
    directions = [random.normal(size=alpha.shape) for alpha in alphas]

    gradients = bilevel.architecture_gradients(
        net,
        train,
        valid,
        order=2,
        second_order="exact",
        learning_rate=RATE,
        momentum=MOMENTUM,
        weight_decay=DECAY,
        momentum_buffers={
            w.path: v
            for w, v in zip(net.weight_variables, buffers, strict=True)
        },
    )
    actual = sum(
        np.sum(gradients[name] * direction)
        for name, direction in zip(net.architecture, directions, strict=True)
    )

    # Small enough to cross no kink of a ReLU, large enough for float64.
    step, sides = 1e-6, []
    for sign in (1, -2):
        for alpha, direction in zip(alphas, directions, strict=True):
            alpha.assign_add(sign * step * direction)
        sides.append(validation_loss_one_step_ahead(net, train, valid, buffers))
    expected = (sides[0] - sides[1]) / (2 * step)
    assert actual == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("method", ["fair_darts", "att_darts"])
def test_a_small_finite_difference_approaches_the_exact_derivative(method):
    net = untraced(supernet(method, "float64"))
    train, valid = batches("float64")
    exact, near = (
        bilevel.architecture_gradients(
            net, train, valid, order=2, second_order=way, epsilon=1e-5
        )
        for way in ("exact", "finite_difference")
    )
    for name, gradient in exact.items():
        np.testing.assert_allclose(near[name], gradient, rtol=1e-4, atol=1e-8)
