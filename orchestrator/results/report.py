"""Report: what a campaign did and found by its journal, as one self-contained page."""

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from matplotlib.figure import Figure

import optimizer
from optimizer.fitting import fit
from orchestrator.core.provenance import RoundProvenance
from orchestrator.core.state import CampaignState, RoundState, WellState
from orchestrator.journal.journal import Journal
from orchestrator.journal.queries import file_text
from orchestrator.languages import (
    ENGLISH,
    LANGUAGES,
    counted_in_markup,
    current,
    day,
    gettext,
    in_markup,
    moment,
    recorded,
    speaking,
)
from orchestrator.languages import in_words as name_in_words
from orchestrator.results import typefaces
from orchestrator.results.campaign_figures import figures_of
from orchestrator.results.comparison_figures import comparison_figure, parameters_by_round
from orchestrator.results.comparison_words import facts_of, remarks_of, verdict_of
from orchestrator.results.conclusions import conclusions, in_words, likely_broken
from orchestrator.results.deviations import deviations
from orchestrator.results.model_figures import agreement_of, svg
from orchestrator.results.report_captions import caption
from orchestrator.results.report_images import image_panels
from orchestrator.results.report_record import Record, record_of
from orchestrator.results.report_words import (
    chance,
    constraints_in_words,
    described,
    layout_in_words,
    made_in_words,
    planned_difference,
    wanted,
    well_place,
)
from orchestrator.results.space_by_round import allowed_by_round, otherwise_before
from orchestrator.results.summaries import Spread, Summary, smallest, spread_of, summary_of
from orchestrator.settings import Settings
from orchestrator.studies.agreement import FEWEST_PAIRS
from orchestrator.studies.best_conditions import best_conditions
from protocols.conditions import Condition
from protocols.errors import WellwiseError
from protocols.recommendations import FrontPoint
from protocols.scale import p_text

_COMPUTED_WITH = ("wellwise", "botorch", "gpytorch", "torch", "numpy", "scipy")
"""What the predictions of the page itself are computed with."""
_SHARE = 0.95
_LINKING = "standard", "control"
"""Roles of wells that are alike in each round, and so tell rounds apart from conditions."""


class Repeated(NamedTuple):
    """A condition that several wells had, with its values."""

    condition: Condition
    rounds: tuple[int, ...]
    summary: Summary


class RoundSummary(NamedTuple):
    """A round as it was: what filled its wells, what they gave, and with what it was made."""

    batch: RoundState
    roles: dict[str, int]
    reasons: tuple[str, ...]
    spread: Spread | None
    made: RoundProvenance


class Effects(NamedTuple):
    """The sd of each random effect in the model, and the names of those not told apart."""

    sds: dict[str, float]
    untold: list[str]


class Outlier(NamedTuple):
    """A well whose value the model gives next to no weight, and what it expected instead."""

    place: str
    value: float
    expected: float


def report_of(
    journal: Journal, campaign_id: str, settings: Settings, among: Collection[str] | None = None
) -> str:
    """The report of a campaign of a journal; see `report`.

    Confirmations of it are those `among` these campaigns, or any.
    """
    state = journal.state(campaign_id)
    return report(
        state,
        settings,
        file_text(journal, campaign_id),
        journal.last_moment(campaign_id),
        record_of(journal, state, settings.home, among),
    )


