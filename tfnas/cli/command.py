"""Commands: flags from frozen dataclasses, one-line errors, exit codes.

A field of a dataclass whose metadata holds a help text is a flag. Its type is
the annotation: str, int, float, bool, or a tuple of these, written with
commas; `X | None` has no default. Nothing here imports TensorFlow, so that
`--help` and every argument error answer at once.
"""

import contextlib
import os
import sys
import tempfile

from absl import flags

from tfnas.choice import check_values, fields, types_of
from tfnas.cli import mistakes
from tfnas.cli.interruption import EXIT_CODE, READER_LEFT, Interrupted
from tfnas.errors import UserError

HELP = ("--help", "-h", "-help", "--helpfull")
DEFINE = {
    bool: flags.DEFINE_bool,
    int: flags.DEFINE_integer,
    float: flags.DEFINE_float,
    tuple: flags.DEFINE_list,
    str: flags.DEFINE_string,
}


def parse(argv, *configs):
    """Read the flags that were given, and only those, into {flag: value}.

    `argv` begins with the program's name. An unknown flag, a flag given twice,
    a value of the wrong type or not among its options, and an argument that is
    not a flag raise a `UserError`. If a dataclass has `BARE`, {flag: function
    that lists its values}, the error about a bare value names its flag. A text
    that begins with ~ is a path in a home folder.
    """
    values = flags.FlagValues()
    known = {f.name: f for config in configs for f in fields(config)}
    for field in known.values():
        _define(field, values)
    mistakes.check_blanks(argv)
    try:
        _, *rest = values(argv)
    except flags.UnrecognizedFlagError as error:
        line = mistakes.unknown(error.flagname, known)
        raise UserError(line) from None
    except flags.Error as error:
        line = mistakes.wrong(str(error), values, known)
        raise UserError(line) from None
    if rest:
        before = argv[1 : len(argv) - len(rest)]
        bare = next((c.BARE for c in configs if hasattr(c, "BARE")), {})
        raise UserError(mistakes.not_a_flag(before, rest, known, bare))
    return {
        name: _value(field, values[name].value)
        for name, field in known.items()
        if values[name].present
    }


def part(given, config):
    """The part of {flag: value} whose flags are fields of a dataclass."""
    names = {field.name for field in fields(config)}
    return {name: value for name, value in given.items() if name in names}


def unused(rules):
    """The flags that nothing would read, as {flag: why}.

    The rules are (flags, unused, why): names, whether the other values leave
    them unread, and the reason.
    """
    found = {}
    for names, idle, why in rules:
        for flag in names if idle else ():
            found.setdefault(flag, why)
    return found


def refuse_unused(given, rules):
    """Refuse the first typed flag that nothing would read.

    A flag typed with its default counts too. The rules are those of `unused`;
    the message names the flag and says why.
    """
    for flag, why in unused(rules).items():
        if flag in given:
            raise UserError(
                f"--{flag}={show(given[flag])}: {why}; leave it out"
            )


def typed(given):
    """{flag: value} as one would type it, a list of words."""
    return [f"--{k}={show(v)}" for k, v in given.items() if v is not None]


def made(config, given):
    """An instance of a dataclass, made from its own part of {flag: value}.

    Raises:
        UserError: for a value that its field does not allow.
    """
    found = config(**part(given, config))
    check_values(found)
    return found


def answer(argv, configs, usage, work, shown=None):
    """Answer a command line: show the help if asked for it, else do the work.

    The dataclasses' fields are the flags and `usage` begins the help. `work`
    takes the given flags as {flag: value}; `shown` turns those next to --help
    into the lines below the usage, by default the flags of the last dataclass.
    Returns the exit code, 0.
    """
    if not asks_for_help(argv):
        work(parse(argv, *configs))
    elif shown is None:
        print(usage, *help_lines(configs[-1]), sep="\n")
    else:
        others = [a for a in argv if a not in HELP]
        print(usage, *shown(parse(others, *configs)), sep="\n")
    return 0


