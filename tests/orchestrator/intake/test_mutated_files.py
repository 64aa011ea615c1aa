"""The short form of `python -m tests.orchestrator.intake.mutated_files`."""

import pytest

from orchestrator.intake.campaign_check import NamedText, checked_campaign
from orchestrator.settings import Settings
from protocols.errors import InvalidInput
from tests.conftest import ROOT
from tests.orchestrator.intake.mutated_files import outcomes


def test_a_file_that_was_changed_anywhere_is_valid_or_refused() -> None:
    assert {found.said for found in outcomes(150)} == {"valid", "refused"}


@pytest.mark.parametrize("low", ["0", "-1.0e+30"])
def test_a_range_with_values_that_no_operation_can_have_is_refused(low: str) -> None:
    text = (ROOT / "examples" / "resistance" / "campaign.yaml").read_text()
    assert "levels: {from: 5, to: 60, by: 5}" in text
    text = text.replace("levels: {from: 5, to: 60, by: 5}", f"levels: [{low}, 20, 60]")
    with pytest.raises(InvalidInput, match="at an end of their ranges its volume_ul is") as refused:
        checked_campaign(NamedText(text, "campaign.yaml"), Settings())
    assert refused.value.problems[0].key == "protocol.steps[0].operations[1]"
