"""Pages that can be read: any number of classes, any name, any theme."""

import json
import re
import shutil

import numpy as np
import pytest
from test_report import Page, write_run
from trained_runs import confusion_of, write_training

from tfnas.report import colours, write_report

NAMES = {
    "plain": "class {}",
    "long": "a class whose name is far longer than any table has room for, {}",
    "one word": "W" * 60 + "{}",
    "Chinese": "一个很长的类别名称" * 3 + "{}",
}


def text_of(path):
    return path.read_text(encoding="utf-8")


def page_of(folder, classes, names="plain", **options):
    named = [NAMES[names].format(i) for i in range(classes)]
    confusion = confusion_of(classes)
    path = write_report(write_training(folder, confusion, named, **options))
    return text_of(path), confusion, named


# === Numbers on colours ===


def channel(value):
    x = value / 255
    return x / 12.92 if x <= 0.04045 else ((x + 0.055) / 1.055) ** 2.4


def contrast(one, two):
    """WCAG 2.1's contrast of two colours (red, green, blue) in 0..255."""
    lights = [
        0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b)
        for r, g, b in (one, two)
    ]
    return (max(lights) + 0.05) / (min(lights) + 0.05)


def rgb(code):
    return tuple(bytes.fromhex(code.removeprefix("#")))


def theme_of(style, number):
    """{variable: colour} of the light (0) or the dark theme (1)."""
    sheets = re.findall(r":root\{((?:--c[0-9a-f]{6}:#[0-9a-f]{6};)+)\}", style)
    return dict(re.findall(r"(--c[0-9a-f]{6}):(#[0-9a-f]{6})", sheets[number]))


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_number_can_be_read_on_its_colour(theme, tmp_path):
    """4.5 to 1 is what WCAG asks of text."""
    page, _, _ = page_of(tmp_path / "run", 10)
    number = ["light", "dark"].index(theme)
    known = theme_of(page, number)
    paper = re.findall(r"--paper: (#\w+)", page)[number]
    pairs = re.findall(
        r'<rect [^>]*fill="var\((--c\w+)\)" fill-opacity="([\d.]+)">'
        r"<title>[^<]*</title></rect>"
        r'<text [^>]*fill="var\((--c\w+)\)"',
        page,
    )
    assert len(pairs) > 30
    assert len({opacity for _, opacity, _ in pairs}) > 10
    for area, opacity, letters in pairs:
        behind = [
            (1 - float(opacity)) * p + float(opacity) * c
            for p, c in zip(rgb(paper), rgb(known[area]), strict=True)
        ]
        assert contrast(behind, rgb(known[letters])) >= 4.5, (area, opacity)


def test_letters_suit_every_opacity_of_every_ink():
    for ink in colours.all_inks():
        for opacity in np.linspace(0, 1, 21):
            letters = colours.letters_on(ink, opacity)
            for theme in ("light", "dark"):
                paper = rgb(getattr(colours.PAPER, theme))
                behind = [
                    (1 - opacity) * p + opacity * c
                    for p, c in zip(
                        paper, rgb(getattr(ink, theme)), strict=True
                    )
                ]
                shade = rgb(getattr(letters, theme))
                assert contrast(behind, shade) >= 4.5


# === The table of the classes ===


def rows_of(page):
    """(name, {column: place in its order}) of each class, as they stand."""
    body = re.search(r'<table class="sortable".*?</table>', page, re.S)[0]
    found = re.findall(
        r'<tr role="row" style="([^"]*)"><th[^>]*>([^<]*)</th>', body
    )
    return [
        (
            name,
            {int(k): int(v) for k, v in re.findall(r"--by(\d):(\d+)", style)},
        )
        for style, name in found
    ]


