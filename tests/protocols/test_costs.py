from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.costs import Need, Price, costs, needs, read_prices
from protocols.errors import InvalidInput
from protocols.loading import Load, Substance

HEADER = "kind,name,price,per\n"


def _load(day: int, volume: float) -> Load:
    return Load(
        date(2026, 3, day),
        {"6-well": 2},
        {"medium": volume},
        (Substance("drug", 5e5, "pmol"),),
        {1000.0: 3},
    )


def test_what_days_and_robots_take_is_added_up_and_priced() -> None:
    needed = needs([_load(2, 250_000), _load(3, 750_000)], {"maholo": 12.5})
    assert needed == [
        Need("plate", "6-well", 4, ""),
        Need("liquid", "medium", 1000, "mL"),
        Need("supplement", "drug", 1e6, "pmol"),
        Need("tip", "1000 uL", 6, ""),
        Need("robot", "maholo", 12.5, "hour"),
    ]
    table = [
        "plate,6-well,30,10",
        "liquid,medium,45,500 mL",
        "supplement,drug,80,1 umol",
        "tip,1000 uL,0.1,",
        "robot,maholo,20,1 hour",
    ]
    bill = costs(needed, read_prices("\ufeff" + HEADER + "\n".join(table)))
    assert [cost for _, cost in bill] == pytest.approx([12, 90, 80, 0.6, 250])


def test_prices_may_come_out_of_a_spreadsheet_of_any_country() -> None:
    listed = read_prices("Kind;Name;Price;Per\nliquid;medium;1.045,50;0,5 L\nplate;6-well;30;10\n")
    assert listed == {
        ("liquid", "medium"): Price(1045.5, 0.5, "L"),
        ("plate", "6-well"): Price(30, 10, ""),
    }


def test_what_has_no_price_is_distinguished_from_what_costs_nothing() -> None:
    bill = costs([Need("liquid", "water", 3, "mL"), Need("liquid", "medium", 3, "mL")],
                 read_prices(HEADER + "liquid,water,0,1 L\n"))  # fmt: skip
    assert [cost for _, cost in bill] == [0, None]


def test_every_line_that_is_no_price_is_reported() -> None:
    lines = [
        "plat,6-well,1,1",
        "plate,6-well,dear,1",
        "plate,12-well,-1,1",
        "liquid,medium,4,500 bottles",
        "liquid,water,1,1 L",
        "liquid,water,2,1 L",
        "tip,1000 uL,1,0",
    ]
    with pytest.raises(InvalidInput) as refused:
        read_prices(HEADER + "\n".join(lines), "prices.csv")
    assert [problem.line for problem in refused.value.problems] == [2, 3, 4, 5, 7, 8]
    assert "prices.csv" in str(refused.value)
    with pytest.raises(InvalidInput, match="there is no column price, per"):
        read_prices("kind,name\n")


@pytest.mark.parametrize(
    ("need", "line"),
    [
        (Need("supplement", "drug", 1, "pmol"), "supplement,drug,1,1 mg"),
        (Need("plate", "6-well", 1, ""), "plate,6-well,1,1 mL"),
        (Need("liquid", "medium", 1, "mL"), "liquid,medium,1,1"),
    ],
)
def test_a_price_for_something_else_than_is_needed_is_refused(need: Need, line: str) -> None:
    with pytest.raises(InvalidInput, match=f"{need.kind} {need.name} is needed in"):
        costs([need], read_prices(HEADER + line))


@given(st.floats(0, 1e6), st.floats(0, 1e6), st.floats(0.01, 1e3))
def test_twice_as_much_costs_twice_as_much(amount: float, price: float, per: float) -> None:
    prices = {("liquid", "medium"): Price(price, per, "L")}
    once, twice = (
        costs([Need("liquid", "medium", times * amount, "mL")], prices)[0].cost for times in (1, 2)
    )
    assert once is not None
    assert twice == pytest.approx(2 * once, rel=1e-6, abs=1e-6)
