"""The model of a search space's observations: fitted, robust to outliers, on any scale."""

from collections.abc import Mapping
from functools import cached_property
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
import torch
from botorch.cross_validation import ensemble_loo_cv
from linear_operator.utils.cholesky import psd_safe_cholesky
from numpy.typing import NDArray
from scipy.stats import norm, t

from optimizer.model.gp import ConditionGP, Training
from optimizer.model.hyperparameters import fit_vector, posterior_draws
from optimizer.model.outliers import on_normal_scale
from optimizer.model.posterior_samples import PosteriorSamples, deterministic, mean_weights
from optimizer.model.random_effects import Recorded, random_effects
from optimizer.model.relevance import RelevanceDraws, relevance_draws

Array = NDArray[np.float64]

_MEMBERS = 8
_MAX_FITTED = 400  # observations that choose the hyperparameters
_MAX_SELECTING = 128  # observations that decide which parameters matter

_OUTLIER_Z = 4.0
_UNEXPLAINED_Z = 1.5  # on the scale on which the others are most nearly normal
_OUTLIER_VARIANCE = 1e3
_OUTLIER_PASSES = 2

# Of the log; from how far proposals were from their predictions on the tuning functions.
_INFLATION_PRIOR = (0.9, 0.5)
_INFLATION_GRID = np.geomspace(1, 8, 60)
_INFLATION_DEGREES = 4  # degrees of freedom of the t distribution of a well's error
_WIDER_INFLATION = 1.3  # from how far recommended conditions were from what was said of them
_MIN_HELD_OUT = 6


class Data(NamedTuple):
    """The observations: features (n x p; see `Encoding`), values (n) and what else was recorded.

    `levels` (p) are the number of levels of each category, and 0 for a number; `coordinates` their
    descriptors (levels x d), where they have any, by index. `decided` (p) says which parameters
    positions decide; None: none. `tasks` (n) are 0, or the number of a similar experiment; None: 0.
    """

    features: Array
    values: Array
    recorded: Recorded
    levels: NDArray[np.int_]
    coordinates: Mapping[int, Array] = MappingProxyType({})
    decided: NDArray[np.bool_] | None = None
    tasks: NDArray[np.int_] | None = None

    @property
    def own(self) -> NDArray[np.bool_]:
        """Which observations are of the experiment itself (n)."""
        return np.ones(len(self.values), bool) if self.tasks is None else self.tasks == 0

    def at(self, which: NDArray[np.bool_]) -> "Data":
        """Some of the observations."""
        return self._replace(
            features=self.features[which],
            values=self.values[which],
            recorded=self.recorded.at(which),
            tasks=None if self.tasks is None else self.tasks[which],
        )


