"""Parameters: what may vary, within which levels or range, and how each kind becomes numbers."""

from typing import Annotated

from protocols.parameters.base import BaseParameter, DecidedByWell, Name
from protocols.parameters.boolean import BooleanParameter
from protocols.parameters.category import CategoryParameter
from protocols.parameters.continuous import ContinuousParameter
from protocols.parameters.integer import IntegerParameter
from protocols.parameters.levels import LevelsParameter
from protocols.parameters.numeric import NumericParameter
from protocols.parameters.stepped import SteppedParameter
from protocols.plugins import OneOf, Registry

PARAMETER_KINDS: Registry[BaseParameter] = Registry(
    "wellwise.parameters",
    (
        ContinuousParameter,
        SteppedParameter,
        IntegerParameter,
        CategoryParameter,
        BooleanParameter,
    ),
)
"""Every kind of parameter by its name."""

Parameter = Annotated[BaseParameter, OneOf(PARAMETER_KINDS, "kind")]
"""Any parameter, as a campaign file has it."""

__all__ = [
    "PARAMETER_KINDS",
    "BaseParameter",
    "BooleanParameter",
    "CategoryParameter",
    "ContinuousParameter",
    "DecidedByWell",
    "IntegerParameter",
    "LevelsParameter",
    "Name",
    "NumericParameter",
    "Parameter",
    "SteppedParameter",
]
