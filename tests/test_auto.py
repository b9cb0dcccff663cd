"""From images to an exported network: rules, plans, rounds, the end.

Plans are made here of measurements with known answers; two slow tests run the
whole way in its own processes.
"""

import dataclasses
import itertools
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from trained_runs import write_training

import tfnas
from tfnas import baseline, cost, search, spaces, train, zoo
from tfnas.auto import (
    budget,
    cells,
    page,
    plan,
    predict,
    rounds,
    rules,
    trained,
    words,
)
from tfnas.auto import config as auto_config
from tfnas.auto.clock import Clock
from tfnas.auto.config import AutoConfig
from tfnas.auto.ending import compared
from tfnas.auto.predict import Measured, Seen
from tfnas.auto.rules import COMPARED_FROM
from tfnas.errors import UserError

ROOT = Path(__file__).parents[1]
SEEN = Seen(
    images=50_000,
    test_images=10_000,
    classes=10,
    most=0.1,
    rarest=0.1,
    height=32,
    width=32,
    channels=3,
    image_size=None,
    cores=2,
    memory=16_000_000_000,
)
FEW = dataclasses.replace(
    SEEN, images=1437, test_images=360, height=8, width=8, channels=1
)
MEASURED = Measured(
    rung=1,
    seconds=40.0,
    start=10.0,
    search_trace=15.0,
    search_step=1.0,
    trace=6.0,
    step=0.5,
    small_step=0.15,
)


def planned(seen=SEEN, measured=MEASURED, out="runs/x", **flags):
    return plan.make(AutoConfig(out=out, **flags), seen, measured)


# === Rules ===


def test_every_topic_ends_with_a_row_that_always_holds():
    for topic in rules.topics():
        *bounded, last = [row for row in rules.TABLE if row.topic == topic]
        assert not last.of
        assert all(row.of for row in bounded)
        bounds = [(row.of, row.below) for row in bounded]
        assert bounds == sorted(bounds)


def test_the_rules_cover_every_case():
    seconds = (1e-3, 0.1, 5, 1e4)
    cases = itertools.product((20, 4_000, 10**6), seconds, (1, 50))
    names = {frozenset(rules.values(rules.Case(*case))) for case in cases}
    (every,) = names
    assert every >= {"method", "batch_size", "image_size", "class_weights"}


def test_every_row_has_a_reason_and_evidence_that_exists():
    for row in rules.TABLE:
        assert row.reason
        if row.evidence != rules.UNMEASURED:
            assert (ROOT / row.evidence).is_file()


def test_the_ladder_rises():
    costs = [
        predict.multiply_adds(rung, SEEN, {"method": "darts"})
        for rung in range(len(rules.LADDER))
    ]
    for lower, higher in itertools.pairwise(costs):
        assert lower < higher
        assert lower[0] <= higher[0]
    most = [r.values["rung"] for r in rules.TABLE if "rung" in r.values]
    assert max(most) == len(rules.LADDER) - 1


# === Plans ===


@pytest.mark.parametrize("hours", [0.2, 0.5, 1, 3, 8])
@pytest.mark.parametrize("speed", [0.2, 1, 4])
@pytest.mark.parametrize("seen", [SEEN, FEW], ids=["many", "few"])
def test_a_plan_takes_its_time_or_says_that_it_ends_earlier(seen, speed, hours):
    slow = dataclasses.replace(
        MEASURED,
        search_step=MEASURED.search_step / speed,
        step=MEASURED.step / speed,
        small_step=MEASURED.small_step / speed,
    )
    try:
        made = planned(seen, slow, hours=hours)
    except UserError as error:
        assert hours < 1
        assert "too short" in str(error)
        return
    share = made.minutes / 60 / hours
    early = any("ends before the time" in note for note in made.notes)
    assert share <= budget.PLANNED + 1e-3
    assert share >= 0.75 or early
    assert sum(step.minutes for step in made.steps) <= made.minutes
    assert len(made.trainings) == (3 if hours >= COMPARED_FROM else 1)


