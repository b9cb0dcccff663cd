"""`python -m tfnas.build`: entries made, made again, and checked."""

import csv
import dataclasses
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

import tfnas
from tfnas import build, data
from tfnas.build import entries, rebuild, verify
from tfnas.build import results as table
from tfnas.build.accuracy import correct_images
from tfnas.build.card import render
from tfnas.build.drafts import card_file
from tfnas.errors import UserError
from tfnas.export.requirements import LIBRARIES
from tfnas.runs import recorded
from tfnas.runs.reading import read_run
from tfnas.train import TrainConfig
from tfnas.zoo import index
from tfnas.zoo.schema import Entry

ROOT = Path(__file__).parents[1]


def run(*arguments):
    return build.main(["build", *map(str, arguments)])


@pytest.fixture
def copy(tiny, tmp_path):
    return shutil.copytree(tiny.zoo, tmp_path / "zoo")


@pytest.fixture(scope="module")
def entry(tiny):
    return tfnas.zoo.entry(tiny.name, tiny.zoo)


# === An entry ===


def test_an_entry_says_what_the_run_measured(tiny, entry):
    summary = json.loads((tiny.run / "summary.json").read_text())
    assert entry.accuracy == summary["test_accuracy"]
    # Where it was trained, not where the entry was made.
    assert entry.training["machine"] == "1 core of another machine"
    assert entry.test["images"] == 360
    assert entry.parameters == summary["parameters"]
    model = tfnas.load(tiny.name, zoo=tiny.zoo)
    trainable = sum(w.shape.num_elements() for w in model.trainable_weights)
    assert trainable == entry.parameters
    assert entry.classes == tuple("0123456789")
    assert entry.image_shape == (8, 8, 1)


def test_its_commands_name_no_folder(entry):
    assert entry.training["command"] == (
        "python -m tfnas.train --genotype=tiny_digits --train_images=240 "
        "--channels=2 --cells=3 --epochs=1 --warmup_epochs=0"
    )
    # Its search is one of before there was a choice.
    command = "python -m tfnas.search --method=darts --seed=0 --halves=index"
    assert entry.search == {"command": command, "seed": 0, "hours": 0.025}


def test_its_card_has_the_front_matter_and_the_commands(tiny, entry):
    text = card_file(tiny.name, tiny.zoo).read_text()
    matter = re.match(r"---\n(.*?)\n---\n", text, re.DOTALL)[1]
    for line in (
        "license: apache-2.0",
        "library_name: tfnas",
        'datasets:\n- "digits"',
        "metrics:\n- accuracy",
        f"      value: {100 * entry.accuracy:.2f}",
    ):
        assert line in matter
    for words in (
        entry.training["command"],
        entry.search["command"],
        entry.weights["sha256"],
        f"python -m tfnas.build --model={tiny.name}",
        "| learning_rate | 0.05 |",
        "## Limits",
    ):
        assert words in text


def test_its_row_stands_in_the_results(tiny, entry):
    with open(tiny.zoo / "results.csv", newline="") as file:
        (row,) = csv.DictReader(file)
    assert row["test_accuracy_percent"] == f"{100 * entry.accuracy:.2f}"
    assert row["source"] == entry.training["command"]
    assert row["method"] == entry.method == "darts"


def test_the_tables_keep_papers_apart_from_what_was_measured(
    entry, capsys, tiny
):
    run("--table", f"--zoo={tiny.zoo}")
    measured, papers = capsys.readouterr().out.split("\n\n")
    accuracy = f"{100 * entry.accuracy:.2f}"
    start = f"| `{entry.name}` | {accuracy} | 360 | {entry.parameters:,} |"
    assert start in measured
    assert measured.rstrip().endswith("| darts |")
    assert len(papers.splitlines()) == 2
    _, papers = table.markdown(tfnas.zoo.entries()).split("\n\n")
    assert "| `SNAS` | 2,661,382 | 422.2 M | 2.85 |" in papers


def at_random(folder):
    """A run's genotype, said to be drawn by lot."""
    for name in ("genotype.json", "config.json"):
        path = folder / name
        content = json.loads(path.read_text())
        of = content.get("genotype", content)
        of["provenance"] = {"method": "random", "seed": 3, "source": "a die"}
        path.write_text(json.dumps(content))
    return folder


