"""The schedules: values that change with the epoch (survey, section 3.3).

Every function is a closed form of the epoch, counted from 0, so a resumed run
needs no schedule state: it asks for the epoch at which it continues.
"""

import dataclasses
import math

from tfnas.errors import UserError


@dataclasses.dataclass(frozen=True)
class Stage:
    """One stage of a search; P-DARTS has three, DrNAS two.

    Attributes:
        cells: depth of the supernet.
        operations_kept: candidates on each edge during the stage.
        epochs: length of the stage.
        warmup_epochs: the first epochs, which train the weights alone.
        skip_dropout: initial dropout rate of the identity skips, 0 to 1.
        partial_channels: K; 1/K of the channels enter the mixed operation.

    Raises:
        UserError: if a value is out of its range.

    Example:

    ```python
    Stage(cells=5, operations_kept=8, epochs=25, warmup_epochs=10)
    ```
    """

    cells: int
    operations_kept: int
    epochs: int
    warmup_epochs: int = 0
    skip_dropout: float = 0.0
    partial_channels: int = 1

    def __post_init__(self):
        counts = ("cells", "operations_kept", "epochs", "partial_channels")
        for name in counts:
            if getattr(self, name) < 1:
                raise UserError(f"{name}={getattr(self, name)}: use 1 or more")
        if self.warmup_epochs < 0:
            raise UserError(
                f"warmup_epochs={self.warmup_epochs}: use 0 or more"
            )
        if not 0 <= self.skip_dropout < 1:
            raise UserError(
                f"skip_dropout={self.skip_dropout}: use a rate from 0 up to, "
                "but not including, 1"
            )


def cosine(epoch, epochs, initial, minimum=0.0):
    """Learning rate of the network weights, constant within an epoch.

    The minimum is the limit after the last epoch, which trains slightly
    above it. Source: Loshchilov and Hutter, SGDR (2017), without restarts,
    as used by all four methods.

    Args:
        epoch: index of the epoch, from 0.
        epochs: number of epochs.
        initial: learning rate of epoch 0.
        minimum: learning rate that would follow the last epoch.

    Returns:
        The learning rate.

    Example:

    ```python
    cosine(25, 50, initial=0.025, minimum=0.001)  # 0.013, half way
    ```
    """
    swing = (1 + math.cos(math.pi * epoch / epochs)) / 2
    return minimum + (initial - minimum) * swing


def exponential(epoch, initial, decay=0.97):
    """Learning rate of DARTS's and Att-DARTS's ImageNet training.

    Args:
        epoch: index of the epoch, from 0.
        initial: learning rate of epoch 0.
        decay: factor from each epoch to the next.

    Source: DARTS's code, `cnn/train_imagenet.py`.

    Example: `exponential(1, 0.1)` is 0.097.
    """
    return initial * decay**epoch


LINEAR_TAIL = 5


def linear(epoch, epochs, initial):
    """Learning rate of P-DARTS's ImageNet training.

    It falls linearly towards 0 at five epochs before the end, then starts
    again at a fifth of the last slope's height for the last five.

    Args:
        epoch: index of the epoch, from 0.
        epochs: number of epochs, more than 5.
        initial: learning rate of epoch 0.

    Source: P-DARTS's code, `train_imagenet.py`.

    Example: `linear(122, 250, 0.5)` is 0.251.
    """
    slope = epochs - LINEAR_TAIL
    if epoch < slope:
        return initial * (slope - epoch) / slope
    return initial * (epochs - epoch) / (LINEAR_TAIL * slope)


def one_cycle(done, rising, highest):
    """Learning rate that rises linearly and falls linearly to 0.

    Args:
        done: the share of the training that is done, 0 to 1.
        rising: the share during which it rises.
        highest: its peak.

    Source: Smith, "A disciplined approach to neural network hyper-parameters"
    (2018, arXiv:1803.09820), section 4, in the form of Page, "How to train your
    ResNet" (2018): both sides are straight and the end is 0.

    Example: `one_cycle(0.6, 0.2, highest=0.4)` is 0.2.
    """
    if done < rising:
        return highest * done / rising
    return highest * (1 - done) / (1 - rising)


def warm_up(epoch, epochs, rate):
    """Learning rate of the first epochs, which rises step by step.

    Args:
        epoch: index of the epoch, from 0 and below `epochs`.
        epochs: for how many epochs it rises.
        rate: the learning rate of the last of them.

    Source: P-DARTS's code, 5 epochs for batches above 256.

    Example: `warm_up(0, 5, 0.5)` is 0.1.
    """
    return rate * (epoch + 1) / epochs


def drop_path(epoch, epochs, largest):
    """Rate of drop path, which grows with the epochs but stays below its end.

    Args:
        epoch: index of the epoch, from 0.
        epochs: number of epochs.
        largest: the rate that would follow the last epoch.

    Source: NASNet's schedule in DARTS's code, `cnn/train.py`.

    Example: `drop_path(300, 600, 0.2)` is 0.1.
    """
    return largest * epoch / epochs


