"""Descriptors of categories in strategies beside the default one."""

import numpy as np
import pytest

from optimizer import propose
from optimizer.encoding import Encoding
from optimizer.strategies.peers.strategy import AxStrategy, BaybeStrategy
from optimizer.strategies.plain import fit_plain_model
from optimizer.strategy import Request
from protocols.conditions import Condition, Observation
from protocols.parameters import CategoryParameter, ContinuousParameter
from protocols.search_space import SearchSpace

LEVELS = tuple(f"solvent{index}" for index in range(15))
POLARITY = dict(zip(LEVELS, np.random.default_rng(1).normal(size=15).tolist(), strict=True))


def space(described: bool) -> SearchSpace:
    return SearchSpace(
        parameters=(
            ContinuousParameter(name="dose", step="A", kind="continuous", low=0, high=1),
            CategoryParameter(
                name="solvent",
                step="A",
                kind="category",
                levels=LEVELS,
                descriptors={level: {"polarity": POLARITY[level]} for level in LEVELS}
                if described
                else {},
            ),
        )
    )


def truth(condition: Condition) -> float:
    dose = float(condition["dose"])
    return float(np.sin(POLARITY[str(condition["solvent"])]) - (dose - 0.4) ** 2)


def known(levels: tuple[str, ...]) -> tuple[Observation, ...]:
    conditions = [
        Condition({"dose": dose, "solvent": level})
        for dose, level in zip(np.tile([0.1, 0.5, 0.9, 0.3], 10), levels * 2, strict=False)
    ]
    return tuple(Observation(condition=c, value=truth(c), round=1) for c in conditions)


def test_qlognei_expects_levels_with_like_descriptors_to_do_alike() -> None:
    elsewhere = [Condition({"dose": 0.4, "solvent": level}) for level in LEVELS[10:]]
    error = {}
    for described in (False, True):
        request = Request(space(described), known(LEVELS[:10]), ({},))
        plain = fit_plain_model(request)
        means, _ = plain.predict(Encoding(request.space).rows(elsewhere))
        off = [mean - truth(condition) for mean, condition in zip(means, elsewhere, strict=True)]
        error[described] = float(np.square(off).mean())
    assert error[True] < 0.3 * error[False]


def test_qlognei_proposes_levels_that_descriptors_speak_for() -> None:
    best = max(LEVELS, key=lambda level: np.sin(POLARITY[level]))
    others = tuple(level for level in LEVELS if level != best)[:10]
    proposals = propose(space(True), known(others), number=3, seed=2, strategy="qlognei")
    assert best in {proposal.condition["solvent"] for proposal in proposals}


@pytest.mark.parametrize(("kind", "said"), [(AxStrategy, True), (BaybeStrategy, False)])
def test_a_library_without_descriptors_says_so(kind: type, said: bool) -> None:
    made = object.__new__(kind)
    words = "; Ax has no descriptors: those of solvent are not used"
    assert made._unused(Encoding(space(True))) == (words if said else "")
    assert made._unused(Encoding(space(False))) == ""
