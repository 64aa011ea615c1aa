import asyncio
import io
from datetime import timedelta
from pathlib import Path

import pytest
from openpyxl import Workbook

from drivers.base import DriverError, RobotSetup
from drivers.checklist import Checklist
from drivers.clock import RealClock
from drivers.item_readings import ItemsRefused
from drivers.manual import ManualOptions, ManualRobot
from protocols.errors import InvalidInput
from protocols.jobs import JobReport
from protocols.operations import (
    Detach,
    Dispense,
    Image,
    Incubate,
    Move,
    Operation,
    Read,
    Record,
    Set,
    Supplement,
    Weigh,
)
from simulators.clock import VirtualClock
from tests.builders import job_of
from tests.conftest import START
from tests.program import wellwise

KEY = "c/r1/p1/s/1"
OPERATIONS: list[Operation] = [
    Move(to="deck"),
    Dispense(well="A1", liquid="medium", volume_ul=2000),
    Dispense(well="A2", liquid="medium", volume_ul=2000),
    Image(well="A1"),
    Image(well="A2"),
]


def person(home: Path, clock: VirtualClock | RealClock | None = None) -> ManualRobot:
    options = ManualOptions(person="Ada")
    return ManualRobot(RobotSetup("bench-person", options, clock or RealClock(), home))


def poll(home: Path, clock: VirtualClock | None = None) -> JobReport:
    async def once() -> JobReport:
        robot = person(home, clock)
        await robot.connect()
        report = await robot.poll(KEY)
        await robot.close()
        return report

    return asyncio.run(once())


@pytest.fixture
def waiting(tmp_path: Path) -> Path:
    async def give() -> None:
        robot = person(tmp_path)
        await robot.connect()
        await robot.submit(job_of(*OPERATIONS))
        await robot.close()

    asyncio.run(give())
    return tmp_path


def test_a_job_is_worked_off_item_by_item_on_the_command_line(
    waiting: Path, tmp_path: Path
) -> None:
    picture = tmp_path / "a1.bmp"
    from PIL import Image as Picture

    Picture.new("RGB", (20, 20), "brown").save(picture)
    listed = wellwise("manual", "list", "bench-person", home=waiting).stdout
    assert "[ ]   2 A1: add 2000 uL medium" in listed
    assert poll(waiting).state == "running"
    confirmed = wellwise("manual", "confirm", "bench-person", KEY, home=waiting)
    assert confirmed.stdout == "3 items are confirmed.\n"
    assert (
        "[x]   2 A1: add 2000 uL medium"
        in wellwise("manual", "list", "bench-person", home=waiting).stdout
    )
    failed = wellwise(
        "manual", "fail", "bench-person", KEY, "A2", "--why", "the well is dry", home=waiting
    )
    assert failed.returncode == 0
    imaged = wellwise("manual", "image", "bench-person", KEY, "A1", picture, home=waiting)
    assert imaged.stdout == "The job is done.\n"
    report = poll(waiting)
    assert (report.state, report.failed_wells) == ("done", {"A2": "the well is dry"})
    assert report.readings[0].image == picture.read_bytes()
    assert report.readings[0].media_type == "image/bmp"
    assert "Nothing waits" in wellwise("manual", "list", "bench-person", home=waiting).stdout


def test_what_does_not_fit_the_checklist_is_reported_and_changes_nothing(waiting: Path) -> None:
    with pytest.raises(
        DriverError, match="nobody has no checklist \\(expected one of bench-person\\)"
    ):
        Checklist(waiting, "nobody")
    checklist = Checklist(waiting, "bench-person")
    with pytest.raises(DriverError, match="has no item 9 \\(expected 1 to 5\\)"):
        checklist.confirm(KEY, [1, 9], START)
    with pytest.raises(DriverError, match=r"item 4 of .* is an image"):
        checklist.confirm(KEY, [4], START)
    with pytest.raises(DriverError, match="the image of A1 cannot be read"):
        checklist.image(KEY, "A1", b"not a picture", START)
    with pytest.raises(DriverError, match="images no well B1 \\(expected one of A1, A2\\)"):
        checklist.image(KEY, "B1", _png(), START)
    with pytest.raises(DriverError, match="has no open job other"):
        checklist.confirm("other", [], START)
    with pytest.raises(DriverError, match="does not work on C3"):
        checklist.fail(KEY, "C3", "x", START)
    checklist.close()
    assert poll(waiting).operations_done == 0


