"""What is wanted of an outcome: high, low, or near a target."""

from typing import Any, Literal, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

Array = NDArray[np.float64]

Direction = Literal["maximise", "minimise", "match"]


class Objective(NamedTuple):
    """The direction of one outcome, and the target of `match`, in the outcome's unit."""

    direction: Direction = "maximise"
    target: float = 0.0

    @classmethod
    def of(cls, direction: str, target: float | None = None) -> Self:
        """An objective by its direction.

        Raises:
            ValueError: no such direction, or a target that is missing or not needed.
        """
        if direction not in ("maximise", "minimise", "match"):
            raise ValueError(
                f"there is no direction {direction!r} (expected maximise, minimise or match)"
            )
        if (direction == "match") != (target is not None):
            raise ValueError(
                f"{direction} with target {target} (expected a target for match, and only for it)"
            )
        return cls(direction, 0.0 if target is None else float(target))  # type: ignore[arg-type]

    def utility(self, values: Any) -> Any:
        """What is to be raised: the values, their negatives, or minus the distance.

        Of a number, an array or a tensor.
        """
        if self.direction == "maximise":
            return values
        return -values if self.direction == "minimise" else -abs(values - self.target)

    def expected_utility(self, mean: Array, sd: Array) -> Array:
        """The mean utility (n) of normally distributed true values, in the unit of the outcome.

        Of `match` minus the mean of a folded normal distribution: what is surely near the target is
        worth more than what may be anywhere about it.
        """
        if self.direction != "match":
            return np.asarray(self.utility(mean))
        off = mean - self.target
        tail = sd * np.sqrt(2 / np.pi) * np.exp(-0.5 * (off / sd) ** 2)
        return np.asarray(-(tail + off * (1 - 2 * norm.cdf(-off / sd))))


MAXIMISE = Objective()
