"""The campaign builder in a real browser, by people who never saw YAML."""

import random
import re
from collections.abc import Iterator
from functools import reduce
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect
from ruamel.yaml import YAML

from orchestrator.journal.journal import Journal
from orchestrator.journal.queries import file_text
from protocols.campaign_file import read_campaign
from tests.browser.builder_page import (
    EDITS,
    example,
    leaves,
    part,
    rename,
    text_of,
    thing,
)
from tests.browser.test_dashboard import Service, accessible, opened, service
from tests.conftest import ROOT

FORMULATION = ROOT / "examples/formulation/campaign.yaml"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with service(tmp_path_factory.mktemp("builder")) as found:
        yield found


@pytest.fixture(scope="module")
def signed_in(chromium: Browser, running: Service) -> Page:
    page = opened(chromium, [])
    page.goto(running.ready_url)
    return page


@pytest.fixture
def faults() -> list[str]:
    """Requests elsewhere and faults on the page; each test ends with none."""
    return []


@pytest.fixture
def page(chromium: Browser, running: Service, signed_in: Page, faults: list[str]) -> Iterator[Page]:
    """The builder, of somebody who has no draft yet."""
    found = opened(chromium, faults, storage_state={"cookies": signed_in.context.cookies()})
    # That a file has problems, or was launched already, the browser writes down as an error too.
    found.on(
        "console",
        lambda line: (
            faults.append(line.text)
            if line.type == "error" and not re.search(r"status of 4(22|09)", line.text)
            else None
        ),
    )
    found.goto(f"{running.url}/campaigns/new")
    yield found
    found.context.close()
    assert faults == []


def test_from_an_empty_page_to_a_campaign_that_runs_without_a_line_of_yaml(
    page: Page, running: Service
) -> None:
    page.get_by_role("button", name="or empty").click()
    campaign = part(page, "Campaign")
    campaign.get_by_label("name", exact=True).fill("esterification")
    campaign.get_by_label("title").fill("Yield of an ester")

    robots = part(page, "Robots")
    thing(robots, "robot bench").get_by_label("driver").select_option("simulated")
    rename(thing(robots, "robot bench"), "reactor")

    parameters = part(page, "Parameters")
    rename(thing(parameters, "parameter amount"), "catalyst")
    catalyst = thing(parameters, "parameter catalyst")
    catalyst.get_by_label("title").fill("Acid catalyst")
    catalyst.get_by_label("high").fill("80")
    parameters.get_by_role("button", name="Add parameter").click()
    rename(thing(parameters, "parameter parameter_1"), "temperature")
    temperature = thing(parameters, "parameter temperature")
    temperature.get_by_label("kind").select_option("integer")
    temperature.get_by_label("unit").fill("degC")
    temperature.get_by_label("low").fill("40")
    temperature.get_by_label("high").fill("90")

    protocol = part(page, "Protocol")
    prepare = thing(protocol, "step prepare")
    prepare.get_by_role("button", name="Add operation").click()
    heat = thing(prepare, "operation 2 (add_solid)")
    heat.get_by_label("operation", exact=True).select_option("heat")
    heat = thing(prepare, "operation 2 (heat)")
    heat.get_by_label("temperature: where it comes from").select_option("parameter")
    heat.get_by_label("temperature: which parameter").select_option("temperature")
    heat.get_by_text("More").click()
    heat.get_by_label("each").select_option("well")
    protocol.get_by_role("button", name="Add step").click()
    rename(thing(protocol, "step step_1"), "analyse")
    analyse = thing(protocol, "step analyse")
    reading = thing(analyse, "operation 1 (add_solid)")
    reading.get_by_label("operation", exact=True).select_option("read")

    outcomes = part(page, "Outcomes and objectives")
    rename(thing(outcomes, "outcome result"), "conversion")
    conversion = thing(outcomes, "outcome conversion")
    conversion.get_by_label("measured by").select_option("absorbance")
    conversion.get_by_label("read in").select_option("analyse")
    conversion.get_by_label("full").fill("2.05")

    page.get_by_label("wells of a plate").or_(
        part(page, "Plates").get_by_label("labware")
    ).first.fill("12-well")
    rounds = part(page, "Rounds and their end")
    rounds.get_by_role("button", name="Fill them").click()
    part(page, "Rounds and their end").get_by_label("rounds", exact=True).fill("1")
    expect(page.locator("#findings")).to_contain_text("The file is valid.")
    expect(page.locator("#preview")).to_contain_text("1 round, 12 wells each")
    accessible(page, "the builder with a valid campaign")

    # Pressed twice, as people do: it is launched once.
    page.get_by_role("button", name="Launch", exact=True).dblclick()
    page.wait_for_url("**/campaigns/esterification")
    expect(page.get_by_role("heading", level=1)).to_have_text("Yield of an ester")
    expect(page.locator(".head .status")).to_have_text("finished")
    journal = Journal(f"sqlite:///{running.home / 'journal.sqlite'}")
    assert [name for name in journal.campaign_ids() if "esterification" in name] == [
        "esterification"
    ]
    launched = read_campaign(file_text(journal, "esterification"))
    assert launched.outcome.name == "conversion"
    assert all(well.value is not None for well in journal.state("esterification").rounds[0].wells)
    journal.close()


