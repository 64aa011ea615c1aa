"""Report: what a campaign did and found, as one self-contained page, for a supplement."""

from collections.abc import Sequence
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from statistics import fmean, median, stdev
from typing import NamedTuple

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from scipy.stats import t

import optimizer
from orchestrator.core.goals import goals_of
from orchestrator.core.state import CampaignState, RoundState
from orchestrator.journal.journal import Journal
from orchestrator.journal.queries import file_text
from orchestrator.lab.scoring import scorer_of
from orchestrator.results.campaign_figures import figures_of
from orchestrator.results.model_figures import agreement_of, svg
from orchestrator.settings import Settings
from orchestrator.studies.agreement import FEWEST_PAIRS, Pair, pairs_of
from protocols.conditions import Condition

_PACKAGES = (
    "wellwise",
    "botorch",
    "gpytorch",
    "torch",
    "numpy",
    "scipy",
    "scikit-image",
    "prefect",
    "sqlmodel",
    "pydantic",
)
_SHARE = 0.95

_CAPTIONS = {
    "best-so-far": "Every well in the order of rounds and plates, and the best value so far.",
    "distributions": "Values by round: box with median and quartiles, and every well.",
    "effects": "What each parameter does, averaged over the others, with one standard deviation; "
    "the share of the "
    "variance by its total-order Sobol index, with its 90 % interval.",
    "pair-effect": "What the two most important parameters do together, averaged over the others.",
    "calibration": "Each value against its prediction from all others (leave one out).",
    "agreement": "How far scorer and hand lie apart in each well: mean with its 95 % interval, "
    "and the limits within "
    "which 95 % of differences lie (Bland and Altman).",
    "trade-off": "Two objectives against each other: what was measured, and the conditions that no "
    "other beats in all of them, as the model predicts them with one sd.",
    "pareto-front": "The conditions of which none is better in the objective and lower in cost.",
}


class Summary(NamedTuple):
    """Statistics of some wells: number, mean with 95 % interval (Student's t), and range."""

    wells: int
    mean: float
    low: float | None
    high: float | None
    least: float
    most: float


class Repeated(NamedTuple):
    """A condition that several wells had, with its values."""

    condition: Condition
    rounds: tuple[int, ...]
    summary: Summary


def report_of(journal: Journal, campaign_id: str, settings: Settings) -> str:
    """The report of a campaign of a journal; see `report`."""
    return report(
        journal.state(campaign_id),
        settings,
        file_text(journal, campaign_id),
        journal.last_moment(campaign_id),
        pairs_of(journal, campaign_id),
    )


def report(
    state: CampaignState,
    settings: Settings,
    file_text: str,
    last: datetime | None,
    pairs: Sequence[Pair] = (),
) -> str:
    """The report of a campaign as HTML; figures, style and campaign file are inside.

    Args:
        state: the campaign.
        settings: give the time zone.
        file_text: the campaign file as it was launched.
        last: the time of its latest event.
        pairs: values by the scorer and by a person of the same wells; three or more make a figure.
    """
    plots = figures_of(state)
    if len(pairs) >= FEWEST_PAIRS:
        plots["agreement"] = agreement_of(state.campaign, pairs)
    figures = {name: Markup(_inline(svg(figure, name))) for name, figure in plots.items()}  # noqa: S704
    campaign, scale = state.campaign, state.campaign.outcome.scale
    goals = goals_of(campaign)
    best, front = None, []
    if len(goals.objectives) > 1:
        front = optimizer.pareto_front(campaign.space, state.observations, objective=goals)
    else:
        best = optimizer.recommend(
            campaign.space, state.observations, campaign.standards, objective=goals
        )
    scales_of = {outcome.name: outcome.scale for outcome in campaign.outcomes}
    environment = Environment(
        loader=PackageLoader("orchestrator.results", ""),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
    )
    environment.filters["value"] = scale.number
    environment.filters["chance"] = lambda value: f"{value:.2f}"
    environment.filters["level"] = lambda value: (
        "-" if value is None else value if isinstance(value, str) else f"{value:g}"
    )
    return environment.get_template("report.html").render(
        state=state,
        campaign=campaign,
        scale=scale,
        title=state.campaign.title or state.id,
        zone=settings.zone,
        last=last,
        figures=figures,
        captions=_CAPTIONS,
        best=best,
        front=front,
        scales=[scales_of[wanted.outcome] for wanted in campaign.objectives],
        standard=_summary([v for batch in state.rounds for v in _values(batch, "standard")]),
        rounds=[(batch, _summary(_values(batch))) for batch in state.rounds],
        medians={
            batch.number: median(values) for batch in state.rounds if (values := _values(batch))
        },
        repeated=_repeated(state),
        labels={parameter.name: parameter.level_labels for parameter in state.campaign.parameters},
        versions={name: version(name) for name in _PACKAGES},
        versions_of={
            outcome.name: scorer_of(outcome).version
            for outcome in campaign.outcomes
            if not outcome.by_hand
        },
        file_text=file_text,
    )


def as_pdf(html: str, path: Path) -> None:
    """Write a report as a PDF of A4 pages."""
    from plutoprint import MEDIA_TYPE_PRINT, PAGE_SIZE_A4, Book, PageMargins

    margin = 54.0  # points
    book = Book(PAGE_SIZE_A4, PageMargins(margin, margin, margin, margin), MEDIA_TYPE_PRINT)
    book.load_html(html)
    book.write_to_pdf(str(path))


def _values(batch: RoundState, role: str | None = None) -> list[float]:
    """The values of a round that may be trusted."""
    wells = (well for well in batch.wells if role in (None, well.proposal.role))
    return [well.trusted for well in wells if well.trusted is not None]


def _summary(values: Sequence[float]) -> Summary | None:
    if not values:
        return None
    half = None
    if len(values) > 1:
        half = float(t.ppf(0.5 + _SHARE / 2, len(values) - 1)) * stdev(values) / len(values) ** 0.5
    mean = fmean(values)
    low, high = (None, None) if half is None else (mean - half, mean + half)
    return Summary(len(values), mean, low, high, min(values), max(values))


def _repeated(state: CampaignState) -> list[Repeated]:
    """Conditions that more than one well had, best first."""
    found: dict[Condition, list[tuple[int, float]]] = {}
    for batch in state.rounds:
        for observation in batch.observations:
            if observation.usable and observation.value is not None:
                found.setdefault(observation.condition, []).append(
                    (batch.number, observation.value)
                )
    several = []
    for condition, entries in found.items():
        summary = _summary([value for _, value in entries])
        if summary is not None and len(entries) > 1:
            several.append(Repeated(condition, tuple(number for number, _ in entries), summary))
    utility = state.campaign.objective.utility
    return sorted(several, key=lambda entry: -utility(entry.summary.mean))


def _inline(image: bytes) -> str:
    """SVG to be put into a page: without the XML declaration."""
    text = image.decode()
    return text[text.index("<svg") :]
