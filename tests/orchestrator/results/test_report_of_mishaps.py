"""A report says what happened: everything that was touched, lost or decided is on its pages."""

import io
import re
from html import unescape
from pathlib import Path

import numpy as np
import pytest
import tifffile

from orchestrator.control.changes import ChangeCampaign, SetRange
from orchestrator.core.round_planning import plan_round
from orchestrator.core.state import JobStatus
from orchestrator.journal.journal import Journal
from orchestrator.lab.lab import Lab, open_lab
from orchestrator.lab.provenance import round_provenance
from orchestrator.results.report import report_of
from orchestrator.results.report_images import WellImage, bar_length_um, image_panels
from orchestrator.settings import Settings
from orchestrator.studies.confirmation import Design, confirmation_file
from protocols.campaign_file import read_campaign
from protocols.compile import compile_jobs
from protocols.pixel_size import pixel_size_um
from tests import acting
from tests.conftest import START
from tests.system import crash

EXAMPLES = Path(__file__).parents[3] / "examples"
SIMULATED = "{driver: simulated, options: {culture: enzyme-assay}}"
TEXT = (
    crash.FILE.read_text()
    .replace("robot: dispenser", "robot: [dispenser, spare]")
    .replace(
        "plates: {count: 2, labware: 6-well, wells: A1:A2}", "plates: {count: 3, labware: 6-well}"
    )
    .replace("{initial: 3, standard: 1}", "{initial: 14, standard: 4}")
    .replace("{proposed: 3, controls: 1}", "{proposed: 18}")
    .replace("robots:\n", f"robots:\n  spare: {SIMULATED}\n")
)


def _text(html: str) -> str:
    """What a reader sees."""
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", html)))


def _rows(html: str, table: str) -> list[list[str]]:
    [found] = re.findall(rf'<table id="{table}".*?</table>', html, re.S)
    body = found[found.index("<tbody>") :]
    return [
        [_text(cell).strip() for cell in re.findall(r"<td[^>]*>(.*?)</td>", row, re.S)]
        for row in re.findall(r"<tr>.*?</tr>", body, re.S)
    ]


def _lab(settings: Settings, journal: Journal, name: str) -> Lab:
    return open_lab(settings, journal, journal.state(name))


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """The report of a campaign to which everything happens, and that of its confirmation."""
    home = tmp_path_factory.mktemp("home")
    settings = Settings(home=home)
    journal = Journal(settings.journal_url)
    campaign = read_campaign(TEXT)
    name = journal.create_campaign(campaign, TEXT, [], START, "ada")
    plan = plan_round(campaign, 1, [])
    jobs = compile_jobs(campaign, name, plan.layout, START)
    made = round_provenance(journal.state(name))
    journal.plan_round(name, plan.layout, jobs, [], START, START, made=made)
    lab = _lab(settings, journal, name)
    acting.pause(lab, name, "ada", "the line hangs")
    acting.hand_over(lab, name, "dispenser", "spare", "ada", "its pump leaks")
    acting.resume(lab, name, "ada", "plates were carried")
    key = f"{name}/r1/p3/react/1"
    for origin, to in (
        (JobStatus.PLANNED, JobStatus.DISPATCHED),
        (JobStatus.DISPATCHED, JobStatus.IN_DOUBT),
    ):
        journal.move_job(key, origin, to, START, "the robot does not know the job")
    acting.decide(lab, key, "failed", "grace", "the plate fell on the floor")
    crash.run_to_end(home, settings.journal_url, name)
    lab = _lab(settings, journal, name)
    acting.correct_wells(lab, name, {acting.place(1, 1, "A1"): None}, "eve", "looked too good")
    acting.correct_wells(lab, name, {acting.place(1, 1, "A2"): 0.42}, "eve", "a bubble, by eye")
    state = journal.state(name)
    better = campaign.space.standard({}).model_copy(
        update={"root": {"substrate_concentration": 500.0}}
    )
    plan_of = Design((better,), campaign.space.standard({}), 9, 0.1, 0.05, 0.05, 0.9, (0.2,))
    text = confirmation_file(state, TEXT, plan_of)
    confirmation = journal.create_campaign(read_campaign(text), text, [], START, "ada")
    crash.run_to_end(home, settings.journal_url, confirmation)
    both = report_of(journal, name, settings), report_of(journal, confirmation, settings)
    journal.close()
    return both


def test_every_deviation_is_there_with_who_and_why(pages: tuple[str, str]) -> None:
    rows = _rows(pages[0], "deviations")
    for kind, where, what, who, why in (
        ("excluded", "round 1, plate 1: A1", "is left out of the model", "eve", "looked too good"),
        ("edited", "round 1, plate 1: A2", "became 0.420", "eve", "a bubble, by eye"),
        ("handed over", "round 1", "from dispenser to spare", "ada", "its pump leaks"),
        ("in doubt", "round 1, plate 3, step react", "nobody knew", "wellwise", "does not know"),
        ("decided in doubt", "round 1, plate 3, step react", "taken as failed", "grace", "floor"),
        ("lost", "plate 3: A1, A2, A3, B1, B2, B3", "", "grace", "fell on the floor"),
        ("paused", "the campaign", "nothing more was sent", "ada", "the line hangs"),
    ):
        assert [
            row
            for row in rows
            if row[0] == kind and where in row[2] and what in row[3] and row[4] == who
            and why in row[5]
        ], (kind, rows)  # fmt: skip


