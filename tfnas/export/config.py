"""`python -m tfnas.export`: its flags, and the start of its work."""

from dataclasses import dataclass
from pathlib import Path

from tfnas import zoo
from tfnas.choice import choice
from tfnas.cli import command, flags
from tfnas.errors import UserError
from tfnas.export.requirements import KINDS, check_libraries
from tfnas.export.staging import check_target

USAGE = """usage: python -m tfnas.export --model=NAME --out=DIR [--flag=value]
       python -m tfnas.export --run=DIR --out=DIR [--flag=value]

Writes a network of the zoo, or of a finished training, to --out:

  NAME/1/      SavedModel, ONNX, labels and description; then NAME/2/, ...
  NAME.onnx    the newest version's ONNX file,
  labels.txt   its classes, and
  model.json   its input, preprocessing and digests

Every form must agree with the network, or nothing is written.
"""


@dataclass(frozen=True)
class ExportConfig:
    """The flags of an export."""

    BARE = {"model": zoo.list_models}

    model: str | None = flags.model()
    run: str | None = flags.run()
    out: str | None = choice(None, "folder to write a new version to")
    name: str | None = choice(
        None, "name of the network for servers; by default its own or --run's"
    )
    opset: int = choice(17, "version of ONNX's operation set", options=(17, 18))
    quantize: tuple[str, ...] = choice(
        (),
        "types of additional ONNX files; each is measured on the test images",
        options=KINDS,
    )
    data_dir: str | None = flags.images_of_run()
    zoo: str | None = flags.zoo()


def main(argv):
    """Export with the flags in `argv`; argv[0] is the program's name."""
    return command.answer(argv, (ExportConfig,), USAGE, _export)


def _export(given):
    config = resolve(given)
    with command.quiet_start():
        from tfnas.export import run
        from tfnas.zoo import source
    run.export_source(source.of_config(config), config)


def resolve(given):
    """The `ExportConfig` of {flag: value}, its `name` set.

    It is checked as far as files and libraries go.
    """
    config = command.made(ExportConfig, given)
    if not (config.model or config.run):
        raise UserError("--model: missing; or give --run")
    if config.model and config.run:
        raise UserError(f"--run={config.run}: leave out --model")
    command.refuse_unused(
        given,
        [
            (("zoo",), bool(config.run), "--run is not in a zoo"),
            (
                ("data_dir",),
                bool(config.model) and not config.quantize,
                "--model reads images only for --quantize",
            ),
        ],
    )
    if not config.out:
        raise UserError("--out: missing; give a folder to write to")
    if config.run and not Path(config.run).is_dir():
        raise UserError(f"--run={config.run}: no such folder")
    if config.model:
        zoo.entry(config.model, config.zoo)  # Refuses an unknown name.
    name = config.name or config.model or Path(config.run).resolve().name
    check_libraries("export")
    check_target(Path(config.out), name)
    return ExportConfig(**{**given, "name": name})
