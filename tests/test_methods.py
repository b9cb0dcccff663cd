"""A method's values: presets, flags, and what cannot be."""

import dataclasses

import pytest

from tfnas import methods
from tfnas.choice import fields
from tfnas.cli import command
from tfnas.errors import UserError
from tfnas.methods.method import Method
from tfnas.search import SearchConfig, resolve

ALL = [methods.get(name) for name in methods.names()]


def each(values):
    return pytest.mark.parametrize("method", values, ids=lambda m: m.name)


# === Names ===


def test_a_method_is_known_by_its_file_name():
    assert "darts" in methods.names()
    assert not {"method", "__init__"} & set(methods.names())
    assert all(methods.get(name).name == name for name in methods.names())


def test_a_method_stands_for_itself():
    mine = Method(name="mine", title="Mine", paper="none")
    assert methods.get(mine) is mine


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("dart", "did you mean darts?"),
        ("DARTS", "did you mean darts?"),
        ("zzz", "choose from"),
        ("", "choose from"),
        ("../darts", "did you mean darts?"),
        ("method", "--method=method: no such method"),
        (None, "--method=None: no such method"),
    ],
)
def test_an_unknown_method_is_refused_with_advice(name, advice):
    with pytest.raises(UserError) as error:
        methods.get(name)
    assert advice in str(error.value)


# === Presets ===


@each(ALL)
def test_a_method_says_what_it_is_and_has_both_presets(method):
    assert method.title
    assert method.paper
    assert {"paper", "quick"} <= method.presets.keys()


@each(ALL)
def test_every_preset_is_sound(method):
    for preset in method.presets:
        method.with_preset(preset).check()


@each(ALL)
def test_the_quick_preset_is_the_shorter_one(method):
    def epochs(preset):
        changed = method.with_preset(preset)
        return changed.epochs * len(changed.cells)

    assert epochs("quick") < epochs("paper")


@each(ALL)
def test_only_the_quick_preset_splits_by_class(method):
    halves = {x: method.with_preset(x).halves for x in method.presets}
    assert halves.pop("quick") == "stratified"
    assert set(halves.values()) == {"index"}


@each(ALL)
def test_a_preset_leaves_the_method_as_it_was(method):
    before = method.values()
    method.with_preset("quick")
    assert method.values() == before
    with pytest.raises(dataclasses.FrozenInstanceError):
        method.epochs = 1


def test_an_unknown_preset_is_refused_by_name():
    with pytest.raises(UserError, match=r"--preset=slow: darts has .*quick"):
        methods.get("darts").with_preset("slow")


def test_the_paper_s_values_of_darts():
    """Section 3.1 and A.1 of DARTS (arXiv:1806.09055)."""
    darts = methods.get("darts").with_preset("paper")
    assert (
        darts.values()
        | {
            "nodes": 4,
            "channels": 16,
            "cells": (8,),
            "epochs": 50,
            "batch_size": 64,
            "learning_rate": 0.025,
            "momentum": 0.9,
            "weight_decay": 3e-4,
            "alpha_learning_rate": 3e-4,
            "alpha_beta_1": 0.5,
            "alpha_weight_decay": 1e-3,
        }
        == darts.values()
    )
    assert len(darts.operations) == 8


def test_drnas_has_the_stages_of_its_code():
    """Its scripts for searches on the spaces darts and nasbench201."""

    def stages(preset):
        method = methods.get("drnas").with_preset(preset)
        return [
            (s.cells, s.operations_kept, s.partial_channels, s.epochs)
            for s in method.stages()
        ]

    assert stages("paper") == [(20, 7, 6, 25), (20, 4, 4, 25)]
    assert stages("bench201") == [(15, 5, 4, 50), (15, 3, 2, 50)]
    drnas = methods.get("drnas")
    for stage in drnas.stages():
        assert drnas.of_stage(stage).partial_channels == stage.partial_channels


