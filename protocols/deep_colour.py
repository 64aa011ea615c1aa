"""RGB with 16 bits a channel, of which Pillow gives 8: both bytes of each sample."""

import io
import sys
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Picture
from PIL.ImageFile import ImageFile


def is_deep_colour(picture: Picture.Image) -> bool:
    """Whether Pillow would leave out half of the bits of this image."""
    return (
        isinstance(picture, ImageFile)
        and picture.mode in ("RGB", "RGBA", "RGBX")
        and any(";16" in _packing(tile.args) for tile in picture.tile)
    )


def read_deep_colour(data: bytes, frame: int) -> NDArray[np.uint16]:
    """Height x width x 3 of an image that `is_deep_colour`.

    Pillow unpacks the high byte of a sample as the order of its bytes says. Told the other order,
    it unpacks the low one.
    """
    big = _half(data, frame, "B")
    little = _half(data, frame, "L")
    high, low = (little, big) if _is_little(data, frame) else (big, little)
    return np.asarray((high.astype(np.uint16) << np.uint16(8)) | low)


def _half(data: bytes, frame: int, order: str) -> NDArray[np.uint8]:
    with _opened(data, frame) as picture:
        picture.tile = [
            tile._replace(args=_packed(tile.args, _packing(tile.args)[:-1] + order))
            for tile in picture.tile
        ]
        return np.asarray(picture)[:, :, :3]


def _is_little(data: bytes, frame: int) -> bool:
    with _opened(data, frame) as picture:
        order = _packing(picture.tile[0].args)[-1]
    return order == "L" or (order == "N" and sys.byteorder == "little")


def _opened(data: bytes, frame: int) -> ImageFile:
    picture = Picture.open(io.BytesIO(data))
    assert isinstance(picture, ImageFile)
    if frame:
        picture.seek(frame)
    return picture


def _packing(args: Any) -> str:
    """How the samples lie in the file, such as RGB;16B."""
    first = args[0] if isinstance(args, tuple) and args else args
    return first if isinstance(first, str) else ""


def _packed(args: Any, packing: str) -> Any:
    return (packing, *args[1:]) if isinstance(args, tuple) else packing
