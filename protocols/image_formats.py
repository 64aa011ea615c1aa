"""Files of images: their formats, known by their first bytes, and why one is not read."""

from typing import NamedTuple

from protocols.errors import WellwiseError

LARGEST_PIXELS = 178_956_970
"""Pixels of the largest image that is read; beyond it Pillow refuses too."""


class ImageFormat(NamedTuple):
    """A file format; `read` says whether scorers can have its pixels."""

    name: str
    media_type: str
    extension: str
    read: bool = True


_UNKNOWN = ImageFormat("unknown", "application/octet-stream", ".bin", read=False)

_TIFF = ImageFormat("TIFF", "image/tiff", ".tif")
_JPEG_2000 = ImageFormat("JPEG 2000", "image/jp2", ".jp2")
_JPEG_XL = ImageFormat("JPEG XL", "image/jxl", ".jxl", read=False)
_SIGNATURES: tuple[tuple[int, bytes, ImageFormat], ...] = (
    (0, b"\x89PNG\r\n\x1a\n", ImageFormat("PNG", "image/png", ".png")),
    (0, b"II*\x00", _TIFF),
    (0, b"MM\x00*", _TIFF),
    (0, b"II+\x00", _TIFF),
    (0, b"MM\x00+", _TIFF),
    (0, b"\xff\xd8\xff", ImageFormat("JPEG", "image/jpeg", ".jpg")),
    (0, b"BM", ImageFormat("BMP", "image/bmp", ".bmp")),
    (0, b"GIF8", ImageFormat("GIF", "image/gif", ".gif")),
    (8, b"WEBP", ImageFormat("WebP", "image/webp", ".webp")),
    (0, b"\x00\x00\x00\x0cjP  ", _JPEG_2000),
    (0, b"\xff\x4f\xff\x51", _JPEG_2000),
    (0, b"P5", ImageFormat("PGM", "image/x-portable-graymap", ".pgm")),
    (0, b"P6", ImageFormat("PPM", "image/x-portable-pixmap", ".ppm")),
    # What microscopes and telescopes write, kept as it is.
    (0, b"ZISRAWFILE", ImageFormat("Zeiss CZI", "image/x-zeiss-czi", ".czi", read=False)),
    (0, b"\xda\xce\xbe\x0a", ImageFormat("Nikon ND2", "image/x-nikon-nd2", ".nd2", read=False)),
    (0, b"\x70\x00\x00\x00", ImageFormat("Leica LIF", "image/x-leica-lif", ".lif", read=False)),
    (0, b"SIMPLE  =", ImageFormat("FITS", "image/fits", ".fits", read=False)),
    (128, b"DICM", ImageFormat("DICOM", "application/dicom", ".dcm", read=False)),
    (0, b"\x89HDF\r\n\x1a\n", ImageFormat("HDF5", "application/x-hdf5", ".h5", read=False)),
    (0, b"\x93NUMPY", ImageFormat("NumPy", "application/octet-stream", ".npy", read=False)),
    (4, b"ftypheic", ImageFormat("HEIC", "image/heic", ".heic", read=False)),
    (4, b"ftypavif", ImageFormat("AVIF", "image/avif", ".avif")),
    (0, b"\xff\x0a", _JPEG_XL),
    (0, b"\x00\x00\x00\x0cJXL ", _JPEG_XL),
    (0, b"%PDF", ImageFormat("PDF", "application/pdf", ".pdf", read=False)),
)

MEDIA_TYPES = {kind.extension: kind.media_type for _, _, kind in _SIGNATURES} | {
    _UNKNOWN.extension: _UNKNOWN.media_type
}
"""The media type of each extension under which an image is kept."""

READ = tuple(dict.fromkeys(kind.name for _, _, kind in _SIGNATURES if kind.read))
"""Names of the formats that are read."""


def format_of(data: bytes) -> ImageFormat:
    """The format of a file, by its first bytes."""
    return next(
        (kind for at, magic, kind in _SIGNATURES if data[at : at + len(magic)] == magic), _UNKNOWN
    )


class ImageNotRead(WellwiseError):
    """An image cannot be read; `flag` says it in a word.

    It is `unreadable` (no image, or a broken one), `format_not_read`, `too_large` or
    `no_such_plane`.
    """

    def __init__(self, flag: str, message: str) -> None:
        self.flag = flag
        super().__init__(message)


def too_large(what: str) -> ImageNotRead:
    """The refusal of an image with too many pixels."""
    return ImageNotRead(
        "too_large",
        f"it has more than {LARGEST_PIXELS:,} pixels, the most that are read ({what}): give a part "
        "of it, or bin it",
    )


def plane_index(plane: int | None, planes: int) -> int:
    """The index of the plane that is read, of so many; the first for None.

    Raises:
        ImageNotRead: there is no such plane.
    """
    if plane is not None and not 1 <= plane <= planes:
        raise ImageNotRead("no_such_plane", f"it has no plane {plane} (expected 1 to {planes})")
    return 0 if plane is None else plane - 1
