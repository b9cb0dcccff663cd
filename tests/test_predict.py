"""`python -m tfnas.predict`: the network's answers, and what they amount to."""

import csv
import io
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import trained_runs
from PIL import Image

import tfnas
from tfnas import data, predict
from tfnas.errors import UserError
from tfnas.predict import contact_sheet
from tfnas.predict.config import split
from tfnas.predict.images import find
from tfnas.predict.run import reader

ROOT = Path(__file__).parents[1]
IMAGES = 30


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    """Folders of classes with the first test images of digits."""
    root = tmp_path_factory.mktemp("digits")
    test = data.load("digits").test
    for place in range(IMAGES):
        home = root / str(test.labels[place])
        home.mkdir(exist_ok=True)
        pixels = Image.fromarray(test.images[place, ..., 0])
        pixels.save(home / f"{place:02d}.png")
    return root


@pytest.fixture(scope="module")
def shares(tiny):
    """The probabilities of these images, by the network itself."""
    test = data.load("digits").test
    images = test.images[:IMAGES].astype("f4")
    logits = tfnas.load(tiny.run).predict(images, verbose=0)
    exponential = np.exp(logits - logits.max(1, keepdims=True))
    return exponential / exponential.sum(1, keepdims=True), test.labels[:IMAGES]


@pytest.fixture
def answered(tiny, capsys, tmp_path, monkeypatch):
    """From words to what the command prints, and its error."""
    monkeypatch.chdir(tmp_path)

    def run(*words):
        error, typed = None, [f"--run={tiny.run}", *map(str, words)]
        try:
            assert predict.main(["predict", *typed]) == 0
        except UserError as raised:
            error = str(raised)
        said = capsys.readouterr()
        return said.out, said.err, error

    return run


def test_json_has_the_network_s_probabilities(answered, digits, shares):
    out, _, error = answered(digits, "--json")
    assert error is None
    found = json.loads(out)
    expected, labels = shares
    assert len(found["images"]) == IMAGES
    for one in found["images"]:
        place = int(Path(one["file"]).stem)
        row = [one["probabilities"][str(n)] for n in range(10)]
        np.testing.assert_allclose(row, expected[place], atol=1e-5)
        assert one["label"] == str(labels[place])
        assert one["class"] == str(expected[place].argmax())
        assert one["probability"] == max(row)
    right = int((expected.argmax(1) == labels).sum())
    assert found["test"]["correct"] == right
    assert found["test"]["images"] == IMAGES
    assert found["test"]["accuracy"] == right / IMAGES


def test_csv_is_a_table_and_nothing_else(answered, digits, shares):
    out, err, _ = answered(digits, "--csv")
    rows = list(csv.DictReader(io.StringIO(out)))
    assert len(rows) == IMAGES
    for row in rows:
        expected = shares[0][int(Path(row["file"]).stem)]
        found = [float(row[str(n)]) for n in range(10)]
        np.testing.assert_allclose(found, expected, atol=1e-5)
        assert row["class"] == str(expected.argmax())
        assert Path(row["file"]).parent.name == row["label"]
    assert "Accuracy: " in err
    assert "Accuracy: " not in out


def test_text_has_the_likeliest_classes_first(answered, digits, shares):
    out, _, _ = answered(digits, "--top=2")
    expected, labels = shares
    right = int((expected.argmax(1) == labels).sum())
    assert (
        f"Accuracy: {100 * right / IMAGES:.2f} % ({right} of {IMAGES}: " in out
    )
    for place in range(IMAGES):
        (line,) = [x for x in out.splitlines() if f"/{place:02d}.png: " in x]
        best, second, *rest = np.argsort(-expected[place])
        words = line.partition(": ")[2]
        assert words.startswith(f"{best} {100 * expected[place, best]:.1f} %, ")
        wrong = f"; wrong: it is {labels[place]}"
        assert (wrong in words) == (best != labels[place])
        assert words.count(" %") == 2


def test_without_folders_of_classes_there_is_no_accuracy(answered, digits):
    file = next(digits.rglob("*.png"))
    out, err, error = answered(file)
    assert error is None
    assert len(out.splitlines()) == 1
    assert not err
    assert not list(Path().iterdir())
    assert "test" not in json.loads(answered(file, "--json")[0])


