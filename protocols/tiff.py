"""TIFF files: one plane of them at full depth."""

import io
import re
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from tifffile import TiffFile, TiffFrame, TiffPage

from protocols.image_formats import LARGEST_PIXELS, ImageNotRead, plane_index, too_large

_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB = 0, 1, 2
_ALPHA = (1, 2)
_SIGNIFICANT = re.compile(r'SignificantBits="(\d+)"')


class TiffNotRead(Exception):
    """tifffile cannot read this kind of TIFF; another reader may."""


class Plane(NamedTuple):
    """One plane of a TIFF.

    Attributes:
        pixels: height x width, or height x width x 3 for RGB.
        bits: of a sample, as the file declares them; None if it does not.
        planes: how many the file has.
    """

    pixels: NDArray[Any]
    bits: int | None
    planes: int


def read_tiff(data: bytes, plane: int | None) -> Plane:
    """A plane of a TIFF: a page of grey or RGB, or a channel of a page that has several.

    Planes are counted from 1 in the order of the file; smaller copies of a pyramid, masks and
    transparency do not count.

    Raises:
        TiffNotRead: its colours or its compression are not read here.
        ImageNotRead: it is too large, has no such plane, or ends too early.
    """
    with TiffFile(io.BytesIO(data)) as tiff:
        pages = [page for page in tiff.pages if not _is_copy(page)]
        if not pages:
            raise ImageNotRead("unreadable", "the TIFF has no image")
        bits = _declared_bits(tiff, _tags(pages[0]))
        if len(pages) == 1 and tiff.series and tiff.series[0].is_truncated:
            return _of_one_directory(data, tiff, bits, plane)
        counts = [_planes(_tags(page)) for page in pages]
        index = plane_index(plane, sum(counts))
        for page, count in zip(pages, counts, strict=True):
            if index < count:
                return Plane(_pixels(data, page, index), bits, sum(counts))
            index -= count
        raise AssertionError("no page has the plane")


def _tags(page: TiffPage | TiffFrame) -> TiffPage:
    """The page whose tags hold for a page: itself, or the first that is like it."""
    keyframe = page.keyframe
    assert keyframe is not None
    return keyframe


def _is_copy(page: TiffPage | TiffFrame) -> bool:
    keyframe = _tags(page)
    return bool(keyframe.is_reduced or keyframe.subfiletype & 4)


def _samples(page: TiffPage) -> int:
    """Samples of a pixel that are no transparency."""
    return page.samplesperpixel - sum(int(extra) in _ALPHA for extra in page.extrasamples)


def _planes(page: TiffPage) -> int:
    return _samples(page) if page.photometric in (_WHITE_IS_ZERO, _BLACK_IS_ZERO) else 1


def _refuse_unfit(data: bytes, keyframe: TiffPage, page: TiffPage | TiffFrame) -> None:
    size = keyframe.imagewidth * keyframe.imagelength
    if size > LARGEST_PIXELS:
        raise too_large(f"{keyframe.imagewidth} x {keyframe.imagelength} pixels")
    if keyframe.photometric not in (_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB):
        raise TiffNotRead(f"its colours are given as {keyframe.photometric!r}")
    if keyframe.bitspersample in range(2, 8):
        raise TiffNotRead(f"its samples have {keyframe.bitspersample} bits")
    if keyframe.imagedepth > 1:
        raise ImageNotRead("format_not_read", "a TIFF of voxels is not read (expected pages)")
    parts = zip(page.dataoffsets, page.databytecounts, strict=False)
    end = max((offset + count for offset, count in parts), default=0)
    if end > len(data):
        raise ImageNotRead(
            "unreadable", f"the TIFF ends too early: after {len(data)} of {end} bytes"
        )


def _pixels(data: bytes, page: TiffPage | TiffFrame, index: int) -> NDArray[Any]:
    keyframe = _tags(page)
    _refuse_unfit(data, keyframe, page)
    try:
        # Separate samples, depth, height, width, interleaved samples.
        whole = page.asarray(squeeze=False)[:, 0]
    except (ValueError, NotImplementedError, ImportError) as error:
        raise TiffNotRead(str(error)) from None
    samples = np.concatenate(list(np.moveaxis(whole, -1, 1)), axis=0)
    if keyframe.photometric == _RGB:
        if len(samples) < 3:
            raise ImageNotRead("unreadable", f"its RGB has {len(samples)} channels")
        return np.ascontiguousarray(np.moveaxis(samples[:3], 0, -1))
    return _black_is_zero(samples[index], keyframe)


def _black_is_zero(pixels: NDArray[Any], page: TiffPage) -> NDArray[Any]:
    """Pixels that are the brighter, the higher they are."""
    if page.photometric != _WHITE_IS_ZERO:
        return pixels
    if pixels.dtype.kind == "f":
        # From 0 to 1 it is what is missing to white; otherwise nothing says where white is.
        highest = np.nanmax(pixels, initial=0.0)
        return np.asarray((1.0 if highest <= 1 else highest) - pixels, pixels.dtype)
    return ~pixels


def _of_one_directory(data: bytes, tiff: TiffFile, bits: int | None, plane: int | None) -> Plane:
    """Of a file that describes the first of its planes alone, as ImageJ writes large stacks."""
    series, page = tiff.series[0], tiff.series[0].keyframe
    _refuse_unfit(data, page, page)
    planes = int(np.prod(series.shape, dtype=np.int64)) // int(np.prod(page.shape, dtype=np.int64))
    index = plane_index(plane, planes)
    if index == 0:
        return Plane(_pixels(data, page, 0), bits, planes)
    if page.compression != 1 or page.samplesperpixel != 1:
        raise ImageNotRead("format_not_read", "a stack in one directory is read uncompressed only")
    size = int(np.prod(page.shape))
    kind = np.dtype(page.dtype).newbyteorder(tiff.byteorder)
    at = page.dataoffsets[0] + index * size * kind.itemsize
    if at + size * kind.itemsize > len(data):
        raise ImageNotRead("unreadable", f"the TIFF ends too early: after {len(data)} bytes")
    stored = np.frombuffer(data, kind, size, at).reshape(page.shape)
    return Plane(_black_is_zero(stored.astype(page.dtype), page), bits, planes)


def _declared_bits(tiff: TiffFile, page: TiffPage) -> int | None:
    told = _SIGNIFICANT.search(tiff.ome_metadata or "")
    return int(told[1]) if told else page.bitspersample or None
