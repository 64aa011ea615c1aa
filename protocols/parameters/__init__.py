"""Parameters: what may vary, within which levels or range, and how each kind becomes numbers."""

from typing import Annotated

from protocols.parameters.base import BaseParameter, DecidedByWell, Name
from protocols.parameters.category import CategoryParameter
from protocols.parameters.continuous import ContinuousParameter
from protocols.parameters.numeric import NumericParameter
from protocols.parameters.stepped import SteppedParameter
from protocols.plugins import OneOf, Registry

PARAMETER_KINDS: Registry[BaseParameter] = Registry(
    "wellwise.parameters", (ContinuousParameter, SteppedParameter, CategoryParameter)
)
"""Every kind of parameter by its name."""

Parameter = Annotated[BaseParameter, OneOf(PARAMETER_KINDS, "kind")]
"""Any parameter, as a campaign file has it."""

__all__ = [
    "PARAMETER_KINDS",
    "BaseParameter",
    "CategoryParameter",
    "ContinuousParameter",
    "DecidedByWell",
    "Name",
    "NumericParameter",
    "Parameter",
    "SteppedParameter",
]