def is_warmup(epoch, stage):
    """Whether alpha stays frozen in this epoch of a stage.

    P-DARTS trains the weights alone for the first 10 of 25 epochs of every
    stage. The survey says two; this follows the authors' code.

    Args:
        epoch: index of the epoch within the stage, from 0.
        stage: a `Stage`.

    Returns:
        True while only the network weights are trained.

    Example:

    ```python
    is_warmup(9, Stage(5, 8, epochs=25, warmup_epochs=10))  # True
    ```
    """
    return epoch < stage.warmup_epochs


def skip_dropout(epoch, stage):
    """Dropout rate of the identity skips of a P-DARTS stage.

    It falls linearly while alpha is frozen, returns to the initial rate with
    the first architecture step and decays exponentially from there, so that
    skips are held back exactly when the competition begins. Source: P-DARTS
    (Chen et al., 2019), section 3.3; the decay is the authors' code.

    Args:
        epoch: index of the epoch within the stage, from 0.
        stage: a `Stage`.

    Returns:
        The dropout rate.

    Example:

    ```python
    skip_dropout(10, Stage(11, 5, 25, warmup_epochs=10, skip_dropout=0.4))
    # 0.4
    ```
    """
    if is_warmup(epoch, stage):
        return stage.skip_dropout * (stage.epochs - epoch - 1) / stage.epochs
    return stage.skip_dropout * math.exp(-0.2 * (epoch - stage.warmup_epochs))


def surviving_operations(weights, operations, keep, *, final=False):
    """The operations of each edge that the next stage searches among.

    The weakest are dropped one by one, of equal ones the first. Source: Chen
    et al., P-DARTS (2019), section 3.2, search space approximation.

    Args:
        weights: (edges, operations) mixing weights at the end of a stage.
        operations: names of the columns of each edge.
        keep: how many operations stay on an edge.
        final: whether this is the last stage, which drops `none` first; the
            stages before let it compete.

    Returns:
        Tuple of a tuple of names per edge, in their previous order.

    Raises:
        UserError: if the edges do not have `keep` operations.

    Example:

    ```python
    surviving_operations([[0.5, 0.2, 0.3]], [("none", "a", "b")], keep=2)
    # (("none", "b"),)
    ```
    """
    import numpy as np  # here, as flags import this module and must be quick

    scores = np.asarray(weights, np.float64)
    candidates = scores.shape[1]
    if not 1 <= keep <= candidates:
        raise UserError(
            f"keep={keep}: use 1 to {candidates}, the operations of an edge"
        )
    if final:
        scores = np.where(np.asarray(operations) == "none", -np.inf, scores)
    order = np.argsort(scores, axis=1, kind="stable")
    kept = np.sort(order[:, candidates - keep :], axis=1)
    return tuple(
        tuple(names[column] for column in columns)
        for names, columns in zip(operations, kept, strict=True)
    )


def linear_decay(epoch, epochs):
    """Weight of the auxiliary skip that DARTS- adds to every edge.

    It falls from 1 in the first epoch to 0 after the last. Source: DARTS- (Chu
    et al., 2021), not checked against the authors' code.

    Args:
        epoch: index of the epoch, from 0.
        epochs: number of epochs.

    Returns:
        The weight, above 0 and at most 1.

    Example:

    ```python
    linear_decay(25, 50)  # 0.5
    ```
    """
    return 1 - epoch / epochs


def perturbation(epoch, epochs, initial=0.03, final=0.3):
    """Radius of the perturbation of the mixing weights in SmoothDARTS.

    Source: SDARTS (Chen and Hsieh, 2020); the values are the authors' code.

    Args:
        epoch: index of the epoch, from 0.
        epochs: number of epochs.
        initial: radius in epoch 0.
        final: radius that would follow the last epoch.

    Returns:
        Epsilon, the largest change of one mixing weight.

    Example:

    ```python
    perturbation(25, 50)  # 0.165
    ```
    """
    return initial + (final - initial) * epoch / epochs


def temperature(epoch, epochs, initial=10.0, final=0.1):
    """Temperature of the Gumbel-softmax, which falls linearly.

    Source: GDAS (Dong and Yang, 2019); the values, and that the last epoch has
    the final one, are the authors' code, `exps/NAS-Bench-201-algos/GDAS.py`.

    Args:
        epoch: index of the epoch, from 0.
        epochs: number of epochs.
        initial: temperature of epoch 0.
        final: temperature of the last epoch.

    Returns:
        tau, above 0.

    Example: `temperature(99, 100)` is 0.1.
    """
    return initial + (final - initial) * epoch / max(epochs - 1, 1)
