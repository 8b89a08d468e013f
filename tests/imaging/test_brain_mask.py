"""Finding the brain: decided from the image, overridable."""

from __future__ import annotations

import nibabel as nib
import numpy as np
import pytest

import phantom
from braingemma3d.errors import InputError
from braingemma3d.imaging import brain_mask
from braingemma3d.imaging.brain_mask import find_brain, skull_removed
from braingemma3d.imaging.nifti import read_nifti


@pytest.fixture
def head_file(save_scan):
    return save_scan(nib.Nifti1Image(phantom.head_array(), phantom.coordinates()[1]))


def test_a_stripped_brain_is_recognised_and_kept_as_it_is(brain_file, brain_ras):
    volume = read_nifti(brain_file)
    assert skull_removed(volume)[0]
    mask, notes = find_brain(volume)
    delivered = np.asarray(brain_ras.dataobj).transpose(2, 1, 0) > 0
    assert [note.code for note in notes] == ["already_stripped"]
    assert (mask & delivered).sum() / delivered.sum() > 0.999
    assert mask.sum() / delivered.sum() < 1.01


def test_a_blank_slice_parts_no_brain(save_scan):
    whole = phantom.brain_array()
    parted = whole.copy()
    parted[:, :, parted.shape[2] // 2] = 0
    parted[1:3, 1:3, 1:3] = parted.max()  # a speck is no part
    masks = [
        find_brain(read_nifti(save_scan(nib.Nifti1Image(a, phantom.coordinates()[1]))))[0] for a in (whole, parted)
    ]
    assert masks[1].sum() / masks[0].sum() == pytest.approx(1, abs=0.03)
    assert not masks[1][1:3, 1:3, 1:3].any()


def test_deepbet_sees_the_head_and_not_its_padding(save_scan, monkeypatch):
    head = phantom.head_array()
    head[head < np.percentile(head, 20)] = 0
    padded = np.pad(head, ((30, 0), (0, 20), (5, 5)))
    shown = []

    class Extractor:
        def run(self, image):
            shown.append(image.shape)
            return None, nib.Nifti1Image((np.asarray(image.dataobj) > 0).astype(np.uint8), image.affine), None

    monkeypatch.setattr(brain_mask, "_extractor", Extractor)
    volume = read_nifti(save_scan(nib.Nifti1Image(padded, phantom.coordinates()[1])))
    mask = brain_mask._deepbet(volume)
    assert all(n <= m for n, m in zip(shown[0], head.shape, strict=True))
    assert np.array_equal(mask, volume.array > 0)


def test_ventricles_of_background_value_stay_inside_the_mask(save_scan):
    array = phantom.brain_array()
    array[(array > 0) & (array < 100)] = 0
    mask, _ = find_brain(read_nifti(save_scan(nib.Nifti1Image(array, phantom.coordinates()[1]))))
    centre = tuple(n // 2 for n in mask.shape)
    assert mask[centre[0] + 1, centre[1], centre[2] + 4]


def test_a_background_other_than_zero_is_recognised(save_scan):
    array = phantom.brain_array()
    standardised = np.where(array > 0, (array - 300) / 50, -9).astype(np.float32)
    assert skull_removed(read_nifti(save_scan(nib.Nifti1Image(standardised, phantom.coordinates()[1]))))[0]


def test_a_head_with_its_skull_is_not_taken_for_stripped(head_file):
    assert not skull_removed(read_nifti(head_file))[0]


def test_a_head_with_a_blanked_background_is_not_taken_for_stripped(save_scan):
    array = phantom.head_array()
    array[array < 60] = 0
    big = nib.Nifti1Image(array, phantom.coordinates()[1] * np.array([1.25, 1.25, 1.25, 1])[None])
    assert not skull_removed(read_nifti(save_scan(big)))[0]


@pytest.mark.parametrize(("share", "stripped"), [(0.6, False), (0.98, True)])
def test_of_what_may_be_a_large_brain_or_a_small_head_deepbet_tells(share, stripped, save_scan, monkeypatch):
    array, affine = phantom.brain_array(), phantom.coordinates()[1].copy()
    affine[:3, :3] *= 1.15
    volume = read_nifti(save_scan(nib.Nifti1Image(array, affine)))
    inside = np.flatnonzero(volume.array > 0)
    found = np.zeros(volume.array.size, bool)
    found[inside[: int(share * inside.size)]] = True
    monkeypatch.setattr(brain_mask, "_deepbet", lambda _: found.reshape(volume.array.shape))
    assert skull_removed(volume)[0] is stripped


def test_a_large_brain_is_not_taken_for_a_head(save_scan):
    array, affine = phantom.brain_array(), phantom.coordinates()[1].copy()
    affine[:3, :3] *= (1900 / ((array > 0).sum() * abs(np.linalg.det(affine[:3, :3])) / 1000)) ** (1 / 3)
    assert skull_removed(read_nifti(save_scan(nib.Nifti1Image(array, affine))))[0]


def test_deepbet_finds_the_brain_in_a_head(head_file, brain_ras):
    mask, notes = find_brain(read_nifti(head_file))
    brain = np.asarray(brain_ras.dataobj).transpose(2, 1, 0) > 0
    dice = 2 * (mask & brain).sum() / (mask.sum() + brain.sum())
    assert notes == []
    assert dice > 0.9


def test_an_offset_of_the_intensities_changes_nothing(save_scan):
    image = nib.Nifti1Image(phantom.head_array() * 3 + 5000, phantom.coordinates()[1])
    mask, _ = find_brain(read_nifti(save_scan(image)))
    assert 1100 < mask.sum() * phantom.SPACING**3 / 1000 < 1700


def test_the_choice_can_be_overridden(brain_file):
    _, notes = find_brain(read_nifti(brain_file), "none")
    assert [note.code for note in notes] == ["already_stripped"]


def test_a_head_that_is_said_to_be_a_brain_is_refused_with_the_cause(head_file):
    with pytest.raises(InputError, match="the skull is still there; leave --brain-mask none out"):
        find_brain(read_nifti(head_file), "none")


@pytest.mark.parametrize("method", ["auto", "none"])
def test_an_image_without_a_brain_is_refused(method, save_scan):
    array = np.zeros((60, 60, 60), np.float32)
    array[28:34, 28:34, 28:34] = np.random.default_rng(0).random((6, 6, 6)) * 100
    with pytest.raises(InputError) as caught:
        find_brain(read_nifti(save_scan(array)), method)
    assert caught.value.code == "no_brain"


def test_noise_is_refused(save_scan):
    with pytest.raises(InputError) as caught:
        find_brain(read_nifti(save_scan(np.random.default_rng(0).random((60, 60, 60)).astype(np.float32))))
    assert caught.value.code == "no_brain"
