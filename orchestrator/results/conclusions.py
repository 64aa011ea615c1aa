"""Conclusions: what a campaign found, how it stands to today's practice, and what to be wary of.

Three sentences that rest on the same facts, so that none can contradict another: where a planned
comparison was made it has the word, and the model's probability is not cited against it.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from orchestrator.core.state import CampaignState, WellState
from orchestrator.languages import gettext, later, ngettext
from orchestrator.results.comparison_words import difference_of, ends_of
from orchestrator.results.deviations import Deviation
from orchestrator.studies.confirmation_result import Comparison, Verdict
from protocols.conditions import Condition
from protocols.recommendations import FrontPoint, Recommendation
from protocols.scale import probability_text

_SURE, _UNSURE = 0.95, 0.5
_TOUCHED = ("edited", "excluded", "entered by hand")
_SHOWED: Mapping[Verdict, str] = {
    "first": later("showed {first} to be better than {second}, by {by}"),
    "second": later("showed {first} to be worse than {second}, by {by}"),
    "neither": later("did not show a difference between {first} and {second}: {by}"),
}


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
    by_hand: int = 0,
) -> Conclusions:
    """What can be said of a campaign in three sentences.

    Args:
        state: the campaign.
        best: what the model recommends, of one objective.
        front: the conditions that none beats, of several objectives.
        compared: planned comparisons of this campaign and of those that confirm it, oldest first.
        simulated: robot -> whether it was simulated.
        deviations: what went otherwise.
        by_hand: how many values people entered.
    """
    return Conclusions(
        _found(state, best, front),
        _against_standard(state, best, compared),
        _reservation(state, compared, simulated, deviations, by_hand),
    )


def _found(state: CampaignState, best: Recommendation | None, front: Sequence[FrontPoint]) -> str:
    scale, wells = state.campaign.outcome.scale, _wells(state)
    of = ngettext(
        "{trusted} of {wells} wells in {number} round",
        "{trusted} of {wells} wells in {number} rounds",
        len(state.rounds),
        trusted=sum(well.trusted is not None for well in wells),
        wells=len(wells),
    )
    if front:
        return ngettext(
            "From {of} with a trusted value, {number} condition remain that no other is predicted "
            "to beat in every objective: which of them is best is a matter of what is wanted.",
            "From {of} with a trusted value, {number} conditions remain that no other is predicted "
            "to beat in every objective: which of them is best is a matter of what is wanted.",
            len(front),
            of=of,
        )
    if best is None:
        return gettext(
            "With {of} that have a trusted value there is too little for a recommendation.", of=of
        )
    low, high = (scale.clipped(best.mean + z * best.sd) for z in (-1.645, 1.645))
    text = (
        later(
            "From {of} with a trusted value, the model recommends {condition}, for which it "
            "predicts {what} of {mean} (90 % interval {low} to {high})."
        )
        if best.likely_feasible
        else later(
            "From {of} with a trusted value, the model knows no condition that probably meets the "
            "constraints on outcomes; the likeliest is {condition}, for which it predicts {what} "
            "of {mean} (90 % interval {low} to {high})."
        )
    )
    return gettext(
        text,
        of=of,
        condition=in_words(state, best.condition),
        what=scale.title,
        mean=scale.text(scale.clipped(best.mean), best.sd),
        low=scale.number(low, best.sd),
        high=scale.number(high, best.sd),
    )


def likely_broken(state: CampaignState, best: Recommendation) -> str:
    """That a recommended condition probably breaks the constraints on outcomes, and what met them.

    Empty where it probably meets them, or there are none.
    """
    if best.likely_feasible:
        return ""
    said = gettext(
        "No condition that probably meets the constraints on outcomes is known: this is the "
        "likeliest, and meets them with probability {probability}.",
        probability=gettext(probability_text(best.feasible)),
    )
    if best.met is None:
        return said + " " + gettext("No condition that was tried met them.")
    scale = state.campaign.outcome.scale
    low, high = best.met.interval(natural_range=scale.natural_range)
    tried = gettext(
        "The best that was tried and met them is {condition}, with a predicted value of {mean} "
        "(90 % interval {low} to {high}).",
        condition=in_words(state, best.met.condition),
        mean=scale.text(scale.clipped(best.met.mean), best.met.sd),
        low=scale.number(low, best.met.sd),
        high=scale.number(high, best.met.sd),
    )
    return f"{said} {tried}"


def _against_standard(
    state: CampaignState, best: Recommendation | None, compared: Sequence[Compared]
) -> str:
    if compared:
        last = compared[-1].campaign
        return _by_comparison(state, best, [one for one in compared if one.campaign == last])
    space = state.campaign.space
    known = all(one.standard is not None or one in space.decided for one in space.parameters)
    if best is None and known:
        return gettext("Nothing can be said of how it stands to the standard condition.")
    chance = None if best is None else best.beats_standard
    if best is None or chance is None:
        return gettext("There is no standard condition to which it could be compared.")
    shown = probability_text(chance)
    said = gettext(
        later("the model gives that a probability {chance}")
        if " " in shown
        else later("the model gives that a probability of {chance}"),
        chance=gettext(shown),
    )
    if chance >= _SURE:
        return gettext(
            "It is predicted to be better than today's standard ({said}); not yet confirmed.",
            said=said,
        )
    if chance > _UNSURE:
        return gettext("Whether it is better than today's standard is open: {said}.", said=said)
    return gettext("It is not predicted to be better than today's standard: {said}.", said=said)


def _by_comparison(
    state: CampaignState, best: Recommendation | None, compared: Sequence[Compared]
) -> str:
    """Of the comparisons that were planned together."""
    campaign = compared[0].campaign
    shown = gettext("; it ").join(_shown(state, one.found) for one in compared)
    seen = {condition for one in compared for condition in one.found.conditions}
    if best is not None and best.condition not in seen:
        shown += gettext("; the condition recommended now is another one and was not compared")
    if campaign == state.id:
        return gettext("This planned comparison {shown}.", shown=shown)
    return gettext(
        "The planned comparison of the later campaign {campaign} {shown}.",
        campaign=campaign,
        shown=shown,
    )


def _shown(state: CampaignState, found: Comparison) -> str:
    low, high = ends_of(found, state.campaign)
    first, second = (in_words(state, condition) for condition in found.conditions)
    by = gettext(
        "{difference} ({share} % interval {low} to {high})",
        difference=difference_of(found, state.campaign),
        share=f"{100 * (1 - found.alpha):.0f}",
        low=low,
        high=high,
    )
    return gettext(_SHOWED[found.verdict], first=first, second=second, by=by)


def _reservation(
    state: CampaignState,
    compared: Sequence[Compared],
    simulated: Mapping[str, bool],
    deviations: Sequence[Deviation],
    by_hand: int,
) -> str:
    parts = []
    if simulated and all(simulated.values()):
        parts.append(
            ngettext(
                "every robot was simulated, so nothing here is a measurement but for {number} "
                "value that people entered",
                "every robot was simulated, so nothing here is a measurement but for {number} "
                "values that people entered",
                by_hand,
            )
            if by_hand
            else gettext("every robot was simulated, so nothing here is a measurement")
        )
    elif any(simulated.values()):
        names = ", ".join(name for name, is_one in simulated.items() if is_one)
        parts.append(gettext("simulated robots had a part in it ({names})", names=names))
    without = sum(well.trusted is None for well in _wells(state))
    if without:
        parts.append(
            ngettext(
                "{number} well gave no value that may be trusted",
                "{number} wells gave no value that may be trusted",
                without,
            )
        )
    touched = sum(entry.kind in _TOUCHED for entry in deviations)
    if touched:
        parts.append(
            ngettext(
                "people changed or left out values in {number} entry below",
                "people changed or left out values in {number} entries below",
                touched,
            )
        )
    runs = len({batch.number for batch in state.rounds})
    if runs == 1:
        parts.append(gettext("all wells are of one run, which says nothing of how runs differ"))
    if not compared:
        parts.append(gettext("no planned comparison has confirmed it"))
    return (
        gettext("To be kept in mind: {parts}.", parts="; ".join(parts))
        if parts
        else gettext("Every well gave a trusted value that nobody changed.")
    )


def in_words(state: CampaignState, condition: Condition) -> str:
    """A condition with titles, labels and units."""
    campaign = state.campaign
    if condition in campaign.standards:
        return gettext("the standard condition")
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