def test_what_a_person_wrote_stays_as_it_was_written(page: Page) -> None:
    example(page, "formulation")
    part(page, "Parameters").get_by_label("high").first.fill("55")
    thing(part(page, "Parameters"), "parameter water").get_by_label(
        "Move parameter water up"
    ).click()
    before = FORMULATION.read_text()
    oil, water = (line for line in before.splitlines(True) if "kind: continuous" in line)
    assert "high: 60" in oil
    assert text_of(page) == before.replace(oil + water, water + oil.replace("60", "55"))


def test_whatever_is_edited_another_reader_of_yaml_finds_just_that(page: Page) -> None:
    def read(text: str) -> Any:
        return YAML(typ="safe", pure=True).load(text)

    chance, edits, wanted = random.Random(0), [], []
    for file in sorted(ROOT.glob("examples/*/campaign.yaml")):
        as_written = file.read_text()
        for text in (as_written, as_written.rstrip(), as_written.replace("\n", "\r\n")):
            for path in chance.sample(list(leaves(read(text))), 5):
                data = read(text)
                *way, key = path
                parent = reduce(lambda value, part: value[part], way, data)
                what = chance.choice(["set", "remove", "last", "insert"])
                if what == "insert" and isinstance(parent[key], list):
                    parent[key].insert(0, {"added": 1})
                elif what == "last" and isinstance(parent, list):
                    parent.append(parent.pop(int(key)))
                elif what == "remove":
                    del parent[key]
                else:
                    what = "set"
                    parent[key] = "other"
                last = len(parent) - 1
                edits.append({"text": text, "path": list(path), "what": what, "last": last})
                wanted.append(data)
    found = page.evaluate(EDITS, edits)
    for edit, text, data in zip(edits, found, wanted, strict=True):
        assert read(text) == data, edit


def test_a_new_name_is_taken_over_wherever_it_is_used_and_can_be_taken_back(page: Page) -> None:
    example(page, "formulation")
    rename(thing(part(page, "Parameters"), "parameter oil"), "fat")
    text = text_of(page)
    assert "oil" not in text.replace("oil-in-water", "").replace("setting: oil", "")
    assert "parts: [fat, water, wax, carbomer, xanthan]" in text
    assert "numerator: fat" in text
    expect(page.locator("#findings")).to_contain_text("The file is valid.")
    page.get_by_role("button", name="Undo").click()
    assert text_of(page) == FORMULATION.read_text()


def test_what_is_wrong_is_said_at_its_field(page: Page) -> None:
    example(page, "formulation")
    water = thing(part(page, "Parameters"), "parameter water")
    water.get_by_label("high").fill("5")
    expect(water.get_by_label("high")).to_have_attribute("aria-invalid", "true")
    expect(water).to_contain_text("5 is not above low (expected low < high)")
    shake = thing(part(page, "Protocol"), "operation 6 (shake)")
    shake.get_by_label("duration", exact=True).fill("soon")
    expect(shake).to_contain_text(
        "'soon' does not start with a number and a space (expected a quantity such as '3 min')"
    )
    expect(page.get_by_role("button", name="Launch", exact=True)).to_be_disabled()
    accessible(page, "the builder with problems")
    page.locator("#findings").get_by_role("button").first.click()
    expect(water.get_by_label("high")).to_be_focused()


def test_constraints_say_how_much_of_the_space_they_leave(page: Page) -> None:
    example(page, "formulation")
    left = part(page, "Parameters").locator(".permitted")
    expect(left).to_contain_text("of all combinations are permitted")
    ratio = thing(part(page, "Parameters"), "constraint 3")
    ratio.get_by_label("at most").fill("100")
    expect(left).to_contain_text("oil / water <= 100 by itself: 100 %")


