"""How much of a space constraints leave, against areas and volumes that geometry gives."""

import pytest

from protocols.permitted_share import permitted_share
from protocols.search_space import SearchSpace

X = {"name": "x", "step": "a", "kind": "continuous", "low": 0, "high": 1}
Y = X | {"name": "y"}
Z = X | {"name": "z"}


def space(
    *constraints: dict[str, object], parameters: tuple[dict[str, object], ...] = (X, Y)
) -> SearchSpace:
    return SearchSpace.model_validate({"parameters": parameters, "constraints": constraints})


def test_without_constraints_everything_is_permitted() -> None:
    assert permitted_share(space()).share == 1.0


def test_a_sum_leaves_the_area_of_its_triangle() -> None:
    found = permitted_share(space({"kind": "linear", "terms": {"x": 1, "y": 1}, "at_most": 0.5}))
    assert found.share == pytest.approx(1 / 8, abs=0.03)


def test_three_parts_of_a_whole_leave_the_half_of_what_two_of_them_span() -> None:
    rule = {"kind": "mixture", "parts": ["x", "y", "z"], "total": 1}
    found = permitted_share(space(rule, parameters=(X, Y, Z)))
    assert found.share == pytest.approx(1 / 2, abs=0.04)
    assert found.exact == {0}


def test_levels_are_counted() -> None:
    solvent = {
        "name": "s",
        "step": "a",
        "kind": "category",
        "levels": ["DMF", "NMP", "water", "air"],
    }
    salt = {"name": "t", "step": "a", "kind": "category", "levels": ["NaCl", "KCl"]}
    rule = {"kind": "forbidden", "when": {"s": ["water"], "t": ["KCl"]}}
    found = permitted_share(space(rule, parameters=(solvent, salt)))
    assert found.share == pytest.approx(7 / 8, abs=0.03)


def test_constraints_are_judged_together_and_each_by_itself() -> None:
    below = {"kind": "linear", "terms": {"x": 1}, "at_most": 0.5}
    left = {"kind": "ratio", "numerator": "x", "denominator": "y", "at_most": 1}
    found = permitted_share(space(below, left))
    assert found.by_rule == pytest.approx((1 / 2, 1 / 2), abs=0.04)
    assert found.share == pytest.approx(3 / 8, abs=0.04)


def test_what_is_not_there_counts_nothing() -> None:
    there = {"name": "there", "step": "a", "kind": "boolean"}
    sometimes = X | {"name": "sometimes", "when": {"there": [1]}}
    rule = {"kind": "linear", "terms": {"sometimes": 1}, "at_most": 0.5}
    found = permitted_share(space(rule, parameters=(there, sometimes)))
    assert found.share == pytest.approx(3 / 4, abs=0.03)
