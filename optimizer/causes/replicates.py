"""Replicates of a condition: what they share is one observation and not several."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from optimizer.causes.independence import Array


class Conditions(NamedTuple):
    """The means of conditions (n x variables), and the share of each's wells in each block (n x b).

    The first block is left out: it is the intercept. In a linear model what a block adds to a mean
    is what it adds to a well, times that share.
    """

    values: Array
    blocks: Array

    def at(self, rows: NDArray[np.intp]) -> "Conditions":
        """Some of the conditions, and the blocks in which they are."""
        blocks = self.blocks[rows]
        return Conditions(self.values[rows], blocks[:, np.ptp(blocks, axis=0) > 0])


def conditions_of(
    data: Array,
    blocks: Sequence[object] | None = None,
    conditions: Sequence[object] | None = None,
) -> Conditions:
    """A table whose replicates count once, by their mean, in the order of the first of each.

    All that replicates share, known or not, makes their values alike, so that tests which take
    them for independent find what is not there (Hurlbert 1984, "Pseudoreplication and the design
    of ecological field experiments").

    Args:
        data: values (n x variables), one row a well.
        blocks: a label for each row; None: all are of one.
        conditions: a label for each row; None: no row is a replicate of another.

    Raises:
        ValueError: there is not one label for each row.
    """
    rows = len(data)
    of_blocks = _numbers(rows, blocks, "blocks") if blocks is not None else np.zeros(rows, int)
    shares = (of_blocks[:, None] == np.unique(of_blocks)[None, 1:]).astype(float)
    if conditions is None:
        return Conditions(data, shares)
    number = _numbers(rows, conditions, "conditions")
    weights = (np.unique(number)[:, None] == number[None, :]).astype(float)
    weights /= weights.sum(axis=1, keepdims=True)
    return Conditions(weights @ data, weights @ shares)


def _numbers(rows: int, labels: Sequence[object], what: str) -> NDArray[np.intp]:
    """The number of each label, in the order of their first places."""
    if len(labels) != rows:
        raise ValueError(f"{len(labels)} labels of {what} (expected one for each of {rows} rows)")
    number = {label: place for place, label in enumerate(dict.fromkeys(labels))}
    return np.array([number[label] for label in labels], dtype=np.intp)
