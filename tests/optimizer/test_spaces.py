"""Spaces of chemists and formulators, judged by OR-tools' CP-SAT, enumeration and known truth."""

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import torch

from benchmarks.spaces import trials
from optimizer import Encoding, propose
from optimizer.ask_tell import Optimizer
from optimizer.fitting import predict
from optimizer.model.kernel import ConditionFeatures, ConditionKernel
from optimizer.program import contradiction
from protocols.conditions import Condition, Observation
from protocols.constraints import (
    CardinalityConstraint,
    Constraint,
    LinearConstraint,
    MixtureConstraint,
    RatioConstraint,
)
from protocols.parameters import (
    BooleanParameter,
    CategoryParameter,
    ContinuousParameter,
    IntegerParameter,
    Parameter,
    SteppedParameter,
)
from protocols.search_space import SearchSpace

SOLVENTS = ("DMF", "NMP", "water")


def category(name: str = "solvent", levels: Sequence[Any] = SOLVENTS, **more: Any) -> Parameter:
    return CategoryParameter(name=name, step="A", kind="category", levels=tuple(levels), **more)


def continuous(name: str, low: float = 0, high: float = 100, **more: Any) -> Parameter:
    return ContinuousParameter(name=name, step="A", kind="continuous", low=low, high=high, **more)


def stepped(name: str, levels: Sequence[float], **more: Any) -> Parameter:
    return SteppedParameter(name=name, step="A", kind="stepped", levels=tuple(levels), **more)


def space_of(parameters: Sequence[Parameter], *constraints: Constraint) -> SearchSpace:
    return SearchSpace(parameters=tuple(parameters), constraints=constraints)


def measured(conditions: Sequence[Condition], value: float = 0.5) -> list[Observation]:
    return [Observation(condition=c, value=value, round=1) for c in conditions]


def test_mixtures_of_any_kind_are_filled_or_refused_with_a_reason_as_cp_sat_judges() -> None:
    found = trials(feasible=40, infeasible=15, seed=3)
    assert not [trial.problem for trial in found if trial.problem]
    assert sum(bool(trial.refusal) for trial in found) == 15


def test_the_last_mixtures_are_found_when_nearly_all_were_tried() -> None:
    names = ("oil", "water", "soap", "salt")
    levels = tuple(float(level) for level in range(0, 101, 10))
    space = space_of(
        [stepped(name, levels) for name in names],
        MixtureConstraint(kind="mixture", parts=names, total=100),
        CardinalityConstraint(kind="cardinality", parameters=names, at_most=2),
    )
    every = [
        Condition(dict(zip(names, shares, strict=True)))
        for shares in itertools.product(levels, repeat=4)
        if sum(shares) == 100 and sum(share > 0 for share in shares) <= 2
    ]
    assert len(every) == 58
    rng = np.random.default_rng(1)
    known = [every[index] for index in rng.permutation(58)[:54]]
    for given in (measured(known), [Observation(condition=c, value=None, round=1) for c in known]):
        pending = [] if given[0].value is not None else known
        found = propose(space, given, number=4, seed=1, pending=pending)
        assert {p.condition for p in found} == set(every) - set(known)
    more = propose(space, measured(known), number=6, seed=1)
    assert len({p.condition for p in more}) == 4
    assert sum("once more" in p.reason for p in more) == 2


def test_the_last_conditions_are_found_in_a_space_too_large_to_list() -> None:
    names = [f"part{index}" for index in range(8)]
    levels = tuple(float(level) for level in range(0, 101, 5))
    space = space_of(
        [stepped(name, levels) for name in names],
        MixtureConstraint(kind="mixture", parts=tuple(names), total=100),
        CardinalityConstraint(kind="cardinality", parameters=tuple(names), at_most=1),
    )
    pure = [Condition(dict.fromkeys(names, 0.0) | {name: 100.0}) for name in names]
    found = propose(space, measured(pure[:6]), number=2, seed=3)
    assert {p.condition for p in found} == set(pure[6:])


