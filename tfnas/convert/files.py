"""Files of named arrays: .npz, .safetensors and PyTorch's .pt, read safely.

Nothing here unpickles more than tensors. PyTorch is optional; only its own
files need it.
"""

import importlib.util
import os
from pathlib import Path

from tfnas.cli.files import staged
from tfnas.errors import UserError

_TORCH = (".pt", ".pth", ".pth.tar")
AUTHORS = (*_TORCH, ".npz", ".safetensors")
OURS = (".weights.h5", ".safetensors")


def suffix(path, suffixes=(*AUTHORS, *OURS)):
    """A path's suffix among these, or None."""
    return next((s for s in suffixes if str(path).endswith(s)), None)


def check_suffix(flag, path, suffixes):
    """Refuse a file of another kind, or PyTorch's if it is not installed."""
    ending = suffix(path, suffixes)
    if ending is None:
        raise UserError(
            f"--{flag}={path}: use a file that ends in {', '.join(suffixes)}, "
            "or turn --direction round"
        )
    if ending in _TORCH and importlib.util.find_spec("torch") is None:
        raise UserError(
            f"--{flag}={path}: needs torch; pip install 'tfnas[torch]'"
        )


def check_paths(read, written):
    """Refuse a file that cannot be read or written."""
    if not Path(read).is_file():
        raise UserError(f"--checkpoint={read}: no such file")
    folder = Path(written).absolute().parent
    if not folder.is_dir() or not os.access(folder, os.W_OK):
        raise UserError(f"--out={written}: {folder} cannot be written")
    if Path(written).exists():
        raise UserError(f"--out={written}: exists; choose another file")


def read(path):
    """{name: NumPy array} of a .npz, .safetensors, .pt, .pth or .pth.tar.

    From a training checkpoint it takes the `state_dict`. A file that is damaged
    or holds anything but named tensors raises `UserError`.
    """
    reader = {".npz": _read_npz, ".safetensors": _read_safetensors}
    try:
        return reader.get(suffix(path), _read_torch)(path)
    except UserError:
        raise
    # Each library has its own errors for a file of another kind.
    except Exception as error:
        line = str(error).partition("\n")[0][:120]
        raise UserError(
            f"{path}: cannot be read as named tensors "
            f"({type(error).__name__}: {line}); fetch it again, or save its "
            "state_dict"
        ) from None


def write(path, arrays):
    """Write {name: NumPy array}, whole or not at all; suffixes as in `read`."""
    import numpy as np

    arrays = {k: np.ascontiguousarray(v) for k, v in arrays.items()}
    with staged(path) as aside:
        if suffix(path) == ".npz":
            np.savez(aside, **arrays)
        elif suffix(path) == ".safetensors":
            from safetensors.numpy import save_file

            save_file(arrays, aside)
        else:
            import torch

            tensors = {k: torch.from_numpy(v) for k, v in arrays.items()}
            torch.save(tensors, aside)


def _read_npz(path):
    import numpy as np

    # NumPy leaves a file open that it could not read.
    with open(path, "rb") as raw, np.load(raw, allow_pickle=False) as file:
        return {name: file[name] for name in file.files}


def _read_safetensors(path):
    from safetensors.numpy import load_file

    return load_file(path)


def _read_torch(path):
    import torch

    content = torch.load(path, map_location="cpu", weights_only=True)
    if isinstance(content, dict):
        content = content.get("state_dict", content)
    if not isinstance(content, dict):
        raise UserError(f"{path}: holds no state_dict; save one")
    strange = [k for k, v in content.items() if not torch.is_tensor(v)]
    if strange:
        raise UserError(
            f"{path}: {strange[0]} is not a tensor; save only the state_dict"
        )
    # NumPy has no bfloat16.
    return {
        k: (v.float() if v.is_floating_point() else v).numpy()
        for k, v in content.items()
    }
