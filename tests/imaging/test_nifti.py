"""Reading NIfTI: every number type, and every kind of bad file."""

from __future__ import annotations

import gzip
import os

import nibabel as nib
import numpy as np
import pytest

from braingemma3d.errors import InputError
from braingemma3d.imaging import nifti
from braingemma3d.imaging.nifti import is_nifti, read_nifti, scan_sha256


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.uint16, np.int32, np.float32, np.float64])
def test_number_types(dtype, save_scan):
    values = np.arange(10 * 11 * 12).reshape(10, 11, 12) % 200
    volume = read_nifti(save_scan(values.astype(dtype)))
    assert volume.array.dtype == np.float32
    np.testing.assert_array_equal(volume.array, values.transpose(2, 1, 0))


def test_scale_slope_and_intercept_are_applied(save_scan, brain_ras):
    stored = np.round(np.asarray(brain_ras.dataobj)).astype(np.int16)
    image = nib.Nifti1Image(stored, brain_ras.affine)
    image.header.set_slope_inter(0.5, 7)
    raw = nib.Nifti1Image(stored, brain_ras.affine)
    scaled, plain = read_nifti(_write_raw(image, save_scan)), read_nifti(save_scan(raw, "plain.nii"))
    np.testing.assert_allclose(scaled.array, plain.array * 0.5 + 7)


def _write_raw(image: nib.Nifti1Image, save_scan):
    """nibabel rescales on saving; this keeps the stored integers and only sets the header's slope."""
    path = save_scan(nib.Nifti1Image(np.asarray(image.dataobj), image.affine), "scaled.nii")
    content = bytearray(path.read_bytes())
    content[112:120] = np.array([0.5, 7], dtype="<f4").tobytes()
    path.write_bytes(content)
    return path


def test_a_trailing_axis_of_one_is_dropped(save_scan, brain_ras):
    data = np.asarray(brain_ras.dataobj)
    volume = read_nifti(save_scan(nib.Nifti1Image(data[..., None], brain_ras.affine)))
    np.testing.assert_array_equal(volume.array, data.transpose(2, 1, 0))
    assert volume.source.shape == data.shape


def test_source_and_spacing_describe_the_file(save_scan):
    image = nib.Nifti1Image(np.ones((10, 20, 30), np.float32), np.diag([-1.0, -2.0, 3.0, 1.0]))
    volume = read_nifti(save_scan(image))
    assert volume.source.orientation == "LPS"
    assert volume.source.shape == (10, 20, 30)
    assert volume.array.shape == (30, 20, 10)
    assert volume.spacing == pytest.approx((3, 2, 1))


def _missing(tmp_path):
    return tmp_path / "absent.nii.gz"


def test_a_pair_is_known_by_both_its_files(tmp_path):
    for name, value in (("a", 1), ("b", 2)):
        nib.Nifti1Pair(np.full((4, 4, 4), value, np.uint8), np.eye(4)).to_filename(tmp_path / f"{name}.img")
    assert (tmp_path / "a.hdr").read_bytes() == (tmp_path / "b.hdr").read_bytes()
    known = scan_sha256(tmp_path / "a.hdr")
    assert known == scan_sha256(tmp_path / "a.img") != scan_sha256(tmp_path / "b.hdr")
    for half in ("hdr", "img"):
        (tmp_path / f"a.{half}").rename(tmp_path / f"a.{half.upper()}")
    assert scan_sha256(tmp_path / "a.HDR") == known


def _empty(tmp_path):
    path = tmp_path / "empty.nii.gz"
    path.touch()
    return path


def _truncated_gzip(tmp_path):
    path = tmp_path / "whole.nii.gz"
    nib.save(nib.Nifti1Image(np.random.default_rng(0).random((40, 40, 40)), np.eye(4)), path)
    cut = tmp_path / "cut.nii.gz"
    cut.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    return cut


def _flipped_bit(tmp_path):
    """All the bytes that an image needs are there, but not as they were written."""
    path = tmp_path / "flipped.nii.gz"
    nib.save(nib.Nifti1Image(np.random.default_rng(0).random((40, 40, 40)), np.eye(4)), path)
    content = bytearray(path.read_bytes())
    content[-8] ^= 1  # of the checksum
    path.write_bytes(content)
    return path


