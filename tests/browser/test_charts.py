"""Charts in a real browser, of campaigns that ran: drawn, touched, read, chosen and saved."""

import csv
import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

import pytest
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect

from orchestrator.control.wells import EnterValues
from orchestrator.core.state import CampaignState
from orchestrator.intake.campaign_check import NamedText, checked_campaign
from orchestrator.lab.lab import open_lab
from orchestrator.settings import Settings
from tests import acting
from tests.browser.test_dashboard import accessible, confirm, opened, service
from tests.builders import until_asked
from tests.conftest import ASSAY_FILE, ROOT, START
from tests.service import House

TWO = (
    (ROOT / "examples" / "resistance" / "campaign.yaml")
    .read_text()
    .replace(
        "  - {outcome: resistance, direction: minimise}",
        "  - {outcome: resistance, direction: minimise, threshold: 600}\n"
        "  - {outcome: ph, direction: maximise, threshold: 2}",
    )
)
TRACES = (
    (ROOT / "examples" / "chromatography" / "campaign.yaml")
    .read_text()
    .replace("first: {initial: 11, standard: 1}", "first: {initial: 2}")
    .replace("later: {proposed: 12}", "later: {proposed: 2}")
    .replace("rows: 2, columns: 6", "rows: 1, columns: 2")
)
WATCH = """
addEventListener("securitypolicyviolation", (event) => {
  (window.refused ??= []).push(`${event.violatedDirective} ${event.blockedURI}`);
});
"""


class Lab(NamedTuple):
    """Finished campaigns with images, two objectives and traces, behind a service."""

    url: str
    context: BrowserContext
    elsewhere: list[str]
    images: CampaignState
    two: CampaignState
    traces: CampaignState


def table(state: CampaignState) -> str:
    """Ohms and pH of the latest round, which are at odds."""
    rows = ["round,plate,well,resistance,ph"]
    for well in state.rounds[-1].wells:
        acid, salt = (float(well.proposal.condition[name]) for name in ("acid", "salt"))
        ohms = 60 + 900 / salt**0.4 + (acid - 35) ** 2 / 10
        ph = min(max(11 - acid / 6, 0.0), 14.0)
        rows.append(f"{len(state.rounds)},{well.well.plate},{well.well.name},{ohms:.6g},{ph:.6g}")
    return "\n".join(rows)


def finished(house: House, text: str) -> CampaignState:
    """A campaign from its file to its end; what a person is asked is answered."""
    text = re.sub(r"(?m)^stop:.*$", "stop: {rounds: 2}", text)
    campaign = checked_campaign(NamedText(text, "campaign.yaml"), Settings())
    journal = house.backend.journal
    name = journal.create_campaign(campaign, text, [], START)
    lab = open_lab(house.backend.settings, journal, journal.state(name))
    while until_asked(lab, name).questions:
        values = EnterValues(csv=table(journal.state(name)), why="probe")
        acting.do(lab, name, "ada", values)
    return journal.state(name)


class Ran(NamedTuple):
    """A home with finished campaigns, and a token for it."""

    home: Path
    token: str
    images: CampaignState
    two: CampaignState
    traces: CampaignState


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    house = House(tmp_path_factory.mktemp("charts"))
    states = [finished(house, text) for text in (ASSAY_FILE.read_text(), TWO, TRACES)]
    house.backend.journal.close()
    return Ran(house.backend.settings.home, house.secrets["operator"], *states)


# The campaigns run before there is a browser: each wants the thread's event loop for itself.
@pytest.fixture(scope="module")
def lab(ran: Ran, chromium: Browser) -> Iterator[Lab]:
    elsewhere: list[str] = []
    with service(ran.home) as running:
        page = opened(chromium, elsewhere)
        page.goto(f"{running.url}/login?token={ran.token}")
        page.context.add_init_script(WATCH)
        yield Lab(running.url, page.context, elsewhere, ran.images, ran.two, ran.traces)


def shown(lab: Lab, state: CampaignState, tab: str = "Best so far") -> tuple[Page, Locator]:
    """A campaign's page with one of its charts drawn."""
    page = lab.context.new_page()
    page.on("pageerror", lambda error: lab.elsewhere.append(f"fault on the page: {error}"))
    page.goto(f"{lab.url}/campaigns/{state.id}")
    charts = page.locator("campaign-charts")
    charts.scroll_into_view_if_needed()
    turned_to(charts, tab)
    return page, charts


def turned_to(charts: Locator, tab: str) -> None:
    charts.get_by_role("tab", name=tab).click()
    expect(charts.locator(".figure svg").first).to_be_visible()
    expect(charts.locator(".figure")).to_have_attribute("aria-busy", "false")
    expect(charts.locator(".figure")).to_have_attribute("aria-label", re.compile(tab))


