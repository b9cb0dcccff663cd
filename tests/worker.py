"""A command's worker, of which one also wants to know how it ends.

python tests/worker.py OUT.npz MODULE FLAG...
"""

import importlib
import sys

import numpy as np

from tfnas.cli.command import run
from tfnas.runs import resumable


def main(out, module, *flags):
    fit = resumable.Resumable.fit

    def fit_and_tell(self, *args, **kwargs):
        fit(self, *args, **kwargs)
        np.savez(out, **{k: v.numpy() for k, v in self.variables().items()})

    resumable.Resumable.fit = fit_and_tell
    run(importlib.import_module(f"tfnas.{module}").main, [module, *flags])


if __name__ == "__main__":
    main(*sys.argv[1:])