def test_a_random_genotype_is_an_entry_that_says_so(tiny, tmp_path):
    folder = at_random(shutil.copytree(tiny.run, tmp_path / "run"))
    config = json.loads((folder / "config.json").read_text())
    config["command"][3] = f"--genotype={folder / 'genotype.json'}"
    (folder / "config.json").write_text(json.dumps(config))
    (tmp_path / "zoo").mkdir()
    flags = [f"--zoo={tmp_path}/zoo", "--export=false"]
    run(f"--run={folder}", *flags)
    (found,) = index.entries(tmp_path / "zoo")
    assert found.name == "random_seed3.digits_c2_l3"
    assert (found.method, found.search) == ("random", None)
    card = card_file(found.name, tmp_path / "zoo").read_text()
    assert "A random genotype, which no search found" in card
    assert "method random, seed 3, source a die" in card
    rows = (tmp_path / "zoo" / "results.csv").read_text()
    assert f"{found.name},measured here,random,digits," in rows
    assert "| no search |" in table.markdown([found])
    run("--verify", "--accuracy", f"--zoo={tmp_path}/zoo")


def test_attentions_in_another_method_are_in_the_name(tiny, tmp_path):
    folder = shutil.copytree(tiny.run, tmp_path / "run")
    plain = read_run(folder).genotype
    edges = plain.normal.edges
    attended = dataclasses.replace(edges[0], attention="cbam")
    normal = dataclasses.replace(plain.normal, edges=(attended, *edges[1:]))
    genotype = dataclasses.replace(plain, normal=normal)
    (folder / "genotype.json").write_text(genotype.to_json())
    name = entries._name(read_run(folder))
    assert name == "darts_att_digits.digits_c2_l3"


def test_a_name_follows_from_the_run(tiny, tmp_path):
    run(f"--run={tiny.run}", f"--zoo={tmp_path}", "--export=false")
    assert tfnas.list_models(zoo=tmp_path) == ["darts_digits.digits_c2_l3"]


# === Made again ===


def test_the_recorded_command_gives_the_same_weights(
    tiny, copy, tmp_path, capsys
):
    for library in LIBRARIES:
        pytest.importorskip(library)
    shutil.rmtree(copy / "cards")
    out = tmp_path / "out"
    run(f"--model={tiny.name}", f"--zoo={copy}", f"--out={out}")
    said = capsys.readouterr().out
    assert "the stored ones, bit for bit" in said
    assert (out / "export" / f"{tiny.name}.onnx").is_file()
    assert (out / "export" / tiny.name / "1" / "saved_model.pb").is_file()
    assert (out / "export" / "labels.txt").read_text().split()[9] == "9"
    one, two = (index.entries(folder) for folder in (copy, tiny.zoo))
    assert one[0].weights == two[0].weights and len(one) == 1
    run("--verify", f"--zoo={copy}")


@pytest.mark.parametrize("halves", [None, "stratified"])
def test_an_entry_of_before_halves_is_made_again_in_index_order(
    tiny, copy, tmp_path, monkeypatch, halves
):
    training = json.loads((copy / "index.json").read_text())["models"][0]
    training = training["training"]
    del training["recipe"]["halves"]
    if halves:
        training["recipe"]["halves"] = halves
    change_entry(copy, training=training)
    typed = []

    def stop(kind, given):
        typed.append(given)
        raise UserError("far enough")

    monkeypatch.setattr(rebuild, "_run", stop)
    flags = [f"--model={tiny.name}", f"--zoo={copy}", f"--out={tmp_path / 'x'}"]
    with pytest.raises(UserError, match="far enough"):
        run(*flags, "--export=false")
    assert typed[0].get("halves") == (None if halves else "index")
    assert typed[0]["dataset"] == "digits"


def test_a_build_that_was_stopped_goes_on(tiny, copy, tmp_path, capfd):
    for library in LIBRARIES:
        pytest.importorskip(library)
    out = tmp_path / "out"
    shutil.copytree(tiny.run, out / "train")
    # It was stopped after the export and before the entry was written.
    (out / "export").mkdir()
    (out / "export" / "rest").touch()
    flags = [f"--model={tiny.name}", f"--zoo={copy}", f"--out={out}"]
    with pytest.raises(UserError, match="holds train of another build"):
        run(*flags)
    run(*flags, "--resume")
    said = capfd.readouterr().out
    assert "Resuming after epoch 1." in said
    assert "the stored ones, bit for bit" in said
    assert (out / "export" / f"{tiny.name}.onnx").is_file()
    assert not (out / "export" / "rest").exists()


