"""The vocabulary of operations: any field by a parameter, in any unit, or a clear refusal."""

from typing import Any

import pint
import pytest
from pydantic import TypeAdapter

from drivers.actions import Action, ValueType
from drivers.capabilities import Capabilities, KeyMemory
from protocols.campaign import Campaign
from protocols.campaign_file import read_campaign
from protocols.conditions import Condition, Value
from protocols.errors import InvalidInput
from protocols.operations import (
    OPERATIONS,
    Argument,
    BaseOperation,
    BaseTemplate,
    Call,
    Dispense,
    Operation,
    OperationTemplate,
    Set,
)
from protocols.parameters import Parameter
from protocols.references import WellOnDay, takes
from tests.builders import jobs_for
from tests.conftest import ASSAY_FILE

_PARAMETER: TypeAdapter[Any] = TypeAdapter(Parameter)
_TEMPLATE: TypeAdapter[BaseTemplate] = TypeAdapter(OperationTemplate)
_OPERATION: TypeAdapter[BaseOperation] = TypeAdapter(Operation)

OTHER_UNITS = {
    "uL": "mL", "s": "hour", "mm/s": "m/min", "degC": "kelvin", "delta_degC/min": "kelvin/s",
    "uL/s": "mL/min", "rpm": "turn/s", "mg": "kg", "nm": "um", "dimensionless": "",
}  # fmt: skip
"""Another unit for each that an operation wants."""

NEEDED: dict[str, dict[str, Any]] = {
    "dispense": {"liquid": "water", "volume": "10 uL"},
    "aspirate": {"volume": "10 uL"},
    "mix": {"volume": "10 uL", "cycles": 2},
    "incubate": {"duration": "1 min", "temperature": "37 degC"},
    "detach": {"period": "1 min", "speed": "10 mm/s", "stroke": "short"},
    "transfer": {"volume": "10 uL"},
    "move": {"to": "deck"},
    "measure": {"quantity": "mass"},
    "record": {"quantity": "absorbance"},
    "heat": {"temperature": "37 degC"},
    "cool": {"temperature": "4 degC"},
    "shake": {"duration": "1 min"},
    "wait": {"duration": "1 min"},
    "spin": {"duration": "1 min", "rcf": 300},
    "pump": {"liquid": "water", "rate": "1 mL/min", "volume": "10 uL"},
    "inject": {"volume": "10 uL"},
    "collect": {"volume": "10 uL"},
    "add_solid": {"substance": "salt", "mass": "5 mg"},
    "set": {"setting": "stirrer", "value": "300 rpm"},
    "call": {"action": "home"},
}
FIELDS = [
    (kind, field)
    for kind, operation in OPERATIONS.items()
    for field in takes(operation.template)
    if kind in NEEDED or kind in ("read", "seal")
]


def given(kind: str, field: str, parameter: dict[str, Any], value: Value) -> BaseOperation:
    """The operation with one field given by a parameter that has a value."""
    text: dict[str, Any] = NEEDED.get(kind, {}) | {field: {"parameter": "x"}}
    if field == "speed" and kind == "spin":
        text.pop("rcf")
    if field == "duration" and kind == "pump":
        text.pop("volume")
    if (kind, field) == ("call", "arguments"):
        text = {"action": "home", "with": {"angle": {"parameter": "x"}}}
    known = _PARAMETER.validate_python({"name": "x", "step": "s", **parameter})
    well = WellOnDay("A1", Condition({"x": value}), {"x": known}, 0, 0)
    [found] = _TEMPLATE.validate_python({"do": kind, **text}).compiled([well])
    assert _OPERATION.validate_json(found.model_dump_json()) == found
    return found


