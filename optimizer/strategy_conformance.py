"""Whether a strategy keeps its contract: for its author, and for our own tests.

from optimizer.strategy_conformance import check_strategy
assert check_strategy(MyStrategy) == []
"""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from pydantic import BaseModel, ValidationError

from optimizer.encoding import Encoding
from optimizer.objective import Goals, Objective, OutcomeBounds
from optimizer.strategy import Request, SeveralOutcomes, Strategy
from protocols.conditions import Condition, Observation
from protocols.constraints import ForbiddenCombination, LinearConstraint
from protocols.parameters import (
    CategoryParameter,
    ContinuousParameter,
    SteppedParameter,
)
from protocols.search_space import SearchSpace

_UNKNOWN = "an_option_that_no_strategy_has"

SPACE = SearchSpace(
    parameters=(
        ContinuousParameter(
            name="dose", step="A", kind="continuous", low=1, high=1000, scale="log", standard=10
        ),
        ContinuousParameter(
            name="volume", step="A", kind="continuous", low=5, high=80, standard=40
        ),
        SteppedParameter(
            name="days", step="A", kind="stepped", levels=(1, 2, 4, 8, 16), scale="log", standard=2
        ),
        CategoryParameter(
            name="medium", step="A", kind="category", levels=("a", "b", "c"), standard="a"
        ),
    )
)
RULES = (
    LinearConstraint(kind="linear", terms={"volume": 1, "days": 4}, at_most=100),
    ForbiddenCombination(kind="forbidden", when={"medium": ("b",), "days": (8, 16)}),
)


def check_strategy(kind: type[Strategy], options: BaseModel | None = None) -> list[str]:
    """What a strategy does that its contract forbids; empty where it keeps it.

    Args:
        kind: the strategy's class.
        options: an instance of its `Options`; the defaults if absent.
    """
    strategy = kind(kind.Options() if options is None else options)
    return [found for check in _CHECKS for found in _run(check, strategy)]


def observations(
    space: SearchSpace, number: int, scale: float = 1.0, seed: int = 0
) -> list[Observation]:
    """`number` conditions at random and what a smooth function gives; the last is flagged."""
    encoding = Encoding(space)
    rng = np.random.default_rng(seed)
    rows = encoding.random(number, {}, rng)
    features = encoding.features(rows)
    values = scale * np.exp(
        -((features - 0.4) ** 2).sum(axis=1)
    ) + 0.02 * scale * rng.standard_normal(number)
    return [
        Observation(
            condition=condition,
            value=float(value),
            round=1 + index % 2,
            flags=("odd",) if index == number - 1 else (),
        )
        for index, (condition, value) in enumerate(
            zip(encoding.conditions(rows), values, strict=True)
        )
    ]


_Check = Callable[[Strategy], Iterator[str]]


def _run(check: _Check, strategy: Strategy) -> Iterator[str]:
    name = (check.__doc__ or check.__name__).rstrip(".")
    try:
        for found in check(strategy):
            yield f"{name}: {found}"
    except Exception as error:
        yield f"{name}: {type(error).__name__}: {error}"


def _requests() -> Iterator[Request]:
    """The same question before and after results, free, given positions, and under constraints."""
    decided = tuple({"days": level} for level in (1, 16, 1))
    ruled = SearchSpace(parameters=SPACE.parameters, constraints=RULES)
    for space in (SPACE, ruled):
        for known in (0, 1, 14):
            given = tuple(observations(space, known))
            yield Request(space=space, observations=given, positions=({},) * 2, seed=3)
            yield Request(space=space, observations=given, positions=decided, seed=3)


def _one_for_each_position(strategy: Strategy) -> Iterator[str]:
    """One permitted condition for each position, with the values that it decides and a reason."""
    for request in _requests():
        found = strategy.propose(request)
        if len(found) != len(request.positions):
            yield f"{len(found)} proposals for {len(request.positions)} positions"
            continue
        for proposal, decided in zip(found, request.positions, strict=True):
            condition = proposal.condition
            if request.space.snap(condition.root) != condition:
                yield f"{condition} is not on allowed values"
            elif not request.space.permits(condition.root):
                yield f"{condition} breaks a constraint"
            if not condition.agrees_with(decided):
                yield f"{condition} for a position that decides {decided}"
            if not proposal.reason:
                yield f"{condition} has no reason"


def _seeded(strategy: Strategy) -> Iterator[str]:
    """The same request gets the same answer."""
    for known in (0, 14):
        request = Request(
            space=SPACE, observations=tuple(observations(SPACE, known)), positions=({},) * 3, seed=3
        )
        if strategy.propose(request) != strategy.propose(request):
            yield f"it differs with {known} observations"


