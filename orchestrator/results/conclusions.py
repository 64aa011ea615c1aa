"""Conclusions: what a campaign found, how it stands to today's practice, and what to be wary of.

Three sentences that rest on the same facts, so that none can contradict another: where a planned
comparison was made it has the word, and the model's probability is not cited against it.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from orchestrator.core.state import CampaignState, WellState
from orchestrator.results.deviations import Deviation
from orchestrator.studies.confirmation_result import Comparison
from protocols.conditions import Condition
from protocols.recommendations import FrontPoint, Recommendation

_SURE, _UNSURE = 0.95, 0.5
_TOUCHED = ("edited", "excluded", "entered by hand")


class Compared(NamedTuple):
    """A comparison of a standing: the campaign that made it, and what it gave."""

    campaign: str
    found: Comparison


class Conclusions(NamedTuple):
    """A sentence each."""

    found: str
    against_standard: str
    reservation: str


def conclusions(
    state: CampaignState,
    best: Recommendation | None,
    front: Sequence[FrontPoint],
    compared: Sequence[Compared],
    simulated: Mapping[str, bool],
    deviations: Sequence[Deviation],
) -> Conclusions:
    """What can be said of a campaign in three sentences.

    Args:
        state: the campaign.
        best: what the model recommends, of one objective.
        front: the conditions that none beats, of several objectives.
        compared: planned comparisons of this campaign and of those that confirm it, oldest first.
        simulated: robot -> whether it was simulated.
        deviations: what went otherwise.
    """
    return Conclusions(
        _found(state, best, front),
        _against_standard(state, best, compared),
        _reservation(state, compared, simulated, deviations),
    )


def _found(state: CampaignState, best: Recommendation | None, front: Sequence[FrontPoint]) -> str:
    scale, wells = state.campaign.outcome.scale, _wells(state)
    trusted = sum(well.trusted is not None for well in wells)
    of = f"{trusted} of {len(wells)} wells in {_number(len(state.rounds), 'round')}"
    if front:
        return (
            f"From {of} with a trusted value, {_number(len(front), 'condition')} remain that no "
            "other is predicted to beat in every objective: which of them is best is a matter of "
            "what is wanted."
        )
    if best is None:
        return f"With {of} that have a trusted value there is too little for a recommendation."
    low, high = (scale.clipped(best.mean + z * best.sd) for z in (-1.645, 1.645))
    return (
        f"From {of} with a trusted value, the model recommends {in_words(state, best.condition)}, "
        f"for which it predicts {scale.title} of {scale.text(scale.clipped(best.mean))} (90 % "
        f"interval {scale.number(low)} to {scale.number(high)})."
    )


def _against_standard(
    state: CampaignState, best: Recommendation | None, compared: Sequence[Compared]
) -> str:
    if compared:
        return _by_comparison(state, best, compared[-1])
    if best is None:
        return "Nothing can be said of how it stands to the standard condition."
    chance = best.beats_standard
    if chance is None:
        return "There is no standard condition to which it could be compared."
    said = f"the model gives it a probability of {chance:.2f} to be better than the standard"
    if chance >= _SURE:
        return f"It is predicted to be better than today's standard ({said}), not yet confirmed."
    if chance > _UNSURE:
        return f"Whether it is better than today's standard is open: {said}."
    return f"It is not predicted to be better than today's standard: {said}."


def _by_comparison(state: CampaignState, best: Recommendation | None, compared: Compared) -> str:
    scale, found = state.campaign.outcome.scale, compared.found
    where = (
        "This" if compared.campaign == state.id else f"The later campaign {compared.campaign}, a"
    )
    first, second = (in_words(state, condition) for condition in found.conditions)
    by = (
        f"{scale.change(found.difference)} {found.of or scale.unit}".rstrip()
        + f" ({1 - found.alpha:.0%} interval {scale.change(found.low)} to "
        f"{scale.change(found.high)})"
    )
    shown = {
        "The first is better.": f"showed {first} to be better than {second}, by {by}",
        "The second is better.": f"showed {first} to be worse than {second}, by {by}",
    }.get(found.verdict, f"did not show a difference between {first} and {second}: {by}")
    other = best is not None and best.condition not in found.conditions
    caveat = "; the condition recommended now is another one and was not compared" if other else ""
    return f"{where} planned comparison {shown}{caveat}."


def _reservation(
    state: CampaignState,
    compared: Sequence[Compared],
    simulated: Mapping[str, bool],
    deviations: Sequence[Deviation],
) -> str:
    parts = []
    if simulated and all(simulated.values()):
        parts.append("every robot was simulated, so nothing here is a measurement")
    elif any(simulated.values()):
        names = ", ".join(name for name, is_one in simulated.items() if is_one)
        parts.append(f"simulated robots had a part in it ({names})")
    without = sum(well.trusted is None for well in _wells(state))
    if without:
        parts.append(f"{_number(without, 'well')} gave no value that may be trusted")
    touched = sum(entry.kind in _TOUCHED for entry in deviations)
    if touched:
        parts.append(f"people changed or left out values in {_number(touched, 'entry')} below")
    runs = len({batch.number for batch in state.rounds})
    if runs == 1:
        parts.append("all wells are of one run, which says nothing of how runs differ")
    if not compared:
        parts.append("no planned comparison has confirmed it")
    return (
        f"To be kept in mind: {'; '.join(parts)}."
        if parts
        else ("Every well gave a trusted value that nobody changed.")
    )


def in_words(state: CampaignState, condition: Condition) -> str:
    """A condition with titles, labels and units."""
    campaign = state.campaign
    if condition in campaign.standards:
        return "the standard condition"
    parts = []
    for parameter in campaign.parameters:
        value = condition.root.get(parameter.name)
        if value is not None:
            shown = parameter.label(value) if not parameter.numeric else f"{value:g}"
            parts.append(
                f"{parameter.title or parameter.name} {shown} {parameter.unit or ''}".rstrip()
            )
    return ", ".join(parts)


def _wells(state: CampaignState) -> list[WellState]:
    return [well for batch in state.rounds for well in batch.wells]


def _number(count: int, what: str) -> str:
    plural = f"{what[:-1]}ies" if what.endswith("y") else f"{what}s"
    return f"{count} {what if count == 1 else plural}"