def run(main, argv=None):
    """Run a command's `main(argv)` and leave with its exit code.

    A `UserError` becomes one line on standard error and exit code 1; Ctrl-C one
    line and the shell's 130; a run that stopped early and can go on one line
    and the code of its `Interrupted`. If the reader of the output has left, the
    code is `interruption.READER_LEFT`. Other exceptions keep their traceback.
    """
    argv = sys.argv if argv is None else argv
    _fill_closed_streams()
    code, line = _ended(main, argv)
    said = _is_written(sys.stderr, line)
    read = _is_written(sys.stdout)
    if not read:
        code = code or READER_LEFT
    # At exit Python would write to a stream without a reader once more, and
    # TensorFlow would wait for a worker that was lost.
    if not (said and read) or code in (EXIT_CODE, READER_LEFT):
        os._exit(code)
    sys.exit(code)


def _ended(main, argv):
    """(exit code, last words) of a command."""
    try:
        return main(argv) or 0, ""
    except UserError as error:
        return 1, f"error: {' '.join(str(error).split())}\n"
    except Interrupted as error:
        return error.code, f"stopped: {error}\n"
    except KeyboardInterrupt:
        return 130, "error: interrupted\n"
    except BrokenPipeError:
        return READER_LEFT, ""


def _is_written(stream, text=""):
    """Whether a stream has taken a text and everything before it."""
    try:
        print(text, end="", file=stream, flush=True)
    except BrokenPipeError:
        return False
    return True


def _fill_closed_streams():
    """Let streams that the caller has closed (`>&-`) lead nowhere.

    Otherwise the first opened file takes a closed stream's number, and what
    TensorFlow prints lands in it.
    """
    while (number := os.open(os.devnull, os.O_RDWR)) <= 2:
        continue
    os.close(number)
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115


@contextlib.contextmanager
def quiet_start():
    """Start TensorFlow fast and keep its notes on its build off the terminal.

    Its C++ part writes them to standard error during the import, whatever the
    log level. If the import fails, they are shown after all.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    prefer_onednn()
    sys.stderr.flush()
    terminal = os.dup(2)
    with tempfile.TemporaryFile() as notes:
        os.dup2(notes.fileno(), 2)
        try:
            yield
        except BaseException:
            notes.seek(0)
            os.write(terminal, notes.read())
            raise
        finally:
            os.dup2(terminal, 2)
            os.close(terminal)


def prefer_onednn():
    """Let TensorFlow use oneDNN on every processor, unless the user says no.

    By itself it does so only if it finds AVX512-VNNI; with AVX2 alone a step
    takes twice as long without oneDNN. TensorFlow reads the variable while it
    is imported, and the processes that this one starts inherit it.
    """
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")


def asks_for_help(argv):
    """Whether an argument is --help or one of its other names."""
    return any(a in HELP for a in argv[1:])


def help_lines(config):
    """The help of every flag, with its default, in two lines each.

    The defaults are those of a dataclass or of its instance.
    """
    return [_help_of(f, getattr(config, f.name)) for f in fields(config)]


def show(value):
    """A value as one would type it on the command line."""
    if isinstance(value, tuple):
        return ",".join(map(str, value))
    return str(value).lower() if isinstance(value, bool) else str(value)


def _help_of(field, value):
    shown = "" if value is None else show(value)
    options = field.metadata["options"]
    text = field.metadata["help"]
    if options:
        text += f" ({', '.join(map(str, options))})"
    return f"  --{field.name}={shown}\n      {text}"


def _define(field, values):
    kind, _ = types_of(field)
    text, options = field.metadata["help"], field.metadata["options"]
    shared = {"name": field.name, "default": None, "help": text}
    shared |= {"flag_values": values, "allow_overwrite": False}
    if options and kind is str:
        flags.DEFINE_enum(enum_values=list(options), **shared)
    else:
        DEFINE[kind](**shared)


def _value(field, value):
    kind, item = types_of(field)
    options = field.metadata["options"]
    if item is None:
        if options and value not in options:
            raise UserError(
                f"--{field.name}={value}: use " + " or ".join(map(str, options))
            )
        home = kind is str and value.startswith("~")
        return os.path.expanduser(value) if home else value
    try:
        return tuple(item(part) for part in value)
    except ValueError:
        raise UserError(
            f"--{field.name}={','.join(value)}: give {item.__name__} values "
            "separated by commas"
        ) from None
