"""Values that cannot stand beside each other are refused in one line."""

import dataclasses

import pytest

from tfnas import methods
from tfnas.cli import command
from tfnas.errors import UserError
from tfnas.methods.method import Method
from tfnas.methods.rules import contradictions, unused
from tfnas.search import SearchConfig, resolve
from tfnas.spaces.attention import PLACEMENTS

# What one may type, and the flags that the answer has to name.
WRONG = [
    # === Values ===
    ("--operations=skip_connect,skip_connect", "operations"),
    ("--operations=none", "operations"),
    ("--momentum=1", "momentum"),
    ("--alpha_beta_1=1.5", "alpha_beta_1"),
    ("--learning_rate_min=0.1", "learning_rate_min learning_rate"),
    ("--gradient_clip=0", "gradient_clip"),
    # === The mobile space has no cells ===
    (
        "--space=mobile --derivation=pdarts --skip_limit=2",
        "skip_limit space",
    ),
    ("--space=mobile --stem=imagenet", "stem space"),
    ("--space=mobile --attention=end", "attention space"),
    ("--stem=imagenet --channels=3", "channels stem"),
    ("--space=mobile --partial_channels=4", "partial_channels space"),
    ("--space=mobile --edge_normalization", "edge_normalization space"),
    ("--space=mobile --auxiliary_skip", "auxiliary_skip space"),
    ("--space=mobile --budget_macs=300", "budget_macs space"),
    (
        "--space=mobile --cells=3,4 --operations_kept=5 --skip_dropout=0,0",
        "operations_kept space",
    ),
    ("--space=mobile --stop_skips=2", "stop_skips space"),
    (
        "--space=mobile --cells=3,4 --later_partial_channels=2",
        "later_partial_channels space",
    ),
    ("--space=mobile --keep_alpha", "keep_alpha space"),
    ("--method=drnas --space=mobile", "partial_channels space"),
    ("--space=mobile --skip_dropout=0.3", "skip_dropout space"),
    (
        "--method=fair_darts --space=mobile --derivation=threshold_edge",
        "derivation space",
    ),
    (
        "--space=mobile --operations=none,skip_connect",
        "operations space",
    ),
    ("--method=pdarts --space=mobile", "skip_limit space"),
    ("--method=att_darts --space=mobile", "attention space"),
    ("--method=pc_darts --space=mobile", "partial_channels space"),
    # === NAS-Bench-201 has one cell of its own ===
    ("--space=nasbench201 --operations=max_pool_3x3", "operations space"),
    ("--operations=nor_conv_3x3", "operations space"),
    ("--space=nasbench201 --nodes=4", "nodes space"),
    ("--space=nasbench201 --cells=8", "cells space"),
    ("--space=nasbench201 --stem=imagenet", "stem space"),
    ("--space=nasbench201 --budget_macs=300", "budget_macs space"),
    ("--space=nasbench201 --derivation=top2", "derivation space"),
    ("--derivation=strongest", "derivation space"),
    ("--method=att_darts --space=nasbench201", "attention space"),
    # === Part of the channels ===
    ("--partial_channels=3", "partial_channels channels"),
    ("--method=pc_darts --channels=6", "partial_channels channels"),
    (
        "--partial_channels=4 --attention=double_mixed",
        "attention partial_channels",
    ),
    (
        "--method=pc_darts --attention=mixed_with_operation",
        "attention partial_channels",
    ),
    (
        "--method=drnas --later_partial_channels=3",
        "later_partial_channels channels",
    ),
    (
        "--cells=3,4 --operations_kept=5 --skip_dropout=0,0 "
        "--later_partial_channels=2 --attention=double_mixed",
        "attention later_partial_channels",
    ),
    # === Relaxation ===
    ("--method=gdas --zero_one_weight=1", "zero_one_weight relaxation"),
    ("--relaxation=dirichlet --beta_decay=50", "beta_decay relaxation"),
    ("--method=gdas --dirichlet_kl=0.001", "dirichlet_kl relaxation"),
    (
        "--method=drnas --derivation=threshold_edge --threshold=0.5",
        "derivation relaxation",
    ),
    ("--method=gdas --smoothing=0.3", "smoothing relaxation"),
    ("--method=gdas --temperature=0", "temperature"),
    ("--method=gdas --temperature_min=0", "temperature_min"),
    ("--method=gdas --temperature_min=11", "temperature_min temperature"),
    ("--zero_one_weight=10", "zero_one_weight relaxation"),
    ("--method=fair_darts --beta_decay=50", "beta_decay relaxation"),
    (
        "--derivation=threshold_edge --threshold=0.5",
        "derivation relaxation",
    ),
    ("--method=fair_darts --relaxation=softmax", "zero_one_weight relaxation"),
    # === Stages ===
    ("--cells=3,4 --skip_dropout=0,0", "operations_kept cells"),
    ("--operations_kept=5", "operations_kept cells"),
    ("--method=pdarts --cells=5,7", "operations_kept cells"),
    ("--cells=5 --operations_kept=3", "operations_kept cells"),
    ("--cells=3,4 --operations_kept=5", "skip_dropout cells"),
    ("--skip_dropout=0,0.4,0.7", "skip_dropout cells"),
    (
        "--method=drnas --later_partial_channels=2,1",
        "later_partial_channels cells",
    ),
    ("--skip_dropout=1", "skip_dropout"),
    (
        "--cells=3,4 --skip_dropout=0,0 --operations_kept=9",
        "operations_kept operations",
    ),
    ("--method=pdarts --operations_kept=3,5", "operations_kept operations"),
    ("--warmup_epochs=12", "warmup_epochs epochs"),
    ("--epochs=1 --warmup_epochs=1", "warmup_epochs epochs"),
    # === Derivation ===
    (
        "--relaxation=sigmoid --derivation=threshold_node",
        "derivation threshold",
    ),
    ("--threshold=0.85", "threshold derivation"),
    (
        "--method=fair_darts --derivation=top2 --threshold=0.9",
        "threshold derivation",
    ),
    ("--skip_limit=2", "skip_limit derivation"),
    (
        "--method=pdarts --derivation=top2 --skip_limit=3",
        "skip_limit derivation",
    ),
    ("--space=mobile --derivation=perturbation", "derivation space"),
    (
        "--derivation=perturbation --budget_macs=300",
        "budget_macs derivation",
    ),
]

