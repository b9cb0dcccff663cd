"""The training step beside a plain second form of it."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import tfnas
from tfnas import zoo
from tfnas.bilevel import supervised
from tfnas.train.recipe import Recipe


def test_label_smoothing_is_cross_entropy_with_smoothed_labels():
    random = np.random.default_rng(0)
    logits, labels = random.normal(size=(6, 5)), random.integers(0, 5, 6)
    targets = 0.9 * np.eye(5)[labels] + 0.1 / 5
    logs = logits - np.log(np.exp(logits).sum(1, keepdims=True))
    found = supervised.cross_entropies(labels, tf.constant(logits), 0.1)
    np.testing.assert_allclose(found, -(targets * logs).sum(1), rtol=1e-12)
    plain = supervised.cross_entropies(labels, tf.constant(logits))
    np.testing.assert_allclose(plain, -logs[range(6), labels], rtol=1e-12)


@pytest.mark.parametrize("clip", [100.0, 0.05])
def test_two_steps_are_the_authors_sgd(clip):
    """Clip the gradient, add L2, v = mu v + g, w = w - rate v."""
    recipe = Recipe(learning_rate=0.1, gradient_clip=clip, label_smoothing=0.2)
    keras.utils.set_random_seed(0)
    network = tfnas.build_network(
        zoo.genotype("DARTS_V2"),
        input_shape=(8, 8, 1),
        channels=2,
        cells=3,
        auxiliary=True,
    )
    again = keras.models.clone_model(network)
    again.set_weights(network.get_weights())
    random = np.random.default_rng(0)
    images = random.normal(size=(2, 8, 8, 8, 1)).astype("f4")
    labels = random.integers(0, 10, (2, 8))
    training = supervised.SupervisedTraining(network, recipe)
    for batch in zip(images, labels, strict=True):
        training.train_step(batch)

    smoothed = keras.losses.CategoricalCrossentropy(
        from_logits=True, label_smoothing=0.2
    )
    weights = [v.value for v in again.trainable_variables]
    buffers = [0.0 for _ in weights]
    for x, y in zip(images, labels, strict=True):
        with tf.GradientTape() as tape:
            out, one_hot = again(x, training=True), tf.one_hot(y, 10)
            loss = smoothed(one_hot, out["logits"])
            loss += 0.4 * smoothed(one_hot, out["auxiliary"])
        gradients = tape.gradient(loss, weights)
        gradients, norm = tf.clip_by_global_norm(gradients, clip)
        assert (norm > clip) == (clip < 1)
        for index, gradient in enumerate(gradients):
            total = gradient + 3e-4 * weights[index]
            buffers[index] = 0.9 * buffers[index] + total
            weights[index].assign_sub(0.1 * buffers[index])
    for one, two in zip(
        network.get_weights(), again.get_weights(), strict=True
    ):
        np.testing.assert_allclose(one, two, rtol=2e-3, atol=2e-5)
