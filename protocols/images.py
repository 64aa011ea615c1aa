"""Images as cameras give them: any common format and depth -> pixels, or why they are not read."""

import io
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Picture
from PIL import UnidentifiedImageError

from protocols.deep_colour import is_deep_colour, read_deep_colour
from protocols.image_formats import (
    LARGEST_PIXELS,
    READ,
    ImageNotRead,
    format_of,
    plane_index,
    too_large,
)
from protocols.tiff import TiffNotRead, read_tiff

_BITS = (8, 10, 12, 14, 16, 32)
"""Depths of cameras and of the numbers in which they are kept."""

PREVIEW_PX = 2048
"""How large a preview is at most, each way."""

_ORIENTATION = 274
"""The tag of EXIF data, 1 for an image that is shown as it is."""

_EXACT = {"1", "L", "I;16", "I;16B", "I;16L", "I", "F", "RGB"}
"""Pillow's modes whose array is what the file holds."""


@dataclass(frozen=True)
class CameraImage:
    """The pixels of one plane of an image, at the depth of the file.

    Attributes:
        pixels: height x width (grey) or height x width x 3 (RGB), integers, floats or booleans.
            Transparency is left out; pixels that are no number have the median of the others.
        white: the value at which the camera saturates: that of the depth which the file declares,
            or the smallest usual depth (8, 10, 12, 14 or 16 bits) that holds every pixel; 1 for
            floats from 0 to 1; None for other floats.
        flags: why it may not be trusted: `several_planes` (the first of several was read),
            `not_finite` (pixels that are no number), `constant` (all pixels are equal).
    """

    pixels: NDArray[Any]
    white: float | None
    flags: tuple[str, ...] = ()

    @property
    def eight_bit(self) -> bool:
        """Whether these are bytes, whose scale is beyond doubt."""
        return self.pixels.dtype == np.uint8

    def channel(self, index: int) -> NDArray[np.float64]:
        """Red (0), green (1) or blue (2) of an RGB image; a grey one is all three."""
        pixels = self.pixels if self.pixels.ndim == 2 else self.pixels[:, :, index]
        return pixels.astype(np.float64)

    def rgb(self) -> NDArray[np.uint8] | NDArray[np.float64]:
        """Height x width x 3, 0 to 255, where 255 is white; by its extremes where none is known."""
        pixels = self.pixels if self.pixels.ndim == 3 else np.stack([self.pixels] * 3, axis=2)
        if self.eight_bit:
            return pixels
        low, white = (0.0, self.white) if self.white else (float(pixels.min()), None)
        span = (white or float(pixels.max())) - low
        scaled = (pixels.astype(np.float64) - low) * (255.0 / span if span > 0 else 0.0)
        return np.asarray(np.clip(scaled, 0.0, 255.0))

    def for_the_eye(self) -> NDArray[np.uint8]:
        """Height x width x 3, 0 to 255: grey beyond 8 bits is stretched to what it holds."""
        if self.eight_bit or self.pixels.ndim == 3:
            return np.round(self.rgb()).astype(np.uint8)
        low, high = np.percentile(self.pixels, (0.1, 99.9))
        if high <= low:
            low, high = float(self.pixels.min()), float(self.pixels.max())
        span = float(high - low)
        scaled = (self.pixels.astype(np.float64) - low) * (255.0 / span if span > 0 else 0.0)
        return np.stack([np.round(np.clip(scaled, 0, 255)).astype(np.uint8)] * 3, axis=2)


def read_image(data: bytes, plane: int | None = None) -> CameraImage:
    """The pixels of an image file, at full depth.

    Read are PNG, TIFF (also BigTIFF, either byte order, several planes), JPEG, JPEG 2000, BMP,
    GIF, WebP, AVIF, PGM and PPM; palettes, CMYK and other colour spaces become RGB.

    Args:
        data: the bytes of the file.
        plane: which one of a file that holds several (pages, channels, slices), from 1; None for
            one that holds one. If it holds more, the first is read and flagged.

    Raises:
        ImageNotRead: it is no image, broken, too large, of a format that is not read, or has no
            such plane.
    """
    kind = format_of(data)
    if not kind.read:
        if kind.name == "unknown":
            raise ImageNotRead("unreadable", f"it is no known image (expected {', '.join(READ)})")
        raise ImageNotRead(
            "format_not_read",
            f"{kind.name} is not read (expected {', '.join(READ)}): export it as TIFF",
        )
    try:
        if kind.name == "TIFF":
            try:
                found = read_tiff(data, plane)
                return _camera_image(found.pixels, found.bits, found.planes, plane)
            except TiffNotRead as reason:
                return _by_pillow(data, kind.name, plane, str(reason))
        return _by_pillow(data, kind.name, plane, "")
    except ImageNotRead:
        raise
    except Picture.DecompressionBombError as error:
        raise too_large(str(error)) from None
    except MemoryError:
        raise ImageNotRead("too_large", "it does not fit in this computer's memory") from None
    except Exception as error:
        # Broken bytes make readers fail in every way.
        raise ImageNotRead("unreadable", f"the {kind.name} file is broken: {error}") from None