# Beside the other values nothing reads the first flag; some are the defaults.
IDLE = [
    ("--space=mobile --cells=8", "cells space"),
    ("--space=mobile --nodes=4", "nodes space"),
    ("--space=mobile --attention=none", "attention space"),
    ("--space=mobile --budget_weight=2", "budget_weight space"),
    ("--space=mobile --derivation=top2", "derivation space"),
    (
        "--operations=sep_conv_3x3,max_pool_3x3 --stop_skips=2",
        "stop_skips operations",
    ),
    ("--temperature=5", "temperature relaxation"),
    ("--method=drnas --temperature_min=0.2", "temperature_min relaxation"),
    ("--keep_alpha", "keep_alpha cells"),
    ("--second_order=exact", "second_order order"),
    (
        "--method=fair_darts --order=1 --second_order=exact",
        "second_order order",
    ),
    ("--zero_one_norm=l2", "zero_one_norm zero_one_weight"),
    ("--budget_weight=1", "budget_weight budget_macs"),
    ("--perturbation_epochs=1", "perturbation_epochs derivation"),
]


def given(flags):
    """{flag: value} as the command reads it."""
    return command.parse(["search", *flags.split()], SearchConfig, Method)


def unchecked(flags):
    """The method that the flags ask for, sound or not."""
    values = given(flags)
    method = methods.get(values.pop("method", "darts")).with_preset("quick")
    return dataclasses.replace(method, **values)


@pytest.mark.parametrize(("flags", "named"), [*WRONG, *IDLE])
def test_a_contradiction_is_refused_in_one_line_that_names_its_flags(
    flags, named
):
    with pytest.raises(UserError) as error:
        resolve(given(flags))
    message = str(error.value)
    assert "\n" not in message
    first, *others = named.split()
    assert message.startswith((f"--{first}=", f"--{first}: "))
    for name in others:
        assert f"--{name}" in message.removeprefix(f"--{first}")


