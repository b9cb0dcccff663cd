"""`python -m tfnas.convert` as a user runs it, and as one breaks it."""

import importlib.util
import pickle

import numpy as np
import pytest
from authors_names import authors_arrays
from parity import part
from published import published

import tfnas
from tfnas import convert
from tfnas.convert import files as weight_files
from tfnas.errors import UserError

SIZES = (4, 3, 7)
IMAGENET = {"imagenet": True, "auxiliary": True, "norms": 1}


@pytest.fixture
def run(tmp_path):
    """Runs the command with files of a folder; returns it."""

    def run(checkpoint, out, *flags, genotype=None):
        path = tmp_path / "genotype.json"
        path.write_text((genotype or published("DARTS_V2")).to_json())
        files = (f"--checkpoint={tmp_path / checkpoint}", f"--out={tmp_path}/")
        convert.main(
            ["convert", f"--genotype={path}", files[0], files[1] + out, *flags]
        )
        return tmp_path

    return run


def save(folder, name, arrays):
    weight_files.write(folder / name, arrays)


def assert_same(actual, expected):
    assert actual.keys() == expected.keys()
    for name, array in expected.items():
        np.testing.assert_array_equal(actual[name], array, err_msg=name)


def refuse(function, *words):
    with pytest.raises(UserError) as error:
        function()
    line = str(error.value)
    assert "\n" not in line
    for word in words:
        assert word in line


# === There and back ===


@pytest.mark.parametrize("suffix", [".npz", ".safetensors", ".pt"])
@pytest.mark.parametrize("options", [{"auxiliary": True}, IMAGENET])
def test_there_and_back(run, tmp_path, capsys, suffix, options):
    if suffix == ".pt":
        pytest.importorskip("torch")
    arrays = authors_arrays(published("DARTS_V2"), *SIZES, **options)
    noise = {
        "module.cells.0.total_ops": np.zeros(1),
        "module.stem.1.num_batches_tracked": np.array(3),
    }
    named = {f"module.{name}": array for name, array in arrays.items()}
    save(tmp_path, "model" + suffix, named | noise)
    run("model" + suffix, "ours.weights.h5")
    said = capsys.readouterr().out
    assert "channels 4, cells 3, classes 7, with auxiliary" in said
    assert "prefix module. from" in said and "left out 1 counters" in said
    run("ours.weights.h5", "back" + suffix, "--direction=authors")
    assert_same(weight_files.read(tmp_path / ("back" + suffix)), arrays)


def test_keras_weights_as_safetensors(run, tmp_path):
    arrays = authors_arrays(published("DARTS_V2"), *SIZES)
    save(tmp_path, "model.npz", arrays)
    run("model.npz", "ours.safetensors")
    network = tfnas.build_network(
        published("DARTS_V2"), channels=4, cells=3, classes=7
    )
    ours = weight_files.read(tmp_path / "ours.safetensors")
    assert ours.keys() == {v.path for v in network.variables}
    run("ours.safetensors", "back.npz")
    assert_same(weight_files.read(tmp_path / "back.npz"), arrays)
    run("ours.safetensors", "back.safetensors", "--direction=authors")
    assert_same(weight_files.read(tmp_path / "back.safetensors"), arrays)


@pytest.mark.parametrize(
    ("name", "record"),
    [
        ("DARTS_V2", "darts_eval_V2_C4_L3.npz"),
        ("FairDARTS_a", "fairdarts_eval_a_C4_L3.npz"),
    ],
)
def test_a_converted_network_gives_the_authors_logits(
    run, tmp_path, golden, name, record
):
    record = golden(record)
    arrays = part(record, "param/") | part(record, "buffer/")
    np.savez(tmp_path / "model.npz", **arrays)
    run("model.npz", "w.weights.h5", genotype=published(name))
    head = any(name.startswith("auxiliary_head") for name in arrays)
    network = tfnas.build_network(
        published(name), channels=4, cells=3, auxiliary=head
    )
    network.load_weights(tmp_path / "w.weights.h5")
    images = np.transpose(record["x"], (0, 2, 3, 1)).astype("float32")
    outputs = network(images, training=False)
    logits = outputs["logits"] if head else outputs
    expected = record["eval_logits"]
    atol = 1e-5 * np.abs(expected).max()
    np.testing.assert_allclose(logits, expected, rtol=0, atol=atol)


def test_the_auxiliary_classifier_can_be_left_out(run, tmp_path, capsys):
    arrays = authors_arrays(published("DARTS_V2"), *SIZES, auxiliary=True)
    save(tmp_path, "model.npz", arrays)
    run("model.npz", "ours.weights.h5", "--auxiliary=false")
    assert "of the auxiliary classifier" in capsys.readouterr().out
    network = tfnas.build_network(
        published("DARTS_V2"), channels=4, cells=3, classes=7
    )
    network.load_weights(tmp_path / "ours.weights.h5")
    rest = {k: v for k, v in arrays.items() if "auxiliary" not in k}
    assert_same(convert.to_authors(network), rest)


def test_only_pdarts_has_a_second_norm_in_its_imagenet_head(run, tmp_path):
    genotype = published("PDARTS", method="pdarts")
    arrays = authors_arrays(genotype, *SIZES, imagenet=True, auxiliary=True)
    save(tmp_path, "model.npz", arrays)
    run("model.npz", "ours.weights.h5", genotype=genotype)
    run("ours.weights.h5", "back.npz", genotype=genotype)
    assert_same(weight_files.read(tmp_path / "back.npz"), arrays)
    refuse(
        lambda: run("model.npz", "no.weights.h5", genotype=published("PDARTS")),
        "model.npz: 4 unknown: auxiliary_head.features.6.weight, ",
    )