def report(
    state: CampaignState,
    settings: Settings,
    file_text: str,
    last: datetime | None,
    record: Record | None = None,
) -> str:
    """The report of a campaign as HTML, in the current language.

    Figures, style and campaign file are inside. What was recorded stays as it is, in English.

    Args:
        state: the campaign.
        settings: give the time zone.
        file_text: the campaign file as it was launched.
        last: the time of its latest event.
        record: what the journal has beside: events, agreement, scorers, comparisons, images.
    """
    record = record or Record()
    campaign, scale = state.campaign, state.campaign.outcome.scale
    waiting = [batch.number for batch in state.rounds if batch.proposed]
    found = best_conditions(state, settings.campaign_folder(state.id))
    best, front = found.recommended, found.front
    # Of a batch that was never approved no well was filled.
    state = replace(state, rounds=tuple(b for b in state.rounds if not b.proposed))
    went_otherwise, simulated = deviations(state, record.events), record.simulated(state)
    with typefaces.lettered():
        plots = _plots(state, record, front)
        figures = {name: Markup(_inline(svg(figure, name))) for name, figure in plots.items()}  # noqa: S704
    scales_of = {outcome.name: outcome.scale for outcome in campaign.outcomes}
    environment = Environment(
        loader=PackageLoader("orchestrator.results", ""),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
    )
    environment.filters |= {"value": scale.number, "smallest": smallest}
    environment.filters |= {"chance": chance, "p": p_text}
    environment.filters["level"] = lambda value: (
        "-" if value is None else value if isinstance(value, str) else f"{value:g}"
    )
    environment.filters["words"] = lambda condition: in_words(state, condition)
    environment.filters |= {"name": name_in_words, "recorded": recorded, "day": day}
    environment.filters |= {"moment": moment, "bold": Markup("<b>{}</b>").format}
    environment.filters["as_code"] = Markup("<code>{}</code>").format
    environment.globals |= {"_": in_markup, "_n": counted_in_markup, **typefaces.families()}
    return environment.get_template("report.html").render(
        language=current(),
        state=state,
        campaign=campaign,
        scale=scale,
        described=described(scale),
        aims=[
            (described(scales_of[one.outcome]), wanted(one, scales_of[one.outcome]))
            for one in campaign.objectives
        ],
        limits=constraints_in_words(campaign),
        facts_of=lambda found: facts_of(found, state.campaign),
        remarks_of=remarks_of,
        verdict_of=verdict_of,
        title=state.campaign.title or state.id,
        zone=settings.zone,
        last=last,
        conclusions=conclusions(
            state, best, front, record.compared, simulated, went_otherwise, record.by_hand
        ),
        likely_broken=likely_broken(state, best) if best else "",
        simulated=simulated,
        by_hand=record.by_hand,
        launched_by=record.launched_by,
        approvals=record.approvals,
        deviations=went_otherwise,
        figures=figures,
        captions={name: caption(name, campaign, number) for number, name in enumerate(plots, 1)},
        best=best,
        front=front,
        scales=[scales_of[wanted.outcome] for wanted in campaign.objectives],
        standard=_of_role(state, "standard"),
        rounds=[_round(batch, record) for batch in state.rounds],
        waiting=waiting,
        linked=any(w.proposal.role in _LINKING for b in state.rounds for w in b.wells),
        allowed=allowed_by_round(state, record.events),
        otherwise=otherwise_before(state, record.events),
        made=made_in_words({n: made for n, made in record.rounds.items() if n not in waiting}),
        repeated=_repeated(state),
        compared=record.compared,
        planned=record.planned,
        planned_difference=planned_difference(campaign),
        outliers=_outliers(state),
        effects=_effects(state),
        layout=layout_in_words(campaign),
        labels={parameter.name: parameter.level_labels for parameter in state.campaign.parameters},
        versions=", ".join(f"{name} {version(name)}" for name in _COMPUTED_WITH),
        scorers=record.scorers,
        by_model=any(well.proposal.mean is not None for b in state.rounds for well in b.wells),
        file_text=file_text,
    )


def _plots(state: CampaignState, record: Record, front: Sequence[FrontPoint]) -> dict[str, Figure]:
    plots = figures_of(state, front)
    if any(batch.wells for batch in state.rounds):
        plots["parameters-by-round"] = parameters_by_round(state)
    if any(entry.campaign == state.id for entry in record.compared):
        plots = {"comparison": comparison_figure(state)} | plots
    if len(record.pairs) >= FEWEST_PAIRS:
        plots["agreement"] = agreement_of(state.campaign, record.pairs)
    shown = image_panels(record.images)
    return plots if shown is None else plots | {"images": shown}