def write_png(image: NDArray[np.uint8]) -> bytes:
    """An image (height x width x 3, RGB) as PNG."""
    out = io.BytesIO()
    Picture.fromarray(image).save(out, format="PNG", compress_level=1)
    return out.getvalue()


def shown_by_browsers(data: bytes) -> bool:
    """Whether a file is shown by a browser as it is: JPEG, and PNG of at most 8 bits a sample."""
    name = format_of(data).name
    return name == "JPEG" or (name == "PNG" and data[24:25] != b"\x10")


def shown_turned(data: bytes) -> bool:
    """Whether viewers turn or mirror an image, by the orientation that its EXIF data say."""
    try:
        with Picture.open(io.BytesIO(data)) as picture:
            return bool(picture.getexif().get(_ORIENTATION, 1) not in (0, 1))
    except (OSError, ValueError, SyntaxError):
        return False


def preview_png(data: bytes, size: int = PREVIEW_PX) -> bytes:
    """An image as PNG for a browser, at most `size` pixels high and wide.

    Raises:
        ImageNotRead: it cannot be read.
    """
    shown = Picture.fromarray(read_image(data).for_the_eye())
    shown.thumbnail((size, size))
    return write_png(np.asarray(shown))


def _by_pillow(data: bytes, name: str, plane: int | None, reason: str) -> CameraImage:
    try:
        picture: Picture.Image = Picture.open(io.BytesIO(data))
    except UnidentifiedImageError:
        if not reason:
            raise ImageNotRead(
                "unreadable", f"it begins as a {name}, and is broken or of an unusual kind"
            ) from None
        raise _other_kind(name, reason) from None
    with picture:
        # The further frames of a camera's MPO are previews of the first.
        planes = 1 if picture.format == "MPO" else getattr(picture, "n_frames", 1)
        wanted = plane_index(plane, planes)
        if planes > 1:
            picture.seek(wanted)
        bits = _declared_bits(picture)
        pixels: NDArray[Any]
        if is_deep_colour(picture):
            if _channel_by_channel(picture):
                raise _other_kind(name, "its channels are compressed one by one")
            pixels = read_deep_colour(data, wanted)
        elif picture.mode in _EXACT:
            pixels = np.asarray(picture)
        elif picture.mode in ("LA", "La"):
            pixels = np.asarray(picture.convert("L"))
        elif picture.mode.startswith("I;"):
            pixels = np.asarray(picture.convert("I"))
        else:
            pixels = np.asarray(picture.convert("RGB"))
    return _camera_image(pixels, bits, planes, plane)


def _other_kind(name: str, reason: str) -> ImageNotRead:
    return ImageNotRead(
        "format_not_read",
        f"this kind of {name} is not read: {reason} (expected one without compression)",
    )


def _channel_by_channel(picture: Picture.Image) -> bool:
    tags = getattr(picture, "tag_v2", None)
    return tags is not None and tags.get(284) == 2


def _declared_bits(picture: Picture.Image) -> int | None:
    """The bits of a sample that a TIFF declares (tag BitsPerSample)."""
    tags = getattr(picture, "tag_v2", None)
    bits = tags.get(258) if tags else None
    return int(bits[0]) if isinstance(bits, tuple) and bits else None


def _camera_image(
    pixels: NDArray[Any], bits: int | None, planes: int, plane: int | None
) -> CameraImage:
    height, width = pixels.shape[:2]
    if height == 0 or width == 0:
        raise ImageNotRead("unreadable", "it has no pixels")
    if height * width > LARGEST_PIXELS:
        raise too_large(f"{width} x {height} pixels")
    if pixels.dtype.kind not in "buif":
        raise ImageNotRead(
            "format_not_read", f"pixels of type {pixels.dtype} are not read (expected numbers)"
        )
    flags = ["several_planes"] if planes > 1 and plane is None else []
    if pixels.dtype.kind == "f":
        finite = np.isfinite(pixels)
        if not finite.any():
            raise ImageNotRead("unreadable", "none of its pixels is a number")
        if not finite.all():
            flags.append("not_finite")
            pixels = np.where(finite, pixels, np.median(pixels[finite]))
    if pixels.min() == pixels.max():
        flags.append("constant")
    return CameraImage(pixels, _white(pixels, bits), tuple(flags))


def _white(pixels: NDArray[Any], bits: int | None) -> float | None:
    kind, highest = pixels.dtype.kind, float(pixels.max())
    if kind == "b":
        return 1.0
    if kind == "f":
        return 1.0 if float(pixels.min()) >= 0 and highest <= 1 else None
    if pixels.dtype == np.uint8:
        return 255.0
    # The numbers are often larger than the camera's depth: 12 bits are kept as 16.
    depths = [bits] if bits and bits < 8 * pixels.dtype.itemsize else _BITS
    return float(next((2**n - 1 for n in depths if highest <= 2**n - 1), highest))
