import numpy as np
import pytest
import torch
from botorch.acquisition import qUpperConfidenceBound
from botorch.acquisition.logei import qLogExpectedImprovement, qLogNoisyExpectedImprovement
from botorch.sampling.pathwise.features.generators import gen_kernel_features
from botorch.utils.sampling import manual_seed

from optimizer import predict, propose
from optimizer.fitting import fit
from optimizer.model import ConditionKernel, PosteriorSamples
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


def test_a_width_multiplies_how_far_a_function_is_from_the_mean(rpe: Campaign) -> None:
    observations = observed(rpe)
    fitted = fit(rpe.space, observations)
    assert fitted is not None
    encoding, _, model = fitted
    features = encoding.features(encoding.rows([o.condition for o in observations[:12]]) + 0.01)
    members = len(model.model.train_targets)

    def drawn(width: float) -> np.ndarray:
        widths = np.full(members, width)
        return PosteriorSamples(model.model, members, 1, 0.0, 1.0, torch.as_tensor, widths)(
            features
        )

    with torch.no_grad():
        means = model.model.posterior(torch.as_tensor(features)).mean[..., 0].numpy()
    assert drawn(0.0) == pytest.approx(means, abs=1e-9)
    assert drawn(2.5) - means == pytest.approx(2.5 * (drawn(1.0) - means), abs=1e-9)


def test_prior_samples_have_the_covariance_of_their_kernel() -> None:
    rng = np.random.default_rng(3)
    features = torch.as_tensor(np.column_stack([rng.random((5, 2)), rng.integers(0, 3, 5)]))
    kernel = ConditionKernel(torch.tensor([0, 0, 3])).double()
    kernel.lengthscale = torch.tensor([0.3, 0.6, 2.0], dtype=torch.float64)
    with torch.no_grad(), manual_seed(1):
        found = gen_kernel_features(kernel, num_inputs=3, num_outputs=60_000)(features)
        covariance = kernel(features).to_dense()
    assert (found @ found.T - covariance).abs().max() < 0.03


def test_any_acquisition_function_takes_the_model(rpe: Campaign) -> None:
    fitted = fit(rpe.space, observed(rpe))
    assert fitted is not None
    encoding, rows, surrogate = fitted
    baseline = torch.as_tensor(encoding.features(rows))
    some = torch.as_tensor(encoding.features(encoding.random(40, {}, np.random.default_rng(1))))
    for acquisition in (
        qLogNoisyExpectedImprovement(surrogate.model, baseline, prune_baseline=False),
        qUpperConfidenceBound(surrogate.model, beta=4.0),
        qLogExpectedImprovement(surrogate.model, best_f=0.5),
    ):
        with torch.no_grad():
            values = acquisition(some.unsqueeze(1))
        assert values.shape == (40,)
        assert values.isfinite().all()
        assert len(values.unique()) > 10


@pytest.mark.parametrize(("scale", "offset"), [(2500.0, 0.0), (1e-3, 0.0), (40.0, -7000.0)])
def test_the_scale_of_the_values_makes_no_difference(
    rpe: Campaign, scale: float, offset: float
) -> None:
    first = observed(rpe, 24)
    other = [o.model_copy(update={"value": offset + scale * (o.value or 0)}) for o in first]
    conditions = [p.condition for p in propose(rpe.space, [], number=20, seed=9)]
    for one, same in zip(
        predict(rpe.space, first, conditions), predict(rpe.space, other, conditions), strict=True
    ):
        assert offset + scale * one.mean == pytest.approx(same.mean, abs=0.02 * scale)
        assert scale * one.sd == pytest.approx(same.sd, rel=0.1)


@pytest.mark.parametrize("value", [0.0, 3.5, -120.0])
def test_of_equal_values_nothing_is_learnt(rpe: Campaign, value: float) -> None:
    equal = [o.model_copy(update={"value": value}) for o in observed(rpe, 22)]
    more = [o.model_copy(update={"value": value, "round": 2}) for o in observed(rpe, 48)]
    proposals = propose(rpe.space, [*equal, *more], number=22, seed=1)
    for proposal in proposals:
        assert proposal.mean == pytest.approx(value, abs=1e-3)
        assert 0.2 < (proposal.sd or 0) / (abs(value) or 1) < 1
    assert sum(p.gain or 0 for p in proposals) > 0.05 * (abs(value) or 1)
    assert len({p.condition for p in proposals}) == 22


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
    assert fitted.model.model.covar_module.base_kernel.interaction.min() < 0.6
    expected = fitted.model.predict(
        fitted.encoding.features(fitted.encoding.rows(conditions[64:]))
    )[0]
    truths = np.array([truth(condition) for condition in conditions[64:]])
    assert np.std(expected - truths) < 0.25 * np.std(truths)


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
