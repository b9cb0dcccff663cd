"""What the processor of this machine is and can, as Linux says it."""

import platform
import re
from pathlib import Path

# What decides how fast TensorFlow is here, by its names in /proc/cpuinfo.
_FEATURES = {
    "AVX2": {"avx2"},
    "AVX-512": {"avx512f"},
    "VNNI": {"avx_vnni", "avx512_vnni"},
    "bf16": {"avx512_bf16", "amx_bf16"},
}


def name():
    """The model, such as "AMD EPYC"; the architecture where Linux has none."""
    return _said("model name") or platform.machine()


def features():
    """Those of AVX2, AVX-512, VNNI and bf16 that it has, as a list."""
    flags = set(_said("flags").split())
    return [feature for feature, names in _FEATURES.items() if names & flags]


def _said(field):
    """A field of the first core's description, or ""."""
    found = re.search(rf"^{field}\s*: (.+)$", _description(), re.M)
    return found[1] if found else ""


def _description():
    try:
        return Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return ""
