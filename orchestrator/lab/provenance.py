"""Provenance: with which versions, settings and robots a round is planned here and now."""

import platform
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version

from drivers.manual import ManualRobot
from drivers.registry import DRIVERS, driver_class
from optimizer.strategy_registry import DEFAULT, STRATEGIES
from orchestrator.core.provenance import RoundProvenance
from orchestrator.core.state import CampaignState
from protocols.campaign_parts import RobotConfig
from protocols.plugins import announced

_MODEL = ("botorch", "gpytorch", "linear-operator", "torch", "numpy", "scipy")
"""What the proposals are computed with; the bits of a proposal may depend on any of them."""


def round_provenance(state: CampaignState) -> RoundProvenance:
    """What the next round of a campaign is planned with.

    Args:
        state: the campaign as it is known now; its observations are what the round rests on.
    """
    campaign, choice = state.campaign, state.campaign.strategy
    strategy = DEFAULT if choice is None else choice.name
    packages = {
        *_packages(STRATEGIES, [strategy]),
        *_packages(
            DRIVERS, [robot.driver for robot in campaign.robots.values() if not robot.environment]
        ),
    } - {"wellwise"}
    plugins = {name: found for name in packages if (found := _version(name))}
    return RoundProvenance(
        wellwise=version("wellwise"),
        seed=campaign.seed,
        strategy=strategy,
        options={} if choice is None else choice.options,
        versions=dict(sorted((_dependencies() | plugins).items())),
        python=platform.python_version(),
        machine=f"{platform.system()} {platform.machine()}",
        observations=len(state.observations),
        usable=sum(observation.usable for observation in state.observations),
        pending=len(state.pending),
        drivers={name: robot.driver for name, robot in campaign.robots.items()},
        simulated={name: is_simulated(robot) for name, robot in campaign.robots.items()},
    )


def model_versions() -> dict[str, str]:
    """The versions of wellwise and of all that its numbers may depend on."""
    return {"wellwise": version("wellwise"), **_dependencies()}


def _dependencies() -> dict[str, str]:
    return {name: found for name in sorted(_MODEL) if (found := _version(name))}


def is_simulated(config: RobotConfig) -> bool:
    """Whether a robot's driver simulates its work.

    Raises:
        DriverError: there is no such driver here.
    """
    return not config.environment and driver_class(config.driver).simulated


def is_person(config: RobotConfig) -> bool:
    """Whether a robot is a person with a checklist.

    Raises:
        DriverError: there is no such driver here.
    """
    return not config.environment and issubclass(driver_class(config.driver), ManualRobot)


def _packages(group: str, names: Iterable[str]) -> set[str]:
    wanted = set(names)
    return {entry.dist.name for entry in announced(group) if entry.name in wanted and entry.dist}


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""
