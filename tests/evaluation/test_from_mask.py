"""Findings from a tumour mask: what it tells, what it leaves open, and which masks are refused."""

from __future__ import annotations

import os
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

import phantom
from braingemma3d.errors import InputError
from braingemma3d.evaluation.average_brain import GRID, average_lobes
from braingemma3d.evaluation.from_mask import findings_from_mask, read_mask
from braingemma3d.findings.compare import scores
from braingemma3d.findings.schema import Findings
from braingemma3d.imaging.grid import labels_to_grid
from braingemma3d.imaging.preprocess import load_scan
from braingemma3d.imaging.volume import Mask, ScanGrid, Volume
from braingemma3d.simulate.case import draw_case
from braingemma3d.simulate.files import save_case

PLACE = {"lesion", "side", "lobes"}
VOXEL_ML = 0.027


@pytest.fixture
def scan(brain_file):
    return load_scan(brain_file)


def ball(centre, radius, scan) -> Mask:
    """(D, H, W) bool, the voxels within ``radius`` mm of a place in RAS millimetres."""
    d, h, w = np.indices(scan.array.shape)
    points = np.stack([d, h, w, np.ones_like(d)], axis=-1) @ scan.affine.T
    return np.linalg.norm(points[..., :3] - np.array(centre), axis=-1) < radius


def labels(scan, **balls) -> np.ndarray:
    """Nested or separate balls: name of the label to centre and radius, painted in this order."""
    values = {"edema": 2, "core": 4, "other_core": 4, "necrosis": 1}
    found = np.zeros(scan.array.shape, np.uint8)
    for name, (centre, radius) in balls.items():
        found[ball(centre, radius, scan)] = values[name]
    return found


LEFT_FRONTAL = phantom.LESION_RAS_MM


def test_a_binary_mask_tells_the_place_and_nothing_else(scan):
    truth = findings_from_mask((labels(scan, core=(LEFT_FRONTAL, 15)) > 0).astype(np.uint8), scan)
    assert truth.known == PLACE
    assert (truth.findings.side, truth.findings.lobes, truth.left_share) == ("left", ("frontal",), 1.0)
    assert truth.findings.lesions[0].lobes == ("frontal",)
    assert truth.core_ml == pytest.approx(4 / 3 * np.pi * 1.5**3, rel=0.05)
    shares = {f"{lobe}_share": share for lobe, share in truth.lobe_shares.items()}
    assert truth.measured == {"core_ml": truth.core_ml, "left_share": 1.0, **shares}, "no volumes of other tissue"


def test_the_mirror_image_has_the_other_side_and_the_same_lobes(scan):
    mask = labels(scan, edema=(LEFT_FRONTAL, 18), core=(LEFT_FRONTAL, 15))
    one, other = findings_from_mask(mask, scan), findings_from_mask(mask[..., ::-1], scan.mirrored())
    assert (one.findings.side, other.findings.side) == ("left", "right")
    assert one.findings.lobes == other.findings.lobes
    assert (one.core_ml, one.known) == (other.core_ml, other.known)


@pytest.mark.parametrize(
    ("centre", "lobe"),
    [
        ((30.0, 45.0, 10.0), "frontal"),
        ((28.0, -30.0, 40.0), "parietal"),
        ((45.0, -5.0, -20.0), "temporal"),
        ((15.0, -68.0, 5.0), "occipital"),
        ((20.0, -45.0, -38.0), "cerebellum"),
        ((12.0, 0.0, 5.0), "deep"),
    ],
)
def test_lobes_are_those_of_an_average_brain(scan, centre, lobe):
    truth = findings_from_mask(labels(scan, core=(centre, 8)), scan)
    assert (truth.findings.side, next(iter(truth.lobe_shares))) == ("right", lobe)
    assert lobe in truth.findings.lobes
    assert sum(truth.lobe_shares.values()) == pytest.approx(1, abs=0.01)


def test_the_core_decides_the_place_and_not_the_edema(scan):
    mask = labels(scan, edema=((30.0, -40.0, 30.0), 20), core=(LEFT_FRONTAL, 12))
    truth = findings_from_mask(mask, scan)
    assert (truth.findings.side, truth.findings.lobes) == ("left", ("frontal",))


