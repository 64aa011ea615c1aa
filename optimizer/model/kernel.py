"""The covariance of two conditions, as a GPyTorch kernel with pathwise features for BoTorch."""

import math
from collections.abc import Mapping
from typing import Any

import torch
from botorch.sampling.pathwise.features.generators import GenKernelFeatures
from botorch.sampling.pathwise.features.maps import FeatureMap
from botorch.sampling.pathwise.utils import SineCosineTransform
from gpytorch.constraints import Interval, Positive
from gpytorch.kernels import Kernel
from gpytorch.priors import LogNormalPrior, NormalPrior
from torch import Tensor

_SQRT_5 = math.sqrt(5)
_DEGREES = 5  # 2 nu: degrees of freedom of the spectral density of Matern's covariance
_OWN = 0.1  # share of the distance of two levels with descriptors that is not theirs
_INTERACTION_PRIOR = (3.0, 2.0)  # of the logit


class ConditionKernel(Kernel):
    """Covariance of the true values of two conditions, 1 for equal ones.

    Features (p of each condition) are 0..1 for a number, or the index of a category's level.

        k(x, x') = product over parameters of c(x, x')

    with c = 1 - interaction + interaction * m(|x - x'| / lengthscale) for a number, where m is
    Matern's covariance with nu = 5/2 (Rasmussen and Williams 2006, equation 4.17), and
    exp(-1 / lengthscale) between two different levels of a category. Between levels with
    descriptors it is exp(-d / lengthscale), where d is 0.9 of their Euclidean distance, which is 1
    on average, and 0.1 for being another level. The product multiplied out
    is a sum over all sets of parameters that interact (Duvenaud et al. 2011, "Additive Gaussian
    Processes"): an `interaction` (0..1) of 1 leaves only the interaction of all numbers, and
    lower values give more weight to main effects.

    The lengthscale's prior is BoTorch's (Hvarfner et al. 2024, "Vanilla Bayesian Optimization
    Performs Great in High Dimensions").
    """

    has_lengthscale = True

    def __init__(
        self,
        levels: Tensor,
        batch_shape: torch.Size | None = None,
        coordinates: Mapping[int, Tensor] | None = None,
    ) -> None:
        """Of parameters with these numbers of levels, 0 for a number (p).

        `coordinates` are descriptors (levels x d) of categories, by their index.
        """
        count = len(levels)
        super().__init__(
            ard_num_dims=count,
            batch_shape=batch_shape or torch.Size(),
            lengthscale_constraint=Positive(transform=torch.exp, inv_transform=torch.log),
            lengthscale_prior=LogNormalPrior(math.sqrt(2) + 0.5 * math.log(count), math.sqrt(3)),
        )
        self.register_buffer("levels", levels)
        self.coordinates = {index: _scaled(table) for index, table in (coordinates or {}).items()}
        shape = (*self.batch_shape, 1)
        self.register_parameter("raw_interaction", torch.nn.Parameter(torch.zeros(shape)))
        self.register_constraint("raw_interaction", Interval(0.0, 1.0))
        self.register_prior(
            "interaction_prior",
            NormalPrior(*_INTERACTION_PRIOR),
            lambda m: m.raw_interaction,
            _set_raw,
        )

    @property
    def interaction(self) -> Tensor:
        """How far numbers interact, 0..1 (batch shape x 1)."""
        found: Tensor = self.raw_interaction_constraint.transform(self.raw_interaction)
        return found

    def forward(self, x1: Tensor, x2: Tensor, diag: bool = False, **params: Any) -> Tensor:
        """Covariances (n x m) of features n x p and m x p; with `diag` of pairs (n)."""
        if diag:
            first, second = x1, x2
        else:
            first, second = x1.unsqueeze(-2), x2.unsqueeze(-3)
        extra = [1] * (1 if diag else 2)
        interaction = self.interaction.reshape(*self.batch_shape, *extra)
        product: Tensor | None = None
        for index in range(len(self.levels)):
            scale = self.lengthscale[..., 0, index].reshape(*self.batch_shape, *extra)
            factor = self.factor(index, first[..., index], second[..., index], scale, interaction)
            product = factor if product is None else product * factor
        assert product is not None
        return product

    def factor(
        self, index: int, one: Tensor, other: Tensor, scale: Tensor, interaction: Tensor
    ) -> Tensor:
        """What the parameter at `index` contributes to the covariance of two of its features.

        All broadcast: `scale` is the lengthscale, `interaction` 0..1.
        """
        if index in self.coordinates:
            table = self.coordinates[index]
            apart = (table[one.long()] - table[other.long()]).norm(dim=-1)
            return torch.exp(-(apart + _OWN * one.ne(other).to(scale)) / scale)
        if self.levels[index]:
            return torch.exp(-one.ne(other).to(scale) / scale)
        distance = (one - other).abs() * (_SQRT_5 / scale)
        matern = (1 + distance + distance.square() / 3) * torch.exp(-distance)
        return 1 - interaction + interaction * matern