def test_what_is_begun_before_a_slow_browser_has_drawn_the_page_is_shown(page: Page) -> None:
    page.add_init_script(
        """const later = setTimeout;
        window.requestAnimationFrame = () => 0;
        window.setTimeout = (act, ms = 0, ...given) => later(act, ms + 1500, ...given);"""
    )
    with page.expect_response("**/api/v1/vocabulary"):
        page.reload()
    page.get_by_role("button", name="or empty").dispatch_event("click")
    expect(part(page, "Plates").get_by_label("labware")).to_be_visible(timeout=20_000)


def test_wells_are_chosen_on_a_drawing_by_keys_alone(page: Page) -> None:
    page.get_by_role("button", name="or empty").click()
    plates = part(page, "Plates")
    plates.get_by_label("labware").fill("96-well")
    first = plates.get_by_role("gridcell", name="A1, in use")
    first.focus()
    for key in ("ArrowDown", "ArrowRight", "Shift+ArrowRight", "Shift+ArrowDown", "Enter"):
        page.keyboard.press(key)
    expect(plates.get_by_label("wells", exact=True)).to_have_value("B2:C3")
    expect(plates).to_contain_text("4 of 96 wells of a plate are in use")


def test_wells_are_chosen_on_a_drawing_by_a_mouse(page: Page) -> None:
    page.get_by_role("button", name="or empty").click()
    plates = part(page, "Plates")
    plates.get_by_label("labware").fill("96-well")
    plates.get_by_role("gridcell", name="C3, in use").hover()
    page.mouse.down()
    plates.get_by_role("gridcell", name="F8").hover()
    page.mouse.up()
    expect(plates).to_contain_text("24 of 96 wells of a plate are in use")
    plates.get_by_role("button", name="Without wells at the edge").click()
    expect(plates.get_by_label("wells", exact=True)).to_have_value("B2:G11")


def test_wells_of_standards_and_controls_are_painted_by_mouse_and_keys(page: Page) -> None:
    page.get_by_role("button", name="or empty").click()
    plates = part(page, "Plates")
    plates.get_by_label("labware").fill("96-well")
    plates.get_by_role("radio", name="standard condition").check()
    plates.get_by_role("gridcell", name="A12, in use").hover()
    page.mouse.down()
    plates.get_by_role("gridcell", name="C12, in use").hover()
    page.mouse.up()
    expect(plates.get_by_role("gridcell", name="B12, in use, standard condition")).to_have_text("S")
    plates.get_by_role("radio", name="controls").check()
    plates.get_by_role("gridcell", name="C12, in use").focus()
    for key in ("Shift+ArrowDown", "Enter"):
        page.keyboard.press(key)
    expect(plates.get_by_role("gridcell", name=re.compile("in use, controls"))).to_have_count(2)
    plates.get_by_role("gridcell", name="D12, in use, controls").click()
    expect(plates.get_by_role("gridcell", name=re.compile("in use, controls"))).to_have_count(1)
    found = YAML(typ="safe").load(text_of(page))["plates"]
    assert (found["standards_in"], found["controls_in"]) == (["A12", "B12"], ["C12"])


def test_places_without_a_well_are_marked_on_the_drawing(page: Page) -> None:
    example(page, "formulation")
    plates = part(page, "Plates")
    plates.get_by_label("places without a well").check()
    plates.get_by_role("gridcell", name="B6, in use").click()
    expect(plates).to_contain_text("11 of 11 wells of a plate are in use")
    part(page, "Rounds and their end").get_by_role("button", name="Fill them").click()
    expect(page.locator("#findings")).to_contain_text("The file is valid.")
    assert "columns: 6, capacity: 20 mL, absent: [B6]}" in text_of(page)


def test_a_value_becomes_a_parameter(page: Page) -> None:
    example(page, "formulation")
    shake = thing(part(page, "Protocol"), "operation 6 (shake)")
    shake.get_by_label("duration: where it comes from").select_option("new parameter")
    made = thing(part(page, "Parameters"), "parameter duration_1")
    expect(made.get_by_label("low")).to_have_value("5")
    expect(made.get_by_label("high")).to_have_value("20")
    assert "{do: shake, duration: {parameter: duration_1}, speed: 600 rpm}" in text_of(page)
    assert "unit: min, low: 5, high: 20" in text_of(page)


