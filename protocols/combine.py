"""Several readings of a well -> one value, by the rule that a campaign file states."""

import statistics
from collections.abc import Callable, Mapping, Sequence

from protocols.outcomes import Rule
from protocols.scoring import Score

_OF_ALL: Mapping[str, Callable[[Sequence[float]], float]] = {
    "mean": statistics.fmean,
    "median": statistics.median,
    "min": min,
    "max": max,
    "sum": sum,
}
_OF_TWO: Mapping[str, Callable[[float, float], float]] = {
    "difference": lambda first, last: last - first,
    "ratio": lambda first, last: last / first,
}


def combined(scores: Sequence[Score], rule: Rule = "last") -> Score:
    """The score that counts of those of a well's readings, in the order in which they were taken.

    `last` and `first` are those of one reading; a score without a value never takes the place of
    a trusted one. The others are made of the trusted scores: `difference` is the last minus the
    first and `ratio` the last by the first, flagged `too_few_readings` where there are not two.
    Where no score is trusted it is the last one that has a value.
    """
    trusted = [found for found in scores if found.value is not None and not found.flags]
    if rule in _OF_TWO and len(trusted) < 2:
        flags = dict.fromkeys(flag for found in scores for flag in found.flags)
        return Score(value=None, flags=(*flags, "too_few_readings"))
    if rule not in ("last", "first") and trusted:
        values = [found.value for found in trusted if found.value is not None]
        if rule in _OF_ALL:
            return Score(value=_OF_ALL[rule](values))
        if rule == "ratio" and values[0] == 0:
            return Score(value=None, flags=("divided_by_zero",))
        return Score(value=_OF_TWO[rule](values[0], values[-1]))
    order = scores if rule == "first" else scores[::-1]
    if rule == "first" and trusted:
        return trusted[0]
    return next((found for found in order if found.value is not None), order[0])
