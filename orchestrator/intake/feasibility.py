"""Whether wells have any condition that meets the constraints, asked before anything runs."""

from collections.abc import Mapping

from protocols.campaign import Campaign
from protocols.conditions import Value
from protocols.errors import Finding


def feasibility_findings(campaign: Campaign) -> list[Finding]:
    """The constraints that contradict each other, in a well of any round.

    A round whose wells decide what an earlier one's do is not asked again.
    """
    if not campaign.constraints:
        return []
    last = max((batch.round for batch in campaign.rounds.wanted), default=1)
    asked: set[frozenset[tuple[str, Value]]] = set()
    for round_number in range(1, campaign.stop.rounds + 1):
        fixed = campaign.rounds.wanted_of(round_number).fixed
        for values in campaign.decided_values(round_number):
            decided = values | fixed
            key = frozenset(decided.items())
            if key in asked:
                continue
            asked.add(key)
            finding = _finding(campaign, decided, round_number)
            if finding is not None:
                return [finding]
        if round_number >= last and all(
            round_number >= len(parameter.decided_by_well.base)
            for parameter in campaign.space.decided
            if parameter.decided_by_well is not None
        ):
            break
    return []


def _finding(campaign: Campaign, decided: Mapping[str, Value], round_number: int) -> Finding | None:
    from optimizer.program import contradiction  # takes seconds to import

    try:
        why = contradiction(campaign.space, decided)
    except ValueError:  # the solver does not know: it is asked again when a batch is planned
        return None
    if why is None:
        return None
    named = (i for i, rule in enumerate(campaign.constraints) if str(rule) in why)
    where = f"round {round_number}: " if decided else ""
    return Finding(
        loc=("constraints", next(named, 0)),
        message=f"{where}{why}",
        expected="constraints that some condition meets",
    )
