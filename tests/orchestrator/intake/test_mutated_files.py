"""The short form of `python -m tests.orchestrator.intake.mutated_files`."""

import pytest

from orchestrator.intake.campaign_check import NamedText, checked_campaign
from orchestrator.settings import Settings
from protocols.errors import InvalidInput
from tests.conftest import ROOT
from tests.orchestrator.intake.mutated_files import outcomes


@pytest.mark.reproduction("F1")
def test_a_file_that_was_changed_anywhere_is_valid_or_refused() -> None:
    assert {found.said for found in outcomes(150)} == {"valid", "refused"}


def _with_lowest(level: str) -> NamedText:
    text = (ROOT / "examples" / "resistance" / "campaign.yaml").read_text()
    assert "levels: {from: 5, to: 60, by: 5}" in text
    text = text.replace("levels: {from: 5, to: 60, by: 5}", f"levels: [{level}, 20, 60]")
    return NamedText(text, "campaign.yaml")


def test_a_range_with_values_that_no_operation_can_have_is_refused() -> None:
    with pytest.raises(InvalidInput, match="volume_ul would be -1e\\+30") as refused:
        checked_campaign(_with_lowest("-1.0e+30"), Settings())
    assert refused.value.problems[0].key == "protocol.steps[0].operations[1]"


def test_nothing_is_dispensed_where_a_level_is_nothing() -> None:
    assert checked_campaign(_with_lowest("0"), Settings()).space.by_name["acid"].allows(0.0)
