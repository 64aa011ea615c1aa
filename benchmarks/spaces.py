"""Mixtures and other constrained spaces: is every feasible one filled, and every other refused?

    python -m benchmarks.spaces [FEASIBLE [INFEASIBLE]]

Random spaces of 2 to 8 components, continuous and in steps of 1 % and 5 %, with and without
at-most-k, extra sums, ratios and conditional components. Whether a space is feasible, whether a
proposal is, and whether the constraints that a refusal names contradict each other (and none of
them can be left out) is judged by CP-SAT of OR-tools in whole numbers, not by our own code.
"""

import argparse
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from ortools.sat.python import cp_model

from optimizer import Encoding, propose
from optimizer.program import contradiction
from protocols.conditions import Condition, Value
from protocols.constraints import (
    BaseConstraint,
    CardinalityConstraint,
    ForbiddenCombination,
    LinearConstraint,
    MixtureConstraint,
    RatioConstraint,
)
from protocols.parameters import CategoryParameter, ContinuousParameter, Parameter, SteppedParameter
from protocols.search_space import SearchSpace

_BATCH = 4
_UNITS = 1000  # whole numbers a percent, in which continuous shares are judged
_SOLVENTS = ("water", "ethanol", "oil")


class Trial(NamedTuple):
    """What came of one space."""

    space: SearchSpace
    feasible: bool
    found: tuple[Condition, ...]
    refusal: str
    problem: str
    """What is wrong with it; empty if nothing is."""


def random_space(rng: np.random.Generator) -> SearchSpace:
    """A mixture of 2 to 8 components, feasible or not."""
    number = int(rng.integers(2, 9))
    step = float(rng.choice([0, 1, 5]))
    names = [f"part{index}" for index in range(number)]
    parameters: list[Parameter] = [
        CategoryParameter(name="solvent", step="A", kind="category", levels=_SOLVENTS)
    ]
    for name in names:
        low = 5 * int(rng.integers(0, 6)) if rng.random() < 0.3 else 0
        high = min(100, low + 5 * int(rng.integers(1, 21)))
        when = {}
        if rng.random() < 0.15:
            chosen = sorted(rng.choice(_SOLVENTS, int(rng.integers(1, 3)), replace=False).tolist())
            when = {"solvent": tuple(chosen)}
        parameters.append(_component(name, low, high, step, when))
    return SearchSpace(parameters=tuple(parameters), constraints=_random_rules(names, rng))


def _component(
    name: str, low: int, high: int, step: float, when: dict[str, tuple[Value, ...]]
) -> Parameter:
    if not step:
        return ContinuousParameter(
            name=name, step="A", kind="continuous", low=low, high=high, when=when
        )
    levels = tuple(float(level) for level in np.arange(low, high + step / 2, step))
    return SteppedParameter(name=name, step="A", kind="stepped", levels=levels, when=when)


def _random_rules(names: list[str], rng: np.random.Generator) -> tuple[BaseConstraint, ...]:
    rules: list[BaseConstraint] = [MixtureConstraint(kind="mixture", parts=tuple(names), total=100)]
    some = [str(name) for name in rng.permutation(names)]
    if rng.random() < 0.5:
        most = int(rng.integers(1, len(names) + 1))
        rules.append(
            CardinalityConstraint(kind="cardinality", parameters=tuple(names), at_most=most)
        )
    if rng.random() < 0.3:
        limit = 5.0 * int(rng.integers(2, 20))
        terms = dict.fromkeys(some[: int(rng.integers(1, len(names) + 1))], 1.0)
        ends = {"at_least": limit} if rng.random() < 0.5 else {"at_most": limit}
        rules.append(LinearConstraint(kind="linear", terms=terms, **ends))
    if rng.random() < 0.3:
        ratio = float(rng.choice([0.5, 1, 2, 4]))
        rules.append(
            RatioConstraint(kind="ratio", numerator=some[0], denominator=some[1], at_most=ratio)
        )
    if rng.random() < 0.2:
        never = {"solvent": tuple(rng.choice(_SOLVENTS, 2, replace=False).tolist())}
        rules.append(ForbiddenCombination(kind="forbidden", when=never))
    return tuple(rules)