@pytest.mark.parametrize("scale", [1e-9, 1.0, 1e9])
def test_sums_mean_the_same_in_any_unit(scale: float) -> None:
    parts = [continuous(name, 0, 60 * scale) for name in "abc"]
    space = space_of(
        parts, MixtureConstraint(kind="mixture", parts=("a", "b", "c"), total=100 * scale)
    )
    for proposal in propose(space, [], number=6, seed=1):
        total = sum(float(value) for value in proposal.condition.root.values())
        assert total == pytest.approx(100 * scale, rel=1e-9)
    assert not space.permits({"a": 50 * scale, "b": 50 * scale, "c": 1e-3 * scale})


def test_a_ratio_and_an_equality_hold() -> None:
    space = space_of(
        [continuous("acid"), continuous("base"), continuous("salt")],
        RatioConstraint(
            kind="ratio", numerator="acid", denominator="base", at_least=0.9, at_most=1.1
        ),
        LinearConstraint(kind="linear", terms={"acid": 1, "salt": 2}, equal=50),
    )
    for proposal in propose(space, [], number=8, seed=2):
        values = {name: float(value) for name, value in proposal.condition.root.items()}
        assert values["acid"] + 2 * values["salt"] == pytest.approx(50, abs=1e-6)
        assert 0.9 * values["base"] - 1e-6 <= values["acid"] <= 1.1 * values["base"] + 1e-6


def test_an_ordered_category_and_a_truth_value_stand_in_sums() -> None:
    grade = category("grade", ("low", "medium", "high"), ordered=True)
    stir = BooleanParameter(name="stir", step="A", kind="boolean")
    cycles = IntegerParameter(name="cycles", step="A", kind="integer", low=1, high=5)
    space = space_of(
        [grade, stir, cycles],
        LinearConstraint(kind="linear", terms={"grade": 1, "stir": 2, "cycles": -1}, at_least=0),
    )
    expected = {
        (g, s, c)
        for (rank, g), s, c in itertools.product(
            enumerate(("low", "medium", "high")), (0, 1), range(1, 6)
        )
        if rank + 2 * s >= c
    }
    found = [p.condition for p in propose(space, [], number=len(expected), seed=1)]
    assert {(c["grade"], c["stir"], c["cycles"]) for c in found} == expected
    assert all(type(c["cycles"]) is int for c in found)


def conditional() -> SearchSpace:
    return space_of(
        [
            category(),
            stepped("water_content", (1, 2, 3), when={"solvent": ("DMF", "NMP")}),
            category("base", ("none", "DIPEA")),
            continuous("base_amount", 1, 5, when={"solvent": ("DMF",), "base": ("DIPEA",)}),
        ]
    )


def test_a_parameter_is_there_only_with_the_values_that_it_needs() -> None:
    space = conditional()
    found = [p.condition for p in propose(space, [], number=24, seed=1)]
    assert len(set(found)) == 24
    for condition in found:
        dried = condition["solvent"] in ("DMF", "NMP")
        assert ("water_content" in condition.root) == dried
        both = condition["solvent"] == "DMF" and condition["base"] == "DIPEA"
        assert ("base_amount" in condition.root) == both
        assert space.snap(condition.root) == condition
    encoding = Encoding(space)
    assert encoding.conditions(encoding.rows(found)) == found


def test_a_model_sees_no_difference_in_what_is_not_there() -> None:
    space = conditional()
    known = [p.condition for p in propose(space, [], number=20, seed=1)]
    values = [float(c.root.get("water_content", 0)) for c in known]
    given = [Observation(condition=c, value=v, round=1) for c, v in zip(known, values, strict=True)]
    more = propose(space, given, number=4, seed=2)
    assert all(space.snap(p.condition.root) == p.condition for p in more)
    ask = [Condition({"solvent": "DMF", "water_content": w, "base": "none"}) for w in (1.0, 3.0)]
    low, high = predict(space, given, ask)
    assert high.mean - low.mean == pytest.approx(2, abs=0.5)


