"""Images and other files of readings over HTTP: as they came, for a browser, and marked."""

from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Query, Response
from fastapi.responses import FileResponse

from orchestrator.errors import Missing
from orchestrator.journal.tables import ReadingRow
from orchestrator.lab.scoring import marked_image, outcomes_of
from orchestrator.service.authentication import TheBackend, Viewer
from orchestrator.service.backend import Backend
from orchestrator.service.lookup import installed_scorer
from orchestrator.service.problems import READING
from orchestrator.service.requests import CampaignId, ReadingNumber
from protocols.image_formats import MEDIA_TYPES, ImageNotRead, format_of
from protocols.images import PREVIEW_PX, preview_png, shown_by_browsers

_KINDS = sorted(set(MEDIA_TYPES.values()))
_FILE = "application/octet-stream"
_SHOWN = ("image/jpeg", "image/png")
_UNCHANGING = {"Cache-Control": "private, max-age=86400, immutable"}

images = APIRouter(prefix="/campaigns", tags=["campaigns"])


@images.get(
    "/{campaign_id}/readings/{reading}/image",
    responses=READING
    | {200: {"content": {kind: {} for kind in _KINDS}, "description": "The image."}},
    response_class=FileResponse,
)
def image(
    backend: TheBackend, viewer: Viewer, campaign_id: CampaignId, reading: ReadingNumber
) -> FileResponse:
    """The image of a reading, as the camera gave it: its bytes, in its format."""
    _, path = _image_of(backend, campaign_id, reading)
    return FileResponse(
        path,
        media_type=format_of(_beginning(path)).media_type,
        filename=path.name,
        content_disposition_type="inline",
        headers=_UNCHANGING,
    )


@images.get(
    "/{campaign_id}/readings/{reading}/preview",
    responses=READING
    | {200: {"content": {kind: {} for kind in _SHOWN}, "description": "What a browser shows."}},
    response_class=Response,
)
def preview(
    backend: TheBackend,
    viewer: Viewer,
    campaign_id: CampaignId,
    reading: ReadingNumber,
    size: Annotated[
        int | None, Query(ge=16, le=PREVIEW_PX, description="Pixels it has at most, each way.")
    ] = None,
) -> Response:
    """The image of a reading as a browser can show it, at most 2048 pixels high and wide.

    Without a size it is the image itself if browsers show it as it is; else it is made for the eye:
    grey beyond 8 bits is stretched to what it holds.
    """
    _, path = _image_of(backend, campaign_id, reading)
    beginning = _beginning(path)
    if size is None and shown_by_browsers(beginning):
        return FileResponse(path, media_type=format_of(beginning).media_type, headers=_UNCHANGING)
    try:
        png = preview_png(path.read_bytes(), size or PREVIEW_PX)
    except ImageNotRead as error:
        raise Missing(
            f"the image of reading {reading} of {campaign_id} cannot be shown: {error}"
        ) from None
    return Response(png, media_type="image/png", headers=_UNCHANGING)


@images.get(
    "/{campaign_id}/readings/{reading}/marked",
    responses=READING
    | {200: {"content": {"image/png": {}}, "description": "The image, with marks."}},
    response_class=Response,
)
def marked(
    backend: TheBackend, viewer: Viewer, campaign_id: CampaignId, reading: ReadingNumber
) -> Response:
    """The image of a reading, with what the scorer counts marked on it."""
    row, _ = _image_of(backend, campaign_id, reading)
    _, state = backend.state(campaign_id)
    source = backend.journal.sources_of([reading])[reading]
    scorers = map(installed_scorer, outcomes_of(state.campaign, *source))
    home = backend.settings.home
    drawn = (None if scorer is None else marked_image(row, home, scorer) for scorer in scorers)
    png = next((found for found in drawn if found is not None), None)
    if png is None:
        raise Missing(f"no scorer has anything to mark on reading {reading} of {campaign_id}")
    return Response(
        png, media_type="image/png", headers={"Cache-Control": "private, max-age=86400"}
    )


@images.get(
    "/{campaign_id}/readings/{reading}/file",
    responses=READING
    | {200: {"content": {_FILE: {}, "application/json": {}}, "description": "The file."}},
    response_class=FileResponse,
)
def file(
    backend: TheBackend, viewer: Viewer, campaign_id: CampaignId, reading: ReadingNumber
) -> FileResponse:
    """The file of a reading that is no image.

    The table of its plate or its trace (JSON), or the file as its vendor wrote it.
    """
    row, path = _file_of(backend, campaign_id, reading)
    if row.kind == "image":
        raise Missing(f"reading {reading} of {campaign_id} is an image")
    return FileResponse(
        path,
        media_type=_FILE if row.kind == "file" else "application/json",
        filename=path.name,
        headers=_UNCHANGING,
    )


def _beginning(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(256)


def _image_of(backend: Backend, campaign_id: str, reading: int) -> tuple[ReadingRow, Path]:
    """A reading that is an image, and where that is.

    Raises:
        Missing: it is none, or it is gone.
    """
    if _reading_of(backend, campaign_id, reading).kind != "image":
        raise Missing(f"reading {reading} of {campaign_id} is no image")
    return _file_of(backend, campaign_id, reading)


def _reading_of(backend: Backend, campaign_id: str, reading: int) -> ReadingRow:
    """A reading of a campaign; one of another campaign is none here.

    Raises:
        Missing: there is no such reading.
    """
    row = backend.journal.reading(reading)
    if row.campaign_id != campaign_id:
        raise Missing(f"there is no reading {reading} in this journal")
    return row


def _file_of(backend: Backend, campaign_id: str, reading: int) -> tuple[ReadingRow, Path]:
    """A reading that has a file, and where that is.

    Raises:
        Missing: it has none, or it is gone.
    """
    row = _reading_of(backend, campaign_id, reading)
    folder = backend.settings.campaign_folder(row.campaign_id).resolve()
    path = (backend.settings.home / row.path).resolve()
    if not row.path or not path.is_relative_to(folder):
        raise Missing(f"reading {reading} of {campaign_id} has no file")
    if not path.is_file():
        raise Missing(f"the file of reading {reading} is not on the disk any more")
    return row, path
