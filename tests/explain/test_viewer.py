"""The page, as a file; what a browser makes of it is in ``tests/browser``."""

from __future__ import annotations

import base64
import gzip
import json
import re
from html.parser import HTMLParser

import nibabel as nib
import numpy as np
import pytest
from scipy.ndimage import distance_transform_edt

import phantom
from braingemma3d.explain import viewer
from braingemma3d.explain.viewer import json_in_html, niivue, save_viewer, script_in_html


class Page(HTMLParser):
    """Scripts by order, and every address that an element would load."""

    def __init__(self, text):
        super().__init__()
        self.scripts, self.addresses, self.open = [], [], None
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.addresses += [value for name, value in attrs if name in ("src", "href")]
        if tag == "script":
            self.scripts.append("")
            self.open = tag

    def handle_endtag(self, tag):
        self.open = None

    def handle_data(self, data):
        if self.open:
            self.scripts[-1] += data


@pytest.fixture
def page(make_explanation, tmp_path, monkeypatch):
    # Narrow, so that the phantom is cut out of its background.
    monkeypatch.setattr(viewer, "FRAME_MM", 0.0)
    found = make_explanation()
    save_viewer(found, tmp_path / "page.html")
    return found, (tmp_path / "page.html").read_text(encoding="utf-8")


def unpacked(text):
    return nib.Nifti1Image.from_bytes(gzip.decompress(base64.b64decode(text)))


def test_it_is_one_page_that_loads_nothing(page):
    _, text = page
    parsed = Page(text)
    assert len(parsed.scripts) == 3
    assert parsed.addresses == []
    assert "default-src 'none'" in text
    assert "{{" not in parsed.scripts[0] + parsed.scripts[2]
    assert len(parsed.scripts[1]) > 2_000_000


def test_it_holds_scan_report_and_a_map_for_each_target(page):
    found, text = page
    data = json.loads(Page(text).scripts[0])
    assert " ".join(data["sentences"]) == found.report.text
    assert [one["name"] for one in data["maps"]] == [card.name for card in found.scorecard.maps]
    assert data["disclaimer"] == found.report.disclaimer
    for number, one in enumerate(data["maps"]):
        image = unpacked(one["image"])
        assert np.array_equal(image.get_fdata(dtype=np.float32).transpose(2, 1, 0), found.map(number))
        assert one["limit"] == pytest.approx(np.abs(found.map(number)).max() or 1)
    scan = unpacked(data["scan"])
    assert scan.get_data_dtype() == np.uint8
    assert scan.get_fdata().max() == 255


def test_the_scan_in_the_page_lies_where_the_scan_does(page):
    found, text = page
    scan = unpacked(json.loads(Page(text).scripts[0])["scan"])
    assert scan.shape < phantom.SHAPE
    bright = np.argwhere(scan.get_fdata() > 250)
    here = nib.affines.apply_affine(scan.affine, bright).mean(axis=0)
    volume = found.volume
    high = volume.array > np.percentile(volume.array[volume.brain_mask], 99.6)
    there = nib.affines.apply_affine(volume.affine, np.argwhere(high)).mean(axis=0)
    assert np.linalg.norm(here - there) < 3


def test_no_face_is_in_the_page(make_explanation, tmp_path):
    found = make_explanation()
    found.volume.array[~found.volume.brain_mask] = found.volume.array.max()
    save_viewer(found, tmp_path / "page.html")
    scan = unpacked(json.loads(Page((tmp_path / "page.html").read_text(encoding="utf-8")).scripts[0])["scan"])
    away = distance_transform_edt(~found.volume.brain_mask, sampling=found.volume.spacing)
    assert 0 < (scan.get_fdata() > 0).sum() <= (away <= viewer.FRAME_MM).sum()


def test_nothing_in_a_report_can_end_a_script_or_become_markup(
    make_explanation, pipeline, volume, tmp_path, monkeypatch
):
    evil = "A lesion is in the left lobe </script><script>alert(1)</script> {{niivue}} <!-- <b>bold</b>."
    monkeypatch.setattr(pipeline, "write_and_check", lambda pixels: [evil] * 3)
    report = pipeline(volume, "</title><b>")
    found = make_explanation(report=report)
    save_viewer(found, tmp_path / "page.html")
    parsed = Page((tmp_path / "page.html").read_text(encoding="utf-8"))
    assert len(parsed.scripts) == 3
    assert " ".join(json.loads(parsed.scripts[0])["sentences"]) == evil
    assert "</title><b>" not in (tmp_path / "page.html").read_text(encoding="utf-8")


def test_scripts_are_made_safe_for_a_page():
    safe = script_in_html('x = "</SCRIPT>"; y = `<script async>`; z = "<!-- "; a = b < c;')
    assert not re.search(r"</script|<script|<!--", safe, re.IGNORECASE)
    assert safe.endswith("a = b < c;")
    assert "<" not in json_in_html({"x": "</script>"})
    assert json.loads(json_in_html({"x": "</script>"})) == {"x": "</script>"}


def test_niivue_comes_with_the_package_and_its_licence():
    from importlib.resources import files

    assert "niivue" in niivue()[:600]
    licence = (files("braingemma3d") / "assets" / "niivue" / "LICENSE").read_text(encoding="utf-8")
    assert licence.startswith("NiiVue 0.69.0\n\nBSD 2-Clause License")
    assert "fflate" in licence