def marks(charts: Locator) -> Locator:
    """What a screen reader finds in the chart: a value each."""
    return charts.locator('.figure [role="graphics-symbol"][aria-label]')


def done(page: Page, lab: Lab) -> None:
    """Nothing was asked of another host, nothing refused by the policy, nothing failed."""
    assert page.evaluate("window.refused ?? []") == []
    assert lab.elsewhere == []
    page.close()


def saved(page: Page, charts: Locator, kind: str) -> bytes:
    with page.expect_download() as waiting:
        charts.get_by_role("button", name=f"Save the chart as {kind}").click()
    return Path(waiting.value.path()).read_bytes()


def trusted(state: CampaignState) -> list[float]:
    found = [well.trusted for batch in state.rounds for well in batch.wells]
    return [value for value in found if value is not None]


def test_every_chart_is_drawn_in_light_and_dark_and_said_in_words(lab: Lab) -> None:
    number = len(trusted(lab.two))
    expected = {
        "Best so far": number,
        "Outcomes by round": number + len(lab.two.rounds),
        "Parallel coordinates": number * (len(lab.two.campaign.parameters) + 2),
        "Scatter": number,
        "Slices": 3 * 9,
        "Surface": 2 * 36,
        "Trade-off": number + 1,
        "Model against measured": number,
    }
    page, charts = shown(lab, lab.two)
    assert charts.get_by_role("tab").all_text_contents() == list(expected)
    for tab, least in expected.items():
        turned_to(charts, tab)
        assert marks(charts).count() >= least, tab
    for scheme in ("dark", "light"):
        page.emulate_media(color_scheme=scheme)
        ground = "rgb(25, 33, 42)" if scheme == "dark" else "rgb(255, 255, 255)"
        expect(charts.locator("svg.marks")).to_have_css("background-color", ground)
        assert page.evaluate("window.refused ?? []") == []
        accessible(page, f"charts, {scheme}")
        page.evaluate("window.refused = []")  # axe itself adds styles, which the policy refuses
    done(page, lab)


@pytest.mark.parametrize("width", [390, 2560])
def test_charts_take_the_width_that_there_is(lab: Lab, width: int) -> None:
    page = lab.context.new_page()
    page.set_viewport_size({"width": width, "height": 900})
    page.goto(f"{lab.url}/campaigns/{lab.images.id}")
    charts = page.locator("campaign-charts")
    charts.scroll_into_view_if_needed()
    for tab in ("Best so far", "Slices"):
        turned_to(charts, tab)
        drawn, box = charts.locator("svg.marks").bounding_box(), charts.bounding_box()
        assert drawn is not None
        assert box is not None
        assert 0.6 * box["width"] < drawn["width"] <= box["width"]
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    done(page, lab)


def test_hover_shows_condition_and_image_and_a_click_opens_the_well(lab: Lab) -> None:
    page, charts = shown(lab, lab.images)
    batch = lab.images.rounds[0]
    well = batch.wells[0]
    mark = (
        marks(charts)
        .and_(charts.locator(f'[aria-label*="plate {well.well.plate} {well.well.name},"]'))
        .first
    )
    mark.hover()
    tip = charts.locator(".tip")
    for parameter in lab.images.campaign.parameters:
        expect(tip).to_contain_text(parameter.title or parameter.name.replace("_", " "))
    expect(tip.locator("img")).not_to_have_js_property("naturalWidth", 0)
    mark.click()
    expect(page.locator("#detail h1")).to_have_text(f"Plate {well.well.plate}, {well.well.name}")
    done(page, lab)


def test_the_keyboard_goes_from_value_to_value_opens_and_chooses(lab: Lab) -> None:
    page, charts = shown(lab, lab.images)
    charts.get_by_role("tab", name="Best so far").focus()
    page.keyboard.press("Tab")
    said = set()
    for _ in range(4):
        focused = charts.evaluate("(it) => it.shadowRoot.activeElement.getAttribute('aria-label')")
        said.add(focused)
        expect(charts.locator(".tip")).to_contain_text(focused)
        page.keyboard.press("ArrowRight")
    assert len(said) == 4
    page.keyboard.press("Space")
    expect(charts.locator(".picked-wells")).to_contain_text("1 well is chosen")
    page.keyboard.press("Enter")
    expect(page.locator("#detail h1")).to_contain_text("Plate")
    page.keyboard.press("Escape")
    expect(page.locator("#detail")).not_to_be_visible()
    charts.get_by_role("button", name="Choose none").click()
    charts.get_by_role("tab", name="Best so far").press("ArrowRight")
    expect(charts.get_by_role("tab", name="Outcomes by round")).to_be_focused()
    done(page, lab)


