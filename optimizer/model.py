"""The model: what is believed of the objective, given noisy observations."""

from functools import cached_property
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.stats import norm, t

from optimizer.evidence import Data, Evidence, Hyperparameters, Prior, one_thread, root_of
from optimizer.kernel import Array, Waves

_HYPERPARAMETER_DRAWS = 8
_MOST_TO_FIT = 400
_WAVES = 256
_OUTLIER_Z = 4.0
_OUTLIER_VARIANCE = 1e3
_WIDENING = Prior(0.9, 0.5)  # of the log; how far proposals on the tuning functions were off
_WIDENING_DEGREES = 4  # of the t distribution of how far a well is off
_FEWEST_HELD_OUT = 6


class _Member(NamedTuple):
    """One posterior Gaussian process of the mixture."""

    given: Hyperparameters
    root: torch.Tensor
    weights: torch.Tensor


class GaussianProcess:
    """Posterior of the true value f, given observations y of it.

        y = f(condition) + shift of its round + noise

    f is a Gaussian process with the covariance of `Kernel`. The shift is the same for all wells of a round (its sd is
    learnt from conditions that were measured in several rounds and from the surface as a whole). An observation that
    the others speak against (more than 4 sd off, leaving it out) is given a large noise of its own.

    Hyperparameters are not fixed at their best: the posterior is a mixture over several draws of them, from a t
    distribution about the best (its curvature gives the spread), weighed by importance.

    Where conditions were chosen for being high, such a posterior is too sure of itself: real surfaces are not as smooth
    as the kernel says, least of all at their peaks. Its sd is therefore widened by how far the last round was off what
    the rounds before it said. Drawn functions are not widened: batches that were chosen so did worse.
    """

    def __init__(self, data: Data, seed: int = 0) -> None:
        """Fit; up to 400 of the observations choose the hyperparameters, all of them make the posterior."""
        self._mean, self._sd = float(data.values.mean()), max(float(data.values.std()), 1e-9)
        self._data = data._replace(values=(data.values - self._mean) / self._sd)
        self._extra = torch.zeros(len(data.values), dtype=torch.float64)
        some, every = _most_telling(data), np.arange(len(data.values))
        number = max(1, min(_HYPERPARAMETER_DRAWS, _HYPERPARAMETER_DRAWS * 2 * _MOST_TO_FIT // len(every)))
        with one_thread():
            best = self._explain(some).search()
            for _ in range(2):
                doubtful = np.abs(self._explain(every).leave_one_out(best)) > _OUTLIER_Z
                if not (doubtful & ~self.outliers).any():
                    break
                self._extra[torch.as_tensor(doubtful)] = _OUTLIER_VARIANCE
                best = self._explain(some).search(best)
            self._evidence = self._explain(every)
            vectors = self._explain(some).spread(best, number, seed)
            self._members = [self._member(vector) for vector in vectors]

    @property
    def outliers(self) -> NDArray[np.bool_]:
        """Which observations are not trusted (n)."""
        return np.asarray(self._extra.numpy() > 0)

    @property
    def noise_sd(self) -> float:
        """The sd of a measurement of a true value."""
        return float(np.sqrt(np.mean([member.given.noise**2 for member in self._members])) * self._sd)

    def predict(self, features: Array) -> tuple[Array, Array]:
        """Mean and sd of the true value at features (n x p)."""
        mean, sd = self._predicted(features)
        return mean, sd * self.widening

    def mean(self, features: Array) -> Array:
        """The mean of the true value at features (n x p), which costs much less than its sd."""
        with one_thread():
            means = [
                member.given.level + member.given.kernel.covariance(features, self._data.features) @ member.weights
                for member in self._members
            ]
            return np.asarray(self._mean + self._sd * torch.stack(means).mean(dim=0).numpy())

    @cached_property
    def widening(self) -> float:
        """By what the posterior's sd is multiplied, 1 to 8.

        The most probable value, given a prior and the trusted wells of the last round as the rounds before it saw them.
        """
        data = self._data
        scales = np.geomspace(1, 8, 60)
        belief = norm.logpdf(np.log(scales), _WIDENING.mean, _WIDENING.sd)
        before = data.rounds < data.rounds.max()
        held_out = ~before & ~self.outliers
        if min(held_out.sum(), before.sum()) >= _FEWEST_HELD_OUT:
            earlier = GaussianProcess(
                Data(data.features[before], data.values[before], data.rounds[before], data.levels)
            )
            mean, sd = earlier._predicted(data.features[held_out])
            off = data.values[held_out] - mean
            spread = np.sqrt((scales[:, None] * sd) ** 2 + earlier.noise_sd**2)
            # Wells of a round are alike: together they count as the fewest that are asked for, not as so many proofs.
            told = np.asarray(t.logpdf(off, _WIDENING_DEGREES, scale=spread))
            belief += _FEWEST_HELD_OUT * told.mean(axis=1)
        return float(scales[belief.argmax()])

    def _predicted(self, features: Array) -> tuple[Array, Array]:
        means, squares = [], []
        with one_thread():
            for member in self._members:
                kernel = member.given.kernel
                across = kernel.covariance(features, self._data.features)
                seen = torch.linalg.solve_triangular(member.root, across.T, upper=False)
                mean = member.given.level + across @ member.weights
                means.append(mean)
                squares.append((kernel.scale**2 - (seen**2).sum(dim=0)).clamp_min(0) + mean**2)
        return self._mixed(means, squares)

    def held_out(self) -> tuple[Array, Array]:
        """Mean and sd of each observation as all the others predict it, noise included (n each)."""
        means, squares = [], []
        values = torch.as_tensor(self._data.values)
        with one_thread():
            for member in self._members:
                precision = torch.cholesky_inverse(member.root).diagonal()
                mean = values - member.weights / precision
                means.append(mean)
                squares.append((1 / precision - self._extra).clamp_min(0) + mean**2)
        return self._mixed(means, squares)

    def _mixed(self, means: list[torch.Tensor], squares: list[torch.Tensor]) -> tuple[Array, Array]:
        """Mean and sd of a mixture, in the unit of the values, from its members' means and mean squares."""
        mean = torch.stack(means).mean(dim=0)
        variance = (torch.stack(squares).mean(dim=0) - mean**2).clamp_min(1e-12)
        return np.asarray(self._mean + self._sd * mean.numpy()), np.asarray(self._sd * variance.sqrt().numpy())

    def functions(self, number: int, seed: int) -> "PosteriorFunctions":
        """`number` functions drawn from the posterior, which can be asked anywhere."""
        rng = np.random.default_rng(seed)
        share, rest = divmod(number, len(self._members))
        pieces = []
        with one_thread():
            for place, member in enumerate(self._members):
                count = share + (place < rest)
                waves = member.given.kernel.waves(_WAVES, count, rng)
                noise = root_of(self._evidence.noise(member.given)) @ torch.as_tensor(
                    rng.standard_normal((len(self._data.values), count))
                )
                prior = torch.as_tensor(waves(self._data.features))
                off = torch.as_tensor(self._data.values)[:, None] - member.given.level - prior - noise
                pieces.append(_Piece(member.given, waves, torch.cholesky_solve(off, member.root)))
        return PosteriorFunctions(self._data.features, pieces, self._mean, self._sd)

    def _explain(self, at: NDArray[np.int_]) -> Evidence:
        return Evidence(self._data, at, self._extra)

    def _member(self, vector: torch.Tensor) -> _Member:
        given = self._evidence.read(vector)
        root = root_of(self._evidence.covariance(given))
        values = torch.as_tensor(self._data.values)
        return _Member(given, root, torch.cholesky_solve((values - given.level)[:, None], root)[:, 0])


class _Piece(NamedTuple):
    given: Hyperparameters
    waves: Waves
    weights: torch.Tensor


class PosteriorFunctions:
    """Functions drawn from the posterior: from the prior, then moved by what was observed.

    (Wilson et al. 2020, "Efficiently Sampling Functions from Gaussian Process Posteriors".)
    """

    def __init__(self, observed: Array, pieces: list[_Piece], mean: float, sd: float) -> None:
        self._observed, self._pieces, self._mean, self._sd = observed, pieces, mean, sd

    def __call__(self, features: Array) -> Array:
        """Their values at features (n x p); functions x n."""
        found = []
        with one_thread():
            for piece in self._pieces:
                across = piece.given.kernel.covariance(features, self._observed)
                found.append(piece.given.level + piece.waves(features) + (across @ piece.weights).numpy())
        return np.asarray(self._mean + self._sd * np.hstack(found).T)


def _most_telling(data: Data) -> NDArray[np.int_]:
    """All observations, or of many the best half and others at random."""
    if len(data.values) <= _MOST_TO_FIT:
        return np.arange(len(data.values))
    order = np.argsort(-data.values)
    half = _MOST_TO_FIT // 2
    others = np.random.default_rng(0).permutation(order[half:])[: _MOST_TO_FIT - half]
    return np.sort(np.concatenate([order[:half], others]))