def _truncated_plain(tmp_path):
    path = tmp_path / "cut.nii"
    nib.save(nib.Nifti1Image(np.ones((40, 40, 40)), np.eye(4)), path)
    path.write_bytes(path.read_bytes()[:10_000])
    return path


def _text(tmp_path):
    path = tmp_path / "notes.nii"
    path.write_text("This is not an image.\n" * 50)
    return path


def _text_gz(tmp_path):
    path = tmp_path / "notes.nii.gz"
    path.write_bytes(gzip.compress(b"This is not an image.\n" * 50))
    return path


def _not_gzip(tmp_path):
    path = tmp_path / "plain.nii.gz"
    path.write_bytes(b"\x00" * 2000)
    return path


def test_a_page_that_was_saved_as_a_scan_is_not_to_be_renamed(tmp_path):
    (tmp_path / "login.nii.gz").write_text("<html>Log in</html>")
    with pytest.raises(InputError, match="not a readable NIfTI file"):
        read_nifti(tmp_path / "login.nii.gz")


def test_a_pair_without_its_other_half_is_told(tmp_path, brain_ras):
    nib.Nifti1Pair(np.asarray(brain_ras.dataobj), brain_ras.affine).to_filename(tmp_path / "a.hdr")
    (tmp_path / "a.img").unlink()
    with pytest.raises(InputError, match="the other half of this scan"):
        read_nifti(tmp_path / "a.hdr")


def test_a_pipe_is_no_scan(tmp_path):
    os.mkfifo(tmp_path / "scan.nii")
    with pytest.raises(InputError, match="not a regular file"):
        read_nifti(tmp_path / "scan.nii")


def test_a_voxel_size_of_0_is_not_made_up(tmp_path):
    image = nib.Nifti1Image(np.ones((10, 10, 10), np.float32), None)
    image.set_qform(np.diag([2.0, 2, 2, 1]), code=1)
    image.set_sform(None, code=0)
    image.to_filename(tmp_path / "flat.nii")
    content = bytearray((tmp_path / "flat.nii").read_bytes())
    content[80:84] = np.float32(0).tobytes()  # pixdim[1]
    (tmp_path / "flat.nii").write_bytes(content)
    with pytest.raises(InputError, match="a voxel size of 0"):
        read_nifti(tmp_path / "flat.nii")


def test_a_wrong_ending_is_named(brain_file, tmp_path):
    content = brain_file.read_bytes()
    for name, data, says in (
        ("zipped.nii", content, "compressed, but not called .gz; rename it to .nii.gz"),
        ("plain.nii.gz", gzip.decompress(content), "called .gz, but not compressed; rename it to .nii"),
    ):
        (tmp_path / name).write_bytes(data)
        with pytest.raises(InputError, match=says):
            read_nifti(tmp_path / name)


def _endless_offset(tmp_path):
    path = tmp_path / "offset.nii"
    nib.save(nib.Nifti1Image(np.ones((10, 10, 10), np.float32), np.eye(4)), path)
    content = bytearray(path.read_bytes())
    content[108:112] = np.float32(np.inf).tobytes()
    path.write_bytes(content)
    return path


def _series(tmp_path):
    path = tmp_path / "series.nii"
    nib.save(nib.Nifti1Image(np.ones((10, 10, 10, 5)), np.eye(4)), path)
    return path


def _two_d(tmp_path):
    path = tmp_path / "slice.nii"
    nib.save(nib.Nifti1Image(np.ones((64, 64)), np.eye(4)), path)
    return path


def _colour(tmp_path):
    path = tmp_path / "colour.nii"
    rgb = np.zeros((10, 10, 10), dtype=[("R", "u1"), ("G", "u1"), ("B", "u1")])
    nib.save(nib.Nifti1Image(rgb, np.eye(4)), path)
    return path


def _flat_affine(tmp_path):
    path = tmp_path / "flat.nii"
    image = nib.Nifti1Image(np.ones((10, 10, 10)), np.eye(4))
    image.set_sform(np.array([[1, 1, 0, 0], [1, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1.0]]), code=1)
    nib.save(image, path)
    return path


def _huge_spacing(tmp_path):
    path = tmp_path / "metres.nii"
    nib.save(nib.Nifti1Image(np.ones((10, 10, 10)), np.diag([100.0, 100, 100, 1])), path)
    return path