def test_a_person_is_reminded_when_it_is_late(waiting: Path) -> None:
    assert poll(waiting, VirtualClock(START + timedelta(minutes=30))).message == ""
    late = poll(waiting, VirtualClock(START + timedelta(hours=2)))
    assert late.message.startswith("Ada is reminded: it was due at 2026-03-02 09:00")


def test_operations_are_described_in_words() -> None:
    supplement = Supplement(substance="serum", concentration=20, unit="percent")
    words = [
        operation.in_words()
        for operation in (
            Dispense(well="A1", liquid="medium", volume_ul=50, supplements=(supplement,)),
            Incubate(duration_s=600, temperature_c=37),
            Detach(well="B2", period_s=480, speed_mm_s=10, stroke="short"),
        )
    ]
    assert words == [
        "A1: add 50 uL medium with serum 20 percent",
        "leave the plate for 10 min at 37 °C",
        "B2: 8 min after the enzyme, detach with short strokes at 10 mm/s",
    ]


def _png() -> bytes:
    import numpy as np

    from protocols.images import write_png
    from simulators.camera import render_well

    return write_png(render_well(0.5, np.random.default_rng(0)))


MEASURED: list[Operation] = [
    Weigh(well="A1"),
    Read(wavelength_nm=620),
    Record(well="A1", quantity="absorbance", over="wavelength"),
    Record(well="A2", quantity="absorbance", over="wavelength"),
    Set(setting="annealing temperature", value=300, unit="degC", well="A2"),
]


@pytest.fixture
def measuring(tmp_path: Path) -> Path:
    async def give() -> None:
        robot = person(tmp_path)
        await robot.connect()
        await robot.submit(job_of(*MEASURED))
        await robot.close()

    asyncio.run(give())
    return tmp_path


def test_a_person_gives_numbers_tables_traces_and_files(measuring: Path, tmp_path: Path) -> None:
    table, spectrum, vendor = tmp_path / "plate.csv", tmp_path / "a1.csv", tmp_path / "a2.DSX"
    table.write_text("well;value\na01;0,5\nA 2;\n1B;0,7\n")
    spectrum.write_text("wavelength [nm],A\n400,0.1\n410,0.4\n")
    vendor.write_bytes(b"\x00vendor\xff")

    def read(item: int, what: object, *options: str) -> str:
        given = ("manual", "read", "bench-person", KEY, str(item), str(what), *options)
        return wellwise(*given, home=measuring).stdout

    assert read(1, 12.5, "--unit", "mg") == "1 items are confirmed.\n"
    read(2, table, "--unit", "AU")
    read(3, spectrum)
    read(4, vendor, "--as-it-is")
    assert poll(measuring).state == "running"
    assert wellwise("manual", "confirm", "bench-person", KEY, home=measuring).returncode == 0
    report = poll(measuring)
    assert report.state == "done"
    mass, plate, trace, file = report.readings
    assert (mass.well, mass.kind, mass.number, mass.unit) == ("A1", "number", 12.5, "mg")
    assert (plate.well, plate.numbers) == ("", {"A1": 0.5, "A2": None, "B1": 0.7})
    assert trace.trace is not None
    assert trace.trace.x.unit == "nm"
    assert (file.kind, file.file, file.file_name) == ("file", vendor.read_bytes(), "a2.DSX")