@pytest.mark.slow
def test_a_new_search_replaces_the_genotype(tiny, copy, tmp_path):
    content = json.loads((copy / "index.json").read_text())
    content["models"][0]["search"]["command"] = (
        "python -m tfnas.search --train_images=300 --channels=2 --cells=3 "
        "--nodes=1 --epochs=1 --batch_size=256"
    )
    (copy / "index.json").write_text(json.dumps(content))
    flags = [f"--model={tiny.name}", f"--zoo={copy}", f"--out={tmp_path}/out"]
    run(*flags, "--search", "--export=false")
    found = tfnas.zoo.genotype("tiny_digits", copy)
    assert found.normal.concat == (2,)
    assert tfnas.load(tiny.name, zoo=copy).output_shape == (None, 10)
    run("--verify", f"--zoo={copy}")


# === Refusals ===


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "--model: missing"),
        (["--model=../x"], "not a name of the zoo"),
        (["--model=/etc/passwd"], "not a name of the zoo"),
        (["--model=DARTS_V2"], "--model=DARTS_V2: has no training to repeat"),
        (["--model=DARTS_V3"], "did you mean"),
        (["--run=x", "--model=DARTS_V2"], "--model: leave out --run"),
        (["--run=x", "--verify"], "--run: leave out --verify"),
        (["--run=nowhere"], "--run=nowhere: no such folder"),
        (["--verify", "--table"], "--verify: leave out --table"),
        (["--verify", "--search"], "--search=true: is for --model"),
        (["--verify", "--name=x"], "--name=x: is for --run"),
        (["--run=x", "--accuracy"], "--accuracy=true: is for --verify"),
        (["--verify", "--zoo=nowhere"], "nowhere: no such folder"),
        (["--verfy"], "did you mean --verify?"),
    ],
)
def test_arguments_that_do_not_fit_are_one_line(arguments, message):
    with pytest.raises(UserError) as caught:
        run(*arguments)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def unfinished(folder):
    (folder / "summary.json").unlink()


def of_a_search(folder):
    path = folder / "config.json"
    path.write_text('{"method": {}}')


def another_recipe(folder):
    path = folder / "config.json"
    config = json.loads(path.read_text())
    config["recipe"]["epochs"] = 7
    path.write_text(json.dumps(config))


def other_classes(folder):
    path = folder / "config.json"
    config = json.loads(path.read_text())
    config["data"]["classes"] = ["cat", "dog"]
    path.write_text(json.dumps(config))


def better_than_measured(folder):
    path = folder / "summary.json"
    summary = json.loads(path.read_text())
    summary["test_correct"] += 1
    path.write_text(json.dumps(summary))


def of_an_earlier_version(folder):
    path = folder / "summary.json"
    summary = json.loads(path.read_text())
    del summary["machine"]
    path.write_text(json.dumps(summary))


def truncated_weights(folder):
    path = folder / "last.safetensors"
    path.write_bytes(path.read_bytes()[:-9])


def another_genotype(folder):
    path = folder / "genotype.json"
    path.write_text(path.read_text().replace("sep_conv_5x5", "sep_conv_3x3"))


def unknown_operation(folder):
    path = folder / "genotype.json"
    path.write_text(path.read_text().replace("sep_conv_5x5", "conv_9x9"))


@pytest.mark.parametrize(
    ("damage", "name", "message"),
    [
        (unfinished, None, "summary.json: missing; use a finished run"),
        (of_a_search, None, "not from tfnas.train"),
        (another_recipe, None, "epochs was 7, but its command gives 1"),
        (other_classes, None, "was trained on 2 classes"),
        (better_than_measured, None, "its summary says"),
        (of_an_earlier_version, None, "summary.json: has no machine"),
        (truncated_weights, None, "not a whole safetensors file"),
        (another_genotype, None, "its genotype is not the trained one"),
        (unknown_operation, None, "op: unknown operation 'conv_9x9'"),
        (None, "../x", "--name=../x: use ARCHITECTURE.DATASET_c"),
        (None, "tiny_digits", "--name=tiny_digits: use ARCHITECTURE.DATASET"),
        (
            None,
            "tiny_digits.digits_c3_l3",
            "channels and cells differ from the name",
        ),
    ],
)
def test_a_run_that_cannot_be_an_entry_changes_nothing(
    tiny, tmp_path, damage, name, message
):
    folder = shutil.copytree(tiny.run, tmp_path / "run")
    (tmp_path / "zoo").mkdir()
    if damage:
        damage(folder)
    flags = [f"--run={folder}", f"--zoo={tmp_path}/zoo", "--export=false"]
    with pytest.raises(UserError) as caught:
        run(*flags, f"--name={name or tiny.name}")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not [*(tmp_path / "zoo").iterdir()]


