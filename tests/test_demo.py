"""The page to try a network on, in a real browser."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import serving

import tfnas
from tfnas.demo import config as demo
from tfnas.errors import UserError

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def source(tiny):
    from tfnas.zoo.source import of_config

    return of_config(demo.DemoConfig(model=tiny.name, zoo=str(tiny.zoo)))


@pytest.fixture(scope="module")
def digit():
    return tfnas.data.load("digits").test.images[0]


def test_the_answer_is_the_network_s(source, digit):
    from tfnas.demo.run import answering

    found, shown = answering(source)(serving.png(digit))
    logits = source.network(digit[None].astype("float32"))[0].numpy()
    share = np.exp(logits) / np.exp(logits).sum()
    np.testing.assert_allclose([*found.values()], share, atol=1e-5)
    assert [*found] == [*"0123456789"]
    assert shown.shape == (224, 224, 3)
    np.testing.assert_array_equal(shown[::28, ::28, :1], digit)


@pytest.mark.parametrize(
    ("file", "words"),
    [(lambda: b"x", "not an image"), (serving.bomb, "image too large")],
)
def test_what_is_no_image_is_said_to_be_none(source, file, words):
    from tfnas.demo.run import answering

    with pytest.raises(UserError, match=words):
        answering(source)(file())


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "--model: give either it or --run"),
        (["--model=../x"], "not a name of the zoo"),
        (["--run=nowhere"], "--run=nowhere: no such folder"),
        (["--run=x", "--port=0"], "--port=0: use 1 to 65535"),
        (["--run=x", "--port=70000"], "--port=70000: use 1 to 65535"),
    ],
)
def test_flags_that_do_not_fit(arguments, words):
    with pytest.raises(UserError) as error:
        demo.main(["demo", *arguments])
    assert words in str(error.value)


def test_without_gradio_it_says_what_to_install(monkeypatch):
    monkeypatch.setattr(demo.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"pip install 'tfnas\[demo\]'"):
        demo.main(["demo", "--model=PDARTS"])


@pytest.mark.server
def test_a_browser_shows_the_class_of_a_dropped_image(tiny, digit, tmp_path):
    pytest.importorskip("gradio")
    playwright = pytest.importorskip("playwright.sync_api")
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("no Chromium; apt-get install chromium")
    (tmp_path / "digit.png").write_bytes(serving.png(digit))
    (tmp_path / "none.png").write_bytes(b"nothing")
    (port,) = serving.free_ports(1)
    words = [f"--model={tiny.name}", f"--zoo={tiny.zoo}", f"--port={port}"]
    process = subprocess.Popen(
        [sys.executable, "-m", "tfnas.demo", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        cwd=ROOT,
    )
    model = tfnas.load(tiny.name, zoo=tiny.zoo)
    best = int(model(digit[None].astype("float32"))[0].numpy().argmax())
    try:
        with process.stdout as output, playwright.sync_playwright() as started:
            assert output.readline() == f"http://127.0.0.1:{port}\n"
            browser = started.chromium.launch(
                executable_path=chromium, args=["--no-sandbox"]
            )
            page = browser.new_page(viewport={"width": 800, "height": 900})
            asked = []
            page.on("request", lambda request: asked.append(request.url))
            page.goto(f"http://127.0.0.1:{port}")
            upload = page.locator("input[type=file]").first
            upload.set_input_files(tmp_path / "digit.png")
            label = page.locator("[data-testid=label-output-value]")
            label.wait_for(timeout=60_000)
            assert label.inner_text().strip() == str(best)
            drawing = page.locator("svg", has_text="sep_conv").first
            cells = drawing.bounding_box()
            assert cells["width"] > 300
            width = page.viewport_size["width"]
            assert cells["x"] + cells["width"] <= width
            page.screenshot(path=tmp_path / "page.png", full_page=True)
            # What is no image is said to be none, and the next one is shown.
            for name, shown in (
                ("none.png", page.get_by_text("not an image that can be read")),
                ("digit.png", label),
            ):
                page.get_by_label("Clear").or_(
                    page.get_by_label("Remove")
                ).first.click()
                upload.set_input_files(tmp_path / name)
                shown.first.wait_for(timeout=60_000)
            assert label.inner_text().strip() == str(best)
            browser.close()
    finally:
        process.terminate()
        process.wait()
    assert (tmp_path / "page.png").stat().st_size > 10_000
    local = re.compile(rf"(http|ws)://127\.0\.0\.1:{port}/|data:|blob:")
    assert not [url for url in asked if not local.match(url)]
