"""Other methods of causal discovery, on the same graphs.

Run by the interpreter of an environment that has lingam.
"""

import itertools
import json
import sys
import time
import warnings

import numpy as np
from lingam import RESIT, DirectLiNGAM
from sklearn.ensemble import GradientBoostingRegressor

from benchmarks.causal_graphs import KINDS, SIZES, distance, study


def main() -> None:
    """For each seed, kind and method a line of JSON: the distance to the truth, and CPU-seconds."""
    warnings.simplefilter("ignore")
    for size, seed, kind in itertools.product(SIZES, range(int(sys.argv[1])), KINDS):
        given = study(kind, seed, SIZES[size])
        methods = {
            "DirectLiNGAM": DirectLiNGAM(),
            "RESIT": RESIT(
                regressor=GradientBoostingRegressor(max_depth=3, random_state=0), alpha=0.01
            ),
        }
        for name, method in methods.items():
            begin = time.process_time()
            method.fit(given.data)
            found = np.abs(method.adjacency_matrix_.T) > 0  # lingam: row is caused by column
            line = {
                "method": name,
                "size": size,
                "kind": kind,
                "seed": seed,
                "distance": distance(given.truth, found),
            }
            print(json.dumps(line | {"seconds": time.process_time() - begin}), flush=True)


if __name__ == "__main__":
    main()
