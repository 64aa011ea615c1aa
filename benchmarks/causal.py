"""Structural Hamming distance of `optimizer.discover_causes`, DirectLiNGAM and RESIT."""

import argparse
import json
import subprocess
import time
from collections import defaultdict
from concurrent.futures import ProcessPoolExecutor

import numpy as np

from benchmarks.causal_graphs import VARIABLES, distance, study
from optimizer import discover_causes

KINDS = ("linear", "nonlinear")


def outcome(job: tuple[str, int]) -> tuple[str, int, float]:
    """Kind, distance and CPU-seconds of one graph."""
    given = study(*job)
    begin = time.process_time()
    found = discover_causes(given.data)
    return job[0], distance(given.truth, found.graph), time.process_time() - begin


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--peers", help="interpreter of an environment with lingam")
    arguments = parser.parse_args()
    found: dict[tuple[str, str], list[tuple[float, float]]] = defaultdict(list)
    with ProcessPoolExecutor(arguments.processes) as pool:
        for kind, apart, seconds in pool.map(
            outcome, [(k, s) for s in range(arguments.seeds) for k in KINDS]
        ):
            found["wellwise", kind].append((apart, seconds))
    if arguments.peers:
        command = [arguments.peers, "-m", "benchmarks.causal_peers", str(arguments.seeds)]
        for line in subprocess.run(
            command, check=True, capture_output=True, text=True
        ).stdout.splitlines():
            entry = json.loads(line)
            found[entry["method"], entry["kind"]].append((entry["distance"], entry["seconds"]))
    print(
        f"structural Hamming distance, {VARIABLES} variables, {arguments.seeds} graphs of each kind"
    )
    for method, kind in found:
        values = np.array(found[method, kind])
        print(f"  {method:13} {kind:10} median {np.median(values[:, 0]):.1f}  mean "
              f"{values[:, 0].mean():.2f}  "
              f"right {np.mean(values[:, 0] == 0):.0%}  CPU-seconds "
              f"{np.median(values[:, 1]):.1f}")  # fmt: skip


if __name__ == "__main__":
    main()
