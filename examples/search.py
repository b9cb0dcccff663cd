"""DARTS in one page: from images to a genotype, in about a minute on a CPU.

The paper is arXiv:1806.09055; its weight decay is left out. `python -m
tfnas.search` has all methods, checkpoints and a report.
"""

import keras
import tensorflow as tf

import tfnas

EPOCHS, BATCH = 4, 64

# === Images: one half trains the weights w, the other alpha ===

digits = tfnas.data.load("digits")
halves = tfnas.data.search_halves(digits)
steps = tfnas.data.steps_per_epoch(len(halves[0]), BATCH)
batches = tfnas.data.search_stream(
    digits, halves, batch_size=BATCH, epochs=EPOCHS, seed=0
)

# === The supernet: every edge mixes all operations, weighed by alpha ===


class Search(keras.Model):
    """Each step moves alpha on one half of the images, then w on the other."""

    def __init__(self, supernet):
        super().__init__()
        self.supernet = supernet
        self.alpha_optimizer = keras.optimizers.Adam(3e-3, beta_1=0.5)

    def train_step(self, data):
        """One step on a batch of either half."""
        train, valid = data

        # alpha descends the validation loss (equation 3, w as it is).
        gradients = tfnas.bilevel.architecture_gradients(
            self.supernet, train, valid
        )
        self.alpha_optimizer.apply_gradients(
            (gradients[name], alpha)
            for name, alpha in self.supernet.architecture.items()
        )

        # w descends the training loss (equation 4).
        images, labels = train
        weights = self.supernet.weight_variables
        with tf.GradientTape() as tape:
            logits = self.supernet(images, training=True)
            loss = self.compute_loss(y=labels, y_pred=logits)
        self.optimizer.apply_gradients(
            zip(tape.gradient(loss, weights), weights, strict=True)
        )
        for metric in self.metrics:
            values = [loss] if metric.name == "loss" else [labels, logits]
            metric.update_state(*values)
        return self.get_metrics_result()


keras.utils.set_random_seed(0)
supernet = tfnas.Supernet(
    "darts", input_shape=digits.image_shape, channels=4, cells=3
)
search = Search(supernet)
search.compile(
    keras.optimizers.SGD(
        keras.optimizers.schedules.CosineDecay(0.025, EPOCHS * steps),
        momentum=0.9,
        global_clipnorm=5.0,
    ),
    keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    metrics=["accuracy"],
    jit_compile=False,
)
search.fit(batches, epochs=EPOCHS, steps_per_epoch=steps, shuffle=False)

# === The genotype: what is left when the strongest operations alone stay ===

genotype = supernet.derive()
tfnas.drawing.render(genotype, "genotype.svg")
with open("genotype.json", "w") as file:
    file.write(genotype.to_json())
print(genotype)

network = tfnas.build_network(
    genotype, input_shape=digits.image_shape, channels=16, cells=8
)
print(f"{network.count_params():,} weights, to be trained: network.fit(...)")
