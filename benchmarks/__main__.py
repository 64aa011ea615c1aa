"""Scoring error, the culture, campaigns against random search, and what things cost.

Costs are those of a proposal, of a campaign and of a job.
"""

import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np

import optimizer
from benchmarks.jobs import compare_with_prefect, journal_only, many
from benchmarks.virtual_campaign import at_random, by_wellwise, simulate, truth
from orchestrator.core.round_planning import plan_round
from protocols.campaign import Campaign
from protocols.campaign_file import read_campaign
from protocols.conditions import Observation
from protocols.scorers.coloured_cells import coloured_cell_ratio
from simulators.camera import render_well
from simulators.variation import with_variation

_FILE = Path(__file__).parent.parent / "examples" / "rpe" / "campaign.yaml"


def scoring() -> None:
    """300 good images over the whole range, and 300 spoilt ones."""
    rng = np.random.default_rng(0)
    errors, flagged = [], 0
    for ratio in np.linspace(0, 1, 300):
        score = coloured_cell_ratio(render_well(float(ratio), rng))
        flagged += bool(score.flags)
        if not score.flags and score.value is not None:
            errors.append(abs(score.value - ratio))
    missed = Counter[str]()
    for _ in range(75):
        for spoil in ("blur", "exposure", "dark", "no_well"):
            missed[spoil] += not coloured_cell_ratio(render_well(rng.uniform(), rng, spoil)).flags
    print(f"scoring: 300 wells, mean absolute error {np.mean(errors):.4f}, worst "
          f"{max(errors):.4f}, "
          f"{flagged} flagged without need; of 300 spoilt images {missed.total()} were not "
          "flagged")  # fmt: skip


def calibration(campaign: Campaign) -> None:
    """The culture against the published numbers."""
    means, medians, bests = [], [], []
    for seed in range(60):
        seeded = campaign.model_copy(update={"seed": seed})
        placements = at_random(seeded, 1, []).placements[:47]
        values = [
            with_variation(
                truth(campaign, p.proposal.condition), seed, 1, p.well.plate, p.well.name
            )
            for p in placements
        ]
        means.append(np.mean(values))
        medians.append(np.median(values))
        bests.append(max(values))
    standard = [
        truth(campaign, campaign.space.standard(values))
        for values in campaign.decided_values(1)[:6]
    ]
    repeated = [with_variation(0.85, seed, r, 1, "A1") for seed in range(60) for r in (1, 2, 3)]
    print(f"culture: 47 random conditions mean {np.mean(means):.3f}, median "
          f"{np.mean(medians):.3f}, "
          f"best {np.median(bests):.3f}; standard {min(standard):.3f} to {max(standard):.3f}; "
          f"sd of a repeated well at 0.85: {np.std(repeated):.3f}")  # fmt: skip


def campaigns(campaign: Campaign, number: int = 20) -> None:
    """Campaigns with other seeds against random search with the same budget."""
    ours, theirs = [], []
    for seed in range(number):
        seeded = campaign.model_copy(update={"seed": seed})
        ours.append(simulate(seeded, by_wellwise))
        theirs.append(simulate(seeded, at_random))
    wins = sum(a.best > b.best for a, b in zip(ours, theirs, strict=True))
    rounds = [
        f"{np.median([o.best_by_round[r] for o in ours]):.3f}" for r in range(campaign.stop.rounds)
    ]
    print(f"campaigns: {number} seeds, median best true ratio "
          f"{np.median([o.best for o in ours]):.3f} "
          f"(random search {np.median([o.best for o in theirs]):.3f}), better in {wins} of "
          f"{number}; "
          f"best by round {', '.join(rounds)}; recommended "
          f"{np.median([o.recommended for o in ours]):.3f}")  # fmt: skip


def proposal_cost(campaign: Campaign) -> None:
    """CPU-seconds of a proposal of 46 at round 3."""
    observations: list[Observation] = []
    for round_number in (1, 2):
        observations += [
            Observation(
                condition=p.proposal.condition,
                value=truth(campaign, p.proposal.condition),
                round=round_number,
            )
            for p in at_random(campaign, round_number, []).placements
        ]
    begin = time.process_time()
    optimizer.propose(campaign.space, observations, campaign.decided_values(3)[:46], 46, seed=1)
    print(
        f"proposal of 46 at round 3, {len(observations)} observations: "
        f"{time.process_time() - begin:.1f} CPU-seconds"
    )


def whole_campaign(campaign: Campaign) -> None:
    """CPU-seconds of the demo, and those of planning, rendering and scoring measured alone."""
    with tempfile.TemporaryDirectory() as home:
        before, begin = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        command = [Path(sys.executable).with_name("wellwise"), "run", _FILE, "--home", home]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        after, seconds = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter() - begin
    total = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    rng = np.random.default_rng(0)
    images = [render_well(rng.uniform(), rng) for _ in range(10)]
    wells = campaign.stop.rounds * len(campaign.plates.all_wells())
    observations: list[Observation] = []
    planning = 0.0
    for round_number in range(1, campaign.stop.rounds + 1):
        begin = time.process_time()
        plan = plan_round(campaign, round_number, observations)
        planning += time.process_time() - begin
        observations += [
            Observation(
                condition=p.proposal.condition,
                value=truth(campaign, p.proposal.condition),
                round=round_number,
            )
            for p in plan.layout.placements
        ]
    rendering = _seconds(lambda: render_well(0.5, rng)) * wells
    scoring = _seconds(lambda: coloured_cell_ratio(images[0])) * wells
    rest = total - planning - rendering - scoring
    print(
        f"whole campaign: {seconds:.0f} s, {total:.0f} CPU-seconds: planning {planning:.1f}, "
        f"rendering {rendering:.1f}, scoring {scoring:.1f}, start-up, Prefect, journal and "
        f"virtual robots {rest:.1f}"
    )


def _seconds(work: Callable[[], object]) -> float:
    begin = time.process_time()
    for _ in range(20):
        work()
    return (time.process_time() - begin) / 20


def main() -> None:
    """Print every statistic."""
    campaign = read_campaign(_FILE.read_text())
    scoring()
    calibration(campaign)
    proposal_cost(campaign)
    campaigns(campaign)
    whole_campaign(campaign)
    compare_with_prefect()
    journal_only()
    many()


if __name__ == "__main__":
    main()
