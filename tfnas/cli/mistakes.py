"""What to say of arguments that are not flags and values: one line each."""

import itertools
import re

from tfnas.choice import types_of
from tfnas.cli import commands
from tfnas.errors import UserError, nearest

KINDS = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    tuple: "values separated by commas",
    str: "a text",
}
# What other programs, those of the papers' authors among them, call a flag.
OTHER_NAMES = {
    "arch": "genotype",
    "arch_learning_rate": "alpha_learning_rate",
    "arch_weight_decay": "alpha_weight_decay",
    "auxiliary_weight": "auxiliary",
    "bs": "batch_size",
    "cutout_length": "cutout",
    "data": "data_dir",
    "drop_path_prob": "drop_path",
    "gpu": "devices",
    "gpus": "devices",
    "grad_clip": "gradient_clip",
    "init_channels": "channels",
    "layers": "cells",
    "lr": "learning_rate",
    "output": "out",
    "save": "out",
    "unrolled": "order",
    "wd": "weight_decay",
}
# What texts make of two hyphens.
DASHES = "-\u2010\u2011\u2012\u2013\u2014\u2212"


def check_blanks(argv):
    """Refuse blanks around an equals sign."""
    for before, word, after in zip(
        argv, argv[1:], [*argv[2:], ""], strict=False
    ):
        flag, sign, rest = before, "=", after
        if word.startswith("=") and before.startswith("--"):
            sign, rest = " =", word[1:] or after
            sign = " = " if word == "=" else sign
        elif re.fullmatch(r"--\w+=", word) and after[:1] not in ("", "-"):
            flag, sign = word[:-1], "= "
        else:
            continue
        raise UserError(
            f"{flag}{sign}{rest}: write {flag}={rest}, without blanks"
        )


def unknown(flag, known):
    """The line about a flag that the command, which knows others, lacks.

    `known` are {flag: field}.
    """
    return f"--{flag}: no such flag; {_instead(flag, known)}"


def _instead(flag, known):
    plain = flag.lower().replace("-", "_")
    negated = plain.removeprefix("no").lstrip("_")
    if (
        plain.startswith("no")
        and known.get(negated)
        and known[negated].type in (bool, bool | None)
    ):
        return f"did you mean --{negated}=false?"
    meant = OTHER_NAMES.get(plain)
    if meant not in known:
        parts = [
            name
            for name in known
            if plain == name
            or f"{plain}_".startswith(f"{name}_")
            or f"{name}_".startswith(f"{plain}_")
        ]
        meant = parts[0] if len(parts) == 1 else None
    if meant:
        return f"did you mean --{meant}?"
    others = [f"tfnas {name}" for name in commands.having(re.escape(plain))]
    if others:
        return f"it belongs to {' and '.join(others)}"
    return nearest(flag, known, "see --help", "--")


def not_a_flag(before, rest, known, bare=None):
    """The line about an argument that is not a flag.

    Args:
        before: the arguments before it.
        rest: it, and those after it.
        known: {flag: field} of the command.
        bare: the flag that a word alone may mean, or None.
    """
    word = rest[0]
    named = re.match(rf"[{DASHES}]*(\w+)=", word)
    if named and named[1] in known:
        return f"{word}: not a flag; did you mean --{word.lstrip(DASHES)}?"
    listed = re.match(r"--(\w+)=", before[-1]) if before else None
    if listed and types_of(known[listed[1]])[1]:
        more = itertools.takewhile(lambda each: each[:1] != "-", rest)
        whole = ",".join(each.strip(",") for each in (before[-1], *more))
        return f"{word}: not a flag; write a list with commas, {whole}"
    if bare and not before:
        return f"{word}: not a flag; did you mean --{bare}={word}?"
    return f"{word}: not a flag; write --name=value"


def wrong(message, values, known):
    """The line about a flag that has no value, two, or one of another type.

    Args:
        message: absl's.
        values: the `FlagValues`, of which the first ones have been read.
        known: {flag: field} of the command.
    """
    found = re.search(r"flag (--(\w+)(=.*?)?)(: |$)", message, re.DOTALL)
    flag, name = found.group(1, 2)
    kind, item = types_of(known[name])
    if message.startswith("Missing value"):
        return f"{flag}: has no value; give {KINDS[kind]}"
    if ": already defined as " in message:
        old, new = values[name].value, flag.partition("=")[2]
        old = ",".join(old) if item else str(old)
        old = old.lower() if kind is bool else old
        return f"--{name}: given twice, as {old} and {new}; keep one"
    options = known[name].metadata["options"]
    if options and item is None:
        return f"{flag}: use " + " or ".join(map(str, options))
    if kind is float and re.fullmatch(r"--\w+=\d+,\d+", flag):
        point = flag.partition("=")[2].replace(",", ".")
        return f"{flag}: give a number, such as {point}"
    return f"{flag}: give {KINDS[kind]}"