def test_edema_alone_is_the_whole_lesion(scan):
    truth = findings_from_mask(labels(scan, edema=(LEFT_FRONTAL, 12)), scan)
    assert (truth.findings.side, truth.known) == ("left", PLACE)


@pytest.mark.parametrize(
    ("radius", "grade"), [(0, "none"), (16.5, "mild"), (17.3, None), (19.0, "moderate"), (22.0, None), (25.5, "severe")]
)
def test_edema_is_graded_by_its_share_and_unknown_between_two_grades(scan, radius, grade):
    truth = findings_from_mask(labels(scan, edema=(LEFT_FRONTAL, radius), core=(LEFT_FRONTAL, 15)), scan)
    assert ("edema" in truth.known) == (grade is not None)
    assert truth.findings.edema == (grade or "none")


def test_more_edema_than_any_simulated_patient_has_is_severe(scan):
    truth = findings_from_mask(labels(scan, edema=(LEFT_FRONTAL, 25), core=(LEFT_FRONTAL, 8)), scan)
    assert truth.findings.edema == "severe"


def with_necrosis(scan, radius, level, offset=0.0, unit=1.0):
    """The scan with a core of 620 and a centre of another brightness, in other units, and their mask."""
    array = scan.array.copy()
    array[ball(LEFT_FRONTAL, radius, scan)] = level
    changed = Volume((array - offset) / unit, scan.affine, scan.source, scan.brain_mask)
    return findings_from_mask(labels(scan, core=(LEFT_FRONTAL, 15), necrosis=(LEFT_FRONTAL, radius)), changed)


@pytest.mark.parametrize(
    ("radius", "level", "grade"),
    [(0, 0, "none"), (11, 150, "present"), (11, 700, None), (11, 580, None), (4, 150, None)],
    ids=["none", "dark", "bright", "hardly darker", "small"],
)
def test_necrosis_has_to_be_dark_and_large_enough_to_be_known(scan, radius, level, grade):
    truth = with_necrosis(scan, radius, level)
    assert ("necrosis" in truth.known) == (grade is not None)
    assert truth.findings.necrosis == (grade or "none")


@pytest.mark.parametrize(("level", "known"), [(150, True), (580, False)])
def test_necrosis_of_a_scan_centred_on_zero_is_as_dark_as_before(scan, level, known):
    brain = scan.array[scan.brain_mask]
    for offset in (brain.mean(), np.median(brain)):
        truth = with_necrosis(scan, 11, level, offset=offset, unit=brain.std())
        assert ("necrosis" in truth.known) is known


def test_a_core_without_solid_part_leaves_necrosis_open(scan):
    mask = labels(scan, edema=(LEFT_FRONTAL, 19), necrosis=(LEFT_FRONTAL, 15))
    assert findings_from_mask(mask, scan).known == PLACE | {"edema"}


def test_volumes_are_in_ml(scan):
    mask = labels(scan, edema=(LEFT_FRONTAL, 19), core=(LEFT_FRONTAL, 15), necrosis=(LEFT_FRONTAL, 11))
    truth = findings_from_mask(mask, scan)
    assert truth.edema_ml == pytest.approx((mask == 2).sum() * VOXEL_ML, abs=0.01)
    assert truth.core_ml == pytest.approx(((mask == 4) | (mask == 1)).sum() * VOXEL_ML, abs=0.01)
    assert truth.necrosis_ml == pytest.approx((mask == 1).sum() * VOXEL_ML, abs=0.01)


def test_two_lesions_are_bilateral_and_so_is_a_large_one_on_both_sides(scan):
    two = labels(scan, core=((-30.0, 0.0, 20.0), 12), other_core=((30.0, 0.0, 20.0), 12))
    assert findings_from_mask(two, scan).findings.side == "bilateral"
    assert findings_from_mask(labels(scan, core=((3.0, 20.0, 20.0), 28)), scan).findings.side == "bilateral"


