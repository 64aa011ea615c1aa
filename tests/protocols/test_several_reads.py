"""Which of several reads in one file goes to which reading; the shapes are those of programs."""

import pytest

from drivers.item_readings import reading_of
from protocols.errors import InvalidInput
from protocols.kinetic_table import read_kinetics
from protocols.operations import Operation, Read, Record
from protocols.wanted_read import WantedRead
from tests.builders import job_of
from tests.protocols.test_plate_exports import GEN5, SOFTMAX_ACROSS, SOFTMAX_TIMES


def _rows(*values: float) -> str:
    return "".join(f"0:{minute:02d}:00\t30\t{value}\t9\n" for minute, value in enumerate(values))


# Gen5: each read has a table with times of its own.
OD_AND_GFP = (
    "Read\tFluorescence Endpoint\n\nOD600:600\n\nTime\tT\xb0 OD600:600\tA1\tA2\n" + _rows(0.1, 0.2)
    + "\nGFP:485,528\n\nTime\tT\xb0 GFP:485,528\tA1\tA2\n" + _rows(500, 700, 900) + "\nResults\n"
)  # fmt: skip
# i-control: labels above tables whose times run across.
LABELS = "Kinetic\n\n" + "\n".join(
    f"{label}\nCycle Nr.\t1\t2\nTime [s]\t0\t60\nTemp. [\xb0C]\t30\t30\nA1\t{low}\t{low + 1}\n"
    for label, low in (("OD600", 1), ("GFP", 500))
)
# SoftMax Pro: the wells of the second wavelength stand beside those of the first.
BESIDE = (
    "Plate:\tP1\t1.3\tTimeFormat\tKinetic\tAbsorbance\n"
    "Time(hh:mm:ss)\tTemperature(\xb0C)\tA1\tA2\t\tA1\tA2\n"
    "0:00:00\t25\t0.1\t0.2\t\t1.1\t1.2\n0:01:00\t25\t0.3\t0.4\t\t1.3\t1.4\n~End\n"
)
# The reads of one wavelength are in two parts, rows A and B of the plate.
PARTS = "".join(
    f"{label}\nTime\t{well}\n0\t{value}\n60\t{value + 1}\n\n"
    for label, value in (("450", 1), ("600", 5))
    for well in ("A1", "B1")
)


def _given(text: str, operation: Operation, block: str = "") -> tuple[float, ...]:
    reading = reading_of(job_of(operation), 1, text.encode(), file_name="k.txt", block=block)
    assert reading.trace is not None
    return reading.trace.channels[0].values


def _od(nm: float = 600) -> Record:
    return Record(well="A1", quantity="absorbance", wavelength_nm=nm)


def _gfp() -> Record:
    return Record(well="A1", quantity="GFP")


def test_each_reading_gets_the_read_of_its_wavelength_or_quantity() -> None:
    assert _given(OD_AND_GFP, _od()) == (0.1, 0.2)
    assert _given(OD_AND_GFP, _gfp()) == (500, 700, 900)
    excited = Record(well="A1", quantity="fluorescence", wavelength_nm=528, excitation_nm=485)
    assert _given(OD_AND_GFP, excited) == (500, 700, 900)
    assert _given(LABELS, Record(well="A1", quantity="OD600")) == (1, 2)
    assert _given(LABELS, _gfp()) == (500, 501)
    assert _given(PARTS, Record(well="B1", quantity="OD", wavelength_nm=600)) == (5, 6)


def test_a_person_names_a_read_by_its_name_or_number() -> None:
    assert _given(OD_AND_GFP, _od(), "gfp:485,528") == (500, 700, 900)
    assert _given(BESIDE, _od(), "1") == (0.1, 0.3)
    assert _given(BESIDE, _od(), "P1 2") == (1.1, 1.3)
    only = PARTS[: PARTS.index("600")]
    with pytest.raises(InvalidInput, match=r"it has no kinetic read '620' .*\(1: 450\)"):
        _given(only, _od(450), "620")


@pytest.mark.parametrize(
    ("text", "operation", "listed"),
    [
        (OD_AND_GFP, _od(450), "1: OD600:600, 2: GFP:485,528"),
        (OD_AND_GFP, Record(well="A1", quantity="luminescence"), "1: OD600:600, 2: GFP:485,528"),
        (BESIDE, _od(), "1: P1 1, 2: P1 2"),
    ],
)
def test_what_no_read_says_is_open_and_how_to_say_it_is_told(
    text: str, operation: Record, listed: str
) -> None:
    with pytest.raises(InvalidInput) as refused:
        _given(text, operation)
    said = str(refused.value)
    assert f"to be named ({listed}): as `quantity` or by its `wavelength` in the campaign" in said


def test_a_table_without_a_title_is_called_as_its_temperatures_say() -> None:
    bare = OD_AND_GFP.replace("\nGFP:485,528\n", "")
    assert _given(bare, _gfp()) == (500, 700, 900)
    read = read_kinetics(bare, "g.txt", WantedRead(named="GFP:485,528"))
    assert read["A2"].channels[0].values == (9, 9, 9)


def test_a_plate_gets_the_block_of_its_wavelength_and_no_time_is_a_wavelength() -> None:
    def given(text: str, operation: Read, block: str = "") -> float | None:
        reading = reading_of(job_of(operation), 1, text.encode(), file_name="r.txt", block=block)
        return reading.numbers["A1"]

    two = GEN5.replace("Blank od:630", "od:450")
    assert given(two, Read(wavelength_nm=450)) == 3.336
    assert given(two, Read(wavelength_nm=450), "od:630") == 3.337
    assert given(GEN5, Read(quantity="Blank od:630", wavelength_nm=630)) == 3.336
    with pytest.raises(InvalidInput, match="not one of them alone is called absorbance or 630 nm"):
        given(GEN5, Read(wavelength_nm=630))
    for text in (SOFTMAX_ACROSS, SOFTMAX_TIMES.replace("00:01:30", "600")):
        with pytest.raises(InvalidInput, match="one of them to be named"):
            given(text, Read(wavelength_nm=600))
        with pytest.raises(InvalidInput, match="one of them to be named"):
            given(text, Read(wavelength_nm=520))