def test_things_are_moved_by_dragging_them(page: Page) -> None:
    example(page, "formulation")
    third, first = (thing(part(page, "Parameters"), f"constraint {number}") for number in (3, 1))
    third.get_by_title("drag to move").drag_to(first)
    expect(first.get_by_label("kind")).to_have_value("ratio")
    expect(third.get_by_label("kind")).to_have_value("cardinality")


def test_parameters_are_made_by_keys_alone(page: Page) -> None:
    page.get_by_role("button", name="or empty").focus()
    page.keyboard.press("Enter")
    part(page, "Parameters").get_by_role("button", name="Add parameter").focus()
    page.keyboard.press("Enter")
    # The focus is in the new parameter, at its name.
    made = thing(part(page, "Parameters"), "parameter parameter_1")
    expect(made.get_by_label("name", exact=True)).to_be_focused()
    for field in ("pressure", "Pressure", "integer", "bar", "1", "9"):
        if field != "integer":  # which is chosen by its first letters
            page.keyboard.press("Control+a")
        page.keyboard.type(field)
        page.keyboard.press("Tab")
    [line] = [line for line in text_of(page).splitlines() if "name: pressure" in line]
    [written] = YAML(typ="safe", pure=True).load(line)
    assert written == {
        "name": "pressure",
        "title": "Pressure",
        "step": "prepare",
        "kind": "integer",
        "unit": "bar",
        "low": 1,
        "high": 9,
    }


def test_a_reload_loses_nothing(page: Page, running: Service) -> None:
    example(page, "formulation")
    part(page, "Campaign").get_by_label("title").fill("My own cream")
    page.reload()
    expect(part(page, "Campaign").get_by_label("title")).to_have_value("My own cream")
    page.goto(f"{running.url}/campaigns/new")
    page.get_by_role("button", name="Go on with it").click()
    assert "My own cream" in text_of(page)
    # What nobody changed is no draft, and neither is what was launched.
    example(page, "coupling")
    page.goto(f"{running.url}/campaigns/new")
    expect(page.get_by_text("Kept in this browser: 1 draft")).to_be_visible()
    page.get_by_role("button", name="Go on with it").click()
    part(page, "Campaign").get_by_label("name", exact=True).fill("my-cream")
    expect(page.locator("#findings")).to_contain_text("The file is valid.")
    page.get_by_role("button", name="Launch", exact=True).click()
    page.wait_for_url("**/campaigns/my-cream")
    page.goto(f"{running.url}/campaigns/new")
    expect(page.get_by_role("button", name="or empty")).to_be_visible()
    expect(page.get_by_text("Kept in this browser:")).to_have_count(0)


def test_the_text_itself_is_one_click_away(page: Page) -> None:
    example(page, "formulation")
    page.get_by_role("tab", name="Text").click()
    editor = page.get_by_role("textbox", name="Campaign file")
    editor.click()
    page.keyboard.press("Control+End")
    page.keyboard.insert_text("\nstrategy: sob")
    page.keyboard.press("Control+Space")
    page.locator(".cm-tooltip-autocomplete").get_by_text("sobol").click()
    page.get_by_role("tab", name="Form").click()
    strategy = part(page, "Rounds and their end").get_by_label("strategy", exact=True)
    expect(strategy).to_have_value("sobol")
    page.get_by_role("tab", name="Text").click()
    editor.click()
    page.keyboard.press("Control+End")
    page.keyboard.insert_text("\nstopp: 1\n")
    expect(page.locator("#findings")).to_contain_text("did you mean 'stop'")
    accessible(page, "the text of a campaign")


def test_the_same_campaign_is_launched_once_more_only_after_a_question(
    page: Page, running: Service
) -> None:
    page.get_by_role("button", name="or empty").click()
    part(page, "Campaign").get_by_label("name", exact=True).fill("twice")
    expect(page.locator("#findings")).to_contain_text("The file is valid.")
    page.get_by_role("button", name="Launch", exact=True).click()
    page.wait_for_url("**/campaigns/twice")
    page.get_by_role("link", name="Duplicate").click()
    expect(page.locator("#findings")).to_contain_text("The file is valid.")
    page.get_by_role("button", name="Launch", exact=True).click()
    question = page.get_by_role("dialog", name="Launch it once more?")
    expect(question).to_contain_text("twice, running")
    question.get_by_role("button", name="Cancel").click()
    page.get_by_role("button", name="Launch", exact=True).click()
    question.get_by_role("button", name="Launch once more").click()
    page.wait_for_url("**/campaigns/twice-2")