def test_the_contact_sheet_shows_the_surest_mistakes(answered, digits, shares):
    from tfnas.predict.run import Prediction, surest_mistakes

    out, _, _ = answered(digits)
    assert "Most confident mistakes: mistakes.png" in out
    with Image.open("mistakes.png") as sheet:
        assert sheet.format == "PNG"
        assert min(sheet.size) > 200
    labels = tuple(map(str, range(10)))
    images = {image.path: image for image in find([digits], labels)}
    found = [
        Prediction(image, shares[0][int(Path(path).stem)], labels)
        for path, image in images.items()
    ]
    wrong = [
        (row.max(), label)
        for row, label in zip(*shares, strict=True)
        if row.argmax() != label
    ]
    shown = surest_mistakes(found, 5)
    expected = sorted((share for share, _ in wrong), reverse=True)[:5]
    np.testing.assert_allclose([one.probability for one in shown], expected)
    assert all(one.named != one.image.label for one in shown)


def test_any_picture_and_name_fits_on_a_sheet(tmp_path):
    """Wide, high, gray, see-through; names with formulas and other letters."""
    from tfnas.predict import contact_sheet
    from tfnas.predict.images import Image as File
    from tfnas.predict.run import Prediction

    random = np.random.default_rng(0)
    kinds = [(), (2,), (3,), (4,)]  # gray, with alpha, in colour, with alpha
    found = []
    for place in range(7):
        shape = [(4, 900), (900, 4), (50, 60)][place % 3]
        whole = (*shape, *kinds[place % 4])
        pixels = random.integers(0, 256, whole, np.uint8)
        path = tmp_path / f"$x_{place}$ 猫{'long' * 40}.png"
        Image.fromarray(pixels).save(path)
        image = File(str(path), "$a^b$")
        found.append(Prediction(image, np.array([0.1, 0.9]), ("$a^b$", "犬")))
    contact_sheet.draw(found, tmp_path / "sheet.png")
    with Image.open(tmp_path / "sheet.png") as sheet:
        pixels = np.asarray(sheet.convert("L"))
    # Two rows of pictures, and paper all around.
    assert pixels.shape[0] > 400
    edges = (pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1])
    assert all((edge == 255).all() for edge in edges)


def test_a_damaged_file_stops_no_other_and_is_named(answered, digits, tmp_path):
    (tmp_path / "broken.jpg").write_bytes(b"\xff\xd8\xff no more")
    file = next(digits.rglob("*.png"))
    out, _, error = answered(tmp_path / "broken.jpg", file)
    assert len(out.splitlines()) == 1
    assert str(file) in out
    assert error.startswith("1 file not read")
    assert "broken.jpg" in error


@pytest.mark.parametrize("size", [(40, 30), (7, 90)])
@pytest.mark.parametrize("shape", [(16, 16, 3), (16, 16, 1)])
def test_pixels_are_those_of_a_data_set_in_memory(size, shape, tmp_path):
    from tfnas.predict.run import reader

    random = np.random.default_rng(1)
    channels = (3,) if shape[-1] == 3 else ()
    for part in ("train", "test"):
        for name in ("a", "b"):
            home = tmp_path / part / name
            home.mkdir(parents=True)
            pixels = random.integers(0, 256, (*size, *channels), np.uint8)
            Image.fromarray(pixels).save(home / "x.png")
    dataset = data.load("image_folder", tmp_path, 16)
    read = reader(shape, 1.0)
    for image, label in zip(
        dataset.test.images, dataset.test.labels, strict=True
    ):
        path = tmp_path / "test" / dataset.classes[label] / "x.png"
        np.testing.assert_array_equal(read(path), image)


@pytest.mark.parametrize("suffix", ["webp", "TIFF", "bmp"])
def test_formats_of_pillow_are_read(suffix, tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (9, 9, 3), np.uint8)
    image, path = Image.fromarray(pixels), tmp_path / f"one.{suffix}"
    image.save(path, **({"lossless": True} if suffix == "webp" else {}))
    shown = reader((9, 9, 3), crop=1.0)(path)
    np.testing.assert_array_equal(shown, pixels)
    assert contact_sheet.thumbnail(path).shape == (9, 9, 3)
    assert [one.path for one in find([tmp_path], ())] == [str(path)]


