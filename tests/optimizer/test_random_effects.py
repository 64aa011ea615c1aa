"""Plates, positions and covariates in the model, beside statsmodels' linear mixed models."""

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
import torch
from gpytorch.distributions import MultivariateNormal
from linear_operator.operators import DenseLinearOperator

from optimizer import Optimizer, predict, propose
from optimizer.fitting import fit
from optimizer.model import MeasurementLikelihood
from optimizer.model.random_effects import Recorded, random_effects
from protocols.conditions import Condition, Observation
from protocols.parameters import ContinuousParameter, SteppedParameter
from protocols.parameters.base import DecidedByWell
from protocols.plates import Plates
from protocols.search_space import SearchSpace

SPACE = SearchSpace(
    parameters=tuple(
        ContinuousParameter(name=name, step="A", kind="continuous", low=0, high=1, standard=0.5)
        for name in ("x", "y")
    )
)


def _truth(condition: Condition) -> float:
    return float(condition["x"]) * (1 - 0.5 * float(condition["y"]))


def _wells(number: int, seed: int = 0) -> list[Condition]:
    rng = np.random.default_rng(seed)
    return [Condition({"x": float(x), "y": float(y)}) for x, y in rng.random((number, 2))]


def _shifted(shifts: np.ndarray, each: int, noise: float, seed: int) -> list[Observation]:
    """Observations of one round on as many plates as there are shifts, `each` wells on each."""
    rng = np.random.default_rng(seed)
    plates = np.repeat(np.arange(len(shifts)), each)
    return [
        Observation(
            condition=condition,
            value=_truth(condition) + float(shifts[plate]) + float(rng.normal(0, noise)),
            round=1,
            plate=int(plate) + 1,
        )
        for condition, plate in zip(_wells(len(plates), seed), plates, strict=True)
    ]


def _recorded(plates: list[int], rounds: list[int] | None = None) -> Recorded:
    return Recorded(np.array(rounds or [1] * len(plates)), np.array(plates))


def test_the_likelihood_is_that_of_a_linear_mixed_model() -> None:
    rng = np.random.default_rng(4)
    plates = np.repeat(np.arange(8), 6)
    x = rng.random(48)
    y = 2 + 3 * x + rng.normal(0, 0.5, 8)[plates] + rng.normal(0, 0.3, 48)
    mixed = sm.MixedLM(y, sm.add_constant(x), groups=plates).fit(reml=False)
    features = x[:, None]
    found = random_effects(
        _recorded((plates + 1).tolist()), features, np.zeros(1, int), np.zeros(1, bool)
    )
    assert found.names == ("plate",)
    ours = MeasurementLikelihood(torch.as_tensor(found.covariances), torch.zeros(48).double())
    noise = ours.double().noise_covar
    noise.initialize(raw_noise=torch.tensor([np.log(mixed.scale)]))
    noise.initialize(raw_effects=torch.tensor([np.log(float(mixed.cov_re[0, 0]))]))
    mean = torch.as_tensor(sm.add_constant(x) @ mixed.fe_params)
    with torch.no_grad():
        density = ours(
            MultivariateNormal(mean, DenseLinearOperator(torch.zeros(48, 48).double()))
        ).log_prob(torch.as_tensor(y))
    assert float(density) == pytest.approx(mixed.llf, abs=0.01)


def test_the_spread_of_plates_is_estimated_as_by_a_mixed_model() -> None:
    shifts = np.random.default_rng(1).normal(0, 0.2, 16)
    observations = _shifted(shifts, 6, 0.05, seed=2)
    fitted = fit(SPACE, observations)
    assert fitted is not None
    x, y = np.array([[float(o.condition[n]) for n in "xy"] for o in observations]).T
    mixed = sm.MixedLM(
        [o.value for o in observations],
        sm.add_constant(np.column_stack([x, y, x * y])),
        groups=[o.plate for o in observations],
    ).fit()
    expected = float(np.sqrt(mixed.cov_re[0, 0]))
    assert fitted.model.effect_sds == {"plate": pytest.approx(expected, rel=0.25)}
    assert fitted.model.noise_sd == pytest.approx(float(np.sqrt(mixed.scale)), rel=0.3)


