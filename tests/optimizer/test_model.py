import numpy as np
import pytest
import torch

from optimizer import Encoding, predict, propose
from optimizer.fitting import fit
from optimizer.kernel import Kernel
from optimizer.marginal_likelihood import Data, MarginalLikelihood
from protocols.campaign import Campaign
from protocols.conditions import Condition, Observation
from protocols.parameters import ContinuousParameter
from protocols.search_space import SearchSpace
from tests.optimizer.known_objective import bowl, observed


def test_a_prediction_is_close_where_it_was_measured(rpe: Campaign) -> None:
    observations = observed(rpe)
    predictions = predict(rpe.space, observations, [o.condition for o in observations])
    assert np.mean([abs(p.mean - bowl(p.condition)) for p in predictions]) < 0.1


def test_a_batch_effect_is_not_taken_for_a_better_condition(rpe: Campaign) -> None:
    first = observed(rpe)
    again = [o.model_copy(update={"round": 2, "value": (o.value or 0) + 0.4}) for o in first[:12]]
    shifted = predict(rpe.space, [*first, *again], [o.condition for o in first])
    truth = np.array([bowl(p.condition) for p in shifted])
    off = np.array([p.mean for p in shifted]) - truth
    # The shift belongs to neither round more than to the other; between conditions of both it makes
    # no difference.
    assert abs(off[:12].mean() - off[12:].mean()) < 0.05


def test_a_well_that_all_others_contradict_is_not_trusted(rpe: Campaign) -> None:
    observations = observed(rpe)
    good = max(observations, key=lambda o: o.value or 0)
    near = [o for o in observations if o is not good]
    liar = good.model_copy(update={"value": -4.0})
    (with_liar,) = predict(rpe.space, [*near, good, good, good, liar], [good.condition])
    (without,) = predict(rpe.space, [*near, good, good, good], [good.condition])
    assert abs(with_liar.mean - without.mean) < 0.05


def test_posterior_samples_have_the_mean_and_sd_of_the_posterior(rpe: Campaign) -> None:
    fitted = fit(rpe.space, observed(rpe))
    assert fitted is not None
    encoding, rows, model = fitted
    rng = np.random.default_rng(1)
    features = encoding.features(np.vstack([rows[:5], encoding.random(20, {}, rng)]))
    mean, sd = model.predict(features)
    drawn = model.posterior_samples(4000, seed=1)(features)
    assert np.abs(drawn.mean(axis=0) - mean).max() < 0.1
    assert np.abs(drawn.std(axis=0) * model.sd_inflation - sd).max() < 0.1


def test_prior_samples_have_the_covariance_of_their_kernel() -> None:
    rng = np.random.default_rng(3)
    features = np.column_stack([rng.random((5, 2)), rng.integers(0, 3, 5)])
    kernel = Kernel(np.array([0.3, 0.6, 2.0]), 1.5, 0.5, np.array([0, 0, 3]))
    drawn = np.hstack([kernel.sample_prior(64, 40, rng)(features) for _ in range(500)])
    covariance = kernel.covariance(features, features).numpy()
    assert np.abs(drawn @ drawn.T / drawn.shape[1] - covariance).max() < 0.1


def test_main_effects_are_fitted_from_few_wells() -> None:
    space = SearchSpace(
        parameters=tuple(
            ContinuousParameter(
                name=f"x{index}", step="A", kind="continuous", low=0, high=1, standard=0
            )
            for index in range(6)
        )
    )

    def truth(condition: Condition) -> float:
        return sum(abs(float(value) - 0.7) for value in condition.root.values())

    conditions = [proposal.condition for proposal in propose(space, [], number=128, seed=3)]
    fitted = fit(
        space, [Observation(condition=c, value=truth(c), round=1) for c in conditions[:64]]
    )
    assert fitted is not None
    assert min(c.hyperparameters.kernel.interaction for c in fitted.model._components) < 0.6
    expected = fitted.model.predict(
        fitted.encoding.features(fitted.encoding.rows(conditions[64:]))
    )[0]
    truths = np.array([truth(condition) for condition in conditions[64:]])
    assert np.std(expected - truths) < 0.25 * np.std(truths)


def test_the_gradient_of_the_marginal_likelihood_is_that_of_finite_differences(
    rpe: Campaign,
) -> None:
    first = observed(rpe, 20)
    usable = [*first, *(o.model_copy(update={"round": 2}) for o in first[:5])]
    encoding = Encoding(rpe.space)
    data = Data(
        features=encoding.features(encoding.rows([o.condition for o in usable])),
        values=np.array([o.value for o in usable]),
        rounds=np.array([o.round for o in usable]),
        levels=encoding.levels,
    )
    likelihood = MarginalLikelihood(
        data, np.arange(len(usable)), torch.zeros(len(usable), dtype=torch.float64)
    )
    vector = torch.linspace(-1.5, 0.5, 12, dtype=torch.float64)
    value, gradient = likelihood(vector)
    for index in range(len(vector)):
        step = torch.zeros_like(vector)
        step[index] = 1e-5
        measured = (likelihood(vector + step)[0] - likelihood(vector - step)[0]) / 2e-5
        assert measured == pytest.approx(float(gradient[index]), rel=1e-4, abs=1e-5)
    assert np.isfinite(value)


def test_the_sd_is_inflated_where_the_last_round_was_far_from_its_predictions(
    rpe: Campaign,
) -> None:
    first = observed(rpe)
    chosen = propose(rpe.space, first, number=12, seed=1)

    def inflation(values: list[float]) -> float:
        second = [
            Observation(condition=p.condition, value=v, round=2)
            for p, v in zip(chosen, values, strict=True)
        ]
        fitted = fit(rpe.space, [*first, *second])
        assert fitted is not None
        return fitted.model.sd_inflation

    predicted = [float(p.mean or 0) for p in chosen]
    rng = np.random.default_rng(0)
    wrong = [
        mean + rng.choice([-1, 1]) * 8 * float(p.sd or 0)
        for mean, p in zip(predicted, chosen, strict=True)
    ]
    first_only = fit(rpe.space, first)
    assert first_only is not None
    assert 1 <= inflation(predicted) < first_only.model.sd_inflation < inflation(wrong) <= 8
