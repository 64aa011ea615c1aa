"""Permitted conditions are found whenever there are any, and what contradicts itself is named."""

import itertools

import numpy as np
import pytest

from optimizer import Encoding, propose
from optimizer.strategy_conformance import observations
from protocols.conditions import Observation
from protocols.constraints import ForbiddenCombination, LinearConstraint
from protocols.parameters import CategoryParameter, ContinuousParameter, SteppedParameter
from protocols.search_space import SearchSpace


def shares(number: int, **limits: float) -> SearchSpace:
    """Parts of a whole, of which the sum is limited."""
    names = [f"part{index}" for index in range(number)]
    parameters = tuple(
        ContinuousParameter(
            name=name,
            step="A",
            kind="continuous",
            low=0,
            high=1,
            standard=limits["at_most"] / number,
        )
        for name in names
    )
    rule = LinearConstraint(kind="linear", terms=dict.fromkeys(names, 1.0), **limits)
    return SearchSpace(parameters=parameters, constraints=(rule,))


def total(values: dict[str, float]) -> float:
    return sum(float(value) for value in values.values())


@pytest.mark.parametrize("known", [0, 12])
@pytest.mark.parametrize(
    "space",
    [
        shares(6, at_most=1.0),
        shares(4, at_least=0.3, at_most=0.32),
        shares(3, at_least=1.0, at_most=1.0),
        shares(5, at_least=1.0, at_most=1.0),
    ],
    ids=["a corner of the box", "a thin slice", "a mixture of 3", "a mixture of 5"],
)
def test_a_small_or_flat_share_of_the_box_is_enough(space: SearchSpace, known: int) -> None:
    given = observations(space, known, seed=2) if known else []
    found = [proposal.condition for proposal in propose(space, given, number=8, seed=1)]
    assert len(set(found)) == 8
    for condition in found:
        assert space.permits(condition.root)
        assert all(float(f"{float(v):.12g}") == v for v in condition.root.values())


def test_an_initial_design_spreads_over_a_flat_space() -> None:
    space = shares(3, at_least=1.0, at_most=1.0)
    rows = np.array([list(p.condition.root.values()) for p in propose(space, [], number=12)])
    assert (rows.max(axis=0) > 0.6).all()
    assert (rows.min(axis=0) < 0.1).all()


def test_a_mixture_in_steps_is_found_and_improved() -> None:
    levels = tuple(round(0.05 * index, 2) for index in range(21))
    names = ("oil", "water", "soap")
    space = SearchSpace(
        parameters=tuple(
            SteppedParameter(
                name=name, step="A", kind="stepped", levels=levels, standard=float(name == "oil")
            )
            for name in names
        ),
        constraints=(
            LinearConstraint(
                kind="linear", terms=dict.fromkeys(names, 1.0), at_least=1.0, at_most=1.0
            ),
        ),
    )

    def value(values: dict[str, float]) -> float:
        return -sum(
            (float(values[n]) - b) ** 2 for n, b in zip(names, (0.2, 0.7, 0.1), strict=True)
        )

    known: list[Observation] = []
    for round_number in (1, 2, 3):
        found = [p.condition for p in propose(space, known, number=8, seed=round_number)]
        assert all(total(condition.root) == pytest.approx(1) for condition in found)
        known += [Observation(condition=c, value=value(c.root), round=round_number) for c in found]
    assert max(o.value or -1 for o in known) > -0.006


def test_at_most_two_of_eight_additives() -> None:
    names = "abcdefgh"
    some = tuple(float(level) for level in range(1, 11))
    space = SearchSpace(
        parameters=tuple(
            SteppedParameter(
                name=name, step="A", kind="stepped", levels=tuple(map(float, range(11))), standard=0
            )
            for name in names
        ),
        constraints=tuple(
            ForbiddenCombination(kind="forbidden", when=dict.fromkeys(three, some))
            for three in itertools.combinations(names, 3)
        ),
    )
    found = [proposal.condition for proposal in propose(space, [], number=20, seed=4)]
    assert len(set(found)) == 20
    assert max(sum(value != 0 for value in condition.root.values()) for condition in found) == 2
    used = {name for condition in found for name, value in condition.root.items() if value}
    assert len(used) > 5


def test_constraints_that_contradict_each_other_are_named() -> None:
    rules = (
        LinearConstraint(kind="linear", terms={"part0": 1, "part1": 1}, at_least=1.5),
        LinearConstraint(kind="linear", terms={"part2": 1}, at_most=0.9),
        LinearConstraint(kind="linear", terms={"part0": 1, "part2": 2}, at_most=0.4),
    )
    space = SearchSpace.model_construct(
        parameters=shares(3, at_most=3.0).parameters, constraints=rules
    )
    with pytest.raises(
        ValueError, match=r"no condition meets 1\.5 <= 1 part0 \+ 1 part1 and 1 part0"
    ) as error:
        propose(space, [], number=1)
    assert "part2 <= 0.9" not in str(error.value)


DISCRETE = SearchSpace(
    parameters=(
        CategoryParameter(
            name="solvent", step="A", kind="category", levels=("x", "y", "z"), standard="x"
        ),
        SteppedParameter(name="days", step="A", kind="stepped", levels=(1, 2, 3, 4), standard=1),
    )
)


@pytest.mark.parametrize("seed", range(3))
def test_the_initial_design_repeats_nothing_while_others_are_left(seed: int) -> None:
    every = [p.condition for p in propose(DISCRETE, [], number=12, seed=seed)]
    assert len(set(every)) == 12
    more = propose(DISCRETE, [], number=14, seed=seed)
    assert len({p.condition for p in more}) == 12


@pytest.mark.parametrize("seed", range(3))
def test_what_was_seen_is_not_proposed_again_though_nothing_can_be_learnt_from_it(
    seed: int,
) -> None:
    first = [p.condition for p in propose(DISCRETE, [], number=5, seed=seed)]
    saturated = [Observation(condition=c, value=1.0, round=1, flags=("saturated",)) for c in first]
    one = [Observation(condition=first[0], value=0.4, round=1)]
    nothing = [Observation(condition=c, value=float("nan"), round=1) for c in first]
    for given, pending in ((saturated, []), (one, first[1:]), ([], first), (nothing, [])):
        found = propose(DISCRETE, given, number=7, seed=seed, pending=pending)
        assert not {p.condition for p in found} & set(first)
        assert len({p.condition for p in found}) == 7


def test_rows_at_random_are_permitted_and_have_decided_values() -> None:
    space = shares(6, at_most=1.0)
    encoding = Encoding(space)
    rows = encoding.random(200, {"part0": 0.5}, np.random.default_rng(1))
    assert len(rows) == 200
    assert encoding.permits(rows).all()
    assert {condition["part0"] for condition in encoding.conditions(rows)} == {0.5}
