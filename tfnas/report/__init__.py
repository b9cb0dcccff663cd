"""A run's page: its results in words and pictures.

`findings` draws the conclusions from a run's folder, `chance` tells a choice
from noise, `figures` draws, `overview`, `course` and `alphas` write a section
each, and `page` puts them together. `network` writes the page of a trained
network, `trials` that of a search without gradients.
"""

from tfnas.cli.files import staged
from tfnas.errors import UserError
from tfnas.runs import contents
from tfnas.runs.reading import read_run


def write_report(run):
    """Writes `report.html` into a folder of a search, baseline or training.

    The page needs no network, no script and no other file; it follows the
    reader's light or dark theme and fits a phone.

    Args:
        run: the folder that `--out` named.

    Returns:
        The page's path.

    Raises:
        UserError: a file of the run is missing or damaged, or the page
            cannot be written.
    """
    # Matplotlib takes longer to import than a usage error should.
    from tfnas.report import network, page, trials

    pages = {"search": page, "train": network, "baseline": trials}
    found = read_run(run)
    found.require_fields()
    text = pages[found.kind].render(found)
    path = found.folder / contents.REPORT
    try:
        with staged(path) as aside:
            aside.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UserError(
            f"{path}: {error.strerror}; make room or repair it, then python "
            f"-m tfnas.report {run}"
        ) from None
    return path


def remarks(run):
    """The lines that a finished search prints below its genotype.

    They say whether chance decided and whether the budget was kept.
    """
    from tfnas.report import chance, findings

    found = read_run(run)
    lines = (
        chance.verdict(found),
        chance.attention_verdict(found),
        findings.budget(found),
    )
    return [line for line in lines if line]