@pytest.mark.parametrize(("across", "known"), [(0.0, False), (6.0, False), (9.0, False), (14.0, True)])
def test_a_side_that_hangs_on_a_few_millimetres_is_unknown(scan, across, known):
    for sign, side in ((1, "right"), (-1, "left")):
        truth = findings_from_mask(labels(scan, core=((sign * across, 20.0, 20.0), 12)), scan)
        assert ("side" in truth.known) is known
        assert truth.findings.side == (side if known else "none")
        assert "lobes" in truth.known


def test_a_large_lesion_in_the_middle_is_midline_whatever_specks_lie_about(scan):
    mask = labels(scan, core=((0.0, -20.0, 10.0), 16))
    assert findings_from_mask(mask, scan).findings.side == "midline"
    mask |= labels(scan, other_core=((40.0, 0.0, 20.0), 4))
    assert findings_from_mask(mask, scan).findings.side == "midline"


def test_what_lies_outside_the_average_brain_does_not_thin_its_lobes(scan):
    """At the corner of this brain, which is rounder than the average one."""
    truth = findings_from_mask(labels(scan, core=((45.0, 52.0, -4.0), 9)), scan)
    assert sum(truth.lobe_shares.values()) == pytest.approx(1, abs=0.01)
    inside = average_lobes()[labels_to_grid(labels(scan, core=((45.0, 52.0, -4.0), 9)), scan, GRID) > 0] > 0
    assert inside.mean() < 0.95, "else this proves nothing"


def test_the_median_plane_is_the_brain_s_and_not_the_image_s(scan):
    """A brain that is turned by 12 degrees and off the middle of its image."""
    angle = np.deg2rad(12)
    d, h, w = np.indices((56, 90, 90)).astype(float)
    across, along = (w - 55) * 3, (h - 45) * 3
    x, y = np.cos(angle) * across - np.sin(angle) * along, np.sin(angle) * across + np.cos(angle) * along
    z = (d - 28) * 3
    brain = (x / 66) ** 2 + (y / 82) ** 2 + (z / 62) ** 2 < 1
    affine = np.array([[0, 0, 3, 0], [0, 3, 0, 0], [3, 0, 0, 0], [0, 0, 0, 1.0]])
    grid = ScanGrid(Path("turned"), (90, 90, 56), np.eye(4), "RAS")
    turned = Volume(brain.astype(np.float32), affine, grid, brain)
    for place, side in ((13, "right"), (-13, "left")):
        for end in (55, -55):
            core = brain & ((x - place) ** 2 + (y - end) ** 2 + z**2 < 8**2)
            assert findings_from_mask(core.astype(np.uint8), turned).findings.side == side
    # Half of them lie on the other side of the plane that is upright and in the middle of the brain's box.
    across_box = [
        (w[brain & ((x - p) ** 2 + (y - e) ** 2 + z**2 < 8**2)] > 55).mean() for p, e in ((13, -55), (-13, 55))
    ]
    assert min(across_box) < 0.6


def test_an_empty_mask_is_a_brain_without_a_lesion(scan):
    truth = findings_from_mask(np.zeros(scan.array.shape, np.uint8), scan)
    assert truth.findings == Findings()
    assert truth.known == PLACE | {"edema", "necrosis"}


def test_a_lesion_outside_the_brain_is_of_another_scan(scan):
    mask = np.zeros(scan.array.shape, np.uint8)
    mask[:4, :4, :4] = 1
    with pytest.raises(InputError, match="outside the brain"):
        findings_from_mask(mask, scan)


def test_a_mask_is_read_in_any_orientation(scan, save_scan):
    image = phantom.lesion_mask()
    plain = read_mask(save_scan(image, "plain.nii.gz"), scan)
    turned = image.as_reoriented(nib.orientations.axcodes2ornt("PSL"))
    assert nib.aff2axcodes(turned.affine) != ("R", "A", "S")
    np.testing.assert_array_equal(read_mask(save_scan(turned, "turned.nii.gz"), scan), plain)
    assert plain.shape == scan.array.shape
    assert scan.array[plain > 0].mean() > 550


