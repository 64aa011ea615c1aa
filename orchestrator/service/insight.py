"""Insight: the model's results for a campaign, cached, one campaign computed at a time."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from scipy.stats import norm

import optimizer
from orchestrator.core.state import CampaignState
from orchestrator.languages import current
from orchestrator.results.conclusions import likely_broken
from orchestrator.results.model_figures import model_figures, svg
from orchestrator.results.typefaces import lettered
from orchestrator.service.schema import (
    Curve,
    Importance,
    Insight,
    NotBeaten,
    Predicted,
    Recommended,
    Trust,
)
from orchestrator.studies.best_conditions import BestConditions, best_conditions
from protocols.conditions import Observation
from protocols.recommendations import FrontPoint, Prediction, Recommendation
from protocols.scale import Scale

_SHARE = 0.9
_WIDE = float(norm.ppf(0.5 + _SHARE / 2))


_Made = TypeVar("_Made")


class Insights:
    """The latest results, by campaign, with the observations that they are of."""

    def __init__(self, folder_of: Callable[[str], Path]) -> None:
        """With the folder of each campaign, where its best conditions are kept."""
        self._folder_of = folder_of
        self._lock = threading.RLock()
        self._made: dict[str, tuple[tuple[Observation, ...], dict[str, Any]]] = {}

    def of(self, state: CampaignState) -> Insight:
        """The model's results for a campaign; takes seconds when there are new observations."""
        best = self._best(state)
        found = self.kept(state, "insight", lambda: _insight(state, best))
        if found.recommended is None or best.recommended is None:
            return found
        said = likely_broken(state, best.recommended)  # in the language of who asks
        recommended = found.recommended.model_copy(update={"likely_broken": said})
        return found.model_copy(update={"recommended": recommended})

    def figure(self, state: CampaignState, name: str) -> bytes | None:
        """A figure as SVG; None where there is none."""
        return self.kept(
            state, f"figures in {current()}", lambda: _figures(state, self._best(state))
        ).get(name)

    def kept(self, state: CampaignState, what: str, make: Callable[[], _Made]) -> _Made:
        """What was made of a campaign's observations under this name, or it is made now."""
        with self._lock:
            observations, made = self._made.get(state.id, (None, {}))
            if observations != state.observations:
                made = {}
                self._made[state.id] = state.observations, made
            if what not in made:
                made[what] = make()
            found: _Made = made[what]
            return found

    def _best(self, state: CampaignState) -> BestConditions:
        folder = self._folder_of(state.id)
        return self.kept(state, "best conditions", lambda: best_conditions(state, folder))


def _insight(state: CampaignState, best: BestConditions) -> Insight:
    space, observations = state.campaign.space, state.observations
    if not best:
        return Insight(observations=len(observations))
    found = optimizer.effects(space, observations)
    held_out = optimizer.cross_validate(space, observations)
    within = [held.within(_SHARE) for held in held_out]
    return Insight(
        observations=len(observations),
        recommended=None if best.recommended is None else _recommended(state, best.recommended),
        front=tuple(_not_beaten(state, point) for point in best.front),
        importance=tuple(
            Importance(
                parameter=effect.parameter,
                alone=effect.first_order.median,
                alone_low=effect.first_order.low,
                alone_high=effect.first_order.high,
                in_all=effect.total_order.median,
                low=effect.total_order.low,
                high=effect.total_order.high,
                without_model=None if effect.without_model is None else effect.without_model.share,
                p_value=None if effect.without_model is None else effect.without_model.p_value,
            )
            for effect in found
        ),
        curves=tuple(
            Curve(parameter=e.parameter, values=list(e.values), mean=list(e.mean), sd=list(e.sd))
            for e in found
        ),
        trust=Trust(
            within=sum(within) / len(within),
            explained=optimizer.r_squared(held_out),
            results=len(within),
        )
        if within
        else None,
    )


def _recommended(state: CampaignState, best: Recommendation) -> Recommended:
    scale = state.campaign.outcome.scale
    low, high = best.mean - _WIDE * best.sd, best.mean + _WIDE * best.sd
    return Recommended(
        condition=dict(best.condition.root),
        mean=scale.clipped(best.mean),
        low=scale.clipped(low),
        high=scale.clipped(high),
        tried=best.tried,
        beats_standard=best.beats_standard,
        feasible=best.feasible if state.campaign.outcome_constraints else None,
        cut=any(scale.clipped(end) != end for end in (low, high)),
        met=None if best.met is None else _predicted(scale, best.met),
    )


def _predicted(scale: Scale, found: Prediction) -> Predicted:
    low, high = found.interval(_SHARE, scale.natural_range)
    return Predicted(
        condition=dict(found.condition.root), mean=scale.clipped(found.mean), low=low, high=high
    )


def _not_beaten(state: CampaignState, point: FrontPoint) -> NotBeaten:
    names = [wanted.outcome for wanted in state.campaign.objectives]
    scales = {outcome.name: outcome.scale for outcome in state.campaign.outcomes}
    means = zip(names, point.means, strict=True)
    return NotBeaten(
        condition=dict(point.condition.root),
        means={name: scales[name].clipped(mean) for name, mean in means},
        sds=dict(zip(names, point.sds, strict=True)),
        feasible=point.feasible,
        tried=point.tried,
    )


def _figures(state: CampaignState, best: BestConditions) -> dict[str, bytes]:
    with lettered():
        figures = model_figures(state.campaign, state.observations, best.front)
        return {name: svg(figure, state.id) for name, figure in figures.items()}
