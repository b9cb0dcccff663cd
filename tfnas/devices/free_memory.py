"""Free and total memory."""

from pathlib import Path


def available_memory():
    """Bytes that this process may use, including those it has.

    It is the machine's free memory, or less if a control group sets a limit.
    """
    own = int(Path("/proc/self/statm").read_text().split()[1]) * 4096
    return min(_bytes("MemAvailable") + own, *_limits())


def total_memory():
    """Bytes that the machine has or the control group allows."""
    return min(_bytes("MemTotal"), *_limits())


def _bytes(name):
    lines = Path("/proc/meminfo").read_text().splitlines()
    values = dict(line.split(":") for line in lines)
    return int(values[name].split()[0]) * 1024


def _limits():
    limit = Path("/sys/fs/cgroup/memory.max")
    said = limit.read_text().strip() if limit.is_file() else "max"
    return [float("inf") if said == "max" else int(said)]
