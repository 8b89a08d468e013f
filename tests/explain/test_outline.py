"""Segmentations of the lesion."""

from __future__ import annotations

import nibabel as nib
import numpy as np
import pytest
from nibabel.processing import resample_from_to

import phantom
from braingemma3d.errors import InputError
from braingemma3d.explain.outline import read_outline


@pytest.fixture
def segmentation(outline):
    """The lesion as labels 1 and 4, RAS."""
    labels = outline.transpose(2, 1, 0).astype(np.uint8)
    labels[labels.any(axis=(1, 2)).argmax() + 3 :] *= 4
    return nib.Nifti1Image(labels, phantom.coordinates()[1])


def test_every_label_is_lesion(segmentation, save_scan, volume, outline):
    assert np.array_equal(read_outline(save_scan(segmentation, "seg.nii.gz"), volume), outline)


def test_another_orientation_of_the_file_changes_nothing(segmentation, save_scan, volume, outline):
    flipped = segmentation.as_reoriented(np.array([[1, -1], [0, 1], [2, -1]]))
    assert np.array_equal(read_outline(save_scan(flipped, "seg.nii.gz"), volume), outline)


def test_another_grid_is_resampled(segmentation, save_scan, volume, outline):
    affine = segmentation.affine @ np.diag([0.5, 0.5, 0.5, 1])
    fine = resample_from_to(segmentation, (tuple(2 * n for n in segmentation.shape), affine), order=0)
    found = read_outline(save_scan(fine, "seg.nii.gz"), volume)
    assert 2 * (found & outline).sum() / (found.sum() + outline.sum()) > 0.85
    coarse = nib.Nifti1Image(segmentation.get_fdata()[::2, ::2, ::2], segmentation.affine @ np.diag([2, 2, 2, 1]))
    found = read_outline(save_scan(coarse, "coarse.nii.gz"), volume)
    assert found.sum() == pytest.approx(outline.sum(), rel=0.25)


def test_an_outline_of_somewhere_else_is_refused(segmentation, save_scan, volume):
    for labels in (np.zeros(segmentation.shape), np.ones(segmentation.shape)):
        affine = segmentation.affine.copy()
        affine[0, 3] += 1000 * labels.max()
        path = save_scan(nib.Nifti1Image(labels.astype(np.uint8), affine), "seg.nii.gz")
        with pytest.raises(InputError, match="nothing that it marks"):
            read_outline(path, volume)


def test_a_bad_file_is_refused(volume, tmp_path):
    with pytest.raises(InputError, match="no such file"):
        read_outline(tmp_path / "absent.nii.gz", volume)
