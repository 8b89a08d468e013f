"""Reading NIfTI: a file becomes a volume, or one clear line says why not."""

from __future__ import annotations

import gzip
import hashlib
import os
import zlib
from pathlib import Path

import nibabel as nib
import numpy as np
from nibabel.affines import voxel_sizes
from nibabel.filebasedimages import ImageFileError
from nibabel.spatialimages import HeaderDataError

from braingemma3d.errors import InputError
from braingemma3d.files import sha256
from braingemma3d.imaging.orientation import corner_gap_mm, orientation_code, to_dhw
from braingemma3d.imaging.volume import QualityWarning, ScanGrid, Volume

NIFTI_SUFFIXES = (".nii", ".nii.gz")
_PAIR = (".hdr", ".img")
"""A scan in two files."""
_MAGIC = (b"n+1\0", b"ni1\0", b"n+2\0", b"ni2\0")
_LONGEST_MAGIC_END = 348
"""Of a header, in which one of these stands."""
_MAX_VOXELS = 1024**3
_AFFINE_TOLERANCE_MM = 2.0


def is_nifti(path: Path) -> bool:
    """Whether the file's name says NIfTI."""
    return path.name.lower().endswith(NIFTI_SUFFIXES)


def read_nifti(path: Path) -> Volume:
    """Read one 3D NIfTI file of any orientation, spacing and number type, with its scale slopes applied.

    Args:
        path: a ``.nii`` or ``.nii.gz`` file, or either half of a pair (``.hdr``, ``.img``). Axes of length one behind
            the third are dropped.

    Raises:
        InputError: the file is missing, empty, truncated, not NIfTI, not a 3D scalar image, or its affine is unusable.
    """
    try:
        size = path.stat().st_size
    except PermissionError as error:
        raise InputError(f"{path}: its folder may not be looked into; change its rights", "no_permission") from error
    except OSError as error:
        raise InputError(f"{path}: no such file; check the path", "missing_file") from error
    if path.is_dir():
        holds_some = any(map(is_nifti, path.iterdir()))
        fault = ", not a scan; give one of its files" if holds_some else " without NIfTI files; give a scan"
        raise InputError(f"{path}: a folder{fault}, or convert DICOM with dcm2niix", "no_scans")
    if not is_nifti(path) and path.suffix.lower() not in _PAIR:
        raise InputError(f"{path}: not a NIfTI file by its name; give a .nii or .nii.gz scan", "not_nifti")
    if not path.is_file():
        raise InputError(f"{path}: not a regular file; copy the scan into one", "not_nifti")
    if size == 0:
        raise InputError(f"{path}: the file is empty; copy or export it again", "empty_file")
    if not os.access(path, os.R_OK):
        raise InputError(f"{path}: no permission to read this file; change its rights", "no_permission")
    try:
        image = nib.load(path)
    except (ImageFileError, HeaderDataError, OSError, EOFError, ValueError, OverflowError, zlib.error) as error:
        with path.open("rb") as file:
            start = file.read(_LONGEST_MAGIC_END)
        zipped = start[:2] == b"\x1f\x8b"
        if (zipped or any(magic in start for magic in _MAGIC)) and zipped is not (path.suffix.lower() == ".gz"):
            fault = "compressed, but not called .gz" if zipped else "called .gz, but not compressed"
            raise InputError(f"{path}: {fault}; rename it to .nii{'.gz' * zipped}", "not_nifti") from error
        raise InputError(
            f"{path}: not a readable NIfTI file; give a .nii or .nii.gz scan, or copy it again", "not_nifti"
        ) from error
    if not isinstance(image, nib.Nifti1Image | nib.Nifti1Pair):
        raise InputError(f"{path}: not a NIfTI image; convert it to .nii.gz", "not_nifti")
    try:
        _check_header(image, path)
        image = _as_3d(image, path)
        _check_affine(image.affine, path)
        array, affine = to_dhw(image)
        _read_to_the_end(path)
    except InputError:
        raise
    except MemoryError as error:
        raise InputError(
            f"{path}: an image of shape {image.shape} does not fit into memory; resample it first", "too_large"
        ) from error
    except FileNotFoundError as error:
        raise InputError(
            f"{path}: the file with the other half of this scan (.hdr or .img) is not beside it; copy it there",
            "missing_file",
        ) from error
    except (OSError, EOFError, zlib.error, ValueError, OverflowError) as error:
        raise InputError(
            f"{path}: the image data is truncated or damaged; copy or export it again", "truncated_file"
        ) from error
    source = ScanGrid(path, tuple(image.shape), np.asarray(image.affine), orientation_code(image.affine))
    return Volume(array, affine, source, warnings=tuple(_affine_warnings(image)))


