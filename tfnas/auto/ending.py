"""The end: the choice, the export, the answers, the summary, the report."""

import hashlib
import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np

from tfnas.auto import page, trained
from tfnas.cli.files import staged
from tfnas.errors import UserError
from tfnas.runs import contents, naming, parsing

# Logits of ONNX Runtime and Keras differ by rounding alone.
CLOSE = 1e-3
EXPORT, ANSWERS = "export", "answers"


def end(config, plans, clock, start):
    """Choose, export, ask and report.

    Args:
        config: an `AutoConfig`.
        plans: the `Plan` of each round.
        clock: the `Clock`.
        start: function of (command, folder, {flag: value}) that runs a command.
    """
    out = Path(config.out)
    found = trained.all_of(plans)
    chosen = trained.best(found)
    served = out / EXPORT
    name = network_name(config)
    with clock.step(EXPORT):
        if not is_exported(served, name, chosen.run):
            print(f"\nExport of {chosen.title}", flush=True)
            given = {"run": str(chosen.run.folder), "name": name}
            start("export", served, given)
    with clock.step(ANSWERS):
        asked = ask(out / ANSWERS, chosen.run, served / f"{name}.onnx")
    summary = {
        "chosen": chosen.values(),
        "trainings": [one.values() for one in found],
        "majority_share": chosen.tested.majority_share,
        "hours": sum(made.hours for made in plans),
        "planned_minutes": round(sum(made.minutes for made in plans), 2),
        "seconds": round(clock.seconds, 1),
        "restart_seconds": round(clock.restart_seconds, 1),
        "seconds_of_steps": clock.steps,
        "saved_model": str(served / name),
        "onnx": str(served / f"{name}.onnx"),
        "answers": asked,
    }
    _write(out / contents.SUMMARY, json.dumps(summary, indent=2) + "\n")
    text = page.render(config, plans, found, chosen, summary)
    _write(out / contents.REPORT, text)


def network_name(config):
    """The network's name for servers, from the data's."""
    return re.sub(r"\W+", "_", naming.data_name(config)) or "network"


def is_exported(folder, name, run):
    """Whether the newest export is of a training's weights."""
    path = folder / "model.json"
    if not path.is_file() or not (folder / f"{name}.onnx").is_file():
        return False
    digest = hashlib.sha256(run.weights).hexdigest()
    source = parsing.read_json(path).get("source") or {}
    return source.get("weights_sha256") == digest


def ask(folder, run, onnx):
    """Answers of an ONNX file and of Keras to ten test images, compared.

    The file is asked in a process without tfnas and TensorFlow.

    Returns:
        {"images", "agree", "right", "largest_difference"}.

    Raises:
        UserError: if they differ.
    """
    folder.mkdir(exist_ok=True)
    _program(["-m", "tfnas.auto.asked", run.folder, folder])
    program = Path(__file__).with_name("answers.py")
    answer = folder / "onnx.json"
    print("\nThe ONNX file's answers, without tfnas:", flush=True)
    # "-I": a process that finds tfnas neither here nor by PYTHONPATH.
    _program(["-I", program, onnx, folder / "images.npy", answer])
    theirs = parsing.read_json(answer)
    ours = parsing.read_json(folder / "keras.json")
    found = compared(ours["logits"], theirs["logits"], ours["labels"])
    if theirs["foreign"] or found["agree"] < found["images"]:
        raise UserError(
            f"{onnx}: agrees with the network on {found['agree']} of "
            f"{found['images']} images, logits up to "
            f"{found['largest_difference']:.1e} apart; report this with "
            f"{folder}"
        )
    return found


def compared(ours, theirs, labels):
    """The counts of `ask` for two lists of logits."""
    ours, theirs = np.asarray(ours), np.asarray(theirs)
    apart = np.abs(ours - theirs).max(-1)
    same = ours.argmax(-1) == theirs.argmax(-1)
    close = apart <= CLOSE * (1 + np.abs(ours).max(-1))
    return {
        "images": len(ours),
        "agree": int((same & close).sum()),
        "right": int((theirs.argmax(-1) == np.asarray(labels)).sum()),
        "largest_difference": float(apart.max()),
    }


def _program(arguments):
    words = [sys.executable, *map(str, arguments)]
    code = subprocess.run(words).returncode
    if code:
        raise UserError(
            f"{' '.join(words[1:4])}: ended with code {code}; see the messages "
            "above, then repeat the command"
        )


def _write(path, text):
    with staged(path) as aside:
        aside.write_text(text, encoding="utf-8")