def _nothing_twice(strategy: Strategy) -> Iterator[str]:
    """Nothing that was observed, is pending or was proposed while others are left."""
    space = SearchSpace(parameters=SPACE.parameters[2:])  # 5 x 3 conditions
    for known in (0, 1, 5):
        given = tuple(observations(space, 12, seed=4))[:known]
        before = tuple(observation.condition for observation in given)
        others = [condition for condition in _all_conditions(space) if condition not in before]
        number = len(others) - 3
        request = Request(
            space=space,
            observations=given,
            positions=({},) * number,
            pending=tuple(others[:3]),
            seed=1,
        )
        found = [proposal.condition for proposal in strategy.propose(request)]
        for words, repeated in (
            ("proposed twice", len(found) - len(set(found))),
            ("observed already", len(set(found) & set(before))),
            ("pending already", len(set(found) & set(others[:3]))),
        ):
            if repeated:
                yield f"{repeated} conditions {words} with {known} observations"


def _only_listed(strategy: Strategy) -> Iterator[str]:
    """Where only certain conditions exist (`among`), it proposes those (`Request.encoding`)."""
    among = tuple(observation.condition for observation in observations(SPACE, 12, seed=6))
    for known in (0, 10):
        given = tuple(observations(SPACE, known))
        request = Request(SPACE, given, positions=({},) * 3, seed=2, among=among)
        found = {proposal.condition for proposal in strategy.propose(request)}
        if len(found) < len(request.positions) or found - set(among):
            yield f"{len(found & set(among))} of 3 with {known} observations"


def _any_scale_and_direction(strategy: Strategy) -> Iterator[str]:
    """Values of any scale, all equal ones, and every direction."""
    for scale in (2500.0, -0.01, 0.0):
        for direction in (
            Objective("maximise"),
            Objective("minimise"),
            Objective("match", 0.5 * scale),
        ):
            request = Request(
                space=SPACE,
                observations=tuple(observations(SPACE, 10, scale)),
                positions=({},) * 2,
                goals=Goals((direction,)),
            )
            for proposal in strategy.propose(request):
                if proposal.sd is not None and not (np.isfinite(proposal.sd) and proposal.sd > 0):
                    yield f"a predicted sd of {proposal.sd} at scale {scale}"


def _several_outcomes(strategy: Strategy) -> Iterator[str]:
    """A strategy that says so takes several objectives, and constraints on outcomes."""
    if not isinstance(strategy, SeveralOutcomes):
        return
    given = tuple(
        one.model_copy(update={"outcomes": {"other": other.value}})
        for one, other in zip(
            observations(SPACE, 14), observations(SPACE, 14, 40.0, seed=9), strict=True
        )
    )
    rule = OutcomeBounds("other", at_least=5.0)
    high, low = Objective(), Objective("minimise", outcome="other")
    for goals, known in (
        (Goals((high, low)), given[:1]),
        (Goals((high,), (rule,)), given),
        (Goals((high, low), (rule,)), given),
    ):
        request = Request(space=SPACE, observations=known, positions=({},) * 2, goals=goals)
        found = strategy.propose(request)
        if len({proposal.condition for proposal in found}) < len(request.positions):
            yield f"{len(found)} proposals for {goals}, some of them twice"
        if found != strategy.propose(request):
            yield f"another answer to the same request for {goals}"


def _bad_options(strategy: Strategy) -> Iterator[str]:
    """Options that it does not know are refused."""
    try:
        strategy.Options.model_validate({_UNKNOWN: 1})
    except ValidationError:
        return
    yield "an unknown option was taken"


def _impossible(strategy: Strategy) -> Iterator[str]:
    """Where no condition is permitted, it raises ValueError."""
    never = (LinearConstraint(kind="linear", terms={"volume": 1}, at_least=81),)
    space = SearchSpace.model_construct(parameters=SPACE.parameters, constraints=never)
    try:
        strategy.propose(Request(space=space, observations=(), positions=({},)))
    except ValueError:
        return
    yield "it proposed something"


def _all_conditions(space: SearchSpace) -> Sequence[Condition]:
    encoding = Encoding(space)
    return encoding.conditions(encoding.all_rows({}))


_CHECKS: tuple[_Check, ...] = (
    _one_for_each_position,
    _seeded,
    _nothing_twice,
    _only_listed,
    _any_scale_and_direction,
    _several_outcomes,
    _bad_options,
    _impossible,
)