def test_a_name_taken_by_another_genotype_is_refused(tiny, copy):
    path = copy / "genotypes" / "tiny_digits.json"
    path.write_text(path.read_text().replace("sep_conv_5x5", "sep_conv_3x3"))
    flags = [f"--run={tiny.run}", f"--zoo={copy}", "--export=false"]
    with pytest.raises(UserError, match="is not the trained genotype"):
        run(*flags, f"--name={tiny.name}")


def test_a_command_s_folder_of_images_is_asked_for():
    typed = "python -m tfnas.train --genotype=runs/x --dataset=image_folder"
    words = [*typed.split(), "--data_dir=here/cifar", "--resume", "--out=x"]
    line = recorded.record(TrainConfig, words, "x_cifar10")
    assert line == (
        "python -m tfnas.train --genotype=x_cifar10 --dataset=image_folder "
        "--data_dir=DIR"
    )
    with pytest.raises(UserError, match="--data_dir: missing"):
        recorded.replay(TrainConfig, line)
    given = recorded.replay(TrainConfig, line, "there", out="run")
    assert given["data_dir"] == "there" and given["out"] == "run"


# === The whole zoo ===


def test_the_zoo_is_what_its_index_says(capsys):
    run("--verify")
    assert "all as recorded" in capsys.readouterr().out


def test_accuracies_are_measured_again(tiny, entry, capsys):
    run("--verify", "--accuracy", f"--zoo={tiny.zoo}")
    said = capsys.readouterr().out
    percent = f"{100 * entry.accuracy:.2f} %"
    assert f"{tiny.name}: {percent}, recorded {percent}" in said
    assert "1 entries, 1 with weights: all as recorded" in said


def test_images_in_files_are_measured_as_they_would_be_in_memory(tmp_path):
    """Of 224 pixels after the evaluation crop, unlike the files' own size."""
    from PIL import Image

    random = np.random.default_rng(0)
    for part in ("train", "test"):
        for label, name in enumerate(("dark", "light")):
            (tmp_path / part / name).mkdir(parents=True)
            for number in range(3):
                pixels = random.integers(0, 100, (40, 50, 3)) + 150 * label
                place = tmp_path / part / name / f"{number}.png"
                Image.fromarray(pixels.astype(np.uint8)).save(place)

    class Threshold:
        def __call__(self, images, training):
            assert images.shape[1:] == (32, 32, 3)
            light = tf.reduce_mean(images, (1, 2, 3)) - 127.5
            return tf.stack([-light, light], 1)

    for augmentation in ("cifar", "imagenet"):
        size = (str(tmp_path), 32, augmentation)
        dataset = data.load("image_folder", *size)
        assert correct_images(Threshold(), dataset, batch_size=4) == 6


def change_entry(folder, described=True, **fields):
    """The index says otherwise, and the card and results with it."""
    (entry,) = index.entries(folder)
    changed = Entry.from_dict({**entry.to_dict(), **fields})
    index.write([changed], folder)
    if described:
        genotype = tfnas.zoo.genotype(entry.architecture, folder)
        card = card_file(entry.name, folder)
        card.write_text(render(changed, genotype))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"parameters": 7}, "parameters=7, but"),
        ({"multiply_adds": 7}, "multiply_adds=7, but"),
        ({"method": "random"}, "method=random, but its genotype is of darts"),
        ({"weights": {"sha256": "0" * 64, "bytes": 7}}, "the index says 7"),
    ],
)
def test_a_wrong_figure_is_found(copy, capsys, fields, message):
    change_entry(copy, **fields)
    with pytest.raises(UserError, match="faults found: 1"):
        run("--verify", f"--zoo={copy}")
    assert message in capsys.readouterr().out


def test_a_wrong_accuracy_is_found_by_measuring(copy, entry, capsys):
    better = {**entry.test, "correct": entry.test["correct"] + 1}
    change_entry(copy, test=better)
    run("--verify", f"--zoo={copy}")
    with pytest.raises(UserError, match="faults found: 1"):
        run("--verify", "--accuracy", f"--zoo={copy}")
    assert f"says {better['correct']} of 360" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("results.csv", "differs from the results"),
        ("cards/tiny_digits.digits_c2_l3.md", "differs from the card"),
        ("weights/stray.safetensors", "no entry has this file"),
        ("genotypes/tiny_digits.json", "the index says"),
    ],
)
def test_a_changed_or_stray_file_is_found(copy, capsys, path, message):
    with open(copy / path, "a") as file:
        file.write("\n")
    with pytest.raises(UserError, match="faults found: 1"):
        run("--verify", f"--zoo={copy}")
    assert message in capsys.readouterr().out