@pytest.mark.parametrize("classes", [2, 10, 100])
def test_the_worst_class_stands_first_and_every_order_is_there(
    classes, tmp_path
):
    page, confusion, names = page_of(tmp_path / "run", classes)
    rows = rows_of(page)
    places = {name: i for i, name in enumerate(names)}
    order = [places[name] for name, _ in rows]
    right, true = np.diag(confusion), confusion.sum(1)
    recall = right / true
    assert (np.diff(recall[order]) >= 0).all()
    named = np.maximum(confusion.sum(0), 1)
    for column, key in ((0, np.arange(classes)), (1, recall), (2, -true)):
        by = [places[n] for n, _ in sorted(rows, key=lambda r: r[1][column])]
        assert sorted(by) == list(range(classes))
        assert (np.diff(key[by]) >= 0).all()
    precision = np.where(confusion.sum(0), right / named, np.inf)
    by = [places[n] for n, _ in sorted(rows, key=lambda r: r[1][3])]
    assert (np.diff(precision[by][np.isfinite(precision[by])]) >= 0).all()
    parsed = Page(page)
    buttons = parsed.named("input")
    assert [b["class"] for b in buttons] == [f"by{i}" for i in range(5)]
    assert [("checked" in b) for b in buttons] == [0, 1, 0, 0, 0]
    for i in range(5):
        rule = f".sortable:has(.by{i}:checked) tbody tr {{ order: var(--by{i})"
        assert rule in page


@pytest.mark.parametrize("classes", [20, 21])
def test_above_twenty_classes_the_table_is_folded(classes, tmp_path):
    page, _, _ = page_of(tmp_path / "run", classes)
    folded = f"<summary>All {classes} classes, the worst first</summary>"
    assert (folded in page) == (classes > 20)
    before = page.partition('<table class="sortable"')[0]
    inside = before.count("<details") > before.count("</details")
    assert inside == (classes > 20)
    assert ("Least often found: class 0 (0 of 40)" in page) == (classes > 20)


@pytest.mark.parametrize("names", [n for n in NAMES if n != "plain"])
def test_long_names_are_whole_in_the_table_and_on_demand(names, tmp_path):
    page, _, named = page_of(tmp_path / "run", 10, names)
    assert {name for name, _ in rows_of(page)} == {*named}
    for name in named:
        # Beside the picture and above it: cut, with the whole as a title.
        assert page.count(f"<title>{name}</title>{name[:5]}") == 2
    labels = re.findall(r"</title>([^<]*…)</text>", page)
    assert len(labels) == 20


# === One epoch, and alphas that stand still ===


def test_a_training_of_one_epoch_has_numbers_and_no_chart(tmp_path):
    page, _, _ = page_of(tmp_path / "one", 2, epochs=1)
    assert "over the epochs" not in page
    assert "Train accuracy</th><td>0.5<" in page
    page, _, _ = page_of(tmp_path / "two", 2, epochs=2)
    assert page.count("over the epochs; at the end") == 4


def test_a_search_of_one_epoch_has_numbers_and_no_chart(tmp_path):
    page = text_of(write_report(write_run(tmp_path / "one", epochs=1)))
    assert "over the epochs" not in page
    assert "Valid accuracy</th><td>" in page
    # Its shares are still a table.
    assert page.count("weights after the last epoch</caption>") == 2
    page = text_of(write_report(write_run(tmp_path / "two", epochs=2)))
    assert "over the epochs" in page


def test_one_trial_has_no_chart():
    from types import SimpleNamespace

    from tfnas.report import trials

    def charts(count):
        numbers = {name: np.arange(count) / 7 for name in ("score", "seconds")}
        return trials._trials(SimpleNamespace(trials=numbers)).count("<svg")

    assert [charts(count) for count in (1, 2)] == [0, 2]


def hold(folder, *names, stages=(0,)):
    """Let alphas of a written run stay where they began."""
    path = folder / "alphas.npz"
    with np.load(path) as file:
        arrays = dict(file)
    for stage in stages:
        for name in names:
            values = arrays[f"stage{stage}/{name}"]
            values[:] = values[0]
    np.savez(path, **arrays)