class Judge:
    """A search space in whole numbers, for CP-SAT: shares in thousandths of a percent."""

    def __init__(self, space: SearchSpace, rules: Sequence[BaseConstraint]) -> None:
        """Of some of its constraints."""
        self._model = cp_model.CpModel()
        self._choice = {v: self._model.new_bool_var(v) for v in _SOLVENTS}
        self._model.add_exactly_one(self._choice.values())
        self._share: dict[str, cp_model.IntVar] = {}
        for parameter in space.parameters[1:]:
            self._share[parameter.name] = self._component(parameter)
        for rule in rules:
            self._add(rule)

    def _component(self, parameter: Parameter) -> cp_model.IntVar:
        low, high = (round(float(end) * _UNITS) for end in parameter.extremes)
        step = 1
        if isinstance(parameter, SteppedParameter):
            step = round((parameter.levels[1] - parameter.levels[0]) * _UNITS)
        domain = (
            cp_model.Domain.from_values([0, *range(low, high + 1, step)])
            if step > 1
            else cp_model.Domain.from_intervals([[0, 0], [low, high]])
        )
        share = self._model.new_int_var_from_domain(domain, parameter.name)
        active = [self._choice[str(v)] for v in parameter.when.get("solvent", _SOLVENTS)]
        there = self._model.new_bool_var(f"{parameter.name} is there")
        self._model.add(sum(active) == there)
        self._model.add(share == 0).only_enforce_if(~there)
        self._model.add(share >= low).only_enforce_if(there)
        return share

    def _add(self, rule: BaseConstraint) -> None:
        share, model = self._share, self._model
        if isinstance(rule, MixtureConstraint):
            model.add(sum(share[name] for name in rule.parts) == round(rule.total * _UNITS))
        elif isinstance(rule, LinearConstraint):
            total = sum(share[name] for name in rule.terms)
            if rule.at_least is not None:
                model.add(total >= round(rule.at_least * _UNITS))
            if rule.at_most is not None:
                model.add(total <= round(rule.at_most * _UNITS))
        elif isinstance(rule, RatioConstraint):
            ratio = round(2 * (rule.at_most or 0.0))
            model.add(2 * share[rule.numerator] <= ratio * share[rule.denominator])
        elif isinstance(rule, CardinalityConstraint):
            used = []
            for name in rule.parameters:
                used.append(model.new_bool_var(f"{name} is used"))
                model.add(share[name] == 0).only_enforce_if(~used[-1])
            model.add(sum(used) <= (rule.at_most or 0))
        elif isinstance(rule, ForbiddenCombination):
            for value in rule.when["solvent"]:
                model.add(self._choice[str(value)] == 0)

    def feasible(self, condition: Condition | None = None) -> bool:
        """Whether anything is permitted, or this condition is (to a thousandth of a percent)."""
        model = self._model.clone()
        if condition is not None:
            for name, variable in self._choice.items():
                chosen = int(condition["solvent"] == name)
                model.add(model.get_bool_var_from_proto_index(variable.index) == chosen)
            for name, share in self._share.items():
                value = round(float(condition.root.get(name, 0.0)) * _UNITS)
                own = model.get_int_var_from_proto_index(share.index)
                model.add_linear_constraint(own, value - 1, value + 1)
        solver = cp_model.CpSolver()
        solver.parameters.num_workers = 1
        return bool(solver.solve(model) in (cp_model.OPTIMAL, cp_model.FEASIBLE))


def trial(space: SearchSpace, seed: int) -> Trial:
    """Propose a batch in a space, and judge what comes of it."""
    judge = Judge(space, space.constraints)
    feasible = judge.feasible()
    try:
        found = tuple(p.condition for p in propose(space, [], number=_BATCH, seed=seed))
    except ValueError as refused:
        return Trial(
            space, feasible, (), str(refused), _wrong_refusal(space, str(refused), feasible)
        )
    problem = ""
    if not feasible:
        problem = "an infeasible space was filled"
    elif wrong := [condition for condition in found if not _exact(space, condition, judge)]:
        problem = f"an infeasible proposal: {wrong[0]}"
    elif len(set(found)) < _BATCH and len(Encoding(space).unseen({}, _rows(space, found))):
        problem = "a condition is repeated though others are left"
    return Trial(space, feasible, found, "", problem)


def _rows(space: SearchSpace, found: Sequence[Condition]) -> set[bytes]:
    return {row.tobytes() for row in Encoding(space).rows(found)}


def _exact(space: SearchSpace, condition: Condition, judge: Judge) -> bool:
    """Whether CP-SAT permits a condition, and its shares make the whole to nine digits."""
    shares = [float(value) for name, value in condition.root.items() if name != "solvent"]
    return abs(sum(shares) - 100) < 1e-7 and judge.feasible(condition)


def _wrong_refusal(space: SearchSpace, text: str, feasible: bool) -> str:
    """What is wrong with a refusal; empty if it names a smallest set that contradicts itself."""
    if feasible:
        return f"a feasible space was refused: {text}"
    named = [rule for rule in space.constraints if str(rule) in text]
    if Judge(space, named).feasible():
        return f"what is named does not contradict itself: {text}"
    for rule in named:
        if not Judge(space, [other for other in named if other is not rule]).feasible():
            return f"{rule} is named and has no part in it: {text}"
    return "" if contradiction(space, {}) == text else f"another reason by itself: {text}"


def trials(feasible: int, infeasible: int, seed: int = 1) -> list[Trial]:
    """So many of each kind."""
    rng = np.random.default_rng(seed)
    left = {True: feasible, False: infeasible}
    found = []
    while any(left.values()):
        space = random_space(rng)
        kind = Judge(space, space.constraints).feasible()
        if left[kind]:
            left[kind] -= 1
            found.append(trial(space, len(found)))
    return found


def main() -> None:
    """Print how many of each kind went wrong, and what."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.spaces", description=__doc__)
    parser.add_argument("feasible", nargs="?", type=int, default=1000)
    parser.add_argument("infeasible", nargs="?", type=int, help="a fifth as many, if not given")
    given = parser.parse_args()
    fifth = given.feasible // 5
    found = trials(given.feasible, fifth if given.infeasible is None else given.infeasible)
    for kind, name in ((True, "feasible"), (False, "infeasible")):
        some = [one for one in found if one.feasible == kind]
        wrong = [one for one in some if one.problem]
        print(f"{len(some)} {name} spaces, {len(wrong)} wrong")
        for one in wrong:
            print(f"  {one.problem}")


if __name__ == "__main__":
    main()
