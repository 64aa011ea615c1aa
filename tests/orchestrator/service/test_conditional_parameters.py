"""Pages, figures and the report of a campaign some of whose parameters are not in every well."""

from pathlib import Path

from orchestrator.results.report import report_of
from tests.orchestrator.intake.test_spaces_in_files import campaign_of
from tests.service import house


def test_what_is_not_there_is_shown_as_nothing_everywhere(tmp_path: Path) -> None:
    campaign = campaign_of(tmp_path)
    with house(tmp_path) as served:
        campaign_id = served.campaign(campaign, read=True)
        viewer = served.client("viewer")
        wells = served.backend.journal.state(campaign_id).rounds[0].wells
        dry = next(w.well for w in wells if w.proposal.condition["solvent"] == "DMF")
        for path in ("", f"/wells/1/1/{dry.name}", "/insight"):
            page = viewer.get(f"/campaigns/{campaign_id}{path}")
            assert page.status_code == 200, path
        well = viewer.get(f"/api/v1/campaigns/{campaign_id}/rounds/1/wells/1/{dry.name}").json()
        assert "drying" not in well["condition"]
        insight = viewer.get(f"/api/v1/campaigns/{campaign_id}/insight")
        assert insight.status_code == 200
        html = report_of(served.backend.journal, campaign_id, served.backend.settings)
        assert "<html" in html
