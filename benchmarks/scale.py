"""What a proposal costs by size of batch, number of observations and of parameters."""

import os
import subprocess
import sys
import time

import numpy as np

_CASES = (
    # parameters, observations, batch
    (7, 144, 8), (7, 144, 48), (7, 144, 96), (7, 144, 384),
    (7, 500, 48), (7, 1500, 48), (7, 5000, 48),
    (20, 144, 48), (20, 5000, 384),
)  # fmt: skip


def cost(parameters: int, observations: int, batch: int) -> tuple[float, float]:
    """Seconds and CPU-seconds of one proposal."""
    import optimizer
    from protocols.conditions import Observation
    from protocols.parameters import ContinuousParameter
    from protocols.search_space import SearchSpace

    space = SearchSpace(
        parameters=tuple(
            ContinuousParameter(
                name=f"x{index}", step="A", kind="continuous", low=0, high=1, standard=0.5
            )
            for index in range(parameters)
        )
    )
    rng = np.random.default_rng(0)
    found = []
    for number, proposal in enumerate(optimizer.propose(space, [], number=observations, seed=1)):
        point = np.array([float(value) for value in proposal.condition.root.values()])
        value = float(np.exp(-3 * ((point[:5] - 0.4) ** 2).sum()) + rng.normal(0, 0.07))
        found.append(Observation(condition=proposal.condition, value=value, round=1 + number // 48))
    begin, cpu = time.perf_counter(), time.process_time()
    optimizer.propose(space, found, number=batch, seed=1)
    return time.perf_counter() - begin, time.process_time() - cpu


def main() -> None:
    """Print a line a case, on one core and on two."""
    if len(sys.argv) > 1:
        wall, cpu = cost(*map(int, sys.argv[1:]))
        print(f"{wall:.1f} {cpu:.1f}")
        return
    print(f"{'parameters':>10} {'observed':>9} {'batch':>6}   one core        two cores")
    for case in _CASES:
        cells = []
        for cores in (1, 2):
            # Its own process, so that no cache of another case helps, and a count of threads that
            # holds from the start.
            environment = os.environ | {
                "OMP_NUM_THREADS": str(cores),
                "OPENBLAS_NUM_THREADS": str(cores),
            }
            command = [sys.executable, "-m", "benchmarks.scale", *map(str, case)]
            wall, cpu = subprocess.run(
                command, check=True, capture_output=True, text=True, env=environment
            ).stdout.split()
            cells.append(f"{wall:>6} s {cpu:>6} CPU-s")
        print(f"{case[0]:>10} {case[1]:>9} {case[2]:>6}   {'   '.join(cells)}", flush=True)


if __name__ == "__main__":
    main()