def test_only_few_conditions_without_what_is_not_there_are_different() -> None:
    space = space_of([category(), stepped("water_content", (1, 2, 3), when={"solvent": ("DMF",)})])
    found = propose(space, [], number=7, seed=1)
    assert len({p.condition for p in found}) == 5  # three with DMF, one with each other solvent


def test_contradictions_of_conditional_parameters_are_named() -> None:
    space = space_of(
        [category(), continuous("acid", 10, 50, when={"solvent": ("water",)})],
        LinearConstraint(kind="linear", terms={"acid": 1}, at_least=20),
    )
    assert contradiction(space, {}) is None
    why = contradiction(space, {"solvent": "DMF"})
    assert why == "no condition meets 20 <= 1 acid in a well with solvent=DMF: loosen them"


def test_levels_with_like_descriptors_are_expected_to_do_alike() -> None:
    rng = np.random.default_rng(1)
    levels = [f"solvent{index}" for index in range(15)]
    polarity = dict(zip(levels, rng.normal(size=15).tolist(), strict=True))
    truth = {level: float(np.sin(value)) for level, value in polarity.items()}
    descriptors = {level: {"polarity": polarity[level], "smiles": "C"} for level in levels}
    known = [
        Observation(condition=Condition({"solvent": level}), value=truth[level], round=1)
        for level in levels[:10]
    ]
    unseen = [Condition({"solvent": level}) for level in levels[10:]]
    error = {}
    for given in ({}, descriptors):
        space = space_of([category("solvent", levels, descriptors=given)])
        off = [p.mean - truth[str(p.condition["solvent"])] for p in predict(space, known, unseen)]
        error[bool(given)] = float(np.square(off).mean())
    assert error[True] < 0.3 * error[False]


def test_fourier_features_of_descriptors_have_the_covariance_of_the_kernel() -> None:
    torch.manual_seed(1)
    points = torch.tensor([[0.0, 0.0], [1.0, 0.2], [3.0, -1.0]], dtype=torch.float64)
    kernel = ConditionKernel(torch.tensor([3, 0]), coordinates={0: points}).double()
    kernel.lengthscale = torch.tensor([[1.3, 0.5]], dtype=torch.float64)
    at = torch.tensor([[0, 0.1], [1, 0.1], [2, 0.7], [0, 0.7]], dtype=torch.float64)
    with torch.no_grad():
        exact = kernel(at).to_dense()
        found = ConditionFeatures(kernel, 80_000)(at)
        assert torch.allclose(found @ found.mT, exact, atol=0.02)
    assert exact[0, 1] > exact[0, 2]
    assert (torch.linalg.eigvalsh(exact) > 0).all()


def test_a_narrow_range_of_large_numbers_keeps_its_digits() -> None:
    space = space_of([continuous("pressure", 1_000_000, 1_000_010)])
    found = [p.condition["pressure"] for p in propose(space, [], number=8, seed=1)]
    assert len(set(found)) == 8
    assert all(1_000_000 <= float(value) <= 1_000_010 for value in found)


def test_a_range_ends_where_it_says_though_values_are_rounded() -> None:
    parameter = continuous("dose", 0.1234564, 0.7654321)
    assert parameter.value_of(0.0) == 0.1234564 or float(parameter.value_of(0.0)) > 0.1234564
    assert parameter.value_of(1.0) == 0.765432
    assert all(parameter.allows(parameter.value_of(share)) for share in (0.0, 0.5, 1.0))


def test_ask_and_tell_takes_whole_numbers_truth_values_and_parameters() -> None:
    optimizer = Optimizer(
        {
            "cycles": range(1, 6),
            "stir": [False, True],
            "speed": continuous("speed", 1, 9, when={"stir": (1,)}),
        },
        seed=1,
    )
    for batch in range(2):
        for condition in optimizer.ask(4):
            assert ("speed" in condition) == (condition["stir"] == 1)
            optimizer.tell({**condition, "value": condition["cycles"]}, batch=batch + 1)
    assert optimizer.recommend().condition["cycles"] == 5
