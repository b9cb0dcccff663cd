"""Weights as files, and from one data set to another."""

import json

import numpy as np
import pytest
import safetensors.numpy

import tfnas
from tfnas import zoo
from tfnas.errors import UserError
from tfnas.networks import weights
from tfnas.zoo.loading import weights_of

ZOO = sorted((zoo.root() / "weights").iterdir())


def network(classes=10, auxiliary=True, channels=2, **options):
    return tfnas.build_network(
        zoo.genotype("PDARTS"),
        input_shape=(8, 8, 1),
        classes=classes,
        channels=channels,
        cells=3,
        auxiliary=auxiliary,
        **options,
    )


@pytest.fixture(scope="module")
def trained():
    """Arrays of a network with ten classes, none of them a new value."""
    values = weights.values(network(drop_path=0.1))
    return {name: array + 1 for name, array in values.items()}


@pytest.mark.parametrize("path", ZOO, ids=lambda path: path.stem)
def test_a_file_of_the_zoo_is_written_as_it_was_read(path):
    data = path.read_bytes()
    assert safetensors.numpy.save(weights.decode(data, path)) == data


def by_others(dtype, content):
    """A file of one number, with metadata."""
    x = {"dtype": dtype, "shape": [], "data_offsets": [0, len(content)]}
    header = json.dumps({"__metadata__": {"by": "x"}, "x": x}).encode()
    return len(header).to_bytes(8, "little") + header + content


def test_a_file_is_read_as_others_write_it(tmp_path):
    path = tmp_path / "x.safetensors"
    path.write_bytes(by_others("F32", b"\0\0\x80?"))
    assert weights.read(path) == {"x": np.float32(1)}


def test_weights_return_as_they_were(trained, tmp_path):
    path = tmp_path / "last.safetensors"
    path.write_bytes(safetensors.numpy.save(trained))
    other = network()
    weights.load(other, path)
    for name, array in weights.values(other).items():
        assert np.array_equal(array, trained[name]), name
    assert not any(name.startswith("drop_path") for name in trained)


def test_the_best_weights_are_preferred(tmp_path):
    for name, value in (("last", 1), ("best", 2)):
        data = safetensors.numpy.save({"x": np.array([value])})
        (tmp_path / f"{name}.safetensors").write_bytes(data)
    assert weights_of(tmp_path)["x"] == [2]


def test_other_classes_make_new_classifiers_of_the_same_body(trained):
    other = network(classes=3)
    fresh = {"logits/kernel", "logits/bias", "auxiliary/kernel"}
    fresh |= {"auxiliary/bias"}
    before = weights.values(other)
    lines = weights.transfer(other, trained)
    assert len(lines) == 2
    assert lines[0].startswith("the classifier starts with new weights")
    assert "3 classes" in lines[1]
    for name, array in weights.values(other).items():
        expected = before[name] if name in fresh else trained[name]
        assert np.array_equal(array, expected), name


def test_an_auxiliary_classifier_may_come_or_go(trained):
    plain = {k: v for k, v in trained.items() if "auxiliary/" not in k}
    lines = weights.transfer(network(), plain)
    assert len(lines) == 1
    assert lines[0].startswith(
        "the auxiliary classifier starts with new weights"
    )
    assert not weights.transfer(network(auxiliary=False), trained)


def test_weights_of_another_network_are_refused_and_change_nothing(trained):
    wider = network(channels=3)
    before = weights.values(wider)
    with pytest.raises(UserError, match="mine: stem/.* has shape"):
        weights.transfer(wider, trained, "mine")
    for name, array in weights.values(wider).items():
        assert np.array_equal(array, before[name])
    more = trained | {"cell_07/x": np.ones(1)}
    with pytest.raises(UserError, match="cell_07/x is not in this network"):
        weights.transfer(network(), more)
    less = {k: v for k, v in trained.items() if k != "logits/bias"}
    with pytest.raises(UserError, match="logits/bias is missing"):
        weights.transfer(network(), less)


def test_loading_does_not_pass_over_another_number_of_classes(
    trained, tmp_path
):
    path = tmp_path / "w.safetensors"
    path.write_bytes(safetensors.numpy.save(trained))
    with pytest.raises(
        UserError, match="the classifier starts with new weights"
    ):
        weights.load(network(classes=4), path)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda data: data[:5],
        lambda data: data[:100],
        lambda data: data[:-1],
        lambda data: b"PK\3\4" + data,
        lambda data: b"",
        lambda data: data.replace(b'"F32"', b'"F99"'),
        lambda data: data.replace(b'"F32"', b"12345"),
        lambda data: by_others("BF16", b"\x80?"),
    ],
)
def test_a_damaged_file_is_one_line(trained, tmp_path, spoil):
    path = tmp_path / "w.safetensors"
    path.write_bytes(spoil(safetensors.numpy.save(trained)))
    with pytest.raises(UserError, match="w.safetensors: not a whole"):
        weights.read(path)


def test_a_missing_file_and_an_empty_folder_are_named(tmp_path):
    with pytest.raises(UserError, match="none: No such file"):
        weights.read(tmp_path / "none")
    with pytest.raises(UserError, match="last.safetensors: No such file"):
        weights_of(tmp_path)
