"""Names of data sets, however they are written; GPUs that are not there."""

import subprocess
import sys
from pathlib import Path

import pytest

from tfnas import search, train
from tfnas.data import check_request, names
from tfnas.devices import devices
from tfnas.errors import UserError

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("digits", "digits"),
        ("CIFAR-10", "cifar10"),
        ("Cifar100", "cifar100"),
        ("Fashion-MNIST", "fashion_mnist"),
        ("fashionmnist", "fashion_mnist"),
        ("Image-Folder", "image_folder"),
        ("MNIST", "mnist"),
        ("Stanford-Dogs", "stanford_dogs"),
        ("CIFAR-10-1/v4", "cifar10_1/v4"),
        ("huggingface:mnist", "huggingface:mnist"),
        ("no such thing", "no such thing"),
    ],
)
def test_a_name_is_found_in_any_case_and_with_dashes(typed, name):
    assert names.canonical(typed) == name
    assert names.canonical(name) == name


def test_the_exact_name_comes_before_one_that_is_written_alike():
    for name in {*names.DATASETS, *names._catalog()}:
        assert names.canonical(name) == name


def test_a_run_has_the_data_set_s_own_name():
    config, _ = search.resolve({"dataset": "CIFAR-10"})
    assert (config.dataset, config.out) == (
        "cifar10",
        "runs/darts_cifar10_seed0",
    )
    config, *_ = train.resolve({"genotype": "PDARTS", "dataset": "CIFAR-10"})
    assert config.dataset == "cifar10"


def test_prepared_data_may_have_any_name(tmp_path):
    (tmp_path / "mine").mkdir()
    check_request("mine", str(tmp_path))
    with pytest.raises(UserError, match="--dataset=other: unknown"):
        check_request("other", str(tmp_path))


@pytest.mark.parametrize("flag", ["--dataset=flowerz", "--devices=gpu:9"])
def test_what_is_not_there_is_refused_without_tensorflow(flag):
    code = (
        "import sys\nfrom tfnas import errors, search\n"
        f"try:\n    search.main(['search', {flag!r}])\n"
        "except errors.UserError as error:\n    print(error)\n"
        "print('tensorflow' in sys.modules, 'keras' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT
    )
    line, modules = done.stdout.splitlines()
    assert line.startswith(f"{flag}: ")
    assert modules == "False False"


# === GPUs, as a system shows them ===


def asked(count):
    return devices.Devices("gpu", count)


def test_gpus_are_counted_by_their_devices(tmp_path, monkeypatch):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    for name in ("nvidia0", "nvidia1", "nvidiactl", "nvidia-uvm"):
        (tmp_path / name).touch()
    devices.check_present(asked(2), tmp_path)
    with pytest.raises(UserError, match="gpu:3: 2 GPU"):
        devices.check_present(asked(3), tmp_path)
    devices.check_present(devices.Devices("auto", None), tmp_path)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "-1")
    with pytest.raises(UserError, match="gpu:1: 0 GPU"):
        devices.check_present(asked(1), tmp_path)


@pytest.mark.parametrize("name", ["dxg", "kfd", "nvmap"])
def test_other_gpus_are_tensorflow_s_to_count(name, tmp_path, monkeypatch):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    with pytest.raises(UserError, match="gpu:1: 0 GPU"):
        devices.check_present(asked(1), tmp_path)
    (tmp_path / name).touch()
    devices.check_present(asked(9), tmp_path)