# === Refusals ===


def test_wrong_names_and_shapes_are_all_in_one_line(run, tmp_path):
    arrays = authors_arrays(published("DARTS_V2"), *SIZES)
    del arrays["cells.0._ops.0.op.1.weight"], arrays["stem.1.bias"]
    arrays["cells.0._ops.9.op.1.weight"] = np.zeros(3)
    arrays["stem.1.weight"] = np.zeros(5)
    save(tmp_path, "model.npz", arrays)
    refuse(
        lambda: run("model.npz", "ours.weights.h5"),
        "model.npz: 2 missing: ",
        "stem.1.bias",
        "1 unknown: cells.0._ops.9.op.1.weight",
        "1 misshaped: stem.1.weight is (5,), not (12,)",
    )
    assert {p.name for p in tmp_path.iterdir()} == {
        "genotype.json",
        "model.npz",
    }


def test_another_genotype_is_refused(run, tmp_path):
    save(tmp_path, "model.npz", authors_arrays(published("DARTS_V2"), *SIZES))
    refuse(
        lambda: run(
            "model.npz", "ours.weights.h5", genotype=published("PDARTS")
        ),
        "unknown: cells.",
        "give the genotype",
    )


def test_keras_weights_of_another_size_are_refused(run, tmp_path):
    network = tfnas.build_network(published("DARTS_V2"), channels=4, cells=3)
    network.save_weights(tmp_path / "ours.weights.h5")
    refuse(
        lambda: run("ours.weights.h5", "back.npz", "--cells=4"),
        "missing: layers/",
    )
    refuse(
        lambda: run("ours.weights.h5", "back.npz", "--channels=8"),
        "misshaped: layers/",
    )


class Ran:
    """Unpickling it would be noticed."""

    def __reduce__(self):
        return (pytest.fail, ("a pickle was run",))


def test_files_that_are_damaged_or_run_code_are_refused(run, tmp_path):
    save(tmp_path, "whole.npz", authors_arrays(published("DARTS_V2"), *SIZES))
    whole = (tmp_path / "whole.npz").read_bytes()
    (tmp_path / "half.npz").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "text.npz").write_text("not weights")
    (tmp_path / "code.npz").write_bytes(pickle.dumps(Ran()))
    (tmp_path / "half.weights.h5").write_bytes(whole[:100])
    for name in ("half.npz", "text.npz", "code.npz"):
        refuse(lambda n=name: run(n, "ours.weights.h5"), f"{name}: cannot be")
    refuse(lambda: run("half.weights.h5", "back.npz"), "not a whole .h5 file")


def test_a_checkpoint_of_torch_runs_no_code(run, tmp_path):
    torch = pytest.importorskip("torch")
    (tmp_path / "code.pt").write_bytes(pickle.dumps(Ran()))
    refuse(lambda: run("code.pt", "ours.weights.h5"), "code.pt: cannot be read")
    torch.save({"epoch": 3}, tmp_path / "epoch.pt")
    refuse(lambda: run("epoch.pt", "ours.weights.h5"), "epoch is not a tensor")
    torch.save([1], tmp_path / "list.pt")
    refuse(lambda: run("list.pt", "ours.weights.h5"), "no state_dict")


def test_a_training_checkpoint_s_state_dict_is_taken(run, tmp_path):
    torch = pytest.importorskip("torch")
    arrays = authors_arrays(published("DARTS_V2"), *SIZES)
    tensors = {k: torch.from_numpy(v) for k, v in arrays.items()}
    content = {"epoch": 3, "state_dict": tensors}
    torch.save(content, tmp_path / "model.pth.tar")
    run("model.pth.tar", "ours.weights.h5")
    run("ours.weights.h5", "back.pt")
    assert_same(weight_files.read(tmp_path / "back.pt"), arrays)


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (("--out=b.weights.h5",), "--checkpoint: missing"),
        (("--checkpoint=no.npz", "--out=b.weights.h5"), "no.npz: no such file"),
        (("--checkpoint=a.npz", "--out=b.bin"), "--out=b.bin: use a file"),
        (("--checkpoint=a.npz", "--out=b.npz"), "--checkpoint=a.npz: use a"),
        (
            ("--checkpoint=a.npz", "--out=a.weights.h5", "--cells=0"),
            "--cells=0",
        ),
        (("--checkpoint=a.npz", "--out=no/b.weights.h5"), "cannot be written"),
        (("--checkpoint=a.npz", "--out=old.weights.h5"), "exists; choose"),
    ],
)
def test_arguments(tmp_path, monkeypatch, flags, words):
    monkeypatch.chdir(tmp_path)
    np.savez("a.npz", x=np.ones(1))
    (tmp_path / "old.weights.h5").touch()
    refuse(
        lambda: convert.main(["convert", "--genotype=DARTS_V2", *flags]), words
    )


def test_a_missing_library_is_named(tmp_path, monkeypatch):
    (tmp_path / "a.pt").touch()
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    arguments = ["convert", "--genotype=x", f"--checkpoint={tmp_path}/a.pt"]
    refuse(
        lambda: convert.main([*arguments, f"--out={tmp_path}/b.weights.h5"]),
        "needs torch; pip install 'tfnas[torch]'",
    )
