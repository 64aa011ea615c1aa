"""Operations: the smallest instructions to a robot, one file each.

A new one is its file and its name in the list below.
"""

from typing import Annotated

from protocols.operations.aspirate import Aspirate, AspirateTemplate
from protocols.operations.base import (
    BaseOperation,
    BaseTemplate,
    Liquid,
    PlateOperation,
    PlateTemplate,
    Supplement,
    WellOperation,
    WellTemplate,
)
from protocols.operations.detach import Detach, DetachTemplate
from protocols.operations.dispense import Dispense, DispenseTemplate, SupplementTemplate
from protocols.operations.image import Image, ImageTemplate
from protocols.operations.incubate import Incubate, IncubateTemplate
from protocols.operations.measure import Measure, MeasureTemplate
from protocols.operations.mix import Mix, MixTemplate
from protocols.operations.move import Move, MoveTemplate
from protocols.operations.transfer import Transfer, TransferTemplate
from protocols.plugins import OneOf, Registry

OPERATIONS: Registry[BaseOperation] = Registry(
    "wellwise.operations",
    (Move, Dispense, Aspirate, Mix, Incubate, Detach, Transfer, Image, Measure),
)
"""Every operation by its kind: the vocabulary in which drivers declare what they can do."""

Operation = Annotated[BaseOperation, OneOf(OPERATIONS, "kind")]
"""Any operation, as a job has it."""

OperationTemplate = Annotated[
    BaseTemplate, OneOf(OPERATIONS, "do", part=lambda operation: operation.template)
]
"""Any operation, as a campaign file has it."""


def well_of(operation: BaseOperation) -> str | None:
    """The well that an operation works on, or None where it concerns the whole plate."""
    return operation.well_name


__all__ = [
    "OPERATIONS",
    "Aspirate",
    "AspirateTemplate",
    "BaseOperation",
    "BaseTemplate",
    "Detach",
    "DetachTemplate",
    "Dispense",
    "DispenseTemplate",
    "Image",
    "ImageTemplate",
    "Incubate",
    "IncubateTemplate",
    "Liquid",
    "Measure",
    "MeasureTemplate",
    "Mix",
    "MixTemplate",
    "Move",
    "MoveTemplate",
    "Operation",
    "OperationTemplate",
    "PlateOperation",
    "PlateTemplate",
    "Supplement",
    "SupplementTemplate",
    "Transfer",
    "TransferTemplate",
    "WellOperation",
    "WellTemplate",
    "well_of",
]
