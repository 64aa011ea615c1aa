"""Strategies by name: what is installed under the entry points `wellwise.strategies`."""

import difflib
from collections.abc import Mapping, Sequence
from typing import Any, cast

from pydantic import ValidationError

from optimizer.cost_weights import CostOptions
from optimizer.strategy import Strategy
from protocols.campaign_parts import StrategyChoice
from protocols.environments import EnvironmentNotMade
from protocols.errors import Finding
from protocols.plugins import announced
from protocols.refusals import Refusal, refusal

STRATEGIES = "wellwise.strategies"
DEFAULT = "botorch"


def strategy_names() -> list[str]:
    """Every strategy that is installed."""
    return sorted(announced(STRATEGIES).names)


def strategy_class(name: str) -> type[Strategy]:
    """The strategy with this name.

    Raises:
        LookupError: there is none, or it cannot be imported.
    """
    found = next(iter(announced(STRATEGIES).select(name=name)), None)
    if found is None:
        raise LookupError(f"there is no strategy {name!r} (expected {_expected(name)})")
    try:
        return cast(type[Strategy], found.load())
    except ImportError as error:
        raise LookupError(
            f"strategy {name!r} is installed but cannot be imported: {error}"
        ) from error


def takes_several_outcomes(name: str) -> bool:
    """Whether a strategy takes several objectives and constraints on outcomes."""
    return bool(getattr(strategy_class(name), "several_outcomes", False))


def make_strategy(choice: StrategyChoice | str | None = None) -> Strategy:
    """The strategy that a campaign chose; of None the default.

    Raises:
        LookupError: there is no such strategy.
        ValidationError: its options are wrong.
        EnvironmentNotMade: it needs an environment of its own, which is not there.
    """
    if not isinstance(choice, StrategyChoice):
        choice = StrategyChoice(name=DEFAULT if choice is None else choice)
    kind = strategy_class(choice.name)
    return kind(kind.Options.model_validate(dict(choice.options)))


def strategy_findings(
    choice: StrategyChoice | None, several: bool = False, costs: Sequence[str] = ()
) -> list[Finding]:
    """What is wrong with the strategy that a campaign chose, and with its options.

    Args:
        choice: the campaign's; None: the default.
        several: whether it has several objectives, or constraints on outcomes.
        costs: the names of its costs.
    """
    if choice is None:
        return []
    try:
        make_strategy(choice)
    except LookupError as error:
        message = str(error).split(" (")[0]
        return [Finding(loc=("strategy", "name"), message=message, expected=_expected(choice.name))]
    except EnvironmentNotMade as error:
        return [Finding(loc=("strategy", "name"), message=str(error))]
    except ValidationError as error:
        known = ", ".join(strategy_class(choice.name).Options.model_fields) or "none"
        return [_option_finding(details, known) for details in error.errors()]
    if several and not takes_several_outcomes(choice.name):
        message = f"strategy {choice.name} takes one objective, without constraints on outcomes"
        return [Finding(loc=("strategy", "name"), message=message, expected=several_expected())]
    return per_cost_findings(choice, costs)


def per_cost_findings(choice: StrategyChoice, costs: Sequence[str]) -> list[Finding]:
    """What is wrong with the names of costs that a strategy is to weigh.

    Args:
        choice: a strategy that is installed, and its options.
        costs: the names of the costs.
    """
    return [
        Finding(
            loc=("strategy", "options", "per_cost", name),
            message=f"{name!r} is not a cost of this campaign",
            expected="one of " + ", ".join(costs) if costs else "its price under costs",
        )
        for name in dict(choice.options.get("per_cost", {}))
        if name not in costs and issubclass(strategy_class(choice.name).Options, CostOptions)
    ]


def several_expected() -> str:
    """The strategies that take several objectives and constraints on outcomes."""
    able = [name for name in strategy_names() if takes_several_outcomes(name)]
    return "one of " + ", ".join(able)


def _option_finding(details: Mapping[str, Any], known: str) -> Finding:
    unknown = Refusal("unknown option", f"options: {known}")
    message, expected = unknown if details["type"] == "extra_forbidden" else refusal(details)
    return Finding(loc=("strategy", "options", *details["loc"]), message=message, expected=expected)


def _expected(name: str) -> str:
    names = strategy_names()
    near = difflib.get_close_matches(name, names, n=1)
    return (f"{near[0]}? " if near else "") + "one of " + ", ".join(names)
