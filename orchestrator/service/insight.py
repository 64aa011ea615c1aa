"""Insight: the model's results for a campaign, cached, one campaign computed at a time."""

import threading

from scipy.stats import norm

import optimizer
from orchestrator.core.state import CampaignState
from orchestrator.results.model_figures import model_figures, svg
from orchestrator.service.schema import (
    Curve,
    Importance,
    Insight,
    NotBeaten,
    Recommended,
    Trust,
)
from orchestrator.studies.best_conditions import best_conditions
from protocols.conditions import Observation
from protocols.recommendations import FrontPoint, Recommendation
from protocols.scale import Scale

_SHARE = 0.9
_WIDE = float(norm.ppf(0.5 + _SHARE / 2))


class Insights:
    """The latest results, by campaign, with the observations that they are of."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._insights: dict[str, tuple[tuple[Observation, ...], Insight]] = {}
        self._figures: dict[str, tuple[tuple[Observation, ...], dict[str, bytes]]] = {}

    def of(self, state: CampaignState) -> Insight:
        """The model's results for a campaign; takes seconds when there are new observations."""
        with self._lock:
            known = self._insights.get(state.id)
            if known is None or known[0] != state.observations:
                known = state.observations, _insight(state)
                self._insights[state.id] = known
            return known[1]

    def figure(self, state: CampaignState, name: str) -> bytes | None:
        """A figure as SVG; None where there is none."""
        with self._lock:
            known = self._figures.get(state.id)
            if known is None or known[0] != state.observations:
                known = state.observations, _figures(state)
                self._figures[state.id] = known
            return known[1].get(name)


def _insight(state: CampaignState) -> Insight:
    space, observations = state.campaign.space, state.observations
    scale, best = state.campaign.outcome.scale, best_conditions(state)
    if not best:
        return Insight(observations=len(observations))
    found = optimizer.effects(space, observations)
    held_out = optimizer.cross_validate(space, observations)
    within = [held.within(_SHARE) for held in held_out]
    return Insight(
        observations=len(observations),
        recommended=None if best.recommended is None else _recommended(best.recommended, scale),
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


def _recommended(best: Recommendation, scale: Scale) -> Recommended:
    low, high = best.mean - _WIDE * best.sd, best.mean + _WIDE * best.sd
    return Recommended(
        condition=dict(best.condition.root),
        mean=scale.clipped(best.mean),
        low=scale.clipped(low),
        high=scale.clipped(high),
        tried=best.tried,
        beats_standard=best.beats_standard,
        cut=any(scale.clipped(end) != end for end in (low, high)),
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


def _figures(state: CampaignState) -> dict[str, bytes]:
    figures = model_figures(state.campaign, state.observations)
    return {name: svg(figure, state.id) for name, figure in figures.items()}
