"""The report is self-contained.

Everything in one page, nothing from elsewhere, the numbers those of the journal.
"""

import re
from html.parser import HTMLParser
from pathlib import Path
from statistics import median

import numpy as np
import pytest

from orchestrator.core.state import CampaignState
from orchestrator.results.campaign_figures import best_so_far, distributions
from orchestrator.results.model_figures import agreement_of
from orchestrator.results.report import as_pdf, report
from orchestrator.results.report_record import Record
from orchestrator.results.summaries import summary_of
from orchestrator.settings import Settings
from orchestrator.studies.agreement import Pair
from protocols.addresses import WellAddress
from protocols.campaign import Campaign
from tests.conftest import START
from tests.service import house


class Page(HTMLParser):
    """Which elements a page has, and what it would fetch."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.fetched: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.fetched += [
            value
            for name, value in attrs
            if name in ("src", "href", "xlink:href") and value is not None
        ]


def test_the_report_is_one_page_with_the_journals_numbers(tmp_path: Path, assay: Campaign) -> None:
    evil = "<script>alert(1)</script>"
    with house(tmp_path) as served:
        campaign_id = served.campaign(assay.model_copy(update={"title": evil}), read=True)
        _, state = served.backend.state(campaign_id)
        text = report(state, Settings(), "name: text # <b>\n", START)
        exported = served.client("viewer").get(
            f"/api/v1/campaigns/{campaign_id}/exports/report.html"
        )
    page = Page(text)
    assert page.tags.count("svg") >= 5
    assert "script" not in page.tags
    assert [place for place in page.fetched if not place.startswith(("#", "data:"))] == []
    assert "name: text # &lt;b&gt;" in text
    values = [o.value for o in state.rounds[0].observations if o.usable and o.value is not None]
    row = re.search(r"<tr><td>1</td>.*?</tr>", text, re.S)
    assert row is not None
    assert f"{len(values)} of {len(state.rounds[0].wells)}" in row[0]
    assert f"{max(values):.3f}" in row[0]
    assert f"{median(values):.3f} (" in row[0]
    assert exported.headers["content-type"].startswith("text/html")
    assert exported.headers["content-disposition"].startswith("attachment")


def test_figures_tell_roles_by_shape_say_n_and_show_no_order_within_a_round(
    tmp_path: Path, assay: Campaign
) -> None:
    with house(tmp_path) as served:
        _, state = served.backend.state(served.campaign(assay, read=True))
    values = [o.value for o in state.rounds[0].observations if o.usable and o.value is not None]
    figures = best_so_far(state), distributions(state)
    [best], [spread] = (figure.axes for figure in figures)
    for figure in figures:
        [legend] = figure.legends
        of_roles = [
            handle for handle in legend.legend_handles if "(n = " in str(handle.get_label())
        ]
        assert len({line.get_marker() for line in of_roles}) == len(of_roles) >= 2
        counts = [int(re.findall(r"n = (\d+)", str(line.get_label()))[0]) for line in of_roles]
        assert sum(counts) == len(values)
    assert spread.get_xticklabels()[0].get_text() == f"1\nn = {len(values)}"
    # One level over all wells of the round.
    levels = [list(line.get_ydata()) for line in best.lines if len(line.get_ydata()) == 2]
    assert [max(values), max(values)] in levels


def test_scorer_and_hand_are_compared_where_both_are(assay: Campaign) -> None:
    state = CampaignState("c", assay, "finished", START)
    pairs = [Pair(WellAddress("c", 1, 1, f"A{n}"), 0.1 * n + 0.02, 0.1 * n) for n in range(1, 5)]
    assert 'id="agreement"' not in report(state, Settings(), "", None, Record(pairs=pairs[:2]))
    text = report(state, Settings(), "", None, Record(pairs=pairs))
    assert 'id="agreement"' in text
    figure = agreement_of(assay, pairs)
    [axes] = figure.axes
    assert axes.get_title().startswith("4 wells: scorer less hand +0.020 (+0.020 to +0.020)")
    limits = axes.lines[-1].get_ydata()
    assert np.asarray(limits) == pytest.approx([0.02] * 4)
    # Of three wells that differ hardly anything is known of the limits: mean +- 1.96 sd, each to
    # 4.30 sd, the quantile of Student's t with two degrees of freedom.
    apart = [pair._replace(scored=pair.by_hand + 0.1 * n) for n, pair in enumerate(pairs[:3])]
    [axes] = agreement_of(assay, apart).axes
    assert axes.get_title().endswith("limits -0.096 to +0.296, each known to ±0.430")
    bands = sorted(patch.get_extents().transformed(axes.transData.inverted()).intervaly.tolist()
                   for patch in axes.patches)  # fmt: skip
    assert bands[0] == pytest.approx([-0.526, 0.334], abs=1e-3)
    assert bands[-1] == pytest.approx([-0.134, 0.726], abs=1e-3)


def test_a_campaign_without_results_has_a_report_as_well(tmp_path: Path, assay: Campaign) -> None:
    with house(tmp_path) as served:
        campaign_id = served.campaign(assay, proposed=True)
        text = report(served.backend.state(campaign_id)[1], Settings(), "", None)
    assert "There are too few observations to fit the model." in text
    as_pdf(text, tmp_path / "report.pdf")
    assert (tmp_path / "report.pdf").read_bytes().startswith(b"%PDF-")


def test_an_interval_is_students_over_runs_where_there_are_several() -> None:
    one_run = summary_of([(1, 0.5), (1, 0.7), (1, 0.6)])
    assert one_run is not None
    # t(0.975, 2) = 4.303; sd 0.1.
    assert one_run.low == pytest.approx(0.6 - 4.3027 * 0.1 / 3**0.5, abs=1e-4)
    # Ten wells a run add nothing to three runs.
    runs = summary_of([(run, value) for run, value in ((1, 0.5), (2, 0.7), (3, 0.6))] * 10)
    assert runs is not None
    assert (runs.wells, runs.runs) == (30, 3)
    assert runs.low == pytest.approx(one_run.low)
    one = summary_of([(1, 0.5)])
    assert one is not None
    assert one.low is None
