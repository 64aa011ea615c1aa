"""Expressions of outcomes, beside what Python makes of the same arithmetic."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.expressions import FUNCTIONS, NoValue, parsed

NUMBERS = {"titre": 2.5, "yield": -3.0, "side_product": 7.0}


def _joined(parts: tuple[str, str, str]) -> str:
    left, operator, right = parts
    return f"({left} {operator} {right})"


EXPRESSIONS = st.recursive(
    st.sampled_from([*NUMBERS, "1", "0.5", "1e2"]),
    lambda inner: (
        st.tuples(inner, st.sampled_from(["+", "-", "*", "/"]), inner).map(_joined)
        | inner.map(lambda text: f"-{text}")
        | inner.map(lambda text: f"abs({text})")
        | st.tuples(inner, inner).map(lambda both: f"max({both[0]}, {both[1]})")
    ),
    max_leaves=12,
)


@given(EXPRESSIONS)
def test_an_expression_is_worth_what_python_says(text: str) -> None:
    plain = {name.replace("yield", "gain"): value for name, value in NUMBERS.items()}
    try:
        expected = eval(text.replace("yield", "gain"), {"abs": abs, "max": max}, plain)
    except ZeroDivisionError:
        with pytest.raises(NoValue):
            parsed(text).value(NUMBERS)
        return
    assert parsed(text).value(NUMBERS) == expected
    assert parsed(text).names == {name for name in NUMBERS if name in text}


def test_functions_and_choices() -> None:
    assert parsed("log10(a) + sqrt(b)").value({"a": 100, "b": 9}) == 5
    assert parsed("a if a > b else 0").value({"a": 1, "b": 2}) == 0
    assert parsed("log(exp(a))").value({"a": 1.5}) == pytest.approx(1.5)
    assert set(FUNCTIONS) == {"abs", "exp", "log", "log10", "max", "min", "sqrt"}


@pytest.mark.parametrize(
    "text",
    [
        "", "a +", "a; b", "a = 3", "a.real", "a[0]", "[a]", "'a'", "lambda: a", "a @ b",
        "a << 3", "a // b", "not a", "min(*[a])", "max(a, key=b)", "open(a)", "a()", "a(b)",
        "__import__('os')", "(a for a in b)", "a if", "f'{a}'", "(" * 250 + "a" + ")" * 250,
    ],
)  # fmt: skip
def test_what_is_no_arithmetic_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"cannot be|no function|no expression") as refused:
        parsed(text)
    assert "v_" not in str(refused.value)


@pytest.mark.parametrize(
    "text",
    [
        *("a / 0", "log(0 * a)", "(-a) ** 0.5", "9 ** 9 ** 9 + a"),
        *("1e400 * a", "max(a)", "a * 1e308 * 10"),
    ],
)
def test_what_has_no_finite_value_has_none(text: str) -> None:
    with pytest.raises(NoValue):
        parsed(text).value({"a": 2.0})
