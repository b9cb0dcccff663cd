"""This machine's processor and its features, as Linux reports them."""

import platform
import re
from pathlib import Path

# Features that decide TensorFlow's speed, by their names in /proc/cpuinfo.
_FEATURES = {
    "AVX2": {"avx2"},
    "AVX-512": {"avx512f"},
    "VNNI": {"avx_vnni", "avx512_vnni"},
    "bf16": {"avx512_bf16", "amx_bf16"},
}


def name():
    """The model, such as "AMD EPYC"; else the architecture."""
    return _said("model name") or platform.machine()


def features():
    """Its features among AVX2, AVX-512, VNNI and bf16, as a list."""
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