def _truncated_with_a_fourth_axis(folder):
    path = folder / "cut4.nii"
    nib.save(nib.Nifti1Image(np.ones((10, 10, 10, 1), np.float32), np.eye(4)), path)
    path.write_bytes(path.read_bytes()[:1000])
    return path


def _no_rotation(folder):
    return _with_bad_quaternion(nib.Nifti1Image(np.ones((10, 10, 10), np.float32), None), folder / "turned.nii", 0)


def _with_bad_quaternion(image, path, sform_code):
    image.set_sform(np.diag([2.0, 2, 2, 1]), code=sform_code)
    image.header["qform_code"] = 1
    for name in ("quatern_b", "quatern_c", "quatern_d"):
        image.header[name] = 1
    # Not through nib.save, which reads the quaternion.
    with path.open("wb") as file:
        image.header.write_to(file)
        file.write(bytes(4))
        file.write(np.asarray(image.dataobj).tobytes())
    return path


BAD_FILES = {
    "missing_file": [_missing],
    "empty_file": [_empty],
    "truncated_file": [_truncated_gzip, _flipped_bit, _truncated_plain, _truncated_with_a_fourth_axis],
    "not_nifti": [_text, _text_gz, _not_gzip, _no_rotation, _endless_offset],
    "not_3d": [_series, _two_d],
    "not_scalar": [_colour],
    "bad_affine": [_flat_affine],
    "bad_spacing": [_huge_spacing],
}


@pytest.mark.parametrize(
    ("code", "make"), [pytest.param(code, make, id=make.__name__[1:]) for code, ms in BAD_FILES.items() for make in ms]
)
def test_a_bad_file_is_refused_in_one_line_that_names_it(code, make, tmp_path):
    path = make(tmp_path)
    with pytest.raises(InputError) as caught:
        read_nifti(path)
    assert caught.value.code == code
    message = str(caught.value)
    assert "\n" not in message
    assert path.name in message


def test_a_broken_qform_does_not_matter_beside_a_sform(tmp_path):
    image = nib.Nifti1Image(np.ones((10, 10, 10), np.float32), None)
    assert read_nifti(_with_bad_quaternion(image, tmp_path / "turned.nii", 1)).spacing == (2, 2, 2)


def test_no_orientation_in_the_header_is_warned_of(save_scan):
    image = nib.Nifti1Image(np.ones((10, 10, 10), np.float32), None)
    image.set_sform(None, code=0)
    image.set_qform(None, code=0)
    assert [w.code for w in read_nifti(save_scan(image)).warnings] == ["orientation_unknown"]


@pytest.mark.parametrize(("origin", "warned"), [((0, 0, 0), True), ((-90, -120, -70), False)])
def test_an_orientation_that_nobody_measured_is_warned_of(origin, warned, save_scan):
    affine = np.diag([0.9, 0.9, 5.5, 1.0])
    affine[:3, 3] = origin
    image = nib.Nifti1Image(np.ones((10, 10, 10), np.float32), affine)
    assert [w.code for w in read_nifti(save_scan(image)).warnings] == ["orientation_unknown"] * warned


def test_disagreeing_forms_are_warned_of(save_scan, brain_ras):
    image = nib.Nifti1Image(np.asarray(brain_ras.dataobj), brain_ras.affine)
    image.set_sform(brain_ras.affine, code=1)
    image.set_qform(np.diag([-3.0, 3, 3, 1]), code=1)
    assert [w.code for w in read_nifti(save_scan(image)).warnings] == ["orientation_conflict"]


def test_agreeing_forms_are_not_warned_of(brain_file):
    assert read_nifti(brain_file).warnings == ()


@pytest.mark.parametrize(
    ("name", "expected"), [("a.nii", True), ("a.NII.GZ", True), ("a.dcm", False), ("nii.txt", False)]
)
def test_is_nifti(name, expected, tmp_path):
    assert is_nifti(tmp_path / name) is expected


def test_an_image_too_large_for_the_memory_is_one_line(brain_file, monkeypatch):
    def too_large(image):
        raise MemoryError

    monkeypatch.setattr(nifti, "to_dhw", too_large)
    with pytest.raises(InputError, match="does not fit into memory"):
        read_nifti(brain_file)
