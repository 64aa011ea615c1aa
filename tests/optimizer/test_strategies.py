"""Every strategy keeps the contract, and a campaign can name one."""

import pytest

from optimizer import propose
from optimizer.strategies.peers.packages import PACKAGES
from optimizer.strategy import NoOptions, Request
from optimizer.strategy_conformance import SPACE, check_strategy, observations
from optimizer.strategy_registry import strategy_class, strategy_findings, strategy_names
from protocols.campaign import Campaign
from protocols.campaign_parts import StrategyChoice
from protocols.conditions import Observation, Proposal

QUICK = {"published": {"pool": 300}}
ELSEWHERE = {*PACKAGES, "qlognei"}
"""Strategies whose check takes long, or an environment of their own: `make third-party`."""


@pytest.mark.parametrize("name", sorted({*strategy_names()} - ELSEWHERE))
def test_every_strategy_keeps_the_contract(name: str) -> None:
    kind = strategy_class(name)
    assert check_strategy(kind, kind.Options.model_validate(QUICK.get(name, {}))) == []


def test_a_strategy_that_breaks_the_contract_is_told_how() -> None:
    class Stubborn:
        Options = NoOptions

        def __init__(self, options: NoOptions) -> None:
            pass

        def propose(self, request: Request) -> list[Proposal]:
            standard = request.space.standard({})
            return [
                Proposal(condition=standard, role="proposed", reason="as always")
                for _ in request.positions
            ]

    found = "\n".join(check_strategy(Stubborn))
    for words in (
        "for a position that decides",
        "proposed twice",
        "0 of 3 with 10 observations",
        "it proposed something",
    ):
        assert words in found


def test_a_campaign_names_its_strategy(rpe: Campaign) -> None:
    given = rpe.model_dump(mode="json", by_alias=True)
    assert "strategy" not in given
    named = Campaign.model_validate(given | {"strategy": "sobol"})
    assert named.strategy == StrategyChoice(name="sobol")
    assert Campaign.model_validate(named.model_dump(mode="json", by_alias=True)) == named
    first = propose(rpe.space, [], number=3, strategy=named.strategy)
    assert first[0].reason == "the next point of a Sobol sequence"


def test_what_is_wrong_with_the_choice_of_a_strategy_is_said() -> None:
    assert strategy_findings(None) == []
    assert strategy_findings(StrategyChoice(name="qlognei", options={"samples": 64})) == []
    (unknown,) = strategy_findings(StrategyChoice(name="qlogne"))
    assert unknown.loc == ("strategy", "name")
    assert unknown.expected.startswith("qlognei? one of ")
    (option,) = strategy_findings(StrategyChoice(name="qlognei", options={"sample": 64}))
    assert option.loc == ("strategy", "options", "sample")
    assert "samples" in option.expected
    with pytest.raises(LookupError, match="there is no strategy 'magic'"):
        propose(SPACE, [], strategy="magic")


def test_positions_of_unknown_parameters_are_refused(rpe: Campaign) -> None:
    with pytest.raises(ValueError, match="'colour', which is no parameter"):
        propose(rpe.space, observations(rpe.space, 5), positions=[{"colour": 1}], number=1)


@pytest.mark.parametrize("strategy", ["qlognei", "published"])
def test_of_equal_values_no_strategy_is_sure_of_anything(rpe: Campaign, strategy: str) -> None:
    first = propose(rpe.space, [], number=22, seed=1)
    equal = [Observation(condition=p.condition, value=0.0, round=1) for p in first]
    proposals = propose(rpe.space, equal, number=4, seed=1, strategy=strategy)
    assert {(p.mean, p.sd, p.gain) for p in proposals} == {(None, None, None)}
    assert len({p.condition for p in [*first, *proposals]}) == 26
