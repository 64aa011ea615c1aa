"""Forecast: what a campaign will likely bring, by simulation on plausible surfaces. Pure."""

import multiprocessing
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from threadpoolctl import threadpool_limits

import optimizer
from orchestrator.core.goals import goals_of
from orchestrator.core.round_planning import plan_round
from protocols.campaign import Campaign
from protocols.conditions import Condition, Observation
from protocols.errors import InvalidInput, Problem, WellwiseError
from protocols.number_words import counted

_FEWEST = 10  # results that say anything of what is ahead
_LEAST_EXPLAINED = 0.1  # R squared of held-out results


class Spread(NamedTuple):
    """The quartiles of what the surfaces gave."""

    low: float
    median: float
    high: float


class RoundForecast(NamedTuple):
    """What is to be expected when a round is over.

    `wells` and `days` count from now. `best` is the best true value of any condition that was
    tried, `recommended` that of the condition which would be recommended, both in the outcome's
    unit. `reached` is the probability that the recommended condition's true value is as good as
    the target; None without a target, or where too little is known (see `too_little`).
    """

    round: int
    wells: int
    days: int
    best: Spread
    recommended: Spread
    reached: float | None


class RoundSizes(NamedTuple):
    """Another round plan than the file's: rounds, wells, controls and wells a condition."""

    rounds: int
    wells: int
    controls: int | None = None
    replicates: int = 1

    def of(self, campaign: Campaign) -> Campaign:
        """The campaign with this plan.

        Raises:
            InvalidInput: its plates cannot hold it.
        """
        plates, left = divmod(self.wells, campaign.plates.wells_per_plate)
        controls = campaign.rounds.later.controls if self.controls is None else self.controls
        standard = min(campaign.rounds.first.standard, self.wells) if controls else 0
        references = min(campaign.rounds.later.standard, max(0, self.wells - controls - 1))
        problem = None
        if left or not plates:
            problem = (
                f"{counted(self.wells, 'well')} cannot fill plates",
                f"a multiple of {campaign.plates.wells_per_plate}",
            )
        elif controls >= self.wells:
            problem = (
                f"{controls} controls leave no well of {self.wells}",
                f"fewer than {self.wells}",
            )
        elif self.rounds < 1 or self.replicates < 1:
            problem = (
                f"{counted(self.rounds, 'round')} with {counted(self.replicates, 'well')} a "
                "condition",
                "1 or more of each",
            )
        if problem is not None:
            raise InvalidInput([Problem(where="--plan", message=problem[0], expected=problem[1])])
        rounds = campaign.rounds
        return campaign.model_copy(
            update={
                "plates": campaign.plates.model_copy(update={"count": plates}),
                "stop": campaign.stop.model_copy(update={"rounds": self.rounds}),
                "rounds": rounds.model_copy(
                    update={
                        "first": rounds.first.model_copy(
                            update={
                                "initial": self.wells - standard,
                                "standard": standard,
                                "replicates": self.replicates,
                            }
                        ),
                        "later": rounds.later.model_copy(
                            update={
                                "proposed": self.wells - controls - references,
                                "controls": controls,
                                "standard": references,
                                "replicates": self.replicates,
                            }
                        ),
                    }
                ),
            }
        )


def forecast(
    campaign: Campaign,
    observations: Sequence[Observation] = (),
    done: int = 0,
    target: float | None = None,
    surfaces: int = 16,
    each: Callable[..., Iterable[Any]] = map,
) -> list[RoundForecast]:
    """Simulate the rounds that are left, on plausible surfaces, with the campaign's optimiser.

    The proposals of simulated rounds are chosen with less effort than real ones. No well is lost,
    and rounds do not differ.

    Args:
        campaign: with its space, plates, round plan and number of rounds.
        observations: what is known so far; surfaces are samples given it.
        done: rounds that are over.
        target: a true value, in the outcome's unit.
        surfaces: how many are sampled; each costs about a CPU-second a round.
        each: `map`, or that of a pool of processes.

    Returns: an entry for each round that is left, in order.

    Raises:
        WellwiseError: there are several objectives or constraints on outcomes, or nothing says on
            which scale values lie, neither a natural range nor results.
    """
    if campaign.several:
        raise WellwiseError(
            "a forecast is of one objective, without constraints on outcomes: there is none for "
            "this campaign"
        )
    if not scale_is_known(campaign, observations):
        raise WellwiseError(
            f"there is no forecast of {campaign.outcome.name} yet: it has neither results nor a "
            "natural range (give range in the campaign file, or past results)"
        )
    simulate = partial(simulated, campaign, tuple(observations), done)
    seeds = [campaign.seed * 1000 + number for number in range(surfaces)]
    stated = None if too_little(campaign, observations) else target
    return list(_summed_up(campaign, done, stated, np.array(list(each(simulate, seeds)))))


