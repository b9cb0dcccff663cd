"""The page that says what a search found, in words and pictures.

`reading` reads the run's folder, `findings` draws the conclusions, `figures`
draws, `overview`, `training` and `alphas` write a section each, and `page`
puts them together.
"""

from __future__ import annotations

from pathlib import Path


def write_report(run: str | Path) -> Path:
    """Writes `report.html` into a search run's folder.

    The page needs no network, no script and no other file; it follows the
    reader's light or dark theme and fits a phone.

    Args:
        run: the folder that `tfnas.search --out` wrote.

    Returns:
        The page's path.

    Raises:
        UserError: a file of the run is missing or damaged.

    Example:

    ```python
    page = write_report("runs/darts_seed0")
    ```
    """
    # Matplotlib takes longer to import than a usage error should.
    from tfnas.report.page import render
    from tfnas.report.reading import read_run

    page = Path(run) / "report.html"
    page.write_text(render(read_run(run)), encoding="utf-8")
    return page