def test_a_plan_with_a_known_answer():
    """On one rung, with no start-ups, shares and epochs follow by hand."""
    free = dataclasses.replace(
        MEASURED, seconds=0, start=0, search_trace=0, trace=0
    )
    values = rules.values(budget.case_of(FEW, 0.3)) | {"rung": 1}
    found = budget.filled(1, free, FEW, values, 0.3, compared=False)
    fixed = predict.export(free) + predict.ending(free)
    fixed += predict.training_start(free, FEW, values)
    room = 0.86 * 3600 * 0.3 - fixed
    epoch = 1437 * 0.5 / values["batch_size"]
    assert found.epochs == int(0.7 * room / epoch)
    left = room - found.epochs * epoch
    passes = int(left / (1437 / 2 * predict.pair(free)))
    assert found.search_epochs == min(25, passes)
    assert found.search_images == 1437


def test_trainings_differ_in_cell_and_width_alone():
    made = planned(hours=2)
    assert [step.kind for step in made.steps] == [
        "search",
        "train",
        "baseline",
        "train",
        "train",
    ]
    one, *others = (
        {k: v for k, v in s.flags.items() if k not in ("genotype", "out")}
        for s in made.trainings
    )
    assert others == [one, one]
    assert one["valid_images"] == 5_000
    assert planned(FEW, hours=0.2).trainings[0].flags["valid_images"] == 143


def test_little_memory_means_smaller_networks_and_says_so():
    usual = planned(hours=24)
    need = 1.2 * predict.memory(1, SEEN, {"method": "darts", "batch_size": 192})
    small = planned(dataclasses.replace(SEEN, memory=int(need)), hours=24)
    assert small.memory <= budget.ROOM * need < usual.memory
    assert small.network["multiply_adds"] < usual.network["multiply_adds"]
    assert any("GB" in note for note in small.notes)


def test_a_typed_image_size_is_not_chosen():
    topics = [c["topic"] for c in planned(hours=1).choices]
    typed = [c["topic"] for c in planned(hours=1, image_size=24).choices]
    assert {*topics} - {*typed} == {"largest image"}


def test_rare_classes_weigh_more():
    rare = dataclasses.replace(SEEN, most=0.9, rarest=0.02)
    made = planned(rare, hours=1)
    flags = [s.flags for s in made.steps if s.kind != "baseline"]
    assert {f["class_weights"] for f in flags} == {"balanced"}
    reasons = {c["topic"]: c["reason"] for c in made.choices}
    assert "rare classes" in reasons["class weights"]
    assert "class_weights" not in planned(hours=1).steps[0].flags


def test_a_time_that_is_too_short_is_refused_with_one_that_is_not():
    with pytest.raises(UserError, match="--hours=0.05: too short") as error:
        planned(hours=0.05)
    least = float(re.search(r"at least --hours=(.*)", str(error.value))[1])
    assert planned(hours=least).minutes / 60 <= least


def test_the_commands_take_a_plan_s_flags(tmp_path):
    made = planned(FEW, hours=1, out=str(tmp_path))
    resolve = {
        "search": search.resolve,
        "train": train.resolve,
        "baseline": baseline.resolve,
    }
    found = tmp_path / "search"
    found.mkdir()
    (found / "genotype.json").write_text(zoo.genotype("SNAS").to_json())
    (tmp_path / "random").mkdir()
    shutil.copy(found / "genotype.json", tmp_path / "random")
    widths = set()
    for step in made.steps:
        flags = cells.completed(made, step)
        flags = {
            k: tuple(v) if isinstance(v, list) else v for k, v in flags.items()
        }
        resolve[step.kind](flags)
        if step.fit in ("found", "random"):
            widths.add(flags["channels"])
    assert len(widths) == 1


def test_a_plan_is_read_as_it_was_written(tmp_path):
    made = planned(hours=2, out=str(tmp_path))
    made.write(tmp_path)
    again = plan.read(tmp_path)
    assert json.dumps(dataclasses.asdict(again)) == json.dumps(
        dataclasses.asdict(made)
    )
    assert plan.read(tmp_path / "none") is None
    assert 12 <= len(list(words.of_plan(again))) <= 20


