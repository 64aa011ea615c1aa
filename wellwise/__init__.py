"""The public interface of wellwise: what other programs may rely on.

Names are imported from their rooms when they are first used, so that `import wellwise` takes no
time and a computer with a robot or a client needs no torch. What needs packages that are not
installed says which extra brings them.
"""

from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from protocols.public_names import lazily

if TYPE_CHECKING:
    from drivers.actions import Action, ValueType
    from drivers.base import (
        DRIVER_API,
        Capabilities,
        Clock,
        DeviceCannotWork,
        Driver,
        DriverError,
        FencedOff,
        JobRefused,
        KeyConflict,
        KeyMemory,
        RobotOffline,
        RobotSetup,
    )
    from drivers.device import Device, NoOptions, OperationFailed
    from drivers.supplies import DeckPlace, Supply
    from drivers.telemetry import Measurement
    from optimizer.ask_tell import Optimizer
    from optimizer.fitting import predict
    from optimizer.objective import Goals, Objective, OutcomeBounds
    from optimizer.pareto import pareto_front
    from optimizer.proposing import propose
    from optimizer.recommendation import recommend
    from orchestrator.client import Client, Figure, RefusedByService, Unreachable
    from protocols.campaign import Campaign
    from protocols.campaign_file import read_campaign
    from protocols.conditions import Condition, Observation, Proposal, Value
    from protocols.constraints import (
        CardinalityConstraint,
        Constraint,
        Cost,
        ForbiddenCombination,
        LinearConstraint,
        MixtureConstraint,
        RatioConstraint,
    )
    from protocols.errors import InvalidInput, Problem, WellwiseError
    from protocols.jobs import Job, JobReport, Reading
    from protocols.operations import Operation
    from protocols.outcomes import ObjectiveChoice, Outcome, OutcomeConstraint
    from protocols.parameters import (
        BooleanParameter,
        CategoryParameter,
        ContinuousParameter,
        DecidedByWell,
        IntegerParameter,
        Parameter,
        SteppedParameter,
    )
    from protocols.recommendations import FrontPoint, Prediction, Recommendation
    from protocols.scoring import MarksImages, Score, Scorer
    from protocols.search_space import SearchSpace
    from protocols.traces import Axis, Trace
    from wellwise.local import LocalClient

    __version__: str

__all__ = [
    "DRIVER_API",
    "Action",
    "Axis",
    "BooleanParameter",
    "Campaign",
    "Capabilities",
    "CardinalityConstraint",
    "CategoryParameter",
    "Client",
    "Clock",
    "Condition",
    "Constraint",
    "ContinuousParameter",
    "Cost",
    "DecidedByWell",
    "DeckPlace",
    "Device",
    "DeviceCannotWork",
    "Driver",
    "DriverError",
    "FencedOff",
    "Figure",
    "ForbiddenCombination",
    "FrontPoint",
    "Goals",
    "IntegerParameter",
    "InvalidInput",
    "Job",
    "JobRefused",
    "JobReport",
    "KeyConflict",
    "KeyMemory",
    "LinearConstraint",
    "LocalClient",
    "MarksImages",
    "Measurement",
    "MixtureConstraint",
    "NoOptions",
    "Objective",
    "ObjectiveChoice",
    "Observation",
    "Operation",
    "OperationFailed",
    "Optimizer",
    "Outcome",
    "OutcomeBounds",
    "OutcomeConstraint",
    "Parameter",
    "Prediction",
    "Problem",
    "Proposal",
    "RatioConstraint",
    "Reading",
    "Recommendation",
    "RefusedByService",
    "RobotOffline",
    "RobotSetup",
    "Score",
    "Scorer",
    "SearchSpace",
    "SteppedParameter",
    "Supply",
    "Trace",
    "Unreachable",
    "Value",
    "ValueType",
    "WellwiseError",
    "__version__",
    "pareto_front",
    "predict",
    "propose",
    "read_campaign",
    "recommend",
]

_NAMES = {
    "drivers.actions": "Action ValueType",
    "drivers.base": (
        "DRIVER_API Capabilities Clock DeviceCannotWork Driver DriverError FencedOff JobRefused "
        "KeyConflict KeyMemory RobotOffline RobotSetup"
    ),
    "drivers.device": "Device NoOptions OperationFailed",
    "drivers.supplies": "DeckPlace Supply",
    "drivers.telemetry": "Measurement",
    "optimizer.ask_tell": "Optimizer",
    "optimizer.fitting": "predict",
    "optimizer.objective": "Goals Objective OutcomeBounds",
    "optimizer.pareto": "pareto_front",
    "optimizer.proposing": "propose",
    "optimizer.recommendation": "recommend",
    "orchestrator.client": "Client Figure RefusedByService Unreachable",
    "wellwise.local": "LocalClient",
    "protocols.campaign": "Campaign",
    "protocols.campaign_file": "read_campaign",
    "protocols.conditions": "Condition Observation Proposal Value",
    "protocols.constraints": (
        "CardinalityConstraint Constraint Cost ForbiddenCombination LinearConstraint "
        "MixtureConstraint RatioConstraint"
    ),
    "protocols.errors": "InvalidInput Problem WellwiseError",
    "protocols.jobs": "Job JobReport Reading",
    "protocols.operations": "Operation",
    "protocols.outcomes": "ObjectiveChoice Outcome OutcomeConstraint",
    "protocols.recommendations": "FrontPoint Prediction Recommendation",
    "protocols.search_space": "SearchSpace",
    "protocols.parameters": (
        "BooleanParameter CategoryParameter ContinuousParameter DecidedByWell IntegerParameter "
        "Parameter SteppedParameter"
    ),
    "protocols.scoring": "MarksImages Score Scorer",
    "protocols.traces": "Axis Trace",
}

# A type checker sees the imports above; to it, __getattr__ would make every misspelt name valid.
if not TYPE_CHECKING:
    _from_its_room = lazily("wellwise", _NAMES, globals())

    def __getattr__(name: str) -> Any:
        """A public name, from the room that has it.

        Raises:
            AttributeError: there is no such name.
            ImportError: a package that it needs is not installed.
        """
        return version("wellwise") if name == "__version__" else _from_its_room(name)


def __dir__() -> list[str]:
    return sorted(__all__)