def test_a_recipe_that_its_command_does_not_give_is_found(copy, capsys):
    (entry,) = index.entries(copy)
    recipe = {**entry.training["recipe"], "epochs": 600}
    change_entry(copy, training={**entry.training, "recipe": recipe})
    with pytest.raises(UserError):
        run("--verify", f"--zoo={copy}")
    assert "its command gives epochs=1" in capsys.readouterr().out


def test_a_zoo_too_large_for_a_wheel_is_found(copy, capsys, monkeypatch):
    monkeypatch.setattr(verify, "LARGEST", 100)
    with pytest.raises(UserError):
        run("--verify", f"--zoo={copy}")
    assert "more than 100" in capsys.readouterr().out


def test_help_and_errors_need_no_tensorflow():
    code = (
        "import sys\nfrom tfnas.build import main\n"
        "main(['build', '--help'])\n"
        "assert not {'tensorflow', 'keras', 'numpy'} & sys.modules.keys()\n"
        "main(['build', '--verify'])\n"
        "try:\n    main(['build', '--model=../x'])\n"
        "except ValueError:\n    pass\n"
        "assert not {'tensorflow', 'keras'} & sys.modules.keys()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT
    )
    assert (done.returncode, done.stderr) == (0, "")


# === Installed elsewhere ===


@pytest.mark.slow
def test_the_wheel_s_zoo_loads_in_an_empty_folder(tiny, tmp_path):
    names = ("source", "wheels", "site", "empty")
    source, wheels, target, empty = (tmp_path / name for name in names)
    empty.mkdir()
    for part in ("tfnas", "zoo"):
        shutil.copytree(ROOT / part, source / part)
    for part in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / part, source)
    # The project's zoo, and one network more.
    shutil.copytree(tiny.zoo, source / "zoo", dirs_exist_ok=True)
    both = [*tfnas.zoo.entries(), *tfnas.zoo.entries(tiny.zoo)]
    index.write(both, source / "zoo")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
    quiet = {"check": True, "capture_output": True}
    subprocess.run([*pip, "wheel", "--no-deps", "-w", wheels, source], **quiet)
    (wheel,) = wheels.iterdir()
    install = ["install", "--no-deps", "--target", target, wheel]
    subprocess.run([*pip, *install], **quiet)
    code = (
        "import tfnas\n"
        "names = tfnas.list_models(weights=True)\n"
        "print(tfnas.__file__, names)\n"
        "for name in names:\n    print(tfnas.load(name).output_shape)\n"
        "tfnas.build.main(['build', '--verify', '--accuracy'])\n"
    )

    def there(*arguments):
        return subprocess.run(
            [sys.executable, *arguments],
            capture_output=True,
            text=True,
            cwd=empty,
            env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(target)},
        )

    done = there("-c", code)
    assert done.returncode == 0, done.stderr
    assert str(target) in done.stdout
    assert tiny.name in done.stdout
    assert "all as recorded" in done.stdout
    # What is refused writes nothing, here or there.
    place = target / "tfnas" / "_zoo" / "weights"
    file = place / f"{tiny.name}.safetensors"
    file.write_bytes(file.read_bytes()[:-8])
    train = ["-m", "tfnas.train", "--genotype=tiny_digits", "--channels=2"]
    for arguments, message in (
        ((*train, f"--weights={tiny.name}"), "it is truncated or another file"),
        ((*train, "--weights=PDARTS"), "PDARTS: has no weights in the zoo"),
        (("-m", "tfnas.train", "--genotype=../x"), "nor in the zoo"),
        (("-m", "tfnas.build", "--model=../x"), "not a name of the zoo"),
        (
            ("-m", "tfnas.build", f"--run={tiny.run}"),
            "--zoo: give a folder; the installed zoo belongs to the package",
        ),
    ):
        done = there(*arguments)
        assert done.returncode == 1
        (line,) = done.stderr.splitlines()
        assert line.startswith("error: ") and message in line
    assert not [*empty.iterdir()]