def scan_sha256(path: Path) -> str:
    """SHA-256 of a scan's file; of a header and its image (``.hdr``, ``.img``), of both."""
    if is_nifti(path):
        return sha256(path)
    halves = [half for half in path.parent.iterdir() if half.stem == path.stem and half.suffix.lower() in _PAIR]
    pair = sorted(halves, key=lambda half: half.suffix.lower())
    return hashlib.sha256("".join(map(sha256, pair)).encode()).hexdigest()


def _read_to_the_end(path: Path) -> None:
    """A gzip's checksum stands at its end, behind the last byte that an image needs: without it, damage goes unseen."""
    if path.suffix.lower() == ".gz":
        with gzip.open(path) as stream:
            while stream.read(2**20):
                pass


def _as_3d(image: nib.Nifti1Image, path: Path) -> nib.Nifti1Image:
    shape = image.shape
    if image.get_data_dtype().fields is not None or np.issubdtype(image.get_data_dtype(), np.complexfloating):
        raise InputError(f"{path}: a colour or complex image; give a greyscale magnitude FLAIR", "not_scalar")
    if any(n < 1 for n in shape) or np.prod(shape, dtype=np.float64) > _MAX_VOXELS:
        raise InputError(f"{path}: the header asks for an image of shape {shape}; export it again", "bad_header")
    if len(shape) > 3 and all(n == 1 for n in shape[3:]):
        return image.__class__(image.dataobj, image.affine, image.header).slicer[(..., *[0] * (len(shape) - 3))]
    if len(shape) != 3:
        raise InputError(
            f"{path}: a {len(shape)}D image of shape {shape}, not one 3D scan; "
            "extract a single volume first (for instance with fslroi)",
            "not_3d",
        )
    return image


def _check_header(image: nib.Nifti1Pair, path: Path) -> None:
    """Refuse a voxel size of 0, of which nibabel makes 1 mm, where the affine is made from it."""
    place = image.file_map.get("header", image.file_map["image"])
    with place.get_prepare_fileobj(mode="rb") as file:
        written = image.header_class.from_fileobj(file, check=False)
    if not written["sform_code"] and (written["pixdim"][1:4] == 0).any():
        raise InputError(f"{path}: the header gives a voxel size of 0; export it again", "bad_spacing")


def _check_affine(affine: np.ndarray, path: Path) -> None:
    spacing = voxel_sizes(affine)
    if not np.isfinite(affine).all() or (spacing < 1e-3).any() or abs(np.linalg.det(affine[:3, :3] / spacing)) < 1e-2:
        raise InputError(
            f"{path}: the affine in the header is unusable, so left and right are unknown; "
            "convert from DICOM again (for instance with dcm2niix)",
            "bad_affine",
        )
    if spacing.max() > 15 or spacing.min() < 0.05:
        listed = ", ".join(f"{s:g}" for s in spacing)
        raise InputError(f"{path}: voxels of {listed} mm are not a brain MRI's; check the header", "bad_spacing")


def _affine_warnings(image: nib.Nifti1Image) -> list[QualityWarning]:
    sform, sform_code = image.get_sform(coded=True)
    try:
        qform, qform_code = image.get_qform(coded=True)
    except ValueError:
        # Its quaternion is none; the image was read by its sform.
        qform, qform_code = None, 0
    if not sform_code and not qform_code:
        return [
            QualityWarning(
                "orientation_unknown",
                "The header gives no orientation (qform and sform codes are 0): left and right can't be relied on.",
            )
        ]
    if sform_code and qform_code:
        gap = corner_gap_mm(sform, qform, image.shape)
        if gap > _AFFINE_TOLERANCE_MM and orientation_code(sform) != orientation_code(qform):
            return [
                QualityWarning(
                    "orientation_conflict",
                    f"The header's qform ({orientation_code(qform)}) and sform ({orientation_code(sform)}) disagree; "
                    "the sform was used, left and right can't be relied on.",
                )
            ]
    affine = image.affine
    if not affine[:3, 3].any() and np.array_equal(affine, np.diag(np.abs(np.diag(affine)))):
        return [
            QualityWarning(
                "orientation_unknown",
                "The header's orientation looks like a placeholder (the grid's own axes from origin 0): left and right "
                "can't be relied on.",
            )
        ]
    return []