def test_wells_inside_a_brush_are_marked_on_plates_in_tables_and_by_their_images(lab: Lab) -> None:
    page, charts = shown(lab, lab.images, "Outcomes by round")
    last = lab.images.rounds[-1]
    # The right half of the chart is the second of two rounds.
    frame = charts.locator("svg.marks .root > g > path.background").first.bounding_box()
    assert frame is not None
    page.mouse.move(frame["x"] + 0.52 * frame["width"], frame["y"] + 2)
    page.mouse.down()
    page.mouse.move(frame["x"] + frame["width"] - 2, frame["y"] + frame["height"] - 2, steps=5)
    page.mouse.up()
    number = sum(well.trusted is not None for well in last.wells)
    expect(charts.locator(".picked-wells")).to_contain_text(f"{number} wells are chosen")
    expect(page.locator("#plates a.well.picked")).to_have_count(number)
    expect(page.locator("#proposals tr.picked")).to_have_count(number)
    expect(charts.locator(".thumbs img").first).to_be_visible()
    # They stay so when the page is brought up to date, and on another round's page none is marked.
    page.evaluate("refresh()")
    expect(page.locator("#plates a.well.picked")).to_have_count(number)
    charts.get_by_text("The same as a table").click()
    turned_to(charts, "Scatter")
    boxes = charts.get_by_role("checkbox", name=re.compile("^choose "))
    expect(charts.locator("tr.picked")).to_have_count(number)
    charts.locator("tr.picked input").first.uncheck()
    expect(page.locator("#plates a.well.picked")).to_have_count(number - 1)
    assert boxes.count() == len(trusted(lab.images))
    page.goto(f"{lab.url}/campaigns/{lab.images.id}?round=1")
    expect(page.locator("#plates a.well.read").first).to_be_visible()
    expect(page.locator("#plates a.well.picked")).to_have_count(0)
    page.locator("campaign-charts").get_by_role("button", name="Choose none").click()
    done(page, lab)


def test_charts_are_saved_as_picture_and_table(lab: Lab) -> None:
    page, charts = shown(lab, lab.two, "Scatter")
    charts.get_by_label("Across").select_option(label="Acid")
    expect(charts.locator("svg.marks")).to_contain_text("Acid (uL)")
    drawing = ElementTree.fromstring(saved(page, charts, "SVG"))
    assert drawing.tag == "{http://www.w3.org/2000/svg}svg"
    assert Image.open(io.BytesIO(saved(page, charts, "PNG"))).size[0] > 1000
    rows = list(csv.DictReader(io.StringIO(saved(page, charts, "CSV").decode())))
    assert sorted(float(row["Resistance (ohm)"]) for row in rows) == sorted(trusted(lab.two))
    turned_to(charts, "Slices")
    found = list(csv.DictReader(io.StringIO(saved(page, charts, "CSV").decode())))
    assert {row["parameter"] for row in found} == {
        "Acid (uL)",
        "Potassium chloride (mM)",
        "Glycerol (uL)",
    }
    assert all(float(row["low"]) < float(row["high"]) for row in found)
    done(page, lab)


def test_campaigns_that_are_ticked_are_compared(lab: Lab) -> None:
    page = lab.context.new_page()
    page.goto(lab.url)
    for state in (lab.images, lab.two):
        page.get_by_label(f"Compare {state.id}").check()
    page.evaluate("refresh()")
    expect(page.locator("#link")).to_have_text("live")
    expect(page.get_by_label(f"Compare {lab.two.id}")).to_be_checked()
    accessible(page, "overview")
    page.evaluate("window.refused = []")
    page.get_by_role("button", name="Compare the ticked ones").click()
    charts = page.locator("campaign-charts")
    expect(charts.locator("svg.marks")).to_contain_text("Resistance (ohm): minimised")
    best = charts.locator('.figure [aria-label*="best so far"][role="graphics-symbol"]')
    assert best.count() == len(lab.images.rounds) + len(lab.two.rounds)
    rows = list(csv.DictReader(io.StringIO(saved(page, charts, "CSV").decode())))
    reached = {row["campaign"]: float(row["best so far"]) for row in rows}
    assert reached == {lab.images.id: max(trusted(lab.images)), lab.two.id: min(trusted(lab.two))}
    # The page of a campaign that is found by a parameter, filed away and brought back.
    page.goto(lab.url)
    page.get_by_label("Find campaigns").fill("glycerol")
    page.get_by_role("button", name="Find").click()
    expect(page.locator(".card h2")).to_have_count(1)
    page.locator(".card h2 a").click()
    confirm(page, "Archive", "published")
    expect(page.get_by_role("button", name="Out of the archive")).to_be_visible()
    page.goto(lab.url)
    expect(page.locator(f"#card-{lab.two.id}")).to_have_count(0)
    page.get_by_label("archive (1)").check()
    page.get_by_role("button", name="Find").click()
    expect(page.locator(f"#card-{lab.two.id}")).to_be_visible()
    page.goto(f"{lab.url}/campaigns/{lab.two.id}")
    confirm(page, "Out of the archive", "a reviewer asks")
    expect(page.get_by_role("button", name="Archive", exact=True)).to_be_visible()
    done(page, lab)


