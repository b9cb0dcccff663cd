"""Two methods on NAS-Bench-201's space, from several seeds."""

# %% [markdown]
# # Two methods on NAS-Bench-201's space, with seeds
#
# NAS-Bench-201 has 15,625 cells, and its authors trained them all: what a
# search finds can be looked up. One search proves little, as another seed
# finds another cell. So each method runs from several seeds, and a mean comes
# with its spread.

# %%
from collections import Counter

import numpy as np

import tfnas
from tfnas.compare import lookup
from tfnas.spaces.nasbench201 import to_string

# %% [markdown]
# ## Settings
#
# `METHODS` gives each method a name and its flags: `"decay": {"method":
# "darts", "beta_decay": 5}` would be a third. `DATA` says what is searched on.
# digits show that the page runs; for a result take `{"dataset": "cifar10"}`
# and the values of the comparison that the zoo keeps. A run needs a new
# folder.
#
# `TABLE` is a CSV of the benchmark with the columns `arch`, `cifar10`,
# `cifar100` and `imagenet16_120`, or the folder of its official files. tfnas
# does not ship it. Without a table the page shows the cells and their cost,
# but no accuracies.

# %%
FOLDER = "runs/notebook_two_methods"
METHODS = {
    "darts": {"method": "darts"},
    "fair_darts": {"method": "fair_darts"},
}
SEEDS = (0, 1, 2)
DATA = {"dataset": "digits"}
SEARCH = {"channels": 8, "cells": 3, "epochs": 12}
TABLE = None

# %% [markdown]
# ## Search
#
# All searches share data, size and epochs, so that only the method and the
# seed differ.

# %%
found = {}
for name, method in METHODS.items():
    for seed in SEEDS:
        found[name, seed] = tfnas.run_search(
            space="nasbench201",
            seed=seed,
            out=f"{FOLDER}/{name}_seed{seed}",
            **method,
            **DATA,
            **SEARCH,
        ).genotype

# %% [markdown]
# ## The cells
#
# The benchmark writes a cell as one line. Skip connections that take over are
# the known way in which DARTS collapses, so count them.

# %%
for (name, seed), genotype in found.items():
    counts = genotype.operation_counts()["cell"]
    print(f"{name}, seed {seed}: {counts.get('skip_connect', 0)} of 6 skips")
    print(f"  {to_string(genotype)}")
    cost = tfnas.cost.network_cost(genotype, channels=16, cells=15)
    print(f"  {cost.parameters:,} weights")

# %% [markdown]
# ## What the benchmark says
#
# With a table each cell gets the test accuracy of the network that the
# benchmark's authors trained, and its rank. Means of few seeds need their
# deviation beside them.

# %%
if TABLE:
    benchmark = lookup.read(TABLE)
    for name in METHODS:
        places = [benchmark.place(found[name, seed]) for seed in SEEDS]
        cifar10 = np.array([place.accuracies["cifar10"] for place in places])
        spread = cifar10.std(ddof=1) if len(SEEDS) > 1 else 0.0
        print(f"{name}: {cifar10.mean():.2f} ± {spread:.2f} % on CIFAR-10")
        print("  ranks:", ", ".join(f"{place.rank:,}" for place in places))
else:
    distinct = Counter(map(to_string, found.values()))
    print(f"{len(distinct)} distinct cells from {len(found)} searches")

# %% [markdown]
# ## Go on
#
# `tfnas compare` does this with more methods, with random search beside them,
# a test of the gain, a picture and a table:
#
#     tfnas compare --methods=darts,fair_darts,random \
#       --seeds=0,1,2 --space=nasbench201 --out=runs/bench
#
# The zoo keeps such comparisons, with the commands that made them.
