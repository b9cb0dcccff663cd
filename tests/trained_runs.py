"""A training's folder, written without a training."""

import csv
import json

import numpy as np

from tfnas import zoo
from tfnas.runs.contents import TRAINING_COLUMNS
from tfnas.runs.parsing import confusion_text


def confusion_of(classes, seed=0, images=40):
    """Counts with a class that is always right and one that is never."""
    random = np.random.default_rng(seed)
    counts = np.zeros((classes, classes), int)
    for true in range(classes):
        skill = true / max(classes - 1, 1)
        for _ in range(images):
            right = random.random() < skill
            counts[true, true if right else random.integers(classes)] += 1
    counts[0, 1] += counts[0, 0]
    counts[0, 0] = 0
    return counts


def write_training(folder, confusion, names=None, epochs=4):
    """The files that a page of a training reads; returns the folder."""
    confusion = np.asarray(confusion)
    names = names or [f"class {i}" for i in range(len(confusion))]
    folder.mkdir(parents=True, exist_ok=True)
    images, correct = int(confusion.sum()), int(np.trace(confusion))
    config = {
        "command": ["python", "-m", "tfnas.train", "--seed=0"],
        "config": {"seed": 0, "dataset": "image_folder"},
        "recipe": {
            "channels": 8,
            "cells": 5,
            "epochs": epochs,
            "stem": "cifar",
        },
        "genotype": {},
        "data": {
            "name": "image_folder",
            "image_shape": [32, 32, 3],
            "classes": list(names),
            "train": 900,
            "valid": 0,
            "test": images,
        },
        "versions": {"keras": "3"},
    }
    summary = {
        "seconds": 90.0,
        "peak_memory_mb": 900,
        "parameters": 12_345,
        "multiply_adds": 1_234_567,
        "weights": "last",
        "epoch": epochs,
        "test_images": images,
        "test_correct": correct,
        "test_accuracy": correct / images,
    }
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "summary.json").write_text(json.dumps(summary))
    (folder / "genotype.json").write_text(zoo.genotype("DARTS_V2").to_json())
    text = confusion_text(names, confusion.tolist())
    (folder / "confusion.csv").write_text(text, encoding="utf-8")
    with (folder / "history.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(TRAINING_COLUMNS)
        for epoch in range(1, epochs + 1):
            shares = (2 / epoch, 1 - 0.5 / epoch, "", "")
            writer.writerow([epoch, 0.05 / epoch, 0.0, *shares, 7.5])
    return folder