def test_alpha_that_did_not_move_has_no_table(tmp_path):
    arrays = ("betas", "gammas", "edges")
    folder = write_run(tmp_path / "run", arrays=arrays)
    assert text_of(write_report(folder)).count('class="heat"') == 8
    hold(folder, "alphas_normal", "betas_normal", "edges_reduce")
    page = text_of(write_report(folder))
    assert page.count('class="heat"') == 5
    assert "Normal cell: alpha did not move." in page
    assert "Normal cell: attention did not move." in page
    assert "Reduction cell: the edges' weights did not move." in page
    assert "Normal cell: leading operation" not in page
    assert page.count(" leads with ") == 14
    hold(folder, "alphas_reduce", "betas_reduce", "gammas_normal")
    hold(folder, "gammas_reduce", "edges_normal")
    page = text_of(write_report(folder))
    assert 'class="heat"' not in page
    assert "The margin is the lead" not in page


def test_a_search_is_held_against_the_largest_class(tmp_path):
    folder = write_run(tmp_path / "run")
    assert "of the supernet</small>" in text_of(write_report(folder))
    path = folder / "summary.json"
    summary = {**json.loads(path.read_text()), "majority_share": 0.9}
    path.write_text(json.dumps(summary))
    page = text_of(write_report(folder))
    assert "of the supernet; always one class: 90.0 %</small>" in page


# === In a browser ===


@pytest.fixture(scope="module")
def browser():
    playwright = pytest.importorskip("playwright.sync_api")
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("no Chromium; apt-get install chromium")
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(
            executable_path=chromium, args=["--no-sandbox"]
        )
        yield browser
        browser.close()


def inside(page, selector):
    """Whether each element, or what scrolls it, is within the page's width."""
    return page.evaluate(
        """selector => [...document.querySelectorAll(selector)].every(x => {
          const box = (x.closest('.scroll') || x).getBoundingClientRect()
          return box.left >= 0 && box.right <= innerWidth})""",
        selector,
    )


@pytest.mark.server
@pytest.mark.parametrize("width", [1200, 500])
@pytest.mark.parametrize("names", NAMES)
@pytest.mark.parametrize("classes", [2, 10, 100])
def test_nothing_is_off_the_page(browser, classes, names, width, tmp_path):
    page_of(tmp_path / "run", classes, names)
    page = browser.new_page(viewport={"width": width, "height": 900})
    page.goto(f"file://{tmp_path / 'run' / 'report.html'}")
    for details in page.query_selector_all("details"):
        details.evaluate("x => x.open = true")
    wide = page.evaluate("document.scrollingElement.scrollWidth")
    assert wide <= width
    assert inside(page, "p, table, svg, h1, h2, dl")
    # A name beside the picture begins inside it.
    assert page.evaluate(
        """() => [...document.querySelectorAll('svg text')].every(x => {
          const one = x.getBoundingClientRect()
          const all = x.ownerSVGElement.getBoundingClientRect()
          return one.left >= all.left - 1 && one.top >= all.top - 1})"""
    )
    page.close()


@pytest.mark.server
def test_a_heading_sorts_the_rows(browser, tmp_path):
    _, confusion, names = page_of(tmp_path / "run", 10)
    page = browser.new_page(viewport={"width": 1200, "height": 900})
    page.goto(f"file://{tmp_path / 'run' / 'report.html'}")

    def order():
        return page.evaluate(
            """() => [...document.querySelectorAll('.sortable tbody tr')].sort(
              (a, b) => a.getBoundingClientRect().top
                - b.getBoundingClientRect().top
            ).map(x => x.querySelector('th').innerText)"""
        )

    right = np.diag(confusion) / confusion.sum(1)
    worst = [names[i] for i in np.argsort(right, kind="stable")]
    assert order() == worst
    page.get_by_text("Class", exact=True).click()
    assert order() == names
    page.keyboard.press("ArrowRight")
    assert order() == worst
    page.close()