class Surrogate:
    """`ConditionGP` as an ensemble, its scale, outliers and hyperparameters decided.

    `model` is the BoTorch model, of standardised values. An observation that the others contradict
    (more than 4 sd from its leave-one-out prediction, and more than 1.5 on the scale on which the
    others are most nearly normal) gets a large noise variance of its own.

    Values that are all equal say nothing of how the objective varies, which may just be out of the
    reach of its measurement. Then nothing is fitted: between the conditions that were tried,
    however many, the uncertainty stays about the prior's.

    Where conditions were chosen for being high, a posterior is overconfident: real surfaces are not
    as smooth as the kernel says, least of all at their peaks. Its sd is therefore multiplied by
    `sd_inflation`, estimated from the errors of the last round's predictions. Posterior samples
    are not inflated: batches that were chosen so did worse.

    Similar experiments are further tasks of a multi-task model (intrinsic coregionalisation:
    Bonilla, Chai and Williams 2007, "Multi-task Gaussian Process Prediction"): each has its values
    standardised by themselves, and functions of two tasks are correlated, as two levels of a
    category are, by exp(-1 / lengthscale), which is fitted. Their number is a last feature of
    `model`. All that this class answers is of the experiment itself.
    """

    def __init__(self, data: Data, seed: int = 0) -> None:
        """Fit; up to 400 observations choose the hyperparameters, all make the posterior.

        Args:
            data: the observations, one or more, values in their own unit.
            seed: decides the draws of the hyperparameters.
        """
        self._data = data
        # What is said of the best conditions and of effects rests on the same draws.
        self._drawn: dict[int, RelevanceDraws] = {}
        own = data.own
        self._mean, self._sd, self._equal = _scale(data.values[own])
        standardised = (data.values - self._mean) / self._sd
        levels = data.levels
        self._several = data.tasks is not None and bool(data.tasks.any())
        if data.tasks is not None and self._several:
            for task in range(1, data.tasks.max() + 1):
                mean, sd, _ = _scale(data.values[data.tasks == task])
                standardised[data.tasks == task] = (data.values[data.tasks == task] - mean) / sd
            levels = np.append(levels, data.tasks.max() + 1)
        self._own = torch.as_tensor(own)
        count = len(data.values)
        decided = np.zeros(len(data.levels), bool) if data.decided is None else data.decided
        self._effects = random_effects(data.recorded, data.features, data.levels, decided)
        self._training = Training(
            self._points(data.features, data.tasks),
            torch.as_tensor(standardised),
            torch.as_tensor(self._effects.covariances),
            torch.as_tensor(levels),
            torch.zeros(count, dtype=torch.float64),
            {index: torch.as_tensor(table) for index, table in data.coordinates.items()},
        )
        with deterministic(seed):
            vectors = self._unfitted_vector()[None] if self._equal else self._fitted_vectors(seed)
            self.model = self._ensemble(vectors)

    def _ensemble(self, vectors: torch.Tensor, training: Training | None = None) -> ConditionGP:
        """The model with these hyperparameters (members x h)."""
        model = ConditionGP(training or self._training, len(vectors))
        model.set_vector(vectors)
        model.eval()
        return model

    def _unfitted_vector(self) -> torch.Tensor:
        """Hyperparameters with lengthscales of half the distance between neighbours."""
        count, number = self._training.features.shape
        model = ConditionGP(self._training)
        kernel = model.covar_module.base_kernel
        kernel.lengthscale = torch.full((number,), 0.5 * count ** (-1 / number))
        return model.vector()

    def _fitted_vectors(self, seed: int) -> torch.Tensor:
        count = len(self._training.values)
        subset = _fitted_subset(self._training.values.numpy())
        best = fit_vector(self._training.at(subset))
        for _ in range(_OUTLIER_PASSES):
            contradicted = self._contradicted(self._training, best)
            if (contradicted & (self._training.extra == 0)).any():
                contradicted &= self._contradicted(
                    *self._on_normal_scale(contradicted, subset), _UNEXPLAINED_Z
                )
            if not (contradicted & (self._training.extra == 0)).any():
                break
            self._training.extra[contradicted] = _OUTLIER_VARIANCE
            best = fit_vector(self._training.at(subset), best)
        # Fewer draws of many observations: each costs a factorisation of all of them.
        number = max(1, min(_MEMBERS, _MEMBERS * 2 * _MAX_FITTED // count))
        generator = torch.Generator().manual_seed(seed)
        return posterior_draws(self._training.at(subset), best, number, generator)

    def _points(self, features: Array, tasks: NDArray[np.int_] | None = None) -> torch.Tensor:
        """Features (n x p) as the model takes them: with the task behind, where there are some."""
        if not self._several:
            return torch.as_tensor(features)
        column = np.zeros(len(features)) if tasks is None else tasks
        return torch.as_tensor(np.column_stack([features, column]))

    def _on_normal_scale(
        self, contradicted: torch.Tensor, subset: torch.Tensor
    ) -> tuple[Training, torch.Tensor]:
        """The observations on the scale of the sound ones, and the model fitted to them there."""
        values, suspect = self._training.values.numpy().copy(), contradicted.numpy()
        tasks = np.zeros(len(values)) if self._data.tasks is None else self._data.tasks
        for task in np.unique(tasks[suspect]):
            of_it = tasks == task
            values[of_it] = on_normal_scale(values[of_it], ~suspect[of_it])
        training = self._training._replace(values=torch.as_tensor(values))
        return training, fit_vector(training.at(subset))

    def _contradicted(
        self, training: Training, vector: torch.Tensor, far: float = _OUTLIER_Z
    ) -> torch.Tensor:
        """Which observations are more than `far` sds from what all others predict for them (n)."""
        held_out = ensemble_loo_cv(self._ensemble(vector[None], training))
        z = (held_out.observed_Y - held_out.posterior.mean) / held_out.posterior.variance.sqrt()
        contradicted: torch.Tensor = z.flatten().abs() > far
        return contradicted

    @property
    def outliers(self) -> NDArray[np.bool_]:
        """Which observations are down-weighted as outliers (n)."""
        return np.asarray(self._training.extra[self._own].numpy() > 0)

    @property
    def values_sd(self) -> float:
        """The sd of the observed values, in their unit; of equal ones a guess, above 0."""
        return self._sd

    @property
    def noise_sd(self) -> float:
        """The sd of a measurement of a true value, in the unit of the values."""
        variances = self.model.likelihood.noise_covar.noise.detach()
        return float(variances.mean().sqrt()) * self._sd

    @property
    def effect_sds(self) -> dict[str, float]:
        """The sd of each random effect that is in the model, in the unit of the values."""
        variances = self.model.likelihood.noise_covar.effect_variances.detach().mean(dim=0)
        sds = variances.sqrt() * self._sd
        return dict(zip(self._effects.names, sds.tolist(), strict=True))

    def predict(self, features: Array) -> tuple[Array, Array]:
        """Mean and inflated sd of the true value (n each) at features (n x p)."""
        mean, sd = self._posterior(features)
        return mean, sd * self.sd_inflation

    def predict_chosen(self, features: Array) -> tuple[Array, Array]:
        """As `predict`, of conditions that were chosen for being high by what they are judged by.

        Where few conditions repeat, noise and signal can hardly be told apart, and the best
        hyperparameters take noise for signal. The condition that looks best is often one whose
        noise was lucky, so what is said of it is by a wider mixture: half of its members are those
        of `model`, half are from the posterior in which parameters may have no effect.
        """
        if self._equal:
            return self.predict(features)
        with deterministic(0):
            posterior = self._wider.posterior(self._points(features))
            mean, sd = self._in_unit(posterior.mixture_mean, posterior.mixture_variance)
        # Predictions that were far off widen it further.
        return mean, sd * max(_WIDER_INFLATION, self.sd_inflation)

    @cached_property
    def _wider(self) -> ConditionGP:
        few, draws = self.model.vector(), self._relevance_draws(0).vectors
        evenly = torch.linspace(0, len(draws) - 1, len(few)).round().long()
        return self._ensemble(torch.cat([few, draws[evenly]]))

    def mean(self, features: Array) -> Array:
        """The mean of the true value (n) at features (n x p); much cheaper than its sd."""
        with deterministic(0):
            cross = self.model.covar_module(self._points(features), self._training.features)
            means = self.model.mean_module.constant[:, None] + (
                cross.to_dense() @ self._weights.unsqueeze(-1)
            ).squeeze(-1)
            return np.asarray(self._mean + self._sd * means.mean(dim=0).numpy())

    @cached_property
    def _weights(self) -> torch.Tensor:
        return mean_weights(self.model)

    def _posterior(self, features: Array) -> tuple[Array, Array]:
        """Mean and sd of the true value (n each) at features (n x p), not inflated."""
        with deterministic(0):
            posterior = self.model.posterior(self._points(features))
            return self._in_unit(posterior.mixture_mean, posterior.mixture_variance)

    def leave_one_out(self) -> tuple[Array, Array]:
        """Mean and sd of each observation as all other conditions predict it, with noise (n each).

        Whoever repeats a condition knows its value, so all of its wells are left out at once
        (Roberts et al. 2017, "Cross-validation strategies for data with temporal, spatial,
        hierarchical, or phylogenetic structure"). Hyperparameters are those of all observations;
        a block of the inverse covariance then has the rest's prediction (Rasmussen and Williams
        2006, equation 5.12, of several observations at once).
        """
        training, (own,) = self._training, np.nonzero(self._own.numpy())
        _, condition = np.unique(self._data.features[own], axis=0, return_inverse=True)
        mean, variance = torch.empty(2, len(self.model.vector()), len(training.values)).double()
        with deterministic(0):
            noisy = self.model.likelihood(self.model.forward(self.model.train_inputs[0]))
            inverse = torch.cholesky_inverse(psd_safe_cholesky(noisy.covariance_matrix))
            pulls = inverse @ (training.values - noisy.mean).unsqueeze(-1)
            for number in range(condition.max() + 1):
                wells = torch.as_tensor(own[condition.ravel() == number])
                block = torch.linalg.inv(inverse[:, wells][:, :, wells])
                mean[:, wells] = training.values[wells] - (block @ pulls[:, wells]).squeeze(-1)
                variance[:, wells] = block.diagonal(dim1=-2, dim2=-1)
        mean, variance = mean[:, own], variance[:, own]
        # An outlier is compared with what a sound well would show.
        variance = variance.mean(dim=0) + mean.var(dim=0, correction=0) - training.extra[own]
        return self._in_unit(mean.mean(dim=0), variance)

    def _in_unit(self, mean: torch.Tensor, variance: torch.Tensor) -> tuple[Array, Array]:
        sd = variance.flatten().clamp_min(1e-12).sqrt()
        return (
            np.asarray(self._mean + self._sd * mean.flatten().numpy()),
            np.asarray(self._sd * sd.numpy()),
        )

    @cached_property
    def sd_inflation(self) -> float:
        """The factor by which the posterior's sd is multiplied, 1 to 8.

        The maximum a posteriori on a grid, given a log-normal prior and the errors with which the
        earlier rounds predict the last round's wells, outliers left out.
        """
        if self._equal:
            return 1.0
        data = self._data
        log_posterior = norm.logpdf(np.log(_INFLATION_GRID), *_INFLATION_PRIOR)
        rounds = data.recorded.rounds
        last = rounds[data.own].max()
        before = rounds < last
        held_out = data.own & ~before & ~(self._training.extra.numpy() > 0)
        if min(held_out.sum(), (before & data.own).sum()) >= _MIN_HELD_OUT:
            earlier = Surrogate(data.at(before))
            mean, sd = earlier._posterior(data.features[held_out])
            errors = data.values[held_out] - mean
            inflated = np.sqrt((_INFLATION_GRID[:, None] * sd) ** 2 + earlier.noise_sd**2)
            log_likelihood = np.asarray(t.logpdf(errors, _INFLATION_DEGREES, scale=inflated))
            # Errors within a round are correlated: however many wells there are, together they
            # count as the fewest that suffice.
            log_posterior += _MIN_HELD_OUT * log_likelihood.mean(axis=1)
        return float(_INFLATION_GRID[log_posterior.argmax()])

    def selecting_samples(
        self, number: int, seed: int
    ) -> tuple[PosteriorSamples, NDArray[np.bool_]]:
        """Functions sampled from the posterior in which parameters may have no effect.

        Beside them for each (number x p) whether a parameter matters in it. The deviation of each
        from the mean of its hyperparameters is multiplied by a random power, from 0 to 1, of
        `sd_inflation`: of one function nobody knows how overconfident the model is.

        Args:
            number: functions, shared evenly between the draws of the hyperparameters.
            seed: decides them.
        """
        draws = self._relevance_draws(seed)
        with deterministic(seed):
            model = self._ensemble(draws.vectors)
        widths = self.sd_inflation ** np.random.default_rng([seed, 7]).uniform(size=number)
        samples = self._samples(model, number, seed, widths)
        of_each = -(-number // len(draws.relevant))
        relevant = draws.relevant[:, : self._data.features.shape[1]]
        return samples, np.asarray(relevant.repeat(of_each, 1)[:number].numpy())

    def _relevance_draws(self, seed: int) -> RelevanceDraws:
        """By up to 128 observations at random: each step of a chain costs a factorisation."""
        if seed not in self._drawn:
            count = len(self._training.values)
            generator = torch.Generator().manual_seed(seed)
            subset = torch.randperm(count, generator=generator)[:_MAX_SELECTING].sort().values
            with deterministic(seed):
                best = self.model.vector()[0]
                self._drawn[seed] = relevance_draws(self._training.at(subset), best, seed)
        return self._drawn[seed]

    def posterior_samples(self, number: int, seed: int) -> PosteriorSamples:
        """`number` functions sampled from the posterior, which can be evaluated anywhere.

        By BoTorch's Matheron paths (Wilson et al. 2020).

        Args:
            number: functions, shared evenly between the members of the ensemble.
            seed: decides them.
        """
        return self._samples(self.model, number, seed)

    def _samples(
        self, model: ConditionGP, number: int, seed: int, widths: Array | None = None
    ) -> PosteriorSamples:
        return PosteriorSamples(model, number, seed, self._mean, self._sd, self._points, widths)


def _scale(values: Array) -> tuple[float, float, bool]:
    """Mean and sd of values, and whether they are all equal, so that the sd is a guess."""
    mean, sd = float(values.mean()), float(values.std())
    if sd > 1e-9 * max(1e-9, abs(mean)):
        return mean, sd, False
    return mean, abs(mean) / 2 or 0.5, True


def _fitted_subset(values: Array) -> torch.Tensor:
    """Indices of all observations; of more than 400, the 200 best and 200 others at random."""
    if len(values) <= _MAX_FITTED:
        return torch.arange(len(values))
    order = np.argsort(-values)
    half = _MAX_FITTED // 2
    others = np.random.default_rng(0).permutation(order[half:])[: _MAX_FITTED - half]
    return torch.as_tensor(np.sort(np.concatenate([order[:half], others])))
