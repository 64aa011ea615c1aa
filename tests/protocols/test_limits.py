"""Every number and list of a campaign file has limits, and JSON Schema says them to everybody."""

from collections.abc import Iterator
from typing import Any

import pytest

from protocols.campaign import Campaign
from protocols.campaign_file import read_campaign
from protocols.covariates import Covariate
from protocols.errors import InvalidInput
from tests.conftest import ASSAY_FILE

VALUE = ({"type": "integer"}, {"type": "number"}, {"type": "string"})
"""A value of a condition or a device: it has to be one that its parameter or driver allows."""


def without_end(schema: Any, path: str = "") -> Iterator[str]:
    """Where a number has no end, or a list or table may be as long as it likes."""
    if isinstance(schema, list):
        for part in schema:
            yield from without_end(part, path)
    if not isinstance(schema, dict) or all(one in schema.get("anyOf", []) for one in VALUE):
        return
    kind, keys = schema.get("type"), schema.keys()
    fixed = keys & {"const", "enum"}
    if kind in ("number", "integer") and not fixed:
        low, high = keys & {"minimum", "exclusiveMinimum"}, keys & {"maximum", "exclusiveMaximum"}
        if not (low and high):
            yield f"{path}: {schema}"
    if kind == "array" and "maxItems" not in keys:
        yield path
    for key, part in schema.items():
        if key not in ("default", "examples", "title", "description"):
            yield from without_end(part, f"{path}/{key}")


def test_every_number_and_list_of_the_schema_has_limits() -> None:
    found = list(without_end(Campaign.model_json_schema(by_alias=True)))
    assert found == []


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("high: 1000", "high: 1.0e+99", "1e+99 is too large (expected 1e+30 or less)"),
        ("seed: ", "seed: 99999999999999999999 # ", "(expected 9,223,372,036,854,775,807 or less)"),
        ("cycles: 3", "cycles: 1000000000", "1000000000 is too large (expected 10000 or less)"),
    ],
)
def test_what_is_beyond_a_limit_is_refused_with_it(before: str, after: str, said: str) -> None:
    text = ASSAY_FILE.read_text()
    assert before in text
    with pytest.raises(InvalidInput) as refused:
        read_campaign(text.replace(before, after, 1))
    assert said in str(refused.value)


def test_a_list_that_is_too_long_is_refused_with_how_long_it_may_be() -> None:
    text = ASSAY_FILE.read_text() + "covariates:\n" + "  - {name: passage}\n" * 1001
    with pytest.raises(InvalidInput) as refused:
        read_campaign(text)
    assert "covariates" in str(refused.value)
    assert "1000" in str(refused.value)


@pytest.mark.parametrize(
    ("value", "allowed"),
    [(-1e30, True), (1e30, True), (1e31, False), (-1e300, False), (float("nan"), False)],
)
def test_a_recorded_number_has_the_limit_of_those_of_a_file(value: float, allowed: bool) -> None:
    assert Covariate(name="passage", kind="number").allows(value) is allowed
