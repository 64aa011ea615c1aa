"""The cultures that a virtual lab can grow, by the name that a robot's options give."""

from collections.abc import Callable, Sequence
from typing import Literal

from simulators.enzyme_assay import enzyme_assay
from simulators.growing_cells import growing_cells
from simulators.lipase_assay import lipase_assay
from simulators.robot_log import Performed
from simulators.rpe_culture import rpe_culture

CultureName = Literal["ipsc-rpe", "enzyme-assay", "lipase-assay", "growing-cells"]

CULTURES: dict[CultureName, Callable[[Sequence[Performed]], float]] = {
    "ipsc-rpe": rpe_culture,
    "enzyme-assay": enzyme_assay,
    "lipase-assay": lipase_assay,
    "growing-cells": growing_cells,
}
"""Each turns the history of a well into the ratio that it leads to without chance."""
