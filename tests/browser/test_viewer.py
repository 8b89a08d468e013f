"""The explanation's page in headless Chromium, opened from disk."""

from __future__ import annotations

import io
import os
import shutil
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

import phantom
from braingemma3d.explain.explanation import ExplainSettings, explain
from braingemma3d.explain.lime import LimeSettings
from braingemma3d.explain.viewer import save_viewer
from braingemma3d.imaging.preprocess import load_scan
from braingemma3d.report.pipeline import Pipeline

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine")

TEXT = "A mass is seen in the left frontal lobe. Moderate edema is seen around the lesion. The skull is thick."
FLAGS = ["--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--ignore-gpu-blocklist"]


@pytest.fixture(scope="module")
def page_file(tiny_checkpoint, tmp_path_factory):
    folder = tmp_path_factory.mktemp("page")
    nib.save(phantom.brain_image(), folder / "scan.nii.gz")
    pipeline = Pipeline.from_pretrained(str(tiny_checkpoint))
    pipeline.write = lambda pixels: [TEXT] * len(pixels)
    settings = ExplainSettings(supervoxels=12, lime=LimeSettings(samples=20))
    found = explain(pipeline, load_scan(folder / "scan.nii.gz"), settings)
    # Maps that can be told apart: one lit supervoxel each.
    lit = np.zeros_like(found.attributions)
    lit[np.arange(len(lit)), np.arange(len(lit))] = 1.0
    found.attributions[:] = lit
    save_viewer(found, folder / "explanation.html")
    return folder / "explanation.html"


@pytest.fixture(scope="module")
def browser():
    with playwright.sync_playwright() as running:
        started = running.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield started
        started.close()


@pytest.fixture
def page(browser, page_file: Path):
    """The page, drawn; requests and errors are noted in ``page.requested`` and ``page.errors``."""
    context = browser.new_context(viewport={"width": 1200, "height": 800}, offline=True)
    page = context.new_page()
    page.requested, page.errors = [], []
    page.on("request", lambda request: page.requested.append(request.url))
    page.on("pageerror", lambda error: page.errors.append(str(error)))
    page.on("console", lambda line: page.errors.append(line.text) if line.type == "error" else None)
    page.goto(page_file.as_uri())
    page.wait_for_selector("body[data-drawn]", timeout=120_000)
    yield page
    context.close()


def drawn(page) -> np.ndarray:
    """RGB of the canvas as it is on the screen, once it has come to rest."""
    import matplotlib.image

    before = None
    for _ in range(40):
        page.wait_for_timeout(250)
        picture = page.locator("#scan").screenshot()
        if picture == before:
            break
        before = picture
    return (matplotlib.image.imread(io.BytesIO(picture))[..., :3] * 255).astype(int)


def coloured(picture: np.ndarray) -> np.ndarray:
    """Pixels of the map's warm colours, not of the green crosshair."""
    red, green, blue = picture[..., 0], picture[..., 1], picture[..., 2]
    return (red > blue + 40) & (red >= green)


def slide_to(page, value: float) -> None:
    page.locator("#opacity").evaluate(
        "(slider, v) => { slider.value = v; slider.dispatchEvent(new Event('input')); }", value
    )


def test_both_volumes_are_drawn_from_disk_and_offline(page, page_file):
    assert page.locator("body").get_attribute("data-drawn") == "yes"
    assert page.evaluate("viewer.volumes.length") == 2
    with_map = drawn(page)
    slide_to(page, 0)
    without = drawn(page)
    grey = (np.ptp(without, axis=2) < 12) & (without[..., 0] > 40) & (without[..., 0] < 250)
    assert grey.mean() > 0.05, "the scan is not drawn"
    assert not coloured(without).any()
    assert coloured(with_map).mean() > 0.002, "the map is not drawn"
    slide_to(page, 0.6)
    assert np.abs(drawn(page) - with_map).mean() < 1
    assert page.errors == []
    assert [url for url in page.requested if not url.startswith(("data:", "blob:"))] == [page_file.as_uri()]


def test_a_click_on_a_sentence_shows_its_map(page):
    first = drawn(page)
    crosshair = page.evaluate("[...viewer.scene.crosshairPos]")
    assert page.locator("#choices .choice").all_inner_texts() == [
        "report",
        "side",
        "lobe",
        "edema",
        "lesion",
        "sentence 3",
    ]
    page.get_by_role("button", name="Moderate edema is seen around the lesion.").click()
    assert page.locator('.choice[aria-pressed="true"]').inner_text() == "edema"
    assert page.locator('.sentence[aria-pressed="true"]').all_inner_texts() == [
        "Moderate edema is seen around the lesion."
    ]
    assert "and not" in page.locator("#question").inner_text()
    second = drawn(page)
    assert coloured(second).any()
    assert (coloured(first) != coloured(second)).mean() > 0.002
    assert page.evaluate("viewer.volumes.length") == 2
    assert page.evaluate("[...viewer.scene.crosshairPos]") != crosshair, "the slices show where this map is strongest"
    page.get_by_role("button", name="report", exact=True).click()
    assert np.abs(drawn(page) - first).mean() < 1
    assert page.errors == []


def test_the_keyboard_shows_where_it_is_on_the_page(page):
    page.locator("#scan").focus()
    page.keyboard.press("Tab")
    style = "getComputedStyle(document.activeElement)"
    for _ in range(20):
        if page.evaluate("document.activeElement.className") == "sentence":
            break
        page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "sentence"
    assert page.evaluate(f"{style}.outlineStyle") == "solid"


def test_report_verdict_and_evidence_stand_beside_the_scan(page):
    assert page.locator("#report").inner_text() == TEXT
    assert page.locator("#verdict strong").inner_text().lower() == "do not use"
    assert "the model has not been trained" in page.locator("#verdict li").all_inner_texts()
    assert "held out" in page.locator("#evidence").inner_text()
    assert "Not a medical device" in page.locator("#disclaimer").inner_text()
    sides = page.evaluate("viewer.opts.isRadiologicalConvention")
    assert sides is True


def test_without_webgl_the_report_can_still_be_read(browser, page_file):
    context = browser.new_context()
    page = context.new_page()
    page.add_init_script("HTMLCanvasElement.prototype.getContext = () => null;")
    page.goto(page_file.as_uri())
    page.wait_for_selector('body[data-drawn="no"]', timeout=60_000)
    assert page.locator("#report").inner_text() == TEXT
    assert "WebGL 2" in page.locator("#stage").inner_text()
    context.close()
