"""Which parameters matter at all, and the model's hyperparameters, by Markov chains."""

import math
from typing import NamedTuple

import torch
from gpytorch.distributions import MultivariateNormal
from gpytorch.priors import LogNormalPrior
from linear_operator.operators import DenseLinearOperator
from torch import Tensor

from optimizer.model.gp import ConditionGP, Training
from optimizer.model.kernel import ConditionKernel

_CHAINS = 16
_SWEEPS = 24
_KEPT = 4  # of the last half of the sweeps
_EXCLUDED = 14.0  # log of a lengthscale along which nothing changes
_STEPS = {"raw_noise": 0.6, "raw_effects": 1.0, "raw_constant": 0.3, "raw_outputscale": 0.4}
_LENGTHSCALE_STEP = 0.8
_OTHER_STEP = 1.0
_BOUNDS = (-9.0, 9.0)
# Normals of logs. A parameter that matters changes something within its range: with the wide prior
# of the model for proposals, where nothing is ever left out, it might as well do nothing.
_LENGTHSCALE_SD = 0.8  # about half the log of how many parameters matter
_PROPOSED_LENGTHSCALE = (0.5, 1.0)
_SIGNAL_PRIOR = (-0.5, 1.0)
_OWN_PRIORS = ("lengthscale_prior", "outputscale_prior")


class RelevanceDraws(NamedTuple):
    """Draws from the joint posterior of hyperparameters and of which parameters matter.

    `vectors` (members x h) are hyperparameters as `ConditionGP.set_vector` takes them, and
    `relevant` (members x p) says which parameters matter in each.
    """

    vectors: Tensor
    relevant: Tensor


def relevance_draws(training: Training, best: Tensor, seed: int) -> RelevanceDraws:
    """Draw from the posterior in which each parameter may have no effect (spike and slab).

    Gaussian processes with variable selection are due to Savitsky, Vannucci and Sha (2011,
    Statistical Science 26, 130-149). A priori that none matters is as likely as that some
    do, and how many do is uniform (Scott and Berger 2010, Annals of Statistics 38, 2587-2619); a
    parameter enters with a lengthscale of its own. 16 chains of 24 sweeps by
    Metropolis and Hastings; four sweeps of the second half of each are kept.

    Args:
        training: the observations, values standardised.
        best: where chains begin: the hyperparameters of highest density (h).
        seed: decides the draws.
    """
    generator = torch.Generator().manual_seed(seed)
    chain = _Chains(training, best, generator)
    kept = []
    for sweep in range(1, _SWEEPS + 1):
        chain.sweep()
        if sweep > _SWEEPS // 2 and sweep % (_SWEEPS // 2 // _KEPT) == 0:
            kept.append((chain.vectors.clone(), chain.relevant.clone()))
    vectors, relevant = (torch.cat(parts) for parts in zip(*kept, strict=True))
    return RelevanceDraws(vectors, relevant)


class _Factors:
    """Each parameter's factor of the covariance of the observations, in every chain.

    A move changes one parameter in some of the chains: only those factors are computed again.
    """

    def __init__(self, features: Tensor) -> None:
        count, parameters = features.shape
        self._first, self._second = features.unsqueeze(-2), features.unsqueeze(-3)
        self._factors = features.new_empty(parameters, _CHAINS, count, count)
        self._made_with = torch.full((parameters, _CHAINS, 2), torch.nan, dtype=features.dtype)

    def covariance(self, kernel: ConditionKernel) -> Tensor:
        """The covariance (chains x n x n) with the kernel's present hyperparameters."""
        lengthscales, interaction = kernel.lengthscale[:, 0], kernel.interaction[:, 0]
        for index, factors in enumerate(self._factors):
            wanted = torch.stack([lengthscales[:, index], interaction], dim=1)
            stale = (wanted != self._made_with[index]).any(dim=1)
            if stale.any():
                scale, together = wanted[stale, :, None, None].unbind(dim=1)
                one, other = self._first[..., index], self._second[..., index]
                factors[stale] = kernel.factor(index, one, other, scale, together)
                self._made_with[index] = wanted
        return self._factors.prod(dim=0)


