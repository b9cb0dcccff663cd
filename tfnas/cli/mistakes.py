"""Error lines for arguments that are not flags and values."""

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
# Names of flags in other programs, the papers' authors' among them.
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
# Word processors turn two hyphens into these.
DASHES = "-\u2010\u2011\u2012\u2013\u2014\u2212"


def check_blanks(argv):
    """Refuse blanks around an equals sign."""
    for before, word, after in zip(
        argv, argv[1:], [*argv[2:], ""], strict=False
    ):
        if before.startswith("--") and "=" not in before and word[:1] == "=":
            flag, value = before, word[1:] or after
            typed = f"{flag} = {value}" if word == "=" else f"{flag} {word}"
        elif re.fullmatch(r"--\w+=", word) and after[:1] not in ("", "-"):
            flag, value, typed = word[:-1], after, f"{word} {after}"
        else:
            continue
        raise UserError(f"{typed}: write {flag}={value}, without blanks")


def unknown(flag, known):
    """The line about a flag that the command does not have.

    `known` is {flag: field} of those that it has.
    """
    return f"--{flag}: no such flag; {_instead(flag, known)}"


def _instead(flag, known):
    plain = flag.lower().replace("-", "_")
    negated = known.get(plain.removeprefix("no_"))
    if plain.startswith("no_") and negated and types_of(negated)[0] is bool:
        return f"did you mean --{negated.name}=false?"
    alike = [name for name in known if _begins(plain, name)]
    meant = OTHER_NAMES.get(plain)
    if meant in known:
        return f"did you mean --{meant}?"
    if len(alike) == 1:
        return f"did you mean --{alike[0]}?"
    others = [f"tfnas {name}" for name in commands.having(re.escape(plain))]
    if others:
        return f"it belongs to {' and '.join(others)}"
    return nearest(flag, known, "see --help", "--")


def _begins(one, other):
    """Whether the words of one of two names begin with those of the other."""
    one, other = sorted((f"{one}_", f"{other}_"), key=len)
    return other.startswith(one)


def not_a_flag(before, rest, known, bare):
    """The line about an argument that is not a flag.

    Args:
        before: the arguments before it.
        rest: the argument and those after it.
        known: {flag: field} of the command.
        bare: {flag: function that lists its values}, for a bare value.
    """
    word = rest[0]
    named = re.match(rf"[{DASHES}]*(\w+)=", word)
    if named and named[1] in known:
        return f"{word}: not a flag; did you mean --{word.lstrip(DASHES)}?"
    listed = re.match(r"--(\w+)=", before[-1]) if before else None
    if listed and listed[1] in known and types_of(known[listed[1]])[1]:
        more = itertools.takewhile(lambda each: each[:1] != "-", rest)
        whole = ",".join(each.strip(",") for each in (before[-1], *more))
        return f"{word}: not a flag; write a list with commas, {whole}"
    for flag, values in bare.items():
        if word in values():
            return f"{word}: not a flag; did you mean --{flag}={word}?"
    return f"{word}: not a flag; write --name=value"


def wrong(message, values, known):
    """The line about a flag with no value, two values or one of another type.

    Args:
        message: absl's.
        values: the `FlagValues`, read up to the mistake.
        known: {flag: field} of the command.
    """
    found = re.search(r"flag (--(\w+)(=.*?)?)(: |$)", message, re.DOTALL)
    if not found:  # one of absl's own flags
        return f"{' '.join(message.split())}; see --help"
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
