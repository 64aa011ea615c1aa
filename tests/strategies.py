"""Hypothesis strategies for the things of the lab."""

from hypothesis import strategies as st

from protocols.conditions import Condition
from protocols.parameters import CategoryParameter, ContinuousParameter, Parameter, SteppedParameter
from protocols.search_space import SearchSpace

_numbers = st.floats(min_value=0.001, max_value=1e4, allow_nan=False).map(
    lambda x: float(f"{x:.4g}")
)


@st.composite
def parameters(draw: st.DrawFn, name: str) -> Parameter:
    kind = draw(st.sampled_from(["continuous", "stepped", "category"]))
    scale = draw(st.sampled_from(["linear", "log"]))
    if kind == "continuous":
        low, high = sorted(draw(st.lists(_numbers, min_size=2, max_size=2, unique=True)))
        return ContinuousParameter(
            name=name, step="A", kind="continuous", low=low, high=high, scale=scale, standard=low
        )
    if kind == "stepped":
        levels = tuple(sorted(draw(st.lists(_numbers, min_size=2, max_size=9, unique=True))))
        standard = draw(st.sampled_from(levels))
        return SteppedParameter(
            name=name, step="A", kind="stepped", levels=levels, scale=scale, standard=standard
        )
    levels = tuple(draw(st.lists(st.integers(0, 20), min_size=2, max_size=4, unique=True)))
    return CategoryParameter(
        name=name, step="A", kind="category", levels=levels, standard=levels[0]
    )


@st.composite
def search_spaces(draw: st.DrawFn) -> SearchSpace:
    number = draw(st.integers(1, 5))
    return SearchSpace(parameters=tuple(draw(parameters(f"p{index}")) for index in range(number)))


@st.composite
def conditions(draw: st.DrawFn, space: SearchSpace) -> Condition:
    values = {}
    for parameter in space.parameters:
        if isinstance(parameter, ContinuousParameter):
            values[parameter.name] = parameter.from_unit_interval(draw(st.floats(0, 1)))
        else:
            values[parameter.name] = draw(st.sampled_from(parameter.levels))
    condition = space.snap(values)
    assert condition is not None
    return condition
