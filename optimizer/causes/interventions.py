"""What setting a column does to the others, from the settings themselves: no model of causes."""

from collections.abc import Collection, Sequence
from typing import NamedTuple

import numpy as np

from optimizer.causes.independence import Array
from optimizer.causes.replicates import conditions_of

_ROWS_A_COEFFICIENT = 3
_FEWEST_ROWS = 12


class InterventionEffect(NamedTuple):
    """How much a variable's mean is higher where a column was set high than where it was set low.

    High and low are the upper and the lower third of the settings, or the highest and the lowest of
    up to three levels. `low` to `high` is a 95 % interval, in the variable's unit.
    """

    cause: int
    variable: int
    difference: float
    low: float
    high: float


def intervention_effects(
    data: Array,
    fixed: Collection[int],
    blocks: Sequence[object] | None = None,
    conditions: Sequence[object] | None = None,
) -> list[InterventionEffect]:
    """The effect of each column that was set on each that was measured.

    Least squares on the thirds of all set columns and on the blocks, with intervals that allow for
    unequal variances (HC3; MacKinnon and White 1985). They hold where the settings were chosen
    without regard to any result, as in a randomised or space-filling round.

    Args:
        data: values (n x variables), one row a well.
        fixed: the columns that were set.
        blocks: a label for each row, such as its plate; None: all are of one.
        conditions: a label for each row. Replicates of a condition count once, by their mean;
            None: no row is a replicate of another.

    Raises:
        ValueError: there are fewer than 3 rows (or conditions) for each coefficient (two for each
            set column, one for each block), or fewer than 12.
    """
    import statsmodels.api as sm

    data, shares = conditions_of(data, blocks, conditions)
    settings = {cause: _thirds(data[:, cause]) for cause in sorted(fixed)}
    of_blocks = [np.ones(len(data)), *shares.T]
    design = np.column_stack([*of_blocks, *(column for it in settings.values() for column in it)])
    enough = max(_FEWEST_ROWS, _ROWS_A_COEFFICIENT * design.shape[1])
    if len(data) < enough:
        raise ValueError(
            f"{len(data)} rows to estimate effects of {len(settings)} set columns (expected "
            f"{enough} or more)"
        )
    found = []
    for variable in sorted(set(range(data.shape[1])) - set(fixed)):
        fitted = sm.OLS(data[:, variable], design).fit(cov_type="HC3", use_t=True)
        intervals = fitted.conf_int(0.05)
        place = len(of_blocks)
        for cause, columns in settings.items():
            place += len(columns)
            if columns:
                low, high = (float(bound) for bound in intervals[place - 1])
                effect = float(fitted.params[place - 1])
                found.append(InterventionEffect(cause, variable, effect, low, high))
    return found


def _thirds(column: Array) -> list[Array]:
    """Indicators of all thirds, or of up to three levels, but the lowest; the highest last."""
    levels = np.unique(column)
    if len(levels) > 3:
        group = np.searchsorted(np.quantile(column, [1 / 3, 2 / 3]), column, side="left")
    else:
        group = np.searchsorted(levels, column)
    return [(group == k) * 1.0 for k in np.unique(group)[1:]]