def test_the_shift_of_a_plate_is_not_taken_for_a_better_condition() -> None:
    shifts = np.array([0.5, -0.5, 0.3, -0.3])
    observations = _shifted(shifts, 8, 0.02, seed=3)
    unaware = [o.model_copy(update={"plate": None}) for o in observations]
    conditions = _wells(40, seed=9)
    errors = [
        np.abs([p.mean - _truth(p.condition) for p in predict(SPACE, known, conditions)])
        for known in (observations, unaware)
    ]
    # The mean of all shifts is nobody's to know: it was 0.
    assert errors[0].mean() < 0.1
    assert errors[0].mean() < 0.5 * errors[1].mean()


@pytest.mark.parametrize(
    ("plates", "rounds", "features", "decided", "expected"),
    [
        ([1] * 6 + [2] * 6, None, None, False, ("plate",)),
        # A plate a round is the round.
        ([1] * 12, [1] * 6 + [2] * 6, None, False, ("round",)),
        # Rounds of past results are numbered up to 0.
        ([1] * 6 + [2] * 6, [-3, -3, -2] * 2 + [0, 0, 1] * 2, None, False, ("round",)),
        # Each plate has a temperature of its own.
        ([1] * 6 + [2] * 6, None, [0.0] * 6 + [1.0] * 6, False, ()),
        # Four plates, two a temperature: two plates that are alike differ.
        (list(np.repeat([1, 2, 3, 4], 3)), None, [0.0] * 6 + [1.0] * 6, False, ("plate",)),
        # One well a plate: a plate's shift is the well's noise.
        (list(range(1, 13)), None, None, False, ()),
        # What positions decide tells the plates apart.
        ([1] * 6 + [2] * 6, None, list(np.linspace(0, 1, 12)), True, ()),
        ([1] * 6 + [2] * 6, None, list(np.linspace(0, 1, 12)), False, ("plate",)),
    ],
)
def test_a_plate_counts_only_where_it_can_be_told_from_the_rest(
    plates: list[int],
    rounds: list[int] | None,
    features: list[float] | None,
    decided: bool,
    expected: tuple[str, ...],
) -> None:
    column = np.random.default_rng(0).random(12) if features is None else np.array(features)
    found = random_effects(
        _recorded(plates, rounds), column[:, None], np.zeros(1, int), np.array([decided])
    )
    assert found.names == expected
    if found.names[:1] == ("round",):
        assert rounds is not None
        assert (found.covariances[0] == np.equal.outer(rounds, rounds)).all()


def test_a_covariate_that_goes_along_with_something_else_is_left_out() -> None:
    rng = np.random.default_rng(5)
    rounds = np.repeat([1, 2, 3], 8)
    dose = rng.random(24)
    lot = np.tile([0, 1], 12)
    recorded = Recorded(
        rounds,
        np.tile([1, 1, 2, 2], 6),
        labels={"lot": lot, "day": rounds, "operator": (dose > 0.5).astype(int), "note": lot * 0},
        numbers={
            "room": np.where(rng.random(24) < 0.2, np.nan, 20 + rng.normal(size=24)),
            "passage": rounds * 2.0,
            "as_dosed": 10 * dose + rng.normal(0, 1e-3, 24),
            "same": np.full(24, 3.0),
        },
    )
    features = np.column_stack([dose, (dose > 0.5).astype(float)])
    found = random_effects(recorded, features, np.array([0, 2]), np.zeros(2, bool))
    assert found.names == ("round", "room", "lot", "plate")
    assert np.isfinite(found.covariances).all()


