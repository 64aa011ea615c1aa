"""`optimizer.discover_causes`, DirectLiNGAM and RESIT on random graphs of two sizes.

Structural Hamming distance where all causes are seen, and what is said of pairs with a hidden
common cause. The error rate of edges on columns that are all independent.
"""

import argparse
import json
import subprocess
import time
from collections import defaultdict
from concurrent.futures import ProcessPoolExecutor
from typing import NamedTuple

import numpy as np

from benchmarks.causal_graphs import KINDS, SIZES, distance, study
from optimizer import discover_causes


class Found(NamedTuple):
    """What was found in one graph: pairs, edges and CPU-seconds.

    `decided` edges have a direction, of which `right` are true; of `confounded` pairs
    `as_arrow` were given a direction.
    """

    distance: int
    edges: int
    extra: int
    decided: int
    right: int
    confounded: int
    as_arrow: int
    seconds: float


def outcome(job: tuple[str, str, int, int]) -> Found:
    """What is found in the graph of a size and kind, by seed, with so many hidden causes."""
    size, kind, seed, hidden = job
    given = study(kind, seed, SIZES[size], hidden)
    begin = time.process_time()
    found = discover_causes(given.data)
    return Found(
        distance=distance(given.truth, found.graph),
        edges=int(given.truth.sum()),
        extra=int((found.graph & ~given.truth & ~given.truth.T).sum()),
        decided=int(found.decided.sum()),
        right=int((found.decided & given.truth).sum()),
        confounded=int(np.triu(given.confounded).sum()),
        as_arrow=int((found.decided & given.confounded).sum()),
        seconds=time.process_time() - begin,
    )


def false_edge_rate(tables: int, rows: int = 300, columns: int = 6) -> float:
    """In which share of tables of independent columns any edge is found; 0.05 is aimed at."""
    rng = np.random.default_rng(5)
    return float(
        np.mean(
            [
                discover_causes(rng.laplace(size=(rows, columns)), seed=number).graph.any()
                for number in range(tables)
            ]
        )
    )


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--sizes", nargs="+", choices=[*SIZES], default=[*SIZES])
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--peers", help="interpreter of an environment with lingam")
    arguments = parser.parse_args()
    seeds = range(arguments.first_seed, arguments.first_seed + arguments.seeds)
    jobs = [
        (size, kind, seed, hidden)
        for size in arguments.sizes
        for kind in KINDS
        for hidden in (0, 1)
        for seed in seeds
    ]
    rows: dict[tuple[str, str, int], list[Found]] = defaultdict(list)
    with ProcessPoolExecutor(arguments.processes) as pool:
        for job, found in zip(jobs, pool.map(outcome, jobs), strict=True):
            rows[job[0], job[1], job[3]].append(found)
    print(f"wellwise, {arguments.seeds} graphs of each kind, means")
    for (size, kind, hidden), several in rows.items():
        mean = Found(*np.mean(several, axis=0))
        edges = f"{mean.edges:.1f} edges, extra {mean.extra:.2f}"
        print(f"  {size:10} {kind:9} hidden {hidden}: distance {mean.distance:.2f} of "
              f"{edges}, with a direction {mean.decided:.1f} "
              f"({mean.right:.1f} right), hidden pairs as an arrow {mean.as_arrow:.2f} of "
              f"{mean.confounded:.0f}, CPU-seconds {mean.seconds:.0f}", flush=True)  # fmt: skip
    print(f"any edge among 6 independent columns: {false_edge_rate(40):.3f} of 40 tables")
    if arguments.peers:
        command = [arguments.peers, "-m", "benchmarks.causal_peers", str(arguments.seeds)]
        peers: dict[tuple[str, str, str], list[tuple[float, float]]] = defaultdict(list)
        for line in subprocess.run(
            command, check=True, capture_output=True, text=True
        ).stdout.splitlines():
            entry = json.loads(line)
            key = entry["size"], entry["kind"], entry["method"]
            peers[key].append((entry["distance"], entry["seconds"]))
        for (size, kind, method), values in peers.items():
            apart, seconds = np.mean(values, axis=0)
            print(f"  {size:10} {kind:9} {method}: distance {apart:.2f}, CPU-seconds {seconds:.1f}")


if __name__ == "__main__":
    main()
