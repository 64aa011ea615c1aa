"""Images as cameras give them, written by tifffile, Pillow and imageio, and read by skimage too."""

import io
import struct
import zlib
from pathlib import Path
from typing import Any

import imageio.v3 as imageio
import numpy as np
import pytest
import skimage.data
import tifffile
from PIL import Image as Picture
from skimage import io as skimage_io

from protocols.image_formats import LARGEST_PIXELS, ImageNotRead, format_of
from protocols.images import preview_png, read_image, shown_by_browsers, write_png
from protocols.jobs import Reading
from protocols.scorers.coloured_cells import ColouredCells
from protocols.scorers.fluorescent_cells import FluorescentCells
from protocols.scoring import Score
from simulators.camera import render_well

CELLS = 60
SAMPLES = Path(skimage.data.__file__).parent


def _field(
    background: float, peak: float, noise: float, cells: int = CELLS, seed: int = 1
) -> np.ndarray:
    """An image (400 x 400) with so many cells that do not touch, in the camera's counts."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[0:400, 0:400]
    light, placed = np.full((400, 400), float(background)), []
    while len(placed) < cells:
        at = rng.uniform(12, 388, 2)
        if all(np.hypot(*(at - other)) > 16 for other in placed):
            placed.append(at)
            light += peak * np.exp(-((rows - at[0]) ** 2 + (columns - at[1]) ** 2) / 18)
    return np.clip(light + rng.normal(0, noise, light.shape), 0, 65535)


EIGHT = _field(20, 180, 3).astype(np.uint8)
TWELVE = _field(200, 3000, 10).astype(np.uint16)
SIXTEEN = _field(1000, 20000, 50).astype(np.uint16)
DIM = _field(100, 60, 5).astype(np.uint16)
FLOAT = (_field(20, 180, 3) / 255).astype(np.float32)


def _tiff(pixels: np.ndarray, **options: Any) -> bytes:
    out = io.BytesIO()
    tifffile.imwrite(out, pixels, **options)
    return out.getvalue()


def _pillow(picture: Picture.Image, kind: str, **options: Any) -> bytes:
    out = io.BytesIO()
    picture.save(out, format=kind, **options)
    return out.getvalue()


def _png_16(pixels: np.ndarray) -> bytes:
    """A PNG of 16 bits a sample (grey and alpha, RGB or RGBA), by its specification."""
    height, width, samples = pixels.shape
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in pixels)
    colour = {2: 4, 3: 2, 4: 6}[samples]

    def chunk(name: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        )

    header = struct.pack(">IIBBBBB", width, height, 16, colour, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )


def _rgb(light: np.ndarray) -> np.ndarray:
    """Green fluorescence in an RGB image."""
    return np.stack([light // 50, light, light // 50], axis=2)


def _opaque(pixels: np.ndarray) -> np.ndarray:
    full = np.full((*pixels.shape[:2], 1), np.iinfo(pixels.dtype).max, pixels.dtype)
    return np.concatenate([pixels.reshape(*pixels.shape[:2], -1), full], axis=2)


def _counted(data: bytes, **options: Any) -> Score:
    scorer = FluorescentCells(FluorescentCells.Options(full_count=100, **options))
    return scorer.score(Reading(well="A1", kind="image", image=data))


AS_CAMERAS_GIVE_THEM = {
    "8 bit": _tiff(EIGHT),
    "12 bit": _tiff(TWELVE),
    "16 bit": _tiff(SIXTEEN),
    "dim 16 bit": _tiff(DIM),
    "12 bit to the left": _tiff(TWELVE << 4),
    "float 0..1": _tiff(FLOAT),
    "float 0..255": _tiff(FLOAT * 255),
    "float, background taken away": _tiff(_field(0, 3000, 10).astype(np.float64) - 5),
    "signed": _tiff(TWELVE.astype(np.int16) - 210),
    "32 bit": _tiff(SIXTEEN.astype(np.uint32) * 7),
    "half precision": _tiff(FLOAT.astype(np.float16)),
    "by Pillow": _pillow(Picture.fromarray(TWELVE), "TIFF"),
    "by Pillow, LZW": _pillow(Picture.fromarray(TWELVE), "TIFF", compression="tiff_lzw"),
    "by Pillow, float": _pillow(Picture.fromarray(FLOAT), "TIFF"),
    "by imageio": imageio.imwrite("<bytes>", SIXTEEN, extension=".tif"),
    "big-endian": _tiff(TWELVE, byteorder=">"),
    "BigTIFF": _tiff(TWELVE, bigtiff=True),
    "big-endian BigTIFF": _tiff(TWELVE, bigtiff=True, byteorder=">"),
    "deflated, predicted": _tiff(TWELVE, compression="zlib", predictor=True),
    "tiles": _tiff(TWELVE, tile=(64, 64)),
    "white is zero": _tiff(~SIXTEEN, photometric="miniswhite"),
    "white is zero, float": _tiff(1 - FLOAT, photometric="miniswhite"),
    "white is zero, signed": _tiff((4095 - TWELVE).astype(np.int16), photometric="miniswhite"),
    "OME": _tiff(TWELVE, ome=True),
    "ImageJ": _tiff(TWELVE, imagej=True),
    "RGB 16 bit": _tiff(_rgb(TWELVE), photometric="rgb"),
    "RGB 16 bit, channel by channel": _tiff(
        np.moveaxis(_rgb(TWELVE), 2, 0), photometric="rgb", planarconfig="separate"
    ),
    "RGBA 16 bit": _tiff(_opaque(_rgb(TWELVE)), photometric="rgb", extrasamples=["unassalpha"]),
    "grey and alpha 16 bit": _tiff(
        _opaque(TWELVE),
        photometric="minisblack",
        planarconfig="contig",
        extrasamples=["assocalpha"],
    ),
    "PNG 8 bit": _pillow(Picture.fromarray(EIGHT), "PNG"),
    "PNG 16 bit": _pillow(Picture.fromarray(TWELVE), "PNG"),
    "PNG RGB 16 bit": _png_16(_rgb(TWELVE)),
    "PNG RGBA 16 bit": _png_16(_opaque(_rgb(TWELVE))),
    "PNG grey and alpha": _pillow(Picture.fromarray(EIGHT).convert("LA"), "PNG"),
    "palette": _pillow(Picture.fromarray(EIGHT).convert("RGB").quantize(256), "PNG"),
    "palette in a TIFF": _pillow(Picture.fromarray(EIGHT).convert("P"), "TIFF"),
    "CMYK": _pillow(Picture.fromarray(EIGHT).convert("CMYK"), "TIFF"),
    "JPEG": _pillow(Picture.fromarray(EIGHT), "JPEG", quality=92),
    "JPEG CMYK": _pillow(Picture.fromarray(EIGHT).convert("CMYK"), "JPEG", quality=92),
    "JPEG 2000 16 bit": _pillow(Picture.fromarray(TWELVE), "JPEG2000"),
    "PGM 16 bit": _pillow(Picture.fromarray(TWELVE), "PPM"),
    "BMP": _pillow(Picture.fromarray(EIGHT), "BMP"),
    "WebP": _pillow(Picture.fromarray(EIGHT).convert("RGB"), "WEBP", lossless=True),
    "AVIF": _pillow(Picture.fromarray(EIGHT).convert("RGB"), "AVIF", quality=90),
    "pyramid": b"",
}


def _pyramid() -> bytes:
    out = io.BytesIO()
    with tifffile.TiffWriter(out) as writer:
        writer.write(TWELVE, subfiletype=0)
        writer.write(TWELVE[::2, ::2], subfiletype=1)
        writer.write(TWELVE[::4, ::4], subfiletype=1)
    return out.getvalue()


AS_CAMERAS_GIVE_THEM["pyramid"] = _pyramid()


@pytest.mark.parametrize("name", AS_CAMERAS_GIVE_THEM)
def test_cells_are_counted_in_every_format_and_depth(name: str) -> None:
    assert _counted(AS_CAMERAS_GIVE_THEM[name]) == Score(value=CELLS / 100)


def test_a_flat_cell_is_one_cell() -> None:
    light = np.zeros((100, 100), np.float32)
    light[20:26, 20:26] = light[60:66, 70:76] = 800
    assert _counted(_tiff(light)).value == 0.02


@pytest.mark.parametrize(
    ("background", "noise"), [(20, 3), (200, 10), (1000, 50), (0, 1), (0.1, 0.3), (30000, 170)]
)
def test_an_empty_well_has_no_cells_at_any_depth(background: float, noise: float) -> None:
    empty = _field(background, 0, noise, cells=0)
    assert _counted(_tiff(empty.astype(np.uint16))).value == 0
    assert _counted(_tiff(empty.astype(np.float32))).value == 0
    rows, columns = np.mgrid[-1:1:400j, -1:1:400j]
    uneven = (background * (1 - 0.3 * (rows**2 + columns**2)) + empty).astype(np.uint16)
    assert _counted(_tiff(uneven)).value == 0


def test_hot_pixels_are_no_cells_and_hide_none() -> None:
    rng = np.random.default_rng(3)
    for light, cells in ((_field(100, 0, 8, cells=0), 0), (_field(100, 400, 8), CELLS)):
        hot = light.astype(np.uint16)
        hot[rng.integers(0, 400, 80), rng.integers(0, 400, 80)] = 65535
        assert _counted(_tiff(hot)).value == cells / 100


@pytest.mark.parametrize(
    "saturated",
    [
        np.clip(_field(200, 90000, 10), 0, 4095).astype(np.uint16),
        np.clip(_field(200, 900000, 10), 0, 65535).astype(np.uint16),
        # A camera whose full well lies below its converter's range.
        np.clip(_field(200, 900000, 10), 0, 61234).astype(np.uint16),
        np.clip(_field(20, 9000, 3), 0, 255).astype(np.uint8),
        np.clip(_field(20, 9000, 3) / 255, 0, 1).astype(np.float32),
    ],
    ids=["12 bit", "16 bit", "full well", "8 bit", "float"],
)
def test_over_exposure_is_judged_where_the_camera_saturates(saturated: np.ndarray) -> None:
    assert "over_exposed" in _counted(_tiff(saturated)).flags


def test_the_declared_depth_of_a_sample_is_that_of_the_camera() -> None:
    dark = (TWELVE // 16).astype(np.uint16)
    assert read_image(_tiff(dark)).white == 255
    said = _tiff(dark, ome=True, metadata={"axes": "YX", "SignificantBits": 12})
    assert read_image(said).white == 4095


def test_one_of_several_planes_is_named_or_flagged() -> None:
    empty = _field(200, 0, 10, cells=0).astype(np.uint16)
    for stack in (
        _tiff(np.stack([empty, TWELVE]), photometric="minisblack"),
        _tiff(np.stack([empty, TWELVE]), imagej=True, metadata={"axes": "CYX"}),
        _tiff(np.stack([empty, TWELVE]), ome=True, metadata={"axes": "ZYX"}),
        _tiff(np.stack([empty, TWELVE], axis=2), photometric="minisblack", planarconfig="contig"),
        _tiff(np.stack([empty, TWELVE]), photometric="minisblack", planarconfig="separate"),
        _pillow(
            Picture.fromarray(empty),
            "TIFF",
            save_all=True,
            append_images=[Picture.fromarray(TWELVE)],
            compression="tiff_lzw",
        ),
    ):
        assert _counted(stack) == Score(value=0.0, flags=("several_planes",))
        assert _counted(stack, plane=2) == Score(value=CELLS / 100)
        assert _counted(stack, plane=3) == Score(value=None, flags=("no_such_plane",))
    assert _counted(_tiff(TWELVE), plane=1) == Score(value=CELLS / 100)


def test_a_stack_that_is_described_by_its_first_plane_alone_is_read() -> None:
    stack = np.stack([TWELVE, DIM, SIXTEEN])
    whole = _tiff(stack, imagej=True, metadata={"axes": "ZYX"})
    with tifffile.TiffFile(io.BytesIO(whole)) as tiff:
        offset, order = tiff.pages[0].offset, tiff.byteorder
    # As ImageJ writes stacks of more than 4 GB: no directory follows the first.
    count = struct.unpack(order + "H", whole[offset : offset + 2])[0]
    at = offset + 2 + 12 * count
    cut = whole[:at] + bytes(4) + whole[at + 4 :]
    with tifffile.TiffFile(io.BytesIO(cut)) as tiff:
        assert len(tiff.pages) == 1
    for number, plane in enumerate(stack, 1):
        assert (read_image(cut, number).pixels == plane).all()
    assert read_image(cut).flags == ("several_planes",)


def test_pixels_that_are_no_number_and_equal_ones_are_flagged() -> None:
    stitched = _field(200, 3000, 10).astype(np.float32)
    whole = _counted(_tiff(stitched)).value
    stitched[:3] = np.nan
    stitched[-2, 5] = np.inf
    assert _counted(_tiff(stitched)) == Score(value=whole, flags=("not_finite",))
    nothing = np.full((50, 50), np.nan, np.float32)
    assert _counted(_tiff(nothing)) == Score(value=None, flags=("unreadable",))
    for value in (0, 7, 300):
        constant = _counted(_tiff(np.full((50, 50), value, np.uint16)))
        assert constant == Score(value=0.0, flags=("constant",))
    assert "constant" in _counted(_tiff(np.full((50, 50), 0.5, np.float32))).flags


@pytest.mark.parametrize("share", [0.05, 0.3, 0.6, 0.95])
@pytest.mark.parametrize("name", ["8 bit", "12 bit", "16 bit", "PNG", "float", "planar", "JPEG"])
def test_the_share_of_colour_is_that_of_8_bits_at_any_depth(name: str, share: float) -> None:
    image = render_well(share, np.random.default_rng(6))
    deep = image.astype(np.uint16)
    data = {
        "8 bit": _tiff(image, photometric="rgb"),
        "12 bit": _tiff(deep * 16 + 7, photometric="rgb"),
        "16 bit": _tiff(deep * 257, photometric="rgb", byteorder=">"),
        "PNG": _png_16(deep * 16 + 7),
        "float": _tiff((image / 255).astype(np.float32), photometric="rgb"),
        "planar": _tiff(np.moveaxis(deep * 257, 2, 0), photometric="rgb", planarconfig="separate"),
        "JPEG": _pillow(Picture.fromarray(image), "JPEG", quality=95, subsampling=0),
    }[name]
    scorer = ColouredCells(ColouredCells.Options())
    score = scorer.score(Reading(well="A1", kind="image", image=data))
    assert score.flags == ()
    assert score.value == pytest.approx(share, abs=0.03)
    assert scorer.marked(Reading(well="A1", kind="image", image=data)) is not None


def test_colour_whose_white_nobody_knows_is_flagged() -> None:
    image = render_well(0.4, np.random.default_rng(6)).astype(np.float32) * 3.7
    scorer = ColouredCells(ColouredCells.Options())
    data = _tiff(image, photometric="rgb")
    assert "unknown_scale" in scorer.score(Reading(well="A1", kind="image", image=data)).flags


def test_skimage_reads_its_own_samples_as_we_do() -> None:
    compared = 0
    for path in sorted(SAMPLES.iterdir()):
        if path.suffix not in (".png", ".jpg", ".tif"):
            continue
        data, theirs = path.read_bytes(), skimage_io.imread(path)
        ours = read_image(data, 1 if path.suffix == ".tif" else None).pixels
        if path.suffix == ".tif":
            theirs = theirs[0]
        if theirs.ndim == 3:
            theirs = theirs[:, :, :3]
        assert ours.shape == theirs.shape, path.name
        if ours.dtype == np.uint16:
            ours = ours >> 8  # of which skimage gives 8 bits
        assert (ours == theirs).all(), path.name
        compared += 1
    assert compared >= 20


def test_the_coins_of_skimage_are_counted_in_every_format() -> None:
    """24 coins, as its documentation says: bright discs of about 50 pixels."""
    coins = skimage.data.coins()
    for data in (_tiff(coins.astype(np.uint16) * 16), _tiff((coins / 255).astype(np.float32))):
        scorer = FluorescentCells(FluorescentCells.Options(full_count=48, diameter_px=50))
        score = scorer.score(Reading(well="A1", kind="image", image=data))
        assert score.value == pytest.approx(0.5, abs=2 / 48)


def test_what_is_not_read_says_why() -> None:
    def refusal(data: bytes) -> ImageNotRead:
        with pytest.raises(ImageNotRead) as refused:
            read_image(data)
        assert _counted(data) == Score(value=None, flags=(refused.value.flag,))
        return refused.value

    for broken in (b"", b"no image", b"\x89PNG\r\n\x1a\n", b"II*\0", b"MM\0+\0\x08"):
        assert refusal(broken).flag == "unreadable"
    for name, whole in AS_CAMERAS_GIVE_THEM.items():
        for part in (0.2, 0.7):
            cut = whole[: int(len(whole) * part)]
            assert refusal(cut).flag in ("unreadable", "format_not_read"), name
    czi = refusal(b"ZISRAWFILE" + bytes(100))
    assert czi.flag == "format_not_read"
    assert "Zeiss CZI is not read (expected PNG, TIFF" in str(czi)
    assert refusal(_tiff(np.ones((4, 4), np.complex64))).flag == "format_not_read"


@pytest.mark.reproduction("F3")
@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_an_image_beyond_the_limit_is_refused_with_the_limit(kind: str) -> None:
    stitched = _pillow(
        Picture.new("1", (16000, 16000)),
        kind,
        **({"compression": "group4"} if kind == "TIFF" else {}),
    )
    with pytest.raises(ImageNotRead, match=f"{LARGEST_PIXELS:,} pixels") as refused:
        read_image(stitched)
    assert refused.value.flag == "too_large"
    assert _counted(stitched) == Score(value=None, flags=("too_large",))


@pytest.mark.parametrize("name", AS_CAMERAS_GIVE_THEM)
def test_a_browser_is_shown_what_is_there(name: str) -> None:
    data = AS_CAMERAS_GIVE_THEM[name]
    shown = data if shown_by_browsers(data) else preview_png(data)
    picture = Picture.open(io.BytesIO(shown))
    assert picture.format in ("PNG", "JPEG")
    assert picture.size == (400, 400)
    if "RGB" not in name:
        light = np.asarray(picture.convert("L")).astype(float)
        assert np.percentile(light, 99.5) - np.median(light) > 60


def test_previews_are_small_enough() -> None:
    wide = Picture.open(io.BytesIO(preview_png(_tiff(np.zeros((300, 5000), np.uint16)))))
    assert wide.size == (2048, 123)


def test_one_bit_images_are_black_and_white() -> None:
    light = np.zeros((100, 100), bool)
    light[20:27, 20:27] = light[60:67, 70:77] = True
    for data in (_tiff(light, photometric="minisblack"), _pillow(Picture.fromarray(light), "PNG")):
        assert _counted(data) == Score(value=0.02)


def test_a_reading_says_what_it_holds_and_takes_its_older_name() -> None:
    given = _tiff(TWELVE)
    reading = Reading.model_validate({"well": "A1", "kind": "image", "image_png": given})
    assert (reading.image, reading.image_png, reading.media_type) == (given, given, "image/tiff")
    assert Reading.model_validate_json(reading.model_dump_json()) == reading
    old = '{"well":"A1","kind":"image","image_png":"iVBORw0KGgo="}'
    assert Reading.model_validate_json(old).media_type == "image/png"
    assert format_of(write_png(np.zeros((2, 2, 3), np.uint8))).extension == ".png"
