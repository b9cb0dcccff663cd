"""A search's records of every epoch, and their files."""

import json

import keras
import numpy as np

from tfnas.runs import contents


class History:
    """Losses, architecture variables and genotypes, epoch by epoch.

    `save` writes `history.csv`, `alphas.npz` and `genotypes.json` of a run;
    `state` and `restore` carry it through a checkpoint.
    """

    def __init__(self):
        self.rows = []
        self.genotypes = []
        self.arrays = {}

    def start_stage(self, stage, supernet):
        """Note a stage's candidates and its architecture before training."""
        for kind, operations in supernet.operations.items():
            self.arrays[f"stage{stage}/operations_{kind}"] = np.array(
                operations
            )
        self._add_architecture(stage, supernet)

    def add(self, stage, epoch, supernet, values):
        """Note a finished epoch: stages count from 0, epochs from 1.

        `values` are {column of history.csv: value}.
        """
        genotype = supernet.derive()
        counts = genotype.operation_counts()
        # NAS-Bench-201's one cell keeps the map as a normal cell does.
        columns = {"normal": "normal", "reduce": "reduce", "cell": "normal"}
        skips = {
            f"skips_{column}": counts[kind].get("skip_connect", 0)
            for kind, column in columns.items()
            if kind in counts
        }
        row = {"stage": stage, "epoch": epoch, **values, **skips}
        self.rows.append(row)
        self.genotypes.append(
            {"stage": stage, "epoch": epoch, "genotype": genotype.to_dict()}
        )
        self._add_architecture(stage, supernet)

    def _add_architecture(self, stage, supernet):
        for name, variable in supernet.architecture.items():
            key = f"stage{stage}/{name}"
            value = keras.ops.convert_to_numpy(variable)[None]
            earlier = self.arrays.get(key)
            self.arrays[key] = (
                value if earlier is None else np.concatenate([earlier, value])
            )

    def save(self, run):
        """Write the files of a run, given its `Folder`."""
        columns = contents.SEARCH_COLUMNS + contents.OPTIONAL_COLUMNS
        run.write_rows(contents.HISTORY, columns, self.rows)
        run.write_arrays(contents.ALPHAS, self.arrays)
        run.write(contents.GENOTYPES, json.dumps(self.genotypes) + "\n")

    def state(self):
        """(arrays, JSON-ready values) for a checkpoint."""
        arrays = {f"history/{k}": v for k, v in self.arrays.items()}
        return arrays, {"rows": self.rows, "genotypes": self.genotypes}

    def restore(self, arrays, values):
        """Take over what `state` returned."""
        self.rows, self.genotypes = values["rows"], values["genotypes"]
        self.arrays = {
            name.removeprefix("history/"): array
            for name, array in arrays.items()
            if name.startswith("history/")
        }
