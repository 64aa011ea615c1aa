"""Forecast: what a campaign will likely bring, by simulation on plausible surfaces. Pure."""

import multiprocessing
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from threadpoolctl import threadpool_limits

import optimizer
from orchestrator.core.round_planning import plan_round
from protocols.campaign import Campaign
from protocols.conditions import Observation
from protocols.errors import InvalidInput, Problem


class Spread(NamedTuple):
    """The quartiles of what the surfaces gave."""

    low: float
    median: float
    high: float


class RoundForecast(NamedTuple):
    """What is to be expected when a round is over.

    `wells` and `days` count from now. `best` is the best true value of any condition that was
    tried, `recommended` that of the condition which would be recommended. `reached` is the
    probability that the recommended condition's true value is at least the target; None without a
    target.
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
        problem = None
        if left or not plates:
            problem = (
                f"{self.wells} wells do not fill plates",
                f"a multiple of {campaign.plates.wells_per_plate}",
            )
        elif controls >= self.wells:
            problem = (
                f"{controls} controls leave no well of {self.wells}",
                f"fewer than {self.wells}",
            )
        elif self.rounds < 1 or self.replicates < 1:
            problem = (
                f"{self.rounds} rounds with {self.replicates} wells a condition",
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
                                "proposed": self.wells - controls,
                                "controls": controls,
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
        target: a true value, from 0 to 1.
        surfaces: how many are sampled; each costs about a CPU-second a round.
        each: `map`, or that of a pool of processes.

    Returns: an entry for each round that is left, in order.
    """
    simulate = partial(simulated, campaign, tuple(observations), done)
    seeds = [campaign.seed * 1000 + number for number in range(surfaces)]
    return list(_summed_up(campaign, done, target, np.array(list(each(simulate, seeds)))))


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
    surface = optimizer.Surface(campaign.space, observations, seed, (0.0, 1.0))
    known = list(observations)
    rng = np.random.default_rng([seed, 1])
    best = max(surface.truths([observation.condition for observation in known]), default=0.0)
    found = []
    for number in range(done + 1, campaign.stop.rounds + 1):
        layout = plan_round(
            campaign.model_copy(update={"seed": seed}), number, known, rough=True
        ).layout
        conditions = [placement.proposal.condition for placement in layout.placements]
        truths = surface.truths(conditions)
        values = truths + rng.normal(0, surface.noise_sd, len(truths))
        known += [
            Observation(condition=condition, value=float(value), round=number)
            for condition, value in zip(conditions, values, strict=True)
        ]
        best = max(best, *truths)
        promising = optimizer.most_promising(campaign.space, known, seed=seed)
        found.append((best, surface.truths([promising])[0] if promising else 0.0))
    return found


def _summed_up(
    campaign: Campaign, done: int, target: float | None, outcomes: np.ndarray
) -> Iterator[RoundForecast]:
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
            else float((np.sum(recommended >= target) + 0.5) / (len(recommended) + 1)),
        )


def _spread(values: np.ndarray) -> Spread:
    return Spread(*(float(value) for value in np.quantile(values, (0.25, 0.5, 0.75))))
