"""Scoring error, calibration of the culture, campaigns against random search, cost of a proposal, cost of a campaign."""

import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import numpy as np

import optimizer
from benchmarks.virtual_campaign import at_random, by_wellwise, simulate, truth
from protocols.campaign import Campaign
from protocols.campaign_file import read_campaign
from protocols.conditions import Observation
from protocols.scoring import coloured_cell_ratio
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
        if not score.flags and score.ratio is not None:
            errors.append(abs(score.ratio - ratio))
    missed = Counter[str]()
    for _ in range(75):
        for spoil in ("blur", "exposure", "dark", "no_well"):
            missed[spoil] += not coloured_cell_ratio(render_well(rng.uniform(), rng, spoil)).flags
    print(f"scoring: 300 wells, mean absolute error {np.mean(errors):.4f}, worst {max(errors):.4f}, "
          f"{flagged} flagged without need; of 300 spoilt images {missed.total()} were not flagged")  # fmt: skip


def calibration(campaign: Campaign) -> None:
    """The culture against the published numbers."""
    means, medians, bests = [], [], []
    for seed in range(60):
        seeded = campaign.model_copy(update={"seed": seed})
        placements = at_random(seeded, 1, []).placements[:47]
        values = [with_variation(truth(campaign, p.proposal.condition), seed, 1, p.well.plate, p.well.name)
                  for p in placements]  # fmt: skip
        means.append(np.mean(values))
        medians.append(np.median(values))
        bests.append(max(values))
    standard = [truth(campaign, campaign.space.standard(values)) for values in campaign.decided_values(1)[:6]]
    repeated = [with_variation(0.85, seed, r, 1, "A1") for seed in range(60) for r in (1, 2, 3)]
    print(f"culture: 47 random conditions mean {np.mean(means):.3f}, median {np.mean(medians):.3f}, "
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
    rounds = [f"{np.median([o.best_by_round[r] for o in ours]):.3f}" for r in range(campaign.stop.rounds)]
    print(f"campaigns: {number} seeds, median best true ratio {np.median([o.best for o in ours]):.3f} "
          f"(random search {np.median([o.best for o in theirs]):.3f}), better in {wins} of {number}; "
          f"best by round {', '.join(rounds)}; recommended {np.median([o.recommended for o in ours]):.3f}")  # fmt: skip


def proposal_cost(campaign: Campaign) -> None:
    """CPU-seconds of a proposal of 46 at round 3."""
    observations: list[Observation] = []
    for round in (1, 2):
        observations += [
            Observation(condition=p.proposal.condition, value=truth(campaign, p.proposal.condition), round=round)
            for p in at_random(campaign, round, []).placements
        ]
    begin = time.process_time()
    optimizer.propose(campaign.space, observations, campaign.decided_values(3)[:46], 46, seed=1)
    print(f"proposal of 46 at round 3, {len(observations)} observations: {time.process_time() - begin:.1f} CPU-seconds")


def whole_campaign() -> None:
    """CPU-seconds of the demo, by part, from its own profile."""
    with tempfile.TemporaryDirectory() as home:
        code = (
            "import cProfile, sys; from orchestrator.main import app; "
            f"p = cProfile.Profile(); sys.argv = ['wellwise', 'run', {str(_FILE)!r}, '--home', {home!r}]\n"
            f"try: p.runcall(app)\nexcept SystemExit: pass\nfinally: p.dump_stats({home + '/profile'!r})"
        )
        begin = time.perf_counter()
        subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL)
        _print_parts(Path(home) / "profile", time.perf_counter() - begin)


def _print_parts(profile: Path, seconds: float) -> None:
    import pstats

    stats = pstats.Stats(str(profile)).stats  # type: ignore[attr-defined]
    parts = {
        "planning rounds": "orchestrator/planning.py:plan_round",
        "scoring": "protocols/scoring.py:score_png",
        "rendering": "simulators/camera.py:render_well",
        "journal": "orchestrator/journal.py:",
        "robot log": "simulators/robot_log.py:",
    }
    total = sum(row[2] for row in stats.values())
    found = {}
    for part, place in parts.items():
        path, _, function = place.partition(":")
        rows = [row for (file, _, name), row in stats.items() if file.endswith(path) and name == (function or name)]
        found[part] = max((row[3] for row in rows), default=0.0) if function else sum(row[2] for row in rows)
    listed = ", ".join(f"{part} {spent:.1f}" for part, spent in found.items())
    print(f"whole campaign under a profiler: {seconds:.0f} s, main thread {total:.0f} s, of which {listed}")


def main() -> None:
    """Print every statistic."""
    campaign = read_campaign(_FILE.read_text())
    scoring()
    calibration(campaign)
    proposal_cost(campaign)
    campaigns(campaign)
    whole_campaign()


if __name__ == "__main__":
    main()
