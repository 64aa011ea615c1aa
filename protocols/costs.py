"""Costs: what a campaign takes, by a list of prices."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from protocols.errors import InvalidInput, Problem
from protocols.loading import Load
from protocols.quantities import Quantity, conversion
from protocols.table_text import TableRow, TableText, read_table

KINDS = ("plate", "liquid", "supplement", "tip", "robot")
COLUMNS = ("kind", "name", "price", "per")
_EACH = "1"


class Need(NamedTuple):
    """How much of something is needed; `unit` is empty for what is counted."""

    kind: str
    name: str
    amount: float
    unit: str


class Price(NamedTuple):
    """What an amount of something costs; the unit is empty for what is counted."""

    price: float
    per: float
    unit: str


class Cost(NamedTuple):
    """What is needed and what that costs; None without a price."""

    need: Need
    cost: float | None


Prices = Mapping[tuple[str, str], Price]


def read_prices(text: str, file: str = "price list") -> Prices:
    """The prices of a table with the columns kind, name, price and per.

    `per` is `1`, or a quantity such as `500 mL`.

    Raises:
        InvalidInput: with every line that cannot be read.
    """
    table = read_table(text, file)
    header, *rows = table.rows or (TableRow(1, ()),)
    places = {name.casefold(): place for place, name in enumerate(header.cells)}
    missing = [name for name in COLUMNS if name not in places]
    if missing:
        message = f"there is no column {', '.join(missing)}"
        raise InvalidInput(
            [Problem(where=file, line=header.line, message=message, expected=", ".join(COLUMNS))]
        )
    found: dict[tuple[str, str], Price] = {}
    problems = []
    for line, cells in rows:
        row = [*cells, *[""] * len(header.cells)]
        kind, name, price, per = (row[places[column]] for column in COLUMNS)
        try:
            if kind not in KINDS:
                raise ValueError(f"there is no kind {kind!r}, but {', '.join(KINDS)}")
            if (kind, name) in found:
                raise ValueError(f"{kind} {name} has a price already")
            found[kind, name] = _price(table, price, per)
        except ValueError as error:
            problems.append(
                Problem(
                    where=file,
                    line=line,
                    message=str(error),
                    expected="kind,name,price,per",
                )
            )
    if problems:
        raise InvalidInput(problems)
    return found


def needs_of(load: Load) -> Iterator[Need]:
    """What a load comes to: plates, liquids, supplements, tips."""
    yield from (Need("plate", labware, number, "") for labware, number in load.plates.items())
    yield from (
        Need("liquid", liquid, volume / 1000, "mL") for liquid, volume in load.liquids_ul.items()
    )
    yield from (
        Need("supplement", entry.name, entry.amount, entry.unit) for entry in load.substances
    )
    yield from (Need("tip", f"{size:g} uL", number, "") for size, number in load.tips.items())


def needs(loads: Iterable[Load], robot_hours: Mapping[str, float]) -> list[Need]:
    """All that the loads and the robots come to, by kind and name."""
    total: defaultdict[tuple[str, str, str], float] = defaultdict(float)
    for load in loads:
        for need in needs_of(load):
            total[need.kind, need.name, need.unit] += need.amount
    for robot, hours in robot_hours.items():
        total["robot", robot, "hour"] += hours
    order = sorted(total, key=lambda key: (KINDS.index(key[0]), key[1:]))
    return [Need(kind, name, total[kind, name, unit], unit) for kind, name, unit in order]


def costs(needed: Iterable[Need], prices: Prices) -> list[Cost]:
    """What each need costs, in proportion to its amount: no packs are rounded up.

    Raises:
        InvalidInput: a price is for something that its need cannot be expressed in.
    """
    found, problems = [], []
    for need in needed:
        price = prices.get((need.kind, need.name))
        if price is None:
            found.append(Cost(need, None))
            continue
        try:
            if bool(need.unit) != bool(price.unit):
                raise ValueError("one is counted and the other has a unit")
            amount = conversion(need.amount, need.unit, price.unit) if need.unit else need.amount
            found.append(Cost(need, price.price * amount / price.per))
        except ValueError as error:
            message = f"{need.kind} {need.name} is needed in {need.unit or 'pieces'}: {error}"
            expected = f"a price per {need.unit or _EACH}"
            problems.append(Problem(where="price list", message=message, expected=expected))
    if problems:
        raise InvalidInput(problems)
    return found


def _price(table: TableText, price: str, per: str) -> Price:
    try:
        amount = table.number(price)
    except ValueError:
        raise ValueError(f"{price!r} is no price") from None
    if per in ("", _EACH):
        quantity = Quantity(1.0, "")
    elif per.isdigit():
        quantity = Quantity(float(per), "")
    else:
        quantity = Quantity.parse(per.replace(",", ".") if table.decimal_comma else per)
    if not 0 <= amount < float("inf") or not 0 < quantity.magnitude < float("inf"):
        raise ValueError(f"{price} per {per} is no price")
    return Price(amount, quantity.magnitude, quantity.unit)
