from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

import nibabel as nib
import numpy as np
import psutil
import pytest

from braingemma3d.errors import InputError
from braingemma3d.findings.schema import Findings
from braingemma3d.simulate import cohort as module
from braingemma3d.simulate.case import draw_case
from braingemma3d.simulate.cohort import write_cohort
from braingemma3d.simulate.truth import Truth

N, SEED = 4, 6


def contents(root: Path) -> dict[str, bytes]:
    return {str(p.relative_to(root)): p.read_bytes() for p in sorted(root.rglob("*")) if p.is_file()}


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("cohort")
    write_cohort(root, N, SEED, healthy=0.5, workers=1)
    return root


def lines(root: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in (root / "manifest.jsonl").read_text().splitlines()]


def test_any_number_of_workers_writes_the_same_bytes(written: Path, tmp_path: Path) -> None:
    write_cohort(tmp_path, N, SEED, healthy=0.5, workers=2)
    assert contents(tmp_path) == contents(written)


def test_manifest_lines(written: Path) -> None:
    for index, line in enumerate(lines(written)):
        assert set(line) == {
            "id", "patient", "image", "mask", "report", "findings", "truth", "source", "seed", "index",
        }  # fmt: skip
        assert (line["source"], line["seed"], line["index"]) == ("simulated", SEED, index)
        assert (written / str(line["image"])).exists()
        assert (written / str(line["mask"])).exists()
        findings = Findings.model_validate(line["findings"])
        assert Truth.model_validate(line["truth"]).findings() == findings


def test_files_hold_the_case_in_ras(written: Path) -> None:
    for line in lines(written):
        case = draw_case(SEED, int(str(line["index"])), healthy=0.5)
        image, mask = (nib.load(written / str(line[key])) for key in ("image", "mask"))
        assert nib.aff2axcodes(image.affine) == ("R", "A", "S")
        assert image.get_data_dtype() == np.int16
        assert np.allclose(image.affine, mask.affine)
        assert np.array_equal(np.asarray(image.dataobj).transpose(2, 1, 0), case.image)
        assert np.array_equal(np.asarray(mask.dataobj).transpose(2, 1, 0), case.mask)
        if case.truth.side in ("left", "right"):
            voxels = np.argwhere(np.isin(np.asarray(mask.dataobj), (1, 4))).mean(axis=0)
            x = (image.affine @ [*voxels, 1])[0]
            assert (x < 0) == (case.truth.side == "left")


def test_resuming_draws_only_what_is_missing(written: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = contents(written)
    name = module.case_id(SEED, 2)
    (written / "records" / f"{name}.json").unlink()
    drawn: list[int] = []
    original = module.draw_and_save
    monkeypatch.setattr(module, "draw_and_save", lambda *a: drawn.append(a[2]) or original(*a))
    write_cohort(written, N, SEED, healthy=0.5, workers=1)
    assert drawn == [2]
    assert contents(written) == before


def test_progress_is_shown_of_what_is_missing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    write_cohort(tmp_path, 1, SEED, workers=1)
    caplog.clear()
    with caplog.at_level("INFO"):
        write_cohort(tmp_path, 3, SEED, workers=1)
    assert caplog.messages == ["1 of 3 cases are already there", "Simulating: 2 of 2"]


def test_interrupt_leaves_complete_cases_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    original = module.draw_and_save

    def interrupted(root: Path, settings: module.Cohort, index: int) -> None:
        if index == 1:
            half = root / "images" / ".1.partial-half.nii.gz"
            half.write_bytes(b"half")
            os.utime(half, (0, 0))
            raise KeyboardInterrupt
        original(root, settings, index)

    monkeypatch.setattr(module, "draw_and_save", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_cohort(tmp_path, 3, SEED, workers=1)
    assert [line["index"] for line in lines(tmp_path)] == [0]
    monkeypatch.setattr(module, "draw_and_save", original)
    write_cohort(tmp_path, 2, SEED, workers=1)
    assert [line["index"] for line in lines(tmp_path)] == [0, 1]
    assert not list(tmp_path.rglob(".*partial*"))


def test_workers_end_with_a_parent_that_is_killed(tmp_path: Path) -> None:
    call = f"write_cohort({str(tmp_path)!r}, 40, workers=2)"
    program = f"from braingemma3d.simulate.cohort import write_cohort\nif __name__ == '__main__': {call}"
    (tmp_path / "draw.py").write_text(program)
    parent = psutil.Popen([sys.executable, tmp_path / "draw.py"])
    while not list(tmp_path.glob("records/*.json")) and parent.is_running():
        time.sleep(0.1)
    workers = parent.children(recursive=True)
    parent.kill()
    parent.wait()
    assert len(workers) >= 2
    assert not psutil.wait_procs(workers, timeout=10)[1]


def test_what_another_process_is_writing_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    half = tmp_path / "images" / ".1.partial-half.nii.gz"
    half.write_bytes(b"half")
    write_cohort(tmp_path, 1, SEED, workers=1)
    assert half.read_bytes() == b"half"


def test_a_folder_holds_one_cohort(written: Path) -> None:
    with pytest.raises(InputError, match="other settings"):
        write_cohort(written, N, SEED + 1, workers=1)
    with pytest.raises(InputError, match="not 0"):
        write_cohort(written, 0, SEED)
