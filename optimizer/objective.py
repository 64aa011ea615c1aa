"""What is wanted of outcomes: high, low, or near a target, one or several, within constraints."""

import math
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

Direction = Literal["maximise", "minimise", "match"]

OutcomeName = str | None
"""The name of an outcome of `Observation.outcomes`; None: `Observation.value`."""


class Objective(NamedTuple):
    """The direction of one outcome, and the target of `match`, in the outcome's unit.

    `threshold`, in the outcome's unit, counts only where there are several objectives: what is not
    better than it adds nothing, however good the others are (the reference point of the
    hypervolume).
    """

    direction: Direction = "maximise"
    target: float = 0.0
    outcome: OutcomeName = None
    threshold: float | None = None

    @classmethod
    def of(
        cls,
        direction: str,
        target: float | None = None,
        outcome: OutcomeName = None,
        threshold: float | None = None,
    ) -> Self:
        """An objective by its direction.

        Raises:
            ValueError: no such direction, or a target that is missing or not needed, or a number
                that is not finite.
        """
        if direction not in ("maximise", "minimise", "match"):
            raise ValueError(
                f"there is no direction {direction!r} (expected maximise, minimise or match)"
            )
        if (direction == "match") != (target is not None):
            raise ValueError(
                f"{direction} with target {target} (expected a target for match, and only for it)"
            )
        for word, number in (("target", target), ("threshold", threshold)):
            if number is not None and not math.isfinite(number):
                raise ValueError(f"{word} {number} (expected a finite number)")
        wanted = 0.0 if target is None else float(target)
        return cls(direction, wanted, outcome, threshold)  # type: ignore[arg-type]

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
        return np.asarray(-(tail + off * (1 - 2 * _normal_cdf(-off / sd))))


MAXIMISE = Objective()
_NO_ENDS = (-math.inf, math.inf)


class OutcomeBounds(NamedTuple):
    """What an outcome has to be at least and at most, in its unit, for a condition to count."""

    outcome: OutcomeName
    at_least: float = -math.inf
    at_most: float = math.inf

    @classmethod
    def of(cls, outcome: OutcomeName, at_least: float | None, at_most: float | None) -> Self:
        """A constraint by its ends, of which one may be None.

        Raises:
            ValueError: there is no end, or they leave nothing between them.
        """
        low = -math.inf if at_least is None else float(at_least)
        high = math.inf if at_most is None else float(at_most)
        if math.isnan(low) or math.isnan(high) or not low < high or (low, high) == _NO_ENDS:
            raise ValueError(
                f"{outcome or 'value'} from {at_least} to {at_most} (expected a lowest value below "
                "a highest one, or one of them)"
            )
        return cls(outcome, low, high)

    def excess(self, values: Any) -> Any:
        """How far values lie outside, in the outcome's unit; 0 or less within.

        Of a number, an array or a tensor.
        """
        ends = [self.at_least - values] if math.isfinite(self.at_least) else []
        ends += [values - self.at_most] if math.isfinite(self.at_most) else []
        first, second = ends[0], ends[-1]
        return (first + second + abs(first - second)) / 2  # the larger

    def probability(self, mean: Array, sd: Array) -> Array:
        """With which probability (n) normally distributed true values meet it."""
        return _normal_cdf((self.at_most - mean) / sd) - _normal_cdf((self.at_least - mean) / sd)


@dataclass(frozen=True)
class Goals:
    """One or several objectives, each of another outcome, and constraints on outcomes."""

    objectives: tuple[Objective, ...] = (MAXIMISE,)
    constraints: tuple[OutcomeBounds, ...] = ()

    def __post_init__(self) -> None:
        names = [objective.outcome for objective in self.objectives]
        if not names or len(set(names)) < len(names):
            raise ValueError(
                f"objectives of {names} (expected one or more, each of another outcome)"
            )

    @classmethod
    def of(cls, wanted: "Objective | Goals") -> "Goals":
        """Of an objective by itself."""
        return wanted if isinstance(wanted, Goals) else cls((wanted,))

    @property
    def plain(self) -> bool:
        """Whether there is one objective, without constraints on outcomes."""
        return len(self.objectives) == 1 and not self.constraints

    @property
    def outcomes(self) -> tuple[OutcomeName, ...]:
        """Every outcome that is wanted or constrained, those of objectives first."""
        wanted = [objective.outcome for objective in self.objectives]
        return tuple(dict.fromkeys([*wanted, *(rule.outcome for rule in self.constraints)]))


ONE_HIGH = Goals()
"""The observations' own value is to be high."""


def _normal_cdf(z: Array) -> Array:
    # Imported only here: whoever only looks at a campaign needs the names of this module.
    from scipy.special import ndtr

    return np.asarray(ndtr(z))
