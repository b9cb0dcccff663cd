"""Labels of a comparison's searches: a method and its own values.

`fair_darts+alpha_learning_rate=0.006` is Fair DARTS with another learning rate;
a colon stands for a comma, which separates the methods of a list.
"""


def method(label):
    """The method or baseline of a label."""
    return label.partition("+")[0]


def own_flags(label):
    """The label's own values, as flags to type."""
    return [f"--{own.replace(':', ',')}" for own in label.split("+")[1:]]


def own_names(label):
    """The names of the label's own values."""
    return {own.partition("=")[0] for own in label.split("+")[1:]}


def folder_name(label, dataset, seed):
    """The name of a run's folder, the same in `tfnas.sweep`."""
    return f"{label}{_end(dataset, seed)}".replace("/", "_")


def of_folder(name, what, data_name):
    """The label in a folder's name, or the run's method without one.

    `what` are the run's flags, `data_name` is its name for its data.
    """
    for dataset in (data_name, what["dataset"]):
        end = _end(dataset, what["seed"]).replace("/", "_")
        if name.endswith(end):
            return name.removesuffix(end)
    return what.get("method", what.get("name"))


def _end(dataset, seed):
    return f"_{dataset}_seed{seed}"