@pytest.mark.parametrize("core", [3, 4])
def test_both_of_the_values_for_the_solid_core_are_read(scan, save_scan, core):
    found = read_mask(save_scan(phantom.lesion_mask(core)), scan)
    assert set(np.unique(found)) == {0, 4}


def moved(affine, millimetres):
    affine = affine.copy()
    affine[0, 3] += millimetres
    return affine


@pytest.mark.parametrize(
    "other",
    [
        lambda image: nib.Nifti1Image(image.get_fdata(), moved(image.affine, 6)),
        lambda image: nib.Nifti1Image(image.get_fdata(), image.affine @ np.diag([1, 1, 1.2, 1])),
        lambda image: nib.Nifti1Image(image.get_fdata()[:-1], image.affine),
        lambda image: nib.Nifti1Image(image.get_fdata(), np.eye(4)),
        lambda image: nib.Nifti1Image(image.get_fdata(), image.affine @ np.diag([-1, 1, 1, 1])),
    ],
    ids=["moved", "other spacing", "cropped", "no affine", "sides swapped"],
)
def test_a_mask_on_another_grid_is_refused(scan, save_scan, other):
    path = save_scan(other(phantom.lesion_mask()), "other.nii.gz")
    with pytest.raises(InputError, match="does not lie on the grid") as caught:
        read_mask(path, scan)
    assert caught.value.code == "other_grid"
    assert "\n" not in str(caught.value)


def test_a_rounded_header_is_the_same_grid(scan, save_scan):
    image = phantom.lesion_mask()
    read_mask(save_scan(nib.Nifti1Image(image.get_fdata(), moved(image.affine, 0.2))), scan)


@pytest.mark.parametrize(
    ("values", "says"),
    [((5,), "values 0, 5"), ((0.5,), "values 0, 0.5"), ((-1,), "values -1, 0"), ((255,), "255"), ((3, 4), "3 and 4")],
)
def test_other_values_are_refused(scan, save_scan, values, says):
    array = np.zeros(phantom.SHAPE, np.float32)
    for place, value in enumerate(values):
        array[20 + place, 30, 30] = value
    path = save_scan(nib.Nifti1Image(array, phantom.coordinates()[1]))
    with pytest.raises(InputError, match=says):
        read_mask(path, scan)


def test_a_scan_in_the_place_of_the_mask_is_refused(scan, brain_file):
    with pytest.raises(InputError, match="the mask has the values"):
        read_mask(brain_file, scan)


def test_it_agrees_with_the_exact_truth_of_simulated_patients(tmp_path):
    """Grades exactly, the place as well as an average brain can: measured lobe F1 over 124 cases .88."""
    lobes = []
    for index in range(6):
        case = draw_case(5, index, healthy=0.0)
        save_case(tmp_path, case)
        scan = load_scan(next((tmp_path / "images").glob(f"*{index}.nii.gz")))
        truth = findings_from_mask(read_mask(next((tmp_path / "masks").glob(f"*{index}_seg.nii.gz")), scan), scan)
        found = scores(truth.findings, case.truth.findings(), truth.known)
        lobes.append(found.pop("lobe_f1"))
        assert set(found.values()) == {1.0}, (index, found)
        assert {"edema", "necrosis"} <= truth.known
        assert truth.edema_ml == pytest.approx(case.truth.edema_ml, rel=0.03, abs=0.05)
        assert truth.left_share == pytest.approx(case.truth.left_share, abs=0.15)
    assert np.mean(lobes) > 0.6


@pytest.mark.skipif("BRAINGEMMA3D_REAL_DATA" not in os.environ, reason="BRAINGEMMA3D_REAL_DATA is not set")
def test_a_real_glioma():
    folder = Path(os.environ["BRAINGEMMA3D_REAL_DATA"])
    scan = load_scan(folder / "tcga6692_flair_bet.nii.gz")
    truth = findings_from_mask(read_mask(folder / "tcga6692_seg.nii.gz", scan), scan)
    assert (truth.findings.side, truth.findings.lobes) == ("right", ("frontal",))
    assert "necrosis" not in truth.known, "the label of necrosis is brighter here than the solid part"