def test_every_rule_has_a_case_here():
    broken = [
        [wrong for wrong, _ in contradictions(unchecked(flags))]
        for flags, _ in WRONG
    ]
    never = [
        message
        for (_, message), *cases in zip(
            contradictions(methods.get("darts")), *broken, strict=True
        )
        if not any(cases)
    ]
    assert never == []


def test_every_reason_to_refuse_an_idle_flag_has_a_case_here():
    met = set()
    for flags, _ in IDLE:
        met |= {
            why.partition("=")[0]
            for names, idle, why in unused(unchecked(flags))
            if idle and set(names) & set(given(flags))
        }
    every = [why for _, _, why in unused(methods.get("darts"))]
    assert {why.partition("=")[0] for why in every} <= met


@pytest.mark.parametrize("flags", [flags for flags, _ in IDLE])
def test_an_older_run_that_began_with_an_idle_flag_goes_on(flags):
    resolve({**given(flags), "resume": True})


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ("--attention=everywhere", " or ".join(PLACEMENTS)),
        ("--operations=skip_connect,se", "--operations=se: choose from none,"),
        ("--method=pc_dart", "did you mean pc_darts?"),
        ("--budget_macs=-1", "--budget_macs=-1.0: use 0 or more"),
        ("--tune_epochs=10", "--tune_epochs=10: --tune=0 makes no trials"),
        ("--inner_steps=0", "--inner_steps=0: use 1 or more"),
        ("--learning_rate=nan", "--learning_rate=nan: use a finite number"),
        (
            "--derivation=perturbation --select=best_proxy",
            "--select=best_proxy: --derivation=perturbation tests",
        ),
        (
            "--derivation=perturbation --select=early_stop --epochs=30",
            "--select=early_stop: --derivation=perturbation tests",
        ),
    ],
)
def test_a_value_that_cannot_be_is_refused_too(flags, message):
    with pytest.raises(UserError) as error:
        resolve(given(flags))
    assert "\n" not in str(error.value)
    assert message in str(error.value)


@pytest.mark.parametrize(
    "flags",
    [
        "--space=mobile",
        "--method=fair_darts --space=mobile",
        "--method=pdarts --attention=after_every",
        "--method=pdarts --attention=double_mixed",
        "--method=pc_darts --attention=after_every_and_end",
        "--method=pc_darts --beta_decay=50 --stop_skips=2 --auxiliary_skip",
        "--method=fair_darts --cells=3,4 --operations_kept=3 "
        "--skip_dropout=0,0.3",
        "--relaxation=sigmoid --derivation=threshold_edge --threshold=0.5 "
        "--zero_one_weight=1 --zero_one_norm=l1",
        "--smoothing=0.3 --budget_macs=300 --inner_steps=2 --order=2",
        "--operations=skip_connect --derivation=pdarts --skip_limit=0",
        "--method=gdas --order=2 --attention=after_every",
        "--method=pdarts --relaxation=gumbel --beta_decay=1 --smoothing=0.3",
        "--method=pc_darts --relaxation=dirichlet --dirichlet_kl=0.001",
        "--method=pdarts --keep_alpha --partial_channels=4 "
        "--later_partial_channels=2,1",
        "--relaxation=dirichlet --space=mobile",
        "--method=gdas --space=mobile",
        "--derivation=perturbation --perturbation_epochs=0",
        "--method=pc_darts --derivation=perturbation --auxiliary_skip",
        "--method=att_darts --derivation=perturbation --smoothing=0.3",
    ],
)
def test_a_mixture_that_can_be_is_let_through(flags):
    config, method = resolve(given(flags))
    assert method.values() == unchecked(flags).values()
    assert config.method == method.name
    assert len(method.stages()) == len(method.cells)


@pytest.mark.parametrize("rule", ["top2", "perturbation"])
@pytest.mark.parametrize("method", ["fair_darts", "pdarts"])
def test_another_rule_takes_along_what_only_the_method_s_own_reads(
    method, rule
):
    found = resolve(given(f"--method={method} --derivation={rule}"))[1]
    values = found.derivation, found.threshold, found.skip_limit
    assert values == (rule, None, None)


def test_perturbation_stays_where_a_method_moves_to_another_space():
    method = methods.get("darts").with_flags({"derivation": "perturbation"})
    moved = method.with_flags({"space": "nasbench201"})
    assert moved.derivation == "perturbation"