def write_report(
    journal: Journal, campaign_id: str, settings: Settings, folder: Path, language: str = ENGLISH
) -> Iterator[Path]:
    """Write the report of a campaign as one HTML page and as PDF; yields what is written.

    Raises:
        WellwiseError: no font of this computer has the letters of the language; there is no PDF.
    """
    with speaking(language):
        html = report_of(journal, campaign_id, settings)
    folder.mkdir(parents=True, exist_ok=True)
    page, pages = folder / "report.html", folder / "report.pdf"
    page.write_text(html, encoding="utf-8")
    yield page
    if language != ENGLISH and not typefaces.found_here(language):
        raise WellwiseError(
            f"no font of this computer has the letters of {LANGUAGES[language]}, so that "
            f"{pages.name} was not written: install one, such as fonts-noto-cjk of Debian"
        )
    as_pdf(html, pages)
    yield pages


def as_pdf(html: str, path: Path) -> None:
    """Write a report as a PDF of A4 pages."""
    from plutoprint import MEDIA_TYPE_PRINT, PAGE_SIZE_A4, Book, PageMargins

    margin = 54.0  # points
    book = Book(PAGE_SIZE_A4, PageMargins(margin, margin, margin, margin), MEDIA_TYPE_PRINT)
    book.load_html(html)
    book.write_to_pdf(str(path))


def _round(batch: RoundState, record: Record) -> RoundSummary:
    values = [well.trusted for well in batch.wells if well.trusted is not None]
    reasons = (well.proposal.reason for well in batch.wells if well.proposal.role == "initial")
    return RoundSummary(
        batch,
        dict(Counter(well.proposal.role for well in batch.wells)),
        tuple(dict.fromkeys(reasons)),
        spread_of(values),
        record.rounds.get(batch.number, RoundProvenance()),
    )


def _effects(state: CampaignState) -> Effects:
    fitted = fit(state.campaign.space, state.observations)
    sds = {} if fitted is None else fitted.model.effect_sds
    names = [covariate.name for covariate in state.campaign.covariates]
    return Effects(
        {name if name in names else gettext(name): sd for name, sd in sds.items()},
        [name for name in names if name not in sds],
    )


def _outliers(state: CampaignState) -> list[Outlier]:
    """The wells of this campaign that the model contradicts, in the order of its observations."""
    wells: list[tuple[int, WellState]] = [
        (batch.number, well)
        for batch in state.rounds
        for well in batch.wells
        if (found := well.observation(batch.number)) is not None and found.usable
    ]
    space, observations = state.campaign.space, state.observations
    held_out = optimizer.cross_validate(space, observations)
    own = held_out[len(held_out) - len(wells) :] if wells else []
    odd = [pair for pair in zip(wells, own, strict=True) if pair[1].outlier]
    expected = optimizer.predict(space, observations, [entry.condition for _, entry in odd])
    return [
        Outlier(well_place(number, well), entry.value, prediction.mean)
        for ((number, well), entry), prediction in zip(odd, expected, strict=True)
    ]


def _of_role(state: CampaignState, role: str) -> Summary | None:
    return summary_of(
        [
            (batch.number, well.trusted)
            for batch in state.rounds
            for well in batch.wells
            if well.proposal.role == role and well.trusted is not None
        ],
        state.campaign.outcome.scale.clipped,
    )


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
        summary = summary_of(entries, state.campaign.outcome.scale.clipped)
        if summary is not None and len(entries) > 1:
            several.append(Repeated(condition, tuple(number for number, _ in entries), summary))
    utility = state.campaign.objective.utility
    return sorted(several, key=lambda entry: -utility(entry.summary.mean))


def _inline(image: bytes) -> str:
    """SVG to be put into a page: without the XML declaration."""
    text = image.decode()
    return text[text.index("<svg") :]
