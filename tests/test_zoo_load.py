"""Networks of the zoo, loaded with their weights."""

import json
import shutil

import keras
import numpy as np
import pytest

import tfnas
from tfnas import data
from tfnas.data.augmentation import normalize
from tfnas.errors import UserError
from tfnas.layers.image_normalization import ImageNormalization
from tfnas.networks import weights
from tfnas.runs.contents import weights_file
from tfnas.zoo import index
from tfnas.zoo.loading import weights_of


@pytest.fixture(scope="module")
def model(tiny):
    return tfnas.load(tiny.name, zoo=tiny.zoo)


@pytest.fixture
def copy(tiny, tmp_path):
    return shutil.copytree(tiny.zoo, tmp_path / "zoo")


def test_it_takes_pixels_and_gives_the_trained_network_s_logits(tiny, model):
    digits = data.load("digits")
    images = digits.test.images[:16]
    network = tfnas.build_network(
        tfnas.zoo.genotype(tiny.run),
        input_shape=(8, 8, 1),
        channels=2,
        cells=3,
    )
    weights.load(network, weights_file(tiny.run))
    wanted = network(normalize(images, digits.mean, digits.std))
    np.testing.assert_array_equal(model(images, training=False), wanted)
    as_float = model.predict(images.astype("float32"), verbose=0)
    np.testing.assert_allclose(as_float, wanted, atol=1e-5)


def test_it_is_one_flat_network_with_names(model):
    assert model.input_shape == (None, 8, 8, 1)
    assert model.output_shape == (None, 10)
    assert [x.name for x in model.inputs] == ["image"]
    assert model.output_names == ["logits"]
    names = [layer.name for layer in model.layers]
    assert names[:2] == ["image", "normalization"] and "cell_00" in names


def test_it_survives_saving_in_safe_mode(model, tmp_path):
    images = data.load("digits").test.images[:4]
    model.save(tmp_path / "network.keras")
    again = keras.models.load_model(tmp_path / "network.keras", safe_mode=True)
    np.testing.assert_array_equal(again(images), model(images))


def test_without_weights_it_has_new_ones(tiny, model):
    new = tfnas.load(tiny.name, weights=False, zoo=tiny.zoo)
    assert new.count_params() == model.count_params()
    one, two = (m.get_layer("logits").kernel for m in (new, model))
    assert not np.array_equal(one, two)


@pytest.mark.parametrize("colors", [1, 3])
def test_normalisation_is_the_data_s_bit_for_bit(colors):
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (2, 5, 4, colors), np.uint8)
    mean, std = random.uniform(0.1, 0.9, (2, colors))
    layer = ImageNormalization(mean, std)
    np.testing.assert_array_equal(layer(images), normalize(images, mean, std))
    assert not layer.weights
    again = ImageNormalization.from_config(layer.get_config())
    np.testing.assert_array_equal(again(images), layer(images))


def test_a_training_can_start_from_a_file_or_a_name(tiny):
    assert (
        weights_of(tiny.run).keys()
        == weights.read(weights_file(tiny.run)).keys()
    )
    with pytest.raises(UserError, match="PDARTS: has no weights"):
        weights_of("PDARTS")
    with pytest.raises(UserError, match="nothing: No such file"):
        weights_of("nothing")


# === Refusals ===


def change_index(folder, **fields):
    path = folder / "index.json"
    content = json.loads(path.read_text())
    content["models"][0].update(fields)
    path.write_text(json.dumps(content))


def cut_off(folder, file):
    file.write_bytes(file.read_bytes()[:-100])


def flip_a_byte(folder, file):
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)


def remove(folder, file):
    file.unlink()


def replace_weights(folder, file):
    """Not safetensors, though the index knows them."""
    file.write_bytes(b"\x80\x04 a pickle")
    change_index(folder, weights=index.stored(file.read_bytes()))


def cut_off_and_record(folder, file):
    cut_off(folder, file)
    change_index(folder, weights=index.stored(file.read_bytes()))


def fewer_classes(folder, file):
    change_index(folder, classes=list("abcdefghi"))


def another_stem(folder, file):
    change_index(folder, stem="imagenet", image_shape=[32, 32, 1])


def unknown_operation(folder, file):
    path = folder / "genotypes" / "tiny_digits.json"
    text = path.read_text().replace("sep_conv_5x5", "conv_9x9")
    path.write_text(text)
    change_index(folder, genotype=index.stored(text.encode()))


def another_genotype(folder, file):
    path = folder / "genotypes" / "tiny_digits.json"
    path.write_text(path.read_text().replace("sep_conv_5x5", "sep_conv_3x3"))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (cut_off, "it is truncated or another file"),
        (flip_a_byte, "its SHA-256 is not the index's"),
        (remove, "No such file or directory; fetch the zoo again"),
        (replace_weights, "not a whole safetensors file"),
        (cut_off_and_record, "not a whole safetensors file"),
        (fewer_classes, "classifies 10 classes, the index names 9"),
        (another_stem, "tiny_digits.digits_c2_l3: "),
        (unknown_operation, "op: unknown operation 'conv_9x9'"),
        (another_genotype, "its SHA-256 is not the index's"),
    ],
)
def test_what_does_not_fit_is_refused_in_one_line(tiny, copy, damage, message):
    damage(copy, copy / "weights" / f"{tiny.name}.safetensors")
    before = contents(copy)
    with pytest.raises(UserError) as caught:
        tfnas.load(tiny.name, zoo=copy)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    assert contents(copy) == before


def contents(folder):
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path: path.read_bytes() for path in files}