def _scaled(descriptors: Tensor) -> Tensor:
    """Descriptors (levels x d) whose mean distance is what `_OWN` leaves of 1."""
    return descriptors * (1 - _OWN) / torch.pdist(descriptors).mean()


def _set_raw(kernel: ConditionKernel, value: Tensor) -> None:
    kernel.initialize(raw_interaction=value)


class ConditionFeatures(FeatureMap):
    """Random Fourier features of `ConditionKernel` (Rahimi and Recht 2007).

    Along a number a feature varies with probability `interaction`. Each level of a category gets a
    random phase of its own with probability 1 - exp(-1 / lengthscale); along descriptors the phase
    varies with frequencies of a multivariate Cauchy distribution, the spectral density of
    exp(-distance) (Rasmussen and Williams 2006, section 4.2).
    """

    def __init__(self, kernel: ConditionKernel, num_outputs: int) -> None:
        """With `num_outputs` features, an even number."""
        super().__init__()
        self.num_outputs, self.batch_shape = num_outputs, kernel.batch_shape
        self.input_transform = None
        self.output_transform = SineCosineTransform(
            torch.tensor(math.sqrt(2 / num_outputs), dtype=kernel.lengthscale.dtype)
        )
        half = num_outputs // 2
        shape = (*self.batch_shape, half)
        self._frequencies: list[Tensor] = []
        self._phases: dict[int, Tensor] = {}
        for index, levels in enumerate(kernel.levels.tolist()):
            scale = kernel.lengthscale[..., 0, index].detach().unsqueeze(-1)
            if levels:
                own = _OWN if index in kernel.coordinates else 1.0
                differs = torch.rand(shape, dtype=scale.dtype) < 1 - torch.exp(-own / scale)
                phases = (
                    2 * math.pi * torch.rand(*self.batch_shape, levels, half, dtype=scale.dtype)
                )
                self._phases[index] = phases * differs.unsqueeze(-2)
                if index in kernel.coordinates:
                    table = kernel.coordinates[index]
                    normal = torch.randn(*self.batch_shape, table.shape[-1], half).to(scale)
                    cauchy = normal / torch.randn(shape).to(scale).abs().unsqueeze(-2)
                    along = table @ (cauchy / scale.unsqueeze(-2))
                    self._phases[index] = self._phases[index] + along
                self._frequencies.append(torch.zeros(shape, dtype=scale.dtype))
            else:
                chi = torch.distributions.Gamma(_DEGREES / 2, _DEGREES / 2).sample(shape).to(scale)
                frequencies = torch.randn(shape, dtype=scale.dtype) / chi.sqrt() / scale
                varies = torch.rand(shape, dtype=scale.dtype) < kernel.interaction.detach()
                self._frequencies.append(frequencies * varies)
        self.weight = torch.stack(self._frequencies, dim=-2)  # batch shape x p x half

    def forward(self, x: Tensor) -> Tensor:
        """Angles (batch shape x n x f / 2) of points (n x p); features are sine and cosine."""
        angles = x @ self.weight
        for index, table in self._phases.items():
            one_hot = torch.nn.functional.one_hot(x[..., index].long(), table.shape[-2])
            angles = angles + one_hot.to(table) @ table
        return angles


@GenKernelFeatures.register(ConditionKernel)
def _condition_features(
    kernel: ConditionKernel, *, num_inputs: int, num_outputs: int
) -> ConditionFeatures:
    return ConditionFeatures(kernel, num_outputs)