def test_the_first_page_says_that_the_data_are_simulated(pages: tuple[str, str]) -> None:
    head = pages[0][: pages[0].index("<h2>Result</h2>")]
    assert "Simulated data." in head
    assert "every robot was simulated" in _text(head)
    assert "2 entries below" in _text(head)
    assert "7 wells gave no value that may be trusted" in _text(head)


def test_rounds_and_versions_are_those_of_the_journal(pages: tuple[str, str]) -> None:
    [row] = _rows(pages[0], "rounds")
    assert set(row[1].split(", ")) == {"14 initial", "4 standard"}
    assert row[2:5] == ["11 of 18", "6", "1"]
    text = _text(pages[0])
    assert "seed 3" in text
    assert "robot spare: driver simulated (simulated)" in text
    assert "each later round" not in text
    assert "prefect" not in text.lower()
    assert "scorer coloured_cell_ratio, version" in text
    # The well that she excluded has no value of hers.
    assert "eve, by hand (1)" in text
    assert "People entered 1 value." in text
    assert "but for 1 value that people entered" in text


def test_a_confirmation_is_compared_in_its_report_and_in_that_of_what_it_confirms(
    pages: tuple[str, str],
) -> None:
    first, confirmation = (_text(page) for page in pages)
    assert "Planned comparison by the later campaign crash-confirm" in first
    assert "Planned comparison: difference" in confirmation
    assert 'id="comparison"' in pages[1]
    for page in pages:
        [verdict] = set(re.findall(r"\(Hedges' g\)\. ([^<]+)</caption>", unescape(page)))
        second = re.findall(r"<li>(.*?)</li>", page)[1]
        # The sentence on top and the test in the table say the same.
        assert ("did not show a difference" in second) == (verdict.startswith("The data do not"))
        assert ("to be better than" in second) == (verdict == "The first is better.")


def test_what_a_reviewer_asks_is_on_the_page(pages: tuple[str, str]) -> None:
    for page in pages:
        text = _text(page)
        assert "launched 2026-03-02 by ada" in text
        assert "coloured-cell ratio, 0 to 1, maximised." in text
        assert "Which well of a round got which condition was decided at random" in text
        assert "took 2 days a round on" in text
        for wrong in (
            " 1 runs",
            "on 1 plates",
            "p = 0 ",
            "probability 1.00",
            "probability of 1.00",
        ):
            assert wrong not in text
        [shown] = re.findall(r"<caption>Conditions that were measured more.*?</table>", page, re.S)
        assert "substrate_concentration (uM)" in _text(shown)
        for low, high in re.findall(r"\(([-\d.]+) to ([-\d.]+)\)", _text(shown)):
            assert 0 <= float(low) <= float(high) <= 1
    confirmation = _text(pages[1])
    assert "for a difference of 0.100" in confirmation
    # Each dot's condition is named below it, with how many dots there are.
    [figure] = re.findall(r'<figure id="comparison">.*?</figure>', pages[1], re.S)
    assert "substrate_concentration" in figure
    assert figure.count("n = ") == 2