@pytest.mark.parametrize(("kind", "field"), FIELDS)
def test_every_field_of_every_operation_can_be_given_by_a_parameter(kind: str, field: str) -> None:
    wanted = takes(OPERATIONS[kind].template)[field]
    if wanted.what == "label":
        category = {"kind": "category", "levels": [1, 2], "labels": {"2": "the second"}}
        found = given(kind, field, category, 2)
        assert "the second" in found.model_dump().values()
        return
    if wanted.what == "either":
        stepped = {"kind": "stepped", "levels": [1, 2], "unit": "volt"}
        dumped = given(kind, field, stepped, 2).model_dump()
        if kind == "call":
            [dumped] = dumped["arguments"]
        assert (dumped["value"], dumped["unit"]) == (2, "volt")
        return
    unit = OTHER_UNITS[wanted.unit or "dimensionless"]
    levels = [300, 310] if unit == "kelvin" else [2, 4]
    found = given(kind, field, {"kind": "stepped", "levels": levels, "unit": unit}, levels[1])
    # The truth is pint's own conversion.
    expected = pint.Quantity(levels[1], unit).to(wanted.unit or "dimensionless").magnitude
    values = [v for v in found.model_dump().values() if isinstance(v, float | int)]
    if (kind, field) == ("pump", "duration"):
        assert found.model_dump()["volume_ul"] == pytest.approx(expected * 1000 / 60)
    else:
        assert any(value == pytest.approx(expected) for value in values)


def test_a_category_of_numbers_gives_a_temperature() -> None:
    category = {"kind": "category", "levels": [25, 37], "unit": "degC"}
    assert given("heat", "temperature", category, 37).model_dump()["temperature_c"] == 37


def assay(operation: str, parameter: str, plates: str = "") -> Campaign:
    """The colour assay with one more operation and one more parameter."""
    text = ASSAY_FILE.read_text().replace("\nprotocol:", f"  - {{{parameter}}}\n\nprotocol:", 1)
    text = text.replace(
        "        - {do: mix, volume: 50 uL, cycles: 3}", f"        - {operation}", 1
    )
    if plates:
        start = text.index("plates:")
        text = text[:start] + plates + text[text.index("\nstop:") :]
    return read_campaign(text)


X = "name: x, step: react, standard: 2, kind: stepped, levels: [2, 4]"


@pytest.mark.parametrize(
    ("operation", "parameter", "message"),
    [
        (
            "{do: incubate, duration: 1 min, temperature: {parameter: x}}",
            X + ", unit: uL",
            "temperature cannot be given by 'x', which is in uL",
        ),
        (
            "{do: mix, volume: 10 uL, cycles: {parameter: x}}",
            X.replace("[2, 4]", "[2, 2.5]"),
            "cycles needs whole numbers, but 'x' has others",
        ),
        (
            "{do: dispense, volume: 5 uL, liquid: {parameter: x}}",
            X,
            "liquid needs a category, but 'x' is stepped",
        ),
        (
            "{do: transfer, volume: {parameter: x}}",
            X.replace("[2, 4]", "[0, 2]") + ", unit: uL",
            "with x=0.0 volume_ul would be 0.0, not more than 0",
        ),
        (
            "{do: heat, temperature: {parameter: x}}",
            X + ", unit: degC",
            "heat is of the whole plate, whose wells have several values of 'x' "
            "(expected each: well, one well in use on each plate",
        ),
        ("{do: pump, liquid: water, rate: 1 mL/min}", X, "volume: missing"),
        ("{do: shake, duration: 1 min, speed: 5 Hz}", X, "the unit of '5 Hz' measures something"),
        ("{do: wait, duration: 5 uL}", X, "the unit of '5 uL' measures something else"),
        ("{do: image}", X, "{do: set, setting: x, value: {parameter: x}, each: well}"),
    ],
)
def test_what_does_not_fit_is_said_where_it_stands(
    operation: str, parameter: str, message: str
) -> None:
    with pytest.raises(InvalidInput) as refused:
        assay(operation, parameter)
    assert message in str(refused.value)


def conditions_of(campaign: Campaign, **values: Value) -> Condition:
    return Condition({"substrate_concentration": 20, "enzyme_volume": 40, **values})


def test_a_well_that_gets_none_of_a_liquid_has_no_operation() -> None:
    campaign = assay(
        "{do: dispense, liquid: additive, volume: {parameter: x}}",
        X.replace("[2, 4]", "[0, 2]") + ", unit: uL",
    )

    def additive(amount: float) -> list[float]:
        job = jobs_for(campaign, conditions_of(campaign, x=amount))[0]
        return [
            op.volume_ul
            for op in job.operations
            if isinstance(op, Dispense) and op.liquid == "additive"
        ]

    assert additive(0) == []
    assert additive(2) == [2.0] * 24


AMOUNTS = [
    (kind, field)
    for kind, field in FIELDS
    if field in ("volume", "duration", "cycles", "mass", "rate")
    if kind not in ("transfer", "record")
]
"""A transfer of nothing would leave an empty plate, a record of no time nothing to score."""