@pytest.mark.parametrize("preset", ["paper", "bench201"])
def test_gdas_has_the_values_of_its_code(preset):
    """`configs` and `scripts-search` of AutoDL-Projects."""
    gdas = methods.get("gdas").with_preset(preset)
    tau = gdas.temperature, gdas.temperature_min
    assert (gdas.relaxation, tau) == ("gumbel_hard", (10, 0.1))
    assert (gdas.learning_rate, gdas.learning_rate_min) == (0.025, 0.001)
    assert (gdas.weight_decay, gdas.alpha_weight_decay) == (5e-4, 1e-3)
    assert (gdas.alpha_learning_rate, gdas.alpha_beta_1) == (3e-4, 0.5)
    size = {"paper": (250, 256, (8,)), "bench201": (240, 64, (15,))}
    assert (gdas.epochs, gdas.batch_size, gdas.cells) == size[preset]


# === Values ===


@each(ALL)
def test_values_are_what_the_flags_would_set(method):
    values = method.values()
    assert values.keys() == {field.name for field in fields(Method)}
    assert method.with_flags(values) == method
    arguments = [
        f"--{name}={command.show(value)}"
        for name, value in values.items()
        if value is not None
    ]
    given = {k: v for k, v in values.items() if v is not None}
    assert command.parse(["search", *arguments], Method) == given


def test_no_flag_belongs_to_the_method_and_the_run_alike():
    run, method = (
        {field.name for field in fields(config)}
        for config in (SearchConfig, Method)
    )
    assert not run & method


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"epochs": 0}, "--epochs=0: use 1 or more"),
        ({"batch_size": -1}, "--batch_size=-1: use 1 or more"),
        ({"channels": 0}, "--channels=0: use 1 or more"),
        ({"nodes": 0}, "--nodes=0: use 1 or more"),
        ({"cells": (2,)}, "--cells=2: use 3 or more"),
        ({"cells": (8, 1)}, "--cells=8,1: use 3 or more"),
        ({"cells": ()}, "--cells=: "),
        ({"learning_rate": -0.1}, "--learning_rate=-0.1: use 0 or more"),
        ({"order": 3}, "--order=3: choose from 1, 2"),
        ({"space": "dart"}, "--space=dart: choose from darts"),
        (
            {"relaxation": "hard"},
            "--relaxation=hard: choose from softmax, sigmoid, gumbel, "
            "gumbel_hard, dirichlet",
        ),
    ],
)
def test_a_value_that_cannot_be_is_named(values, message):
    with pytest.raises(UserError) as error:
        methods.get("darts").with_flags(values)
    assert str(error.value).startswith(message)


# === With a command's flags ===


def test_a_flag_goes_over_the_preset_and_the_preset_over_the_method():
    _, plain = resolve({})
    assert plain == methods.get("darts").with_preset("quick")
    _, method = resolve({"epochs": 3})
    assert method == dataclasses.replace(plain, epochs=3)
    _, method = resolve({"preset": "paper"})
    assert method.epochs == 50


def test_the_folder_is_named_after_the_search():
    config, _ = resolve({"dataset": "cifar10", "seed": 7})
    assert config.out == "runs/darts_cifar10_seed7"
    config, _ = resolve({"out": "here"})
    assert config.out == "here"


@pytest.mark.parametrize("seed", [-1, 2**31])
def test_a_seed_out_of_range_is_refused(seed):
    with pytest.raises(UserError, match=f"--seed={seed}: use 0 to 2147483647"):
        resolve({"seed": seed})


def test_the_decisive_flags_are_those_that_change_the_result():
    def decisive(**given):
        config, method = resolve(given)
        return config.decisive(method)

    first = decisive(out="a", resume=True, tensorboard=True)
    assert first == decisive(out="b")
    for changed in ({"seed": 1}, {"dataset": "cifar10"}, {"image_size": 16}):
        assert decisive(**changed) != first