class _Chains:
    def __init__(self, training: Training, best: Tensor, generator: torch.Generator) -> None:
        self._model = ConditionGP(training, _CHAINS)
        self._model.train()
        self._factors = _Factors(training.features)
        self._generator = generator
        places, begin = {}, 0
        for name, parameter in self._model.named_parameters():
            size = parameter.numel() // _CHAINS
            places[name.rpartition(".")[2]] = range(begin, begin + size)
            begin += size
        self._lengthscales = list(places.pop("raw_lengthscale"))
        (self._signal,) = places["raw_outputscale"]
        self._others = [
            (index, _STEPS.get(name, _OTHER_STEP))
            for name, indices in places.items()
            for index in indices
        ]
        self.vectors = best.expand(_CHAINS, -1).clone()
        # Half of the chains begin with every parameter, half with none.
        self.relevant = torch.zeros(_CHAINS, len(self._lengthscales), dtype=torch.bool)
        self.relevant[::2] = True
        lengthscales = self.vectors[:, self._lengthscales]
        self.vectors[:, self._lengthscales] = torch.where(self.relevant, lengthscales, _EXCLUDED)
        self._density = self._log_density(self.vectors, self.relevant)

    def sweep(self) -> None:
        """A move of each hyperparameter, and one of each parameter in or out."""
        for place, index in enumerate(self._lengthscales):
            self._move_lengthscale(place, index)
            self._toggle(place, index)
        self._swap()
        for index, step in self._others:
            proposed = self.vectors.clone()
            proposed[:, index] += step * self._normal()
            self._accept(proposed, self.relevant)

    def _move_lengthscale(self, place: int, index: int) -> None:
        if not self.relevant[:, place].any():
            return
        proposed = self.vectors.clone()
        proposed[:, index] += _LENGTHSCALE_STEP * self._normal() * self.relevant[:, place]
        self._accept(proposed, self.relevant)

    def _toggle(self, place: int, index: int) -> None:
        proposed, relevant = self.vectors.clone(), self.relevant.clone()
        relevant[:, place] = ~relevant[:, place]
        entering = relevant[:, place]
        loc, scale = _PROPOSED_LENGTHSCALE
        proposed[:, index] = torch.where(entering, loc + scale * self._normal(), _EXCLUDED)
        # The density of what is drawn, or would be on the way back.
        forth = _log_normal(proposed[:, index], loc, scale) * entering
        back = _log_normal(self.vectors[:, index], loc, scale) * ~entering
        self._accept(proposed, relevant, back - forth)

    def _swap(self) -> None:
        """One parameter that matters gives its place, and its lengthscale, to one that does not."""
        proposed, relevant = self.vectors.clone(), self.relevant.clone()
        for chain in range(_CHAINS):
            inside = relevant[chain].nonzero().flatten()
            outside = (~relevant[chain]).nonzero().flatten()
            if len(inside) and len(outside):
                first = inside[torch.randint(len(inside), (1,), generator=self._generator)]
                second = outside[torch.randint(len(outside), (1,), generator=self._generator)]
                relevant[chain, first], relevant[chain, second] = False, True
                one, other = self._lengthscales[int(first)], self._lengthscales[int(second)]
                proposed[chain, other] = proposed[chain, one]
                proposed[chain, one] = _EXCLUDED
        self._accept(proposed, relevant)

    def _accept(self, proposed: Tensor, relevant: Tensor, log_ratio: Tensor | float = 0.0) -> None:
        included = torch.where(relevant, proposed[:, self._lengthscales], 0.0)
        rest = proposed[:, [index for index, _ in self._others]]
        inside = (included.abs() <= _BOUNDS[1]).all(dim=1) & (rest.abs() <= _BOUNDS[1]).all(dim=1)
        proposed = torch.where(inside[:, None], proposed, self.vectors)
        density = self._log_density(proposed, relevant)
        uniform = torch.rand(_CHAINS, dtype=torch.float64, generator=self._generator)
        taken = inside & (uniform.log() < density - self._density + log_ratio)
        self.vectors = torch.where(taken[:, None], proposed, self.vectors)
        self.relevant = torch.where(taken[:, None], relevant, self.relevant)
        self._density = torch.where(taken, density, self._density)

    def _log_density(self, vectors: Tensor, relevant: Tensor) -> Tensor:
        """Log posterior density of vectors (chains), up to a constant, on their own scale."""
        model = self._model
        model.set_vector(vectors)
        with torch.no_grad():
            scale = model.covar_module.outputscale[:, None, None]
            covariance = scale * self._factors.covariance(model.covar_module.base_kernel)
            mean = model.mean_module(*model.train_inputs)
            latent = MultivariateNormal(mean, DenseLinearOperator(covariance))
            found: Tensor = model.likelihood(latent).log_prob(model.train_targets)
            for name, module, prior, closure, _ in model.named_priors():
                if name.endswith(_OWN_PRIORS):
                    continue
                value = closure(module)
                density = prior.log_prob(value)
                if isinstance(prior, LogNormalPrior):
                    density = density + value.log()
                found = found + density.reshape(_CHAINS, -1).sum(dim=1)
        # Where many matter, short ones in each would be a function as rough as noise.
        middle = 0.5 * relevant.sum(dim=1, keepdim=True).clamp_min(1).log()
        lengthscales = _log_normal(vectors[:, self._lengthscales], middle, _LENGTHSCALE_SD)
        found = found + torch.where(relevant, lengthscales, 0.0).sum(dim=1)
        found = found + _log_normal(vectors[:, self._signal], *_SIGNAL_PRIOR)
        count = relevant.shape[1]
        size = relevant.sum(dim=1)
        of_size = [-math.log(count * math.comb(count, number)) for number in range(1, count + 1)]
        return found + torch.tensor([0.0, *of_size], dtype=torch.float64)[size]

    def _normal(self) -> Tensor:
        return torch.randn(_CHAINS, dtype=torch.float64, generator=self._generator)


def _log_normal(values: Tensor, loc: float | Tensor, scale: float) -> Tensor:
    """Log density of a normal distribution, up to a constant."""
    return -0.5 * ((values - loc) / scale).square() - math.log(scale)