def test_the_library_is_fetched_where_charts_are_and_nowhere_else(lab: Lab) -> None:
    page = lab.context.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{lab.url}/robots")
    expect(page.locator("#link")).to_have_text("live")
    assert not any("/vendor/vega" in url for url in asked)
    page.goto(f"{lab.url}/campaigns/{lab.two.id}")
    page.locator("campaign-charts").scroll_into_view_if_needed()
    expect(page.locator("campaign-charts svg.marks")).to_be_visible()
    assert sum("/vendor/vega" in url for url in asked) == 4
    done(page, lab)


def test_without_scripts_tables_have_the_same_values(lab: Lab, chromium: Browser) -> None:
    state = lab.context.storage_state()
    plain = opened(chromium, lab.elsewhere, storage_state=state, java_script_enabled=False)
    plain.goto(f"{lab.url}/campaigns/{lab.two.id}")
    expect(plain.locator("campaign-charts")).to_contain_text("Charts need JavaScript")
    expect(plain.get_by_role("table", name="Rounds of the campaign")).to_be_visible()
    plain.close()


def test_the_timeline_shows_every_job_and_leads_to_it(lab: Lab) -> None:
    page = lab.context.new_page()
    page.on("pageerror", lambda error: lab.elsewhere.append(f"fault on the page: {error}"))
    page.goto(f"{lab.url}/campaigns/{lab.images.id}")
    page.get_by_role("link", name="All jobs").click()
    charts = page.locator("campaign-charts")
    expect(charts.locator(".figure svg")).to_be_visible()
    rows = page.get_by_role("group", name="Table of jobs").get_by_role("row")
    number = rows.count() - 1
    points = charts.locator('.figure path[role="graphics-symbol"][aria-label]')
    assert number == points.count() > 1
    assert len(list(csv.reader(io.StringIO(saved(page, charts, "CSV").decode())))) == number + 1
    charts.get_by_role("combobox", name="Day").select_option("0")
    expect(points).to_have_count(rows.filter(has_text="day 0").count())
    points.first.focus()
    key = str(points.first.get_attribute("aria-label")).partition(",")[0]
    page.keyboard.press("Enter")
    detail = page.get_by_role("dialog")
    expect(detail).to_contain_text(key)
    expect(detail.get_by_role("group", name="Table of operations")).to_be_visible()
    page.keyboard.press("Escape")
    accessible(page, "timeline")
    page.evaluate("window.refused = []")  # axe itself adds styles, which the policy refuses
    done(page, lab)


def test_a_chromatogram_is_drawn_and_a_part_of_it_is_looked_at(lab: Lab) -> None:
    page = lab.context.new_page()
    page.on("pageerror", lambda error: lab.elsewhere.append(f"fault on the page: {error}"))
    page.goto(f"{lab.url}/campaigns/{lab.traces.id}/wells/1/1/A1")
    chart = page.locator("campaign-charts")
    figure = chart.locator(".figure svg")
    expect(chart).to_contain_text("5281 points")  # of 22 minutes, four a second
    head, *rows = csv.reader(io.StringIO(saved(page, chart, "CSV").decode()))
    assert head == ["retention time (min)", "absorbance (mAU)"]
    assert (len(rows), float(rows[0][0]), float(rows[-1][0])) == (5281, 0, 22)
    axis = figure.locator(".role-axis-label").first
    expect(axis).to_contain_text("22")
    box = figure.bounding_box()
    assert box is not None
    # A place is looked for when the figure is in view and holds still.
    for share, act in ((0.3, page.mouse.down), (0.5, page.mouse.up)):
        figure.hover(position={"x": share * box["width"], "y": box["height"] - 40})
        act()
    expect(axis).not_to_contain_text("22")
    accessible(page, "trace")
    page.evaluate("window.refused = []")  # axe itself adds styles, which the policy refuses
    done(page, lab)