def test_pixels_are_those_of_imagenet_s_test(tmp_path):
    from tfnas.predict.run import reader

    random = np.random.default_rng(2)
    for part in ("train", "test"):
        for name in ("a", "b"):
            home = tmp_path / part / name
            home.mkdir(parents=True)
            pixels = random.integers(0, 256, (90, 70, 3), np.uint8)
            Image.fromarray(pixels).save(home / "x.png")
    dataset = data.load("image_folder", tmp_path, 32, "imagenet")
    batches = data.evaluation_batches(dataset.test, dataset, 2)
    images, labels = next(iter(batches))
    images = 255 * (images * dataset.std + dataset.mean)
    read = reader((32, 32, 3), 224 / 256)
    for image, label in zip(images, labels, strict=True):
        path = tmp_path / "test" / dataset.classes[label] / "x.png"
        np.testing.assert_allclose(read(path), image, atol=1e-3)


# === Which files, which labels ===


def test_labels_are_the_nearest_folders_named_like_classes(tmp_path):
    names = {
        "test/cat/a.png": "cat",
        "test/cat/2020/b.JPG": "cat",
        "test/dog/cat/c.png": "cat",
        "test/other/d.jpeg": None,
        "e.png": None,
        "test/cat/notes.txt": ...,
        "test/cat/.hidden.png": ...,
        "__MACOSX/cat/f.png": ...,
    }
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    found = {x.path: x.label for x in find([str(tmp_path)], ("cat", "dog"))}
    expected = {k: v for k, v in names.items() if v is not ...}
    assert found == {str(tmp_path / k): v for k, v in expected.items()}
    # The folder itself says nothing.
    inner = find([str(tmp_path / "test" / "dog" / "cat")], ("cat", "dog"))
    assert [image.label for image in inner] == [None]


@pytest.mark.parametrize(
    ("words", "flags", "paths"),
    [
        (["a.png", "--csv", "b"], ["--csv"], ["a.png", "b"]),
        (["--model", "x", "a"], ["--model", "x"], ["a"]),
        (["--csv", "a", "--top=2"], ["--csv", "--top=2"], ["a"]),
        (["--", "--a.png", "-b"], [], ["--a.png", "-b"]),
        (["a", "--run"], ["--run", ""], ["a"]),
    ],
)
def test_flags_stand_anywhere_among_the_files(words, flags, paths):
    assert split(["predict", *words]) == (["predict", *flags], paths)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "--model: give either it or --run"),
        (["--model=x", "--run=x", "a"], "--model: give either it or --run"),
        (["--model=PDARTS"], "no image: give files or folders"),
        (["--model=nothing", "."], "no such network in the zoo"),
        (["--run=nowhere", "."], "--run=nowhere: no such folder"),
        (["--run=.", "--csv", "--json", "."], "--json: leave out --csv"),
        (["--model=PDARTS", "--top=0", "."], "--top=0: use 1 or more"),
        (["--model=PDARTS", "nowhere"], "nowhere: no such file or folder"),
        (["--model=PDARTS", "empty"], "empty: holds no image; give files"),
        (["--model=PDARTS", "empty", "--cvs"], "did you mean --csv"),
    ],
)
def test_what_cannot_be_is_one_line(words, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("empty").mkdir()
    with pytest.raises(UserError) as error:
        predict.main(["predict", *words])
    assert message in str(error.value)


def test_a_sheet_that_cannot_be_written_is_said_first(tmp_path):
    folder = trained_runs.write_training(tmp_path / "run", [[3, 1], [0, 4]])
    (tmp_path / "class 0").mkdir()
    (tmp_path / "class 0" / "a.png").touch()
    words = [f"--run={folder}", str(tmp_path), "--sheet=nowhere/x.png"]
    with pytest.raises(UserError, match="--sheet=nowhere/x.png"):
        predict.main(["predict", *words])


def test_help_and_errors_start_no_tensorflow():
    code = (
        "import sys; from tfnas import predict; "
        "assert predict.main(['predict', '--help']) == 0; "
        "assert 'tensorflow' not in sys.modules; "
        "assert 'numpy' not in sys.modules"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT
    )
    assert done.returncode == 0, done.stderr
    assert "--run=" in done.stdout
