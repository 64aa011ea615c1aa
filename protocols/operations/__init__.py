"""Operations: the smallest instructions to a robot, one file each.

A new one is its file and its name in the list below.
"""

from typing import Annotated

from protocols.operations.add_solid import AddSolid, AddSolidTemplate
from protocols.operations.aspirate import Aspirate, AspirateTemplate
from protocols.operations.base import (
    BaseOperation,
    BaseTemplate,
    EachOperation,
    EachTemplate,
    Liquid,
    PlateOperation,
    PlateTemplate,
    ReadingKind,
    Supplement,
    WellOperation,
    WellTemplate,
)
from protocols.operations.call import Argument, Call, CallTemplate
from protocols.operations.collect import Collect, CollectTemplate
from protocols.operations.detach import Detach, DetachTemplate
from protocols.operations.dispense import Dispense, DispenseTemplate, SupplementTemplate
from protocols.operations.heat import Cool, CoolTemplate, Heat, HeatTemplate
from protocols.operations.image import Image, ImageTemplate
from protocols.operations.incubate import Incubate, IncubateTemplate
from protocols.operations.inject import Inject, InjectTemplate
from protocols.operations.measure import Measure, MeasureTemplate
from protocols.operations.mix import Mix, MixTemplate
from protocols.operations.move import Move, MoveTemplate
from protocols.operations.pump import Pump, PumpTemplate
from protocols.operations.read import Read, ReadTemplate
from protocols.operations.record import Record, RecordTemplate
from protocols.operations.seal import Seal, SealTemplate
from protocols.operations.setting import Set, SetTemplate
from protocols.operations.shake import Shake, ShakeTemplate
from protocols.operations.spin import Spin, SpinTemplate
from protocols.operations.transfer import Transfer, TransferTemplate
from protocols.operations.wait import Wait, WaitTemplate
from protocols.operations.weigh import Weigh, WeighTemplate
from protocols.plugins import OneOf, Registry

OPERATIONS: Registry[BaseOperation] = Registry(
    "wellwise.operations",
    (
        Move,
        Dispense,
        Aspirate,
        Mix,
        Incubate,
        Detach,
        Transfer,
        Image,
        Measure,
        Read,
        Record,
        Weigh,
        Heat,
        Cool,
        Shake,
        Wait,
        Spin,
        Seal,
        Pump,
        Inject,
        Collect,
        AddSolid,
        Set,
        Call,
    ),
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
    "AddSolid",
    "AddSolidTemplate",
    "Argument",
    "Aspirate",
    "AspirateTemplate",
    "BaseOperation",
    "BaseTemplate",
    "Call",
    "CallTemplate",
    "Collect",
    "CollectTemplate",
    "Cool",
    "CoolTemplate",
    "Detach",
    "DetachTemplate",
    "Dispense",
    "DispenseTemplate",
    "EachOperation",
    "EachTemplate",
    "Heat",
    "HeatTemplate",
    "Image",
    "ImageTemplate",
    "Incubate",
    "IncubateTemplate",
    "Inject",
    "InjectTemplate",
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
    "Pump",
    "PumpTemplate",
    "Read",
    "ReadTemplate",
    "ReadingKind",
    "Record",
    "RecordTemplate",
    "Seal",
    "SealTemplate",
    "Set",
    "SetTemplate",
    "Shake",
    "ShakeTemplate",
    "Spin",
    "SpinTemplate",
    "Supplement",
    "SupplementTemplate",
    "Transfer",
    "TransferTemplate",
    "Wait",
    "WaitTemplate",
    "Weigh",
    "WeighTemplate",
    "WellOperation",
    "WellTemplate",
    "well_of",
]