# === Cells of equal cost ===


def random_genotype(seed):
    space, draw = spaces.get("darts"), random.Random(seed)
    chosen = {k: draw.choice(v) for k, v in space.choices().items()}
    return space.genotype(chosen)


@pytest.mark.parametrize("number", range(12))
def test_the_published_cell_costs_as_much_within_15_percent(number):
    genotype = random_genotype(number)
    channels, size = (
        (8, 12, 16)[number % 3],
        {"cells": 5, "input_shape": (32, 32, 3), "classes": 10},
    )
    target = cost.built_cost(genotype, channels=channels, **size).multiply_adds
    name, wide = cells.published(target, size)
    found = cost.built_cost(zoo.genotype(name), channels=wide, **size)
    assert abs(found.multiply_adds - target) <= 0.15 * target
    assert cells.published(target, size) == (name, wide)


def test_a_found_cell_s_width_is_the_nearest_within_bounds():
    made = planned(hours=1)
    size, usual = cells.size_of(made), made.network["channels"]
    target = made.network["multiply_adds"]
    typical = zoo.genotype(predict.TYPICAL)
    assert cells.found_width(typical, made.network, size) == usual
    for number in range(5):
        genotype = random_genotype(number)
        wide = cells.found_width(genotype, made.network, size)
        assert usual / 1.5 <= wide <= usual * 1.5
        distances = {
            other: abs(cells.multiply_adds(genotype, other, size) - target)
            for other in range(-int(-usual // 1.5), int(usual * 1.5) + 1)
        }
        assert distances[wide] == min(distances.values())


# === Going on ===


@pytest.fixture
def begun(tmp_path):
    """A folder with a plan for the folder `photos`."""
    photos = tmp_path / "photos"
    for name in ("train/a", "train/b"):
        (photos / name).mkdir(parents=True)
    given = {"dataset": "image_folder", "data_dir": str(photos), "hours": 1.0}
    out = tmp_path / "out"
    planned(out=str(out), **given).write(out)
    return out, photos


def test_the_same_command_takes_the_plan(begun):
    out, photos = begun
    config = auto_config.resolve({"out": str(out)})
    assert (config.data_dir, config.hours) == (str(photos), 1.0)
    other_way = os.path.join(photos, "train", os.pardir)
    typed = {"out": str(out), "data_dir": other_way, "hours": 3.0}
    assert auto_config.resolve(typed).hours == 3.0


@pytest.mark.parametrize(
    "flag", [{"dataset": "digits"}, {"data_dir": "."}, {"seed": 4}]
)
def test_other_images_than_the_plan_s_are_refused(begun, flag):
    (name,) = flag
    with pytest.raises(UserError, match=f"--{name}=.*: the plan in") as error:
        auto_config.resolve({"out": str(begun[0]), **flag})
    assert "choose another --out" in str(error.value)


def test_a_moved_folder_is_refused(begun, tmp_path):
    begun[0].rename(tmp_path / "moved")
    with pytest.raises(UserError, match="its plan was made for"):
        auto_config.resolve({"out": str(tmp_path / "moved")})


def test_a_folder_with_something_else_is_refused(tmp_path):
    (tmp_path / "thesis.tex").touch()
    with pytest.raises(UserError, match="holds 'thesis.tex' but no plan.json"):
        auto_config.resolve({"out": str(tmp_path)})


def test_a_folder_of_images_is_one_without_its_dataset_s_name(tmp_path):
    config = auto_config.resolve({"data_dir": str(tmp_path)})
    assert config.dataset == "image_folder"
    assert config.out == f"runs/auto_{tmp_path.name}"


def test_missing_libraries_are_said_before_the_start(tmp_path, monkeypatch):
    hidden = "tf2onnx"
    known = sys.modules["importlib.util"].find_spec
    monkeypatch.setattr(
        "importlib.util.find_spec",
        lambda name, *rest: None if name == hidden else known(name, *rest),
    )
    with pytest.raises(UserError, match="pip install 'tfnas.export.'"):
        auto_config.ready({"out": str(tmp_path / "x")})
    hidden = "keras_tuner"
    with pytest.raises(UserError, match="--hours=0.5: .*'tfnas.tune.'"):
        auto_config.ready({"out": str(tmp_path / "x"), "hours": 0.5})


def finish(step, held_out, loss=1.0, right=4):
    """A step's folder, as if its training had ended."""
    confusion = np.full((10, 10), 4) + np.diag([right] * 10)
    folder = write_training(Path(step.folder), confusion)
    history = (folder / "history.csv").read_text().splitlines()
    history[-1] = f"4,0.1,0.0,1.0,0.9,{loss},{held_out},7.5"
    (folder / "history.csv").write_text("\n".join(history) + "\n")
    (folder / "report.html").touch()
    config = json.loads((folder / "config.json").read_text())
    config["recipe"] |= step.flags | {"channels": 8}
    (folder / "config.json").write_text(json.dumps(config))


def test_a_second_round_trains_the_chosen_cell_longer(tmp_path):
    first = planned(FEW, hours=0.5, out=str(tmp_path))
    first.write(tmp_path)
    for step, held_out in zip(first.trainings, (0.5, 0.8, 0.7), strict=True):
        finish(step, held_out)
    config = AutoConfig(out=str(tmp_path), hours=2.0)
    before = first.trainings[1].flags
    second = rounds.next_plan(config, [first])
    (step,) = second.steps
    assert second.hours == 1.5
    assert step.fit == "random"
    assert step.flags["epochs"] > before["epochs"]
    assert step.flags["genotype"] == before["out"]
    assert step.folder == str(tmp_path / "round2" / "trained")
    assert step.flags["valid_images"] == before["valid_images"]
    second.write(tmp_path / "round2")
    assert len(rounds.plans(tmp_path)) == 2
    # The third searches with another seed, trains with the same.
    finish(step, 0.9)
    config = AutoConfig(out=str(tmp_path), hours=3.0)
    third = rounds.next_plan(config, [first, second])
    searching, training = third.steps
    assert searching.kind == "search"
    assert (searching.flags["seed"], training.flags["seed"]) == (2, 0)


def test_a_training_at_its_ceiling_is_followed_by_another_search(tmp_path):
    first = planned(FEW, hours=12, out=str(tmp_path))
    most = rules.values(budget.case_of(FEW, 12))["epochs"]
    assert first.trainings[0].flags["epochs"] == most
    for step in first.trainings:
        finish(step, 0.5)
    config = AutoConfig(out=str(tmp_path), hours=13.0)
    second = rounds.next_plan(config, [first])
    assert [step.kind for step in second.steps] == ["search", "train"]
    assert second.steps[0].flags["seed"] == 1


def test_all_rounds_test_the_images_that_the_first_search_listed(tmp_path):
    given = {"dataset": "image_folder", "data_dir": str(tmp_path / "photos")}
    made = planned(hours=0.4, out=str(tmp_path), test_share=0.3, **given)
    listed = tmp_path / "search" / "images.csv"
    listed.parent.mkdir()
    (listed.parent / "genotype.json").write_text(zoo.genotype("SNAS").to_json())
    listed.write_text("path,label,split\n")
    first, second = (cells.completed(made, step) for step in made.steps)
    assert first["test_share"] == 0.3
    assert second["data_csv"] == str(listed)
    assert second["test_share"] is None


def test_a_call_takes_images_in_one_way(tmp_path):
    pair = np.zeros((4, 8, 8, 1)), np.zeros(4, int)
    for data, flags, words_of in (
        (pair, {"dataset": "digits"}, "--dataset: leave it out"),
        ("photos", {"data_dir": "."}, "--data_dir: leave it out"),
        (pair, {}, "--out: missing"),
        (None, {"plan": True}, "--plan: works only on the command line"),
        (None, {"hour": 2}, "--hour: no such flag; did you mean --hours?"),
    ):
        with pytest.raises(UserError, match=re.escape(words_of)):
            tfnas.auto_search(data, **flags)


# === The choice ===


@pytest.mark.parametrize(
    ("ends", "chosen", "said"),
    [
        # (held-out accuracy, its loss, right of the test's) of the found, the
        # random, the published.
        (
            [(0.9, 1, 90), (0.8, 1, 4), (0.8, 1, 8)],
            "found",
            "The search paid: PDARTS",
        ),
        (
            [(0.9, 1, 9), (0.8, 1, 8), (0.7, 1, 4)],
            "found",
            "which gets 25.00 %, is within the intervals: it may be luck",
        ),
        (
            [(0.9, 1, 8), (0.8, 1, 9), (0.7, 1, 4)],
            "found",
            "did not pay here: on the test images a random cell gets",
        ),
        (
            [(0.8, 1, 90), (0.7, 1, 4), (0.9, 1, 8)],
            "published",
            "did not pay here: PDARTS, published was better",
        ),
        (
            [(1, 0.3, 90), (1, 0.2, 4), (1, 0.4, 8)],
            "random",
            "did not pay here: a random cell was better",
        ),
    ],
)
def test_held_out_images_choose_and_the_report_says_what_it_gained(
    tmp_path, ends, chosen, said
):
    made = planned(FEW, hours=0.5, out=str(tmp_path))
    for step, (held_out, loss, right) in zip(made.trainings, ends, strict=True):
        finish(step, held_out, loss, right)
        if step.fit == "published":
            path = Path(step.folder) / "genotype.json"
            path.write_text(zoo.genotype("PDARTS").to_json())
    found = trained.all_of([made])
    best = trained.best(found)
    assert best.fit == chosen
    assert said in page.verdict(found, best)


# === Time ===


def test_the_clock_adds_processes_and_leaves_restarts_out(tmp_path):
    clock = Clock(tmp_path)
    with clock.step("search"):
        time.sleep(0.3)
    clock = Clock(tmp_path)
    with clock.step("search", start=0.2):
        time.sleep(0.5)
    again = Clock(tmp_path)
    assert again.steps["search"] >= 0.7
    assert again.restart_seconds == 0.2
    assert again.seconds == pytest.approx(again.steps["search"] - 0.2)


# === Answers ===


def test_answers_are_compared_by_class_and_logits():
    ours = [[1.0, 2.0], [3.0, 0.0]]
    same = compared(ours, ours, [1, 1])
    assert (same["agree"], same["right"]) == (2, 1)
    theirs = [[1.0, 2.0], [3.1, 0.0]]
    assert compared(ours, theirs, [1, 1])["agree"] == 1


def test_the_answering_program_needs_neither_tfnas_nor_tensorflow(tmp_path):
    onnx = pytest.importorskip("onnx")
    helper, kind = onnx.helper, onnx.TensorProto.FLOAT
    graph = helper.make_graph(
        [
            helper.make_node(
                "ReduceMean", ["image"], ["logits"], axes=[1, 2], keepdims=0
            )
        ],
        "means",
        [helper.make_tensor_value_info("image", kind, [None, 4, 4, 3])],
        [helper.make_tensor_value_info("logits", kind, [None, 3])],
    )
    opset = helper.make_opsetid("", 17)
    model = helper.make_model(graph, opset_imports=[opset], ir_version=8)
    onnx.save(model, tmp_path / "net.onnx")
    images = np.random.default_rng(0).uniform(0, 255, (10, 4, 4, 3))
    np.save(tmp_path / "images.npy", images.astype(np.float32))
    program = ROOT / "tfnas" / "auto" / "answers.py"
    names = [tmp_path / n for n in ("net.onnx", "images.npy", "out.json")]
    done = subprocess.run(
        [sys.executable, "-I", program, *names],
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads((tmp_path / "out.json").read_text())
    assert found["foreign"] == []
    assert np.allclose(found["logits"], images.mean((1, 2)), rtol=1e-5)
    assert done.stdout.count("image ") == 10


def test_arrays_become_files_with_the_same_pixels(tmp_path):
    from tfnas import data
    from tfnas.auto import given_images

    draw = np.random.default_rng(0)
    images = draw.integers(0, 256, (12, 6, 5, 3)).astype(np.uint8)
    labels = np.arange(12) % 3
    names = ("a", "b", "c")
    folder = given_images.write(tmp_path, (images, labels), classes=names)
    read = data.load("image_folder", data_dir=folder)
    assert read.classes == names
    parts = (read.train, read.test)
    theirs = {
        (int(label), bytes(image.tobytes()))
        for part in parts
        for image, label in zip(part.images, part.labels, strict=True)
    }
    assert theirs == {
        (int(label), image.tobytes())
        for image, label in zip(images, labels, strict=True)
    }


# === The whole way ===


def command_in(folder, *flags):
    return subprocess.Popen(
        [sys.executable, "-m", "tfnas.auto", "--out=out", *flags],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def ended(folder, *flags):
    process = command_in(folder, *flags)
    said, _ = process.communicate(timeout=1800)
    assert process.returncode == 0, said
    return said


def short_plan(folder, monkeypatch):
    """Write a plan with few epochs; returns its bytes."""
    monkeypatch.chdir(folder)
    made = planned(FEW, out="out", hours=0.25, dataset="digits")
    few = {
        "search": {"epochs": 2, "warmup_epochs": 1, "channels": 4},
        "train": {"epochs": 3, "warmup_epochs": 1},
    }
    steps = tuple(
        dataclasses.replace(step, flags=step.flags | few[step.kind])
        for step in made.steps
    )
    network = made.network | {"channels": 8}
    network["multiply_adds"] = cells.multiply_adds(
        zoo.genotype(predict.TYPICAL), 8, cells.size_of(made)
    )
    dataclasses.replace(made, steps=steps, network=network).write("out")
    return Path("out", "plan.json").read_bytes()


@pytest.mark.slow
def test_digits_go_the_whole_way(tmp_path):
    said = ended(tmp_path, "--dataset=digits", "--hours=0.08")
    out = tmp_path / "out"
    summary = json.loads((out / "summary.json").read_text())
    assert summary["answers"]["agree"] == 10
    assert summary["chosen"]["test_accuracy"] > 0.5
    assert "Test accuracy of the found cell" in said
    page = (out / "report.html").read_text()
    for words_there in ("What was chosen and why", "docker run", "tfnas.train"):
        assert words_there in page
    assert (out / "export" / "digits.onnx").is_file()
    assert (out / "export" / "digits" / "1" / "saved_model.pb").is_file()
    # Again, it only says the same.
    plan_before = (out / "plan.json").read_bytes()
    again = ended(tmp_path)
    assert "Epoch" not in again
    assert (out / "plan.json").read_bytes() == plan_before


@pytest.mark.slow
def test_three_kills_leave_the_same_files(tmp_path, monkeypatch):
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    for folder in (whole, killed):
        folder.mkdir()
        before = short_plan(folder, monkeypatch)
    ended(whole)
    draw = random.Random(0)
    for _ in range(3):
        process = command_in(killed)
        try:
            process.communicate(timeout=draw.uniform(20, 60))
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
    ended(killed)
    assert (killed / "out" / "plan.json").read_bytes() == before
    for name in ("search", "trained"):
        for file in ("genotype.json", "last.safetensors", "best.safetensors"):
            path = whole / "out" / name / file
            if path.is_file():
                other = killed / "out" / name / file
                assert path.read_bytes() == other.read_bytes(), other
    results = [
        json.loads((folder / "out" / "summary.json").read_text())
        for folder in (whole, killed)
    ]
    assert results[1]["restart_seconds"] > 0
    for name in ("chosen", "trainings", "majority_share", "answers"):
        assert results[0][name] == results[1][name]
    # An export names the nodes of its graph in any order.
    one, two = (f / "out" / "answers" / "onnx.json" for f in (whole, killed))
    assert one.read_bytes() == two.read_bytes()
