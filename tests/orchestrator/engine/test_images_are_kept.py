"""From a person's camera to journal, dashboard and crate: the image stays what the camera gave."""

import asyncio
import io
import json
import zipfile
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import tifffile
from PIL import Image as Picture

from drivers.base import RobotSetup
from drivers.manual import ManualOptions, ManualRobot
from orchestrator.engine.advance import advance
from orchestrator.lab.lab import Lab
from orchestrator.results.crate import verify, write_crate
from protocols.campaign_file import read_campaign
from simulators.clock import AcceleratedClock
from simulators.diligent import Diligent
from tests.service import house

CAMPAIGN = """
name: fluorescence
parameters:
  - {name: dose, step: treat, kind: continuous, unit: uM, low: 1, high: 50, standard: 10}
protocol:
  name: look
  steps:
    - name: treat
      robot: ada
      days: 0
      tolerance: 90 day
      operations:
        - do: dispense
          liquid: water
          volume: 500 uL
          supplements: [{substance: drug, concentration: {parameter: dose}}]
    - {name: read, robot: ada, days: 1, tolerance: 90 day, operations: [{do: image}]}
plates: {count: 1, labware: 6-well, wells: A1:A3}
rounds: {first: {initial: 2, standard: 1}, later: {proposed: 3}}
objective: {scorer: fluorescent_cells, options: {full_count: 40}}
stop: {rounds: 1}
robots: {ada: {driver: manual}}
"""


def _tiff(cells: int, planes: int = 1) -> bytes:
    rows, columns = np.mgrid[0:200, 0:200]
    light = np.random.default_rng(cells).normal(200, 10, (200, 200))
    for number in range(cells):
        row, column = divmod(number, 8)
        light += 3000 * np.exp(
            -((rows - 20 - 22 * row) ** 2 + (columns - 20 - 22 * column) ** 2) / 18
        )
    out = io.BytesIO()
    stack = np.stack([light.astype(np.uint16)] * planes)
    tifffile.imwrite(out, stack, photometric="minisblack", compression="zlib")
    return out.getvalue()


def test_twelve_bit_images_are_kept_scored_shown_and_handed_on(tmp_path: Path) -> None:
    given = {"A1": _tiff(10), "A2": _tiff(30), "A3": _tiff(30, planes=2)}
    campaign = read_campaign(CAMPAIGN, drivers=["manual"])
    clock = AcceleratedClock(datetime.now(UTC), 100_000)
    robot = ManualRobot(RobotSetup("ada", ManualOptions(), clock, tmp_path))
    ada = Diligent(tmp_path, given)
    ada.start()
    with house(tmp_path) as served:
        journal = served.backend.journal
        campaign_id = journal.create_campaign(campaign, CAMPAIGN, [], clock.now())
        lab = Lab(journal=journal, clock=clock, robots={"ada": robot}, home=tmp_path)

        async def live() -> None:
            async with asyncio.timeout(60):
                while journal.status(campaign_id) == "running":
                    outlook = await advance(lab, campaign_id)
                    if outlook.moment is not None:
                        await clock.sleep_until(outlook.moment)
            await robot.close()

        try:
            asyncio.run(live())
        finally:
            ada.going_home.set()
            ada.join()

        wells = {well.well.name: well for well in journal.state(campaign_id).rounds[0].wells}
        assert {name: (well.value, well.flags) for name, well in wells.items()} == {
            "A1": (0.25, ()), "A2": (0.75, ()), "A3": (0.75, ("several_planes",))
        }  # fmt: skip
        kept = {path.name: path.read_bytes() for path in tmp_path.rglob("images/*")}
        assert kept == {f"r1-p1-{well}-read-1.tif": data for well, data in given.items()}

        viewer = served.client("viewer")
        for name in given:
            shown = viewer.get(f"/api/v1/campaigns/{campaign_id}/rounds/1/wells/1/{name}")
            [reading] = shown.json()["readings"]
            assert reading["media_type"] == "image/tiff"
            original = viewer.get(reading["image"])
            assert (original.content, original.headers["content-type"]) == (
                given[name], "image/tiff"
            )  # fmt: skip
            for address in (reading["preview"], reading["marked"]):
                png = viewer.get(address)
                assert png.headers["content-type"] == "image/png"
                assert Picture.open(io.BytesIO(png.content)).size == (200, 200)
            small = viewer.get(f"{reading['preview']}?size=64").content
            assert Picture.open(io.BytesIO(small)).size == (64, 64)
            page = viewer.get(f"/campaigns/{campaign_id}/wells/1/1/{name}").text
            assert f'src="{reading["preview"]}"' in page
            assert f'href="{reading["image"]}" download' in page

        archive = tmp_path / "crate.zip"
        write_crate(served.backend.settings, journal, campaign_id, archive)
    assert verify(archive) == []
    with closing(zipfile.ZipFile(archive)) as crate:
        assert crate.read("images/r1-p1-A1-read-1.tif") == given["A1"]
        graph = json.loads(crate.read("ro-crate-metadata.json"))["@graph"]
    kinds = {part["@id"]: part["encodingFormat"] for part in graph if "encodingFormat" in part}
    assert kinds["images/r1-p1-A1-read-1.tif"] == "image/tiff"
