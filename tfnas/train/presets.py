"""The values of `--preset`: changes of the papers' recipe."""

# Short trainings of small networks underfit, so they leave out what regularises
# 600 epochs. "small" stays below 0.2 M parameters for the published cells, and
# within an hour on two cores for 50,000 images of 32 pixels with P-DARTS's
# cell, whose epoch took 7.5 CPU minutes.
_SHORT = {
    "drop_path": 0.0,
    "auxiliary": 0.0,
    "learning_rate": 0.05,
    "halves": "stratified",
}
PRESETS = {
    "paper": {},
    # DARTS's `cnn/train_imagenet.py`; P-DARTS differs in batch_size=1024,
    # learning_rate=0.5, schedule="linear" and warmup_epochs=5.
    "imagenet": {
        "channels": 48,
        "cells": 14,
        "stem": "imagenet",
        "epochs": 250,
        "batch_size": 128,
        "learning_rate": 0.1,
        "schedule": "exponential",
        "weight_decay": 3e-5,
        "drop_path": 0.0,
        "cutout": 0,
        "label_smoothing": 0.1,
        "augmentation": "imagenet",
    },
    "small": {
        **_SHORT,
        "channels": 12,
        "cells": 6,
        "epochs": 15,
        "cutout": 8,
        "warmup_epochs": 1,
    },
    "quick": {
        **_SHORT,
        "channels": 8,
        "cells": 5,
        "epochs": 30,
        "batch_size": 64,
        "cutout": 2,
        "warmup_epochs": 1,
    },
    # What small networks learn CIFAR-10 with in ten epochs: docs/recipe.md has
    # the sources. The peak of the rate is twice the rate of "small", scaled by
    # the batch (Goyal et al., arXiv:1706.02677): 2 * 0.05 * 192 / 96.
    "fast": {
        **_SHORT,
        "channels": 16,
        "cells": 5,
        "epochs": 15,
        "batch_size": 192,
        "learning_rate": 0.2,
        "schedule": "one_cycle",
        "warmup_epochs": 3,
        "nesterov": True,
        "norm_bias_rate": 16.0,
        "average_weights": 0.995,
        "whitening": True,
        "sizes": (0.5, 0.75, 1.0),
        "flips": "alternate",
        "crop_padding": 2,
        "cutout": 0,
        "label_smoothing": 0.1,
        "test_views": 6,
    },
}
