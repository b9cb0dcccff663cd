"""What a comparison calls its searches: a method, and values of its own.

`fair_darts+alpha_learning_rate=0.006` is Fair DARTS with another learning rate;
a colon stands for a comma, which parts the methods of a list.
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
    """The name of a run's folder; those of `tfnas.sweep` have the same."""
    return f"{label}{_end(dataset, seed)}".replace("/", "_")


def of_folder(name, what, data_name):
    """What `folder_name` was given; the run's method if another named it.

    `what` is what the run was asked for, `data_name` what it calls its data.
    """
    for dataset in (data_name, what["dataset"]):
        end = _end(dataset, what["seed"]).replace("/", "_")
        if name.endswith(end):
            return name.removesuffix(end)
    return what.get("method", what.get("name"))


def _end(dataset, seed):
    return f"_{dataset}_seed{seed}"