def test_a_batch_that_people_changed_and_approved_says_what_it_was(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    text = crash.FILE.read_text().replace("rounds:\n", "rounds:\n  approval: true\n", 1)
    campaign = read_campaign(text)
    journal = Journal(settings.journal_url)
    name = journal.create_campaign(campaign, text, [], START, "ada")
    plan = plan_round(campaign, 1, [])
    journal.plan_round(name, plan.layout, None, [], START, START)
    lab = _lab(settings, journal, name)
    well = journal.state(name).rounds[0].wells[0]
    before = well.proposal.condition["substrate_concentration"]
    given = {"substrate_concentration": 300.0}
    acting.edit_proposal(lab, name, acting.place(1, 1, "A1"), given, "ada", "as in the paper")
    acting.approve(lab, name, "bo", "looks right")
    html = report_of(journal, name, settings)
    journal.close()
    [row] = _rows(html, "deviations")
    assert row[3] == f"substrate_concentration: {before:g} uM became 300 uM"
    assert "Approved by bo before any job was sent: looks right." in _text(html)


def test_a_batch_that_nobody_approved_is_none_that_was_made(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    text = crash.FILE.read_text().replace("rounds:\n", "rounds:\n  approval: true\n", 1)
    campaign = read_campaign(text)
    journal = Journal(settings.journal_url)
    name = journal.create_campaign(campaign, text, [], START, "ada")
    journal.plan_round(name, plan_round(campaign, 1, []).layout, None, [], START, START)
    lab = _lab(settings, journal, name)
    acting.do(
        lab, name, "eve", SetRange(parameter="substrate_concentration", high=800, why="costly")
    )
    acting.abort(lab, name, "grace", "no money")
    html = report_of(journal, name, settings)
    journal.close()
    assert _rows(html, "rounds") == []
    assert "Round 1 was proposed and not approved: none of its wells was filled." in _text(html)
    assert "gave no value that may be trusted" not in _text(html)
    [row] = [row for row in _rows(html, "deviations") if row[0] == "plan changed"]
    low, high = campaign.space.by_name["substrate_concentration"].extremes
    assert row[3].endswith(
        f"substrate_concentration: {low:g} to {high:g} uM became {low:g} to 800 uM"
    )


def test_every_objective_and_constraint_is_named_at_the_top(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    text = (EXAMPLES / "formulation" / "campaign.yaml").read_text()
    separation = "  - {outcome: separation, direction: minimise, threshold: 30}\n"
    text = text.replace(separation, "  - {outcome: acidity, direction: match, target: 5.5}\n")
    text = text.replace(
        "{outcome: acidity, at_least: 4.5, at_most: 6.5}", "{outcome: separation, at_most: 30}"
    )
    journal = Journal(settings.journal_url)
    name = journal.create_campaign(read_campaign(text), text, [], START, "ada")
    html = report_of(journal, name, settings)
    journal.close()
    head = _text(html[: html.index("<h2>Result</h2>")])
    assert "Viscosity in Pa*s (minimised); pH, 0 to 14 (matched to 5.50);" in head
    assert "Constraints on outcomes: Separation after a day at most 30.0 percent." in head
    assert "There is no standard condition" in head


def _tiff(**options: object) -> bytes:
    data = np.arange(64 * 64, dtype=np.uint16).reshape(64, 64)
    out = io.BytesIO()
    tifffile.imwrite(out, data, **options)  # type: ignore[arg-type]
    return out.getvalue()


def test_a_scale_bar_is_drawn_where_the_file_says_how_large_a_pixel_is() -> None:
    ome = _tiff(ome=True, metadata={"PhysicalSizeX": 650.0, "PhysicalSizeXUnit": "nm"})
    imagej = _tiff(imagej=True, resolution=(2.0, 2.0), metadata={"unit": "um"})
    of_a_print = _tiff(resolution=(300, 300), resolutionunit="INCH")
    assert pixel_size_um(ome) == pytest.approx(0.65)
    assert pixel_size_um(imagej) == pytest.approx(0.5)
    assert pixel_size_um(of_a_print) is None
    assert pixel_size_um(b"\x89PNG") is None
    assert [bar_length_um(width) for width in (64 * 0.65, 100.0, 5000.0)] == [10, 20, 1000]
    figure = image_panels([WellImage("a", ome), WellImage("b", of_a_print)])
    assert figure is not None
    with_bar, without = figure.axes
    assert [text.get_text() for text in with_bar.texts] == ["bar: 10 µm"]
    assert [text.get_text() for text in without.texts] == ["scale not recorded"]
    # The bar is as long as it says.
    assert np.ptp(np.asarray(with_bar.lines[-1].get_xdata())) * 0.65 == pytest.approx(10)


def test_the_methods_say_which_ranges_held_in_which_rounds(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    text = crash.FILE.read_text()
    journal = Journal(settings.journal_url)
    name = journal.create_campaign(read_campaign(text), text, [], START, "ada")

    def plan(number: int) -> None:
        layout = plan_round(journal.state(name).campaign, number, []).layout
        journal.plan_round(name, layout, None, [], START, START)

    def set_high(high: float) -> None:
        act = SetRange(parameter="substrate_concentration", high=high, why="solubility")
        acting.do(_lab(settings, journal, name), name, "ada", act)

    plan(1)
    plan(2)
    set_high(900)
    set_high(800)  # the range up to 900 never held
    plan(3)
    rule = "constraints:\n  - {kind: linear, terms: {substrate_concentration: 1}, at_most: 750}"
    high = float(read_campaign(text).space.by_name["substrate_concentration"].extremes[1])
    file = text.replace("\nprotocol:", f"\n{rule}\n\nprotocol:", 1)
    file = file.replace(f"high: {high:g}", "high: 800", 1)
    acting.do(
        _lab(settings, journal, name), name, "ada", ChangeCampaign(file=file, why="solubility")
    )
    set_high(700)
    html = report_of(journal, name, settings)
    tried = {
        batch.number: [w.proposal.condition["substrate_concentration"] for w in batch.wells]
        for batch in journal.state(name).rounds
    }
    journal.close()
    rows = {row[1]: row[4] for row in _rows(html, "space")}
    low = read_campaign(text).space.by_name["substrate_concentration"].extremes[0]
    assert rows["substrate_concentration"] == (
        f"rounds 1 to 2: {low:g} to {high:g} uM; round 3: {low:g} to 800 uM; "
        f"from round 4 on: {low:g} to 700 uM"
    )
    assert all(float(value) <= 800 for value in tried[3])
    assert sum("round" in allowed for allowed in rows.values()) == 1
    assert "The constraints are as they are since round 4; before, they were others" in _text(html)