def test_a_prediction_is_for_the_mean_of_a_covariate() -> None:
    rng = np.random.default_rng(6)
    observations = [
        Observation(
            condition=condition,
            value=_truth(condition) + 0.2 * (room - 22) + (0.3 if lot == "L2" else -0.3),
            round=1,
            covariates={"room": room, "lot": lot},
        )
        for condition, room, lot in zip(
            _wells(40, seed=7), rng.normal(22, 1, 40), rng.choice(["L1", "L2"], 40), strict=True
        )
    ]
    found = predict(SPACE, observations, _wells(30, seed=8))
    assert max(abs(p.mean - _truth(p.condition)) for p in found) < 0.15
    fitted = fit(SPACE, observations)
    assert fitted is not None
    assert set(fitted.model.effect_sds) == {"room", "lot"}


def test_the_rim_of_a_plate_counts_unless_positions_decide_what_is_done_there() -> None:
    plate = Plates(count=1, labware="24-well")
    edges = [plate.on_edge(name) for name in plate.well_names]
    assert sum(edge is False for edge in edges) == 2 * 4
    assert plate.on_edge("H12") is None
    free = [
        Observation(
            condition=c, value=_truth(c) - (0.4 if edge else 0.0), round=1, plate=1, edge=edge
        )
        for c, edge in zip(_wells(24, seed=11), edges, strict=True)
    ]
    fitted = fit(SPACE, free)
    assert fitted is not None
    assert fitted.model.effect_sds["edge of the plate"] > 0.1
    minutes = SteppedParameter(
        name="minutes",
        step="A",
        kind="stepped",
        levels=tuple(float(n) for n in range(1, 25)),
        decided_by_well=DecidedByWell(base=(1.0,), per_well=1.0),
    )
    seated = SearchSpace(parameters=(*SPACE.parameters, minutes))
    given = [
        o.model_copy(update={"condition": Condition({**o.condition.root, "minutes": 1.0 + n})})
        for n, o in enumerate(free)
    ]
    fitted = fit(seated, given)
    assert fitted is not None
    assert fitted.model.effect_sds == {}


def test_ask_and_tell_knows_plates_and_covariates(tmp_path) -> None:  # type: ignore[no-untyped-def]
    made = Optimizer({"x": (0.0, 1.0), "y": (0.0, 1.0)}, plate="plate", covariates=["room", "lot"])
    asked = pd.DataFrame(made.ask(16))
    asked["plate"] = ["P7", "P9"] * 8
    asked["room"] = np.linspace(20, 23, 16)
    asked["lot"] = ["a", "b", None, "b"] * 4
    asked["value"] = asked.x + np.where(asked.plate == "P7", 0.5, 0.0)
    made.tell(asked)
    first = made.observations[0]
    assert (first.plate, first.covariates) == (1, {"room": 20.0, "lot": "a"})
    assert made.observations[2].covariates.keys() == {"room"}
    made.save(tmp_path / "study.json")
    again = Optimizer.load(tmp_path / "study.json")
    assert again.observations == made.observations
    again.tell([{"x": 0.5, "y": 0.5, "plate": "P9", "value": 1.0}], batch=1)
    assert again.observations[-1].plate == 2
    assert [p.mean for p in made.predict(asked[["x", "y"]].to_dict("records")[:3])]
    with pytest.raises(ValueError, match=r"'x' is a parameter \(expected another name of what is"):
        Optimizer({"x": (0.0, 1.0)}, covariates=["x"])
    with pytest.raises(ValueError, match=r"covariates='room' \(expected a list of columns"):
        Optimizer({"x": (0.0, 1.0)}, covariates="room")
    with pytest.raises(ValueError, match="expected each column once"):
        Optimizer({"x": (0.0, 1.0)}, plate="lot", covariates=["lot"])


def test_without_plates_nothing_changes() -> None:
    observations = _shifted(np.zeros(4), 6, 0.05, seed=1)
    one_plate = [o.model_copy(update={"plate": 3, "edge": True}) for o in observations]
    unknown = [o.model_copy(update={"plate": None}) for o in observations]
    assert propose(SPACE, one_plate, number=3, seed=1) == propose(SPACE, unknown, number=3, seed=1)
