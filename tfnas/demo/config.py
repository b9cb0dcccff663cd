"""`python -m tfnas.demo`: its flags, and the start of its work."""

import importlib.util
from dataclasses import dataclass
from pathlib import Path

from tfnas import zoo
from tfnas.choice import choice
from tfnas.cli import command, flags
from tfnas.errors import UserError

USAGE = """usage: python -m tfnas.demo --model=NAME|--run=DIR [--flag=value ...]

Opens a page on this machine: drop an image and see classes, probabilities, the
network's input, and its cells.
"""


@dataclass(frozen=True)
class DemoConfig:
    """The flags of a page."""

    BARE = {"model": zoo.list_models}

    model: str | None = flags.model()
    run: str | None = flags.run()
    port: int = choice(
        7860, "port of the page, http://127.0.0.1:PORT", least=1, most=65535
    )
    data_dir: str | None = flags.images_of_run()
    zoo: str | None = flags.zoo()


def main(argv):
    """Serve the page until Ctrl-C; `argv` begins with the program's name."""
    return command.answer(argv, (DemoConfig,), USAGE, _serve)


def _serve(given):
    config = resolve(given)
    with command.quiet_start():
        from tfnas.demo import run
        from tfnas.zoo import source
    run.serve(source.of_config(config), config.port)


def resolve(given):
    """The `DemoConfig` from {flag: value}, checked as far as files go.

    Without Gradio it raises `UserError`.
    """
    config = command.made(DemoConfig, given)
    if bool(config.model) == bool(config.run):
        raise UserError("--model: give either it or --run")
    command.refuse_unused(
        given,
        [
            (("zoo",), bool(config.run), "--run is not in a zoo"),
            (("data_dir",), bool(config.model), "--model needs no images"),
        ],
    )
    if config.run and not Path(config.run).is_dir():
        raise UserError(f"--run={config.run}: no such folder")
    if config.model:
        zoo.entry(config.model, config.zoo)  # Refuses an unknown name.
    if importlib.util.find_spec("gradio") is None:
        raise UserError("demo: needs gradio; pip install 'tfnas[demo]'")
    return config