def simulators(processes: int = 2) -> ProcessPoolExecutor:
    """Processes for simulated campaigns, each on one core."""
    # Spawned, not forked: torch's and the journal's threads do not survive a fork.
    context = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(
        processes, mp_context=context, initializer=threadpool_limits, initargs=(1,)
    )


def simulated(
    campaign: Campaign, observations: Sequence[Observation], done: int, seed: int
) -> list[tuple[float, float]]:
    """For each round left: the best true value tried, and the recommended condition's."""
    truths_of, noise_sd = _surface(campaign, observations, seed)
    known = list(observations)
    rng = np.random.default_rng([seed, 1])
    objective = campaign.objective
    best = objective.best(truths_of([observation.condition for observation in known]))
    found = []
    for number in range(done + 1, campaign.stop.rounds + 1):
        layout = plan_round(
            campaign.model_copy(update={"seed": seed}), number, known, rough=True
        ).layout
        conditions = [placement.proposal.condition for placement in layout.placements]
        truths = truths_of(conditions)
        values = truths + rng.normal(0, noise_sd, len(truths))
        known += [
            Observation(condition=condition, value=float(value), round=number)
            for condition, value in zip(conditions, values, strict=True)
        ]
        best = objective.best(truths if best is None else [best, *truths])
        promising = optimizer.most_promising(
            campaign.space, known, seed=seed, objective=goals_of(campaign)
        )
        assert best is not None
        found.append((best, truths_of([promising])[0] if promising else best))
    return found


def scale_is_known(campaign: Campaign, observations: Sequence[Observation]) -> bool:
    """Whether a natural range or results say on which scale values lie."""
    usable = sum(observation.usable for observation in observations)
    return campaign.outcome.scale.natural_range is not None or usable > 1


def too_little(campaign: Campaign, observations: Sequence[Observation]) -> str:
    """Why no probability of a target can be given, or nothing.

    The prior of how far optima exceed the best alone decides it where there are fewer than ten
    usable results, or where the model predicts held-out results no better than their mean does.
    """
    usable = [observation for observation in observations if observation.usable]
    if len(usable) < _FEWEST:
        return f"{len(usable)} results are too few (expected {_FEWEST} or more)"
    held_out = optimizer.cross_validate(campaign.space, usable)
    explained = optimizer.r_squared(held_out)
    if explained < _LEAST_EXPLAINED:
        return (
            f"the model explains next to nothing of {len(usable)} results (R² {explained:.2f}): "
            "they may be noise alone"
        )
    return ""


def _surface(
    campaign: Campaign, observations: Sequence[Observation], seed: int
) -> tuple[Callable[[Sequence[Condition]], list[float]], float]:
    """A plausible surface as a function, and the sd of a measurement on it.

    Surfaces rise above what is known: for an objective that is minimised values are turned over.
    """
    direction, natural = campaign.objective.direction, campaign.outcome.scale.natural_range
    if direction == "minimise":
        turned = [
            found.model_copy(update={"value": None if found.value is None else -found.value})
            for found in observations
        ]
        range_ = None if natural is None else (-natural[1], -natural[0])
        surface = optimizer.Surface(campaign.space, turned, seed, range_)
        return lambda conditions: [-value for value in surface.truths(conditions)], surface.noise_sd
    surface = optimizer.Surface(campaign.space, observations, seed, natural)
    return surface.truths, surface.noise_sd


def _summed_up(
    campaign: Campaign, done: int, target: float | None, outcomes: np.ndarray
) -> Iterator[RoundForecast]:
    goal = 0.0 if target is None else campaign.objective.utility(target)
    surfaces = len(outcomes)
    for place in range(outcomes.shape[1]):
        best, recommended = outcomes[:, place, 0], outcomes[:, place, 1]
        yield RoundForecast(
            round=done + place + 1,
            wells=(place + 1) * campaign.plates.count * campaign.plates.wells_per_plate,
            days=(place + 1) * (campaign.protocol.last_day + 1),
            best=_spread(best),
            recommended=_spread(recommended),
            # As if there were one surface more on either side: sixteen surfaces cannot speak of
            # certainty.
            reached=None
            if target is None
            else float((np.sum(_utilities(campaign, recommended) >= goal) + 0.5) / (surfaces + 1)),
        )


def _utilities(campaign: Campaign, values: np.ndarray) -> np.ndarray:
    return np.array([campaign.objective.utility(float(value)) for value in values])


def _spread(values: np.ndarray) -> Spread:
    return Spread(*(float(value) for value in np.quantile(values, (0.25, 0.5, 0.75))))
