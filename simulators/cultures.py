"""The cultures and assays that a virtual lab can hold, by the name that a robot's options give."""

from collections.abc import Callable, Sequence
from typing import Literal

import numpy as np

from protocols.operations import Record
from protocols.traces import Trace
from simulators.chromatograph import chromatogram, strength
from simulators.enzyme_assay import enzyme_assay
from simulators.growing_cells import growing_cells
from simulators.lipase_assay import lipase_assay
from simulators.robot_log import Performed
from simulators.rpe_culture import rpe_culture

CultureName = Literal[
    "ipsc-rpe", "enzyme-assay", "lipase-assay", "growing-cells", "liquid-chromatography"
]

CULTURES: dict[CultureName, Callable[[Sequence[Performed]], float]] = {
    "ipsc-rpe": rpe_culture,
    "enzyme-assay": enzyme_assay,
    "lipase-assay": lipase_assay,
    "growing-cells": growing_cells,
    "liquid-chromatography": strength,
}
"""Each turns the history of a well into the ratio that it leads to without chance."""

TRACES: dict[CultureName, Callable[[Sequence[Performed], Record, np.random.Generator], Trace]] = {
    "liquid-chromatography": chromatogram,
}
"""Those whose traces follow from the history of a well, and not from its ratio alone."""