def test_of_the_kinetics_of_a_plate_an_item_gets_those_of_its_well(
    measuring: Path, tmp_path: Path
) -> None:
    wells = {op.well_name for op in MEASURED if op.reads == "trace"}
    others, kinetics = tmp_path / "others.txt", tmp_path / "kinetics.txt"
    others.write_text("Time [s]\tH11\tH12\n0\t0.1\t0.2\n60\t0.2\t0.4\n")
    names = ["H12", *sorted(well for well in wells if well)]
    rows = [names, ["0.9"] * len(names), *([f"0.{n}"] * len(names) for n in (1, 2))]
    times = ("Time [s]", "0", "60", "120")
    kinetics.write_text("\n".join("\t".join([t, *r]) for t, r in zip(times, rows, strict=True)))

    def read(what: Path, *more: str) -> str:
        ran = wellwise("manual", "read", "bench-person", KEY, "3", what, *more, home=measuring)
        return ran.stdout + ran.stderr

    assert "says nothing of" in read(others)
    two = tmp_path / "two.txt"
    two.write_text(f"first\n{kinetics.read_text()}\n\nsecond\n{kinetics.read_text()}\n")
    assert "(1: first, 2: second)" in " ".join(read(two).split())
    assert read(two, "--block", "2") == "1 items are confirmed.\n"
    kinetics.write_text(kinetics.read_text().replace("0.1", "OVRFLW", 1))  # in another well
    assert read(kinetics) == "1 items are confirmed.\n"


def test_a_reading_of_another_kind_is_refused(measuring: Path) -> None:
    checklist = Checklist(measuring, "bench-person")
    for item, given, message in (
        (1, b"12.5", "item 1 of .* is a number, not a file"),
        (1, float("nan"), "not a finite number"),
        (2, 0.5, "item 2 of .* is a table of the plate, not a number"),
        (5, 1.0, "item 5 of .* reads nothing: confirm it"),
        (9, 1.0, "has no item 9"),
    ):
        with pytest.raises(DriverError, match=message):
            checklist.read(KEY, item, given, START)  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="no well was found"):
        checklist.read(KEY, 2, b"hello\n", START)
    with pytest.raises(InvalidInput, match="this is no text"):
        checklist.read(KEY, 3, b"\x00vendor\xff", START)
    checklist.close()
    assert poll(measuring).operations_done == 0


def test_of_two_people_on_one_checklist_the_second_is_told_what_the_first_did(
    measuring: Path,
) -> None:
    checklist = Checklist(measuring, "bench-person")
    checklist.confirm(KEY, [5], START, "ada")
    checklist.confirm(KEY, [5], START, "ada")
    with pytest.raises(ItemsRefused, match="ada confirmed item 5 at"):
        checklist.confirm(KEY, [5], START, "bo")
    checklist.read(KEY, 1, 12.5, START, "mg", who="ada")
    checklist.read(KEY, 1, 12.6, START, "mg", who="ada")
    with pytest.raises(ItemsRefused, match=r"ada gave 12\.6 mg for item 1") as refused:
        checklist.read(KEY, 1, 13.0, START, "mg", who="bo")
    assert [problem.key for problem in refused.value.problems] == ["items.1"]
    checklist.read(KEY, 1, 13.0, START, "mg", who="bo", replace=True)
    checklist.fail(KEY, "A2", "it leaks", START, "ada")
    with pytest.raises(DriverError, match=r"ada said at .* that A2 went wrong: it leaks"):
        checklist.fail(KEY, "A2", "broken", START, "bo")
    with pytest.raises(ItemsRefused, match=r"A2 went wrong \(it leaks\): item 4 is not needed"):
        checklist.read(KEY, 4, b"t [s],A\n0,1\n", START, who="bo")
    [(job, _)] = checklist.open_jobs()
    said = [item.said and (item.said.who, item.said.what) for item in checklist.items(job)]
    assert said == [("bo", "13 mg"), None, None, None, ("ada", "")]
    checklist.take_back(KEY, [5])
    assert [item.done for item in checklist.items(job)] == [True, False, False, False, False]
    for number, table in ((2, b"well,value\nA1,0.5\n"), (3, b"t [s],A\n0,1\n")):
        checklist.read(KEY, number, table, START, who="bo")
    with pytest.raises(DriverError, match="is over, done since"):
        checklist.confirm(KEY, [5], START, "bo")
    checklist.close()


def test_a_workbook_is_read_as_the_table_that_it_holds(measuring: Path) -> None:
    workbook, content = Workbook(), io.BytesIO()
    for row in (("well", "value"), ("A1", 0.5), ("A2", 0.25)):
        workbook.active.append(row)
    workbook.save(content)
    checklist = Checklist(measuring, "bench-person")
    checklist.read(KEY, 2, content.getvalue(), START)
    [(job, _)] = checklist.open_jobs()
    said = checklist.items(job)[1].said
    assert said is not None
    assert said.what == "a table of 2 wells"
    checklist.close()
