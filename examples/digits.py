"""Digits in five minutes: search, read, train, predict."""

# %% [markdown]
# # Digits in five minutes
#
# Search a cell, read what was found, train its network, and let it predict.
# The digits come with scikit-learn, so there is nothing to download.

# %%
from pathlib import Path

import numpy as np

import tfnas

# %% [markdown]
# ## Settings
#
# Every flag of `tfnas search` and `tfnas train` can stand here: `{"epochs": 3}`
# is shorter, `{"preset": "paper"}` has the authors' values. Alpha learns ten
# times as fast as in the paper, since a search of twelve epochs takes few
# steps. A run needs a new folder.

# %%
FOLDER = "runs/notebook_digits"
SEARCH = {"epochs": 12, "alpha_learning_rate": 3e-3}
TRAINING = {"epochs": 30}

# %% [markdown]
# ## Search
#
# The supernet holds every candidate operation on every edge. DARTS trains its
# weights on one half of the training images and alpha, the mixing weights of
# the operations, on the other half. The run ends with the cells that it found.

# %%
folder = Path(FOLDER)
found = tfnas.run_search(
    method="darts", dataset="digits", out=folder / "search", **SEARCH
)

# %% [markdown]
# ## Read the genotype
#
# The genotype lists the strongest operations: two edges into each node of the
# normal cell, which keeps the size of the map, and of the reduction cell,
# which halves it. `report.html` in the search's folder tells the same at
# length, with a warning if skip connections took over.

# %%
tfnas.drawing.render(found.genotype, folder / "cells.svg")
for cell, counts in found.genotype.operation_counts().items():
    print(cell, counts)
print("report:", found.folder / "report.html")

# %% [markdown]
# ## Read the alphas
#
# `alphas.npz` has alpha after every epoch. A softmax of a row gives the shares
# of the operations on that edge. Where the best one leads the second by less
# than 0.01, chance decided: search for more epochs.

# %%
history = np.load(found.folder / "alphas.npz")
alphas = history["stage0/alphas_normal"][-1]
names = history["stage0/operations_normal"]
shares = np.exp(alphas) / np.exp(alphas).sum(axis=1, keepdims=True)
for edge, (row, operations) in enumerate(zip(shares, names, strict=True)):
    second, best = np.sort(row)[-2:]
    name = operations[row.argmax()]
    print(f"edge {edge:2}: {name:13} {best:.3f}, leads by {best - second:.3f}")

# %% [markdown]
# ## Train
#
# The search's weights are thrown away. A network of the found cells is trained
# anew, and the test images are read once, at the end.

# %%
trained = tfnas.run_training(
    found.genotype, dataset="digits", out=folder / "training", **TRAINING
)
print(f"{100 * trained.accuracy:.1f} % of the test images are right")

# %% [markdown]
# ## Predict
#
# `trained.network` is a Keras model from images in 0..255 to logits. In
# another process, `tfnas.load` gives it back from its folder.

# %%
network = tfnas.load(trained.folder)
test = tfnas.data.load("digits").test
logits = network.predict(test.images[:8], verbose=0)
print("seen:", [network.classes[i] for i in logits.argmax(axis=1)])
print("true:", [network.classes[i] for i in test.labels[:8]])

# %% [markdown]
# ## Go on
#
# On the command line these are
#
#     tfnas search --method=darts --dataset=digits --out=runs/darts
#     tfnas train --genotype=runs/darts
#
# A result on digits shows that the tool runs, not that the method works: take
# Fashion-MNIST, CIFAR-10 or your own images for that.