@pytest.mark.parametrize(("kind", "field"), AMOUNTS)
def test_of_an_amount_of_nothing_nothing_is_done_and_nothing_is_wrong(
    kind: str, field: str
) -> None:
    unit = takes(OPERATIONS[kind].template)[field].unit or ""
    text = NEEDED[kind] | {field: {"parameter": "x"}}
    if (kind, field) == ("pump", "duration"):
        text.pop("volume")
    x = {"name": "x", "step": "s", "kind": "stepped", "unit": unit, "levels": [0, 7]}
    template = _TEMPLATE.validate_python({"do": kind, **text})
    known = {"x": _PARAMETER.validate_python(x)}

    def compiled(value: float) -> list[BaseOperation]:
        return list(template.compiled([WellOnDay("A1", Condition({"x": value}), known, 0, 0)]))

    nothing = compiled(0)
    assert nothing == [] or all(found.nominal_s == 0 for found in nothing)
    assert len(compiled(7)) == 1


def test_each_plate_has_its_own_temperature_where_the_plate_decides_it() -> None:
    plates = """plates: {count: 3, labware: 96-well, wells: A1:A2}
rounds: {first: {initial: 6}, later: {proposed: 6}}
"""
    parameter = (
        "name: x, step: react, kind: stepped, unit: degC, levels: [25, 33, 41], "
        "decided_by_well: {base: [25], per_plate: 8}"
    )
    campaign = assay("{do: heat, temperature: {parameter: x}, hold: 5 min}", parameter, plates)
    decided = [values["x"] for values in campaign.decided_values(1)]
    assert decided == [25, 25, 33, 33, 41, 41]
    with pytest.raises(InvalidInput, match="the wells would decide 49"):
        assay(
            "{do: heat, temperature: {parameter: x}}", parameter, plates.replace("3, lab", "4, lab")
        )


def test_what_no_device_sets_is_set_by_a_person() -> None:
    campaign = assay("{do: set, setting: x, value: {parameter: x}, each: well}", X + ", unit: bar")
    job = jobs_for(campaign, conditions_of(campaign, x=4))[0]
    words = [op.in_words() for op in job.operations if isinstance(op, Set)]
    assert words[:2] == ["A1: set x to 4 bar", "B1: set x to 4 bar"]


CENTRIFUGE = Capabilities(
    operations={"call": {}, "set": {}},
    memory=KeyMemory.REMEMBERS_KEYS,
    actions={
        "open door": Action(),
        "run": Action(
            arguments={
                "speed": ValueType(unit="rpm", low=100, high=4000),
                "program": ValueType(kind="text", choices=("soft", "hard")),
                "times": ValueType(kind="whole", default=1),
            }
        ),
    },
    settings={"lamp": ValueType(kind="truth")},
)


def test_an_action_has_typed_arguments_in_the_units_of_its_driver() -> None:
    run = Call(
        action="run",
        arguments=(
            Argument(name="speed", value=50, unit="turn/s"),
            Argument(name="program", value="soft"),
        ),
    )
    assert not CENTRIFUGE.refusal(run)
    assert CENTRIFUGE.actions is not None
    taken = CENTRIFUGE.actions["run"].taken(run)
    assert taken == {"speed": 3000, "program": "soft", "times": 1}
    assert not CENTRIFUGE.refusal(Call(action="open door"))
    assert not CENTRIFUGE.refusal(Set(setting="lamp", value=True))


def test_everything_wrong_with_a_call_is_said_at_once() -> None:
    wrong = Call(
        action="run",
        arguments=(
            Argument(name="speed", value=9000, unit="rpm"),
            Argument(name="force", value=1),
            Argument(name="times", value=1.5),
        ),
    )
    assert CENTRIFUGE.refusal(wrong) == (
        "it cannot run: speed cannot be 9000 rpm (expected a number from 100 to 4000 rpm); "
        "there is no force (expected some of speed, program, times); "
        "times cannot be 1.5 (expected a whole number); "
        "program is missing (expected one of soft, hard)"
    )
    assert "no action 'stop' (it has open door, run)" in CENTRIFUGE.refusal(Call(action="stop"))
    lamp = Set(setting="lamp", value="on")
    assert CENTRIFUGE.refusal(lamp) == "lamp cannot be on (expected true or false)"
