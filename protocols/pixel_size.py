"""The size of a pixel on the sample, where a TIFF says it: by OME's metadata or by ImageJ's."""

import io
import re

from tifffile import TiffFile, TiffPage

from protocols.quantities import conversion

_IMAGEJ_UNITS = {"micron": "um", "\\u00B5m": "um", "µm": "um", "um": "um", "nm": "nm", "mm": "mm"}
_OME_DEFAULT = "µm"
_PIXELS = re.compile(r"<(?:\w+:)?Pixels\s([^>]*)>")
_SIZE = re.compile(r"""\bPhysicalSizeX\s*=\s*["']([^"']+)["']""")
_UNIT = re.compile(r"""\bPhysicalSizeXUnit\s*=\s*["']([^"']+)["']""")


def pixel_size_um(image: bytes) -> float | None:
    """How wide a pixel is on the sample, in um; None where the file does not say.

    The resolution of a file without a unit of the sample (dots an inch of a print) is not taken.
    """
    if image[:2] not in (b"II", b"MM"):
        return None
    try:
        with TiffFile(io.BytesIO(image)) as tiff:
            found = _ome(tiff.ome_metadata) if tiff.is_ome else _imagej(tiff)
    except (ValueError, KeyError, TypeError, ZeroDivisionError):
        return None
    return found if found is not None and 0 < found < float("inf") else None


def _ome(text: str | None) -> float | None:
    """Schema 2016-06: PhysicalSizeX of the first Pixels, in um unless PhysicalSizeXUnit says."""
    pixels = _PIXELS.search(text or "")
    size = _SIZE.search(pixels[1]) if pixels else None
    if pixels is None or size is None:
        return None
    unit = _UNIT.search(pixels[1])
    return conversion(float(size[1]), unit[1] if unit else _OME_DEFAULT, "um")


def _imagej(tiff: TiffFile) -> float | None:
    """Pixels a unit in the tag XResolution, the unit in the description."""
    page = tiff.pages[0]
    if not tiff.is_imagej or not isinstance(page, TiffPage) or "XResolution" not in page.tags:
        return None
    unit = _IMAGEJ_UNITS.get(str((tiff.imagej_metadata or {}).get("unit", "")))
    if unit is None:
        return None
    pixels, units = page.tags["XResolution"].value
    return conversion(units / pixels, unit, "um")
