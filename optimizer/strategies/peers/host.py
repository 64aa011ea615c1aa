"""Ax or BayBE in an interpreter of its own: answers one JSON line on stdout for each on stdin.

Run by `optimizer.strategies.peers.process` as `host.py LIBRARY`; it imports nothing of ours, and
nothing is kept from one request to the next. Conditions are features: a number is 0..1 on its own
scale, a category the index of its level.

    {"columns": [{"kind": "range" | "levels" | "category", "levels": [...],
                  "descriptors": [[...] of each level] | null}],
     "rules": [{"weights": {column: weight}, "at_least", "at_most"}],
     "observed": [features], "values": [...], "pending": [features],
     "groups": [{"fixed": {column: feature}, "number", "candidates": [features] | null}],
     "direction", "target", "seed", "options", "id"}
    -> {"proposed": [[features] of each group], "seconds": CPU, "id"}
    without groups -> {"best": features of the recommended observation, "seconds": CPU, "id"}
    where it fails -> {"error": why, "seconds": CPU, "id"}
"""

import json
import logging
import os
import sys
import time
import warnings

for threads in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[threads] = "1"  # the same numbers on every computer
os.environ["TQDM_DISABLE"] = "1"
os.environ["BAYBE_CACHE_DIR"] = ""
warnings.filterwarnings("ignore")
logging.disable(logging.CRITICAL)

import numpy as np  # noqa: E402
import torch  # noqa: E402

torch.set_num_threads(1)
torch.set_default_dtype(torch.float64)

VALUE = "value"


def names(request):
    """A name for each column."""
    return [f"x{index}" for index in range(len(request["columns"]))]


def told(request, features):
    """Features as a library's parameters, by name."""
    return {
        name: str(int(feature)) if column["kind"] == "category" else float(feature)
        for name, column, feature in zip(names(request), request["columns"], features, strict=True)
    }


def heard(request, values):
    """The inverse of `told`."""
    return [float(values[name]) for name in names(request)]


def fixed_by_name(request, group):
    """What a group decides, by name."""
    columns = range(len(request["columns"]))
    values = told(request, [group["fixed"].get(str(index), 0) for index in columns])
    return {f"x{index}": values[f"x{index}"] for index in group["fixed"]}


# --- Ax ---


def ax_client(request, number):
    """Ax's client, which was told everything; with fewer than two results it proposes a design."""
    from ax.api.client import Client
    from ax.api.configs import ChoiceParameterConfig, RangeParameterConfig

    seen, pending = len(request["observed"]), len(request["pending"])
    client = Client(random_seed=request["seed"])
    parameters = []
    for name, column in zip(names(request), request["columns"], strict=True):
        if column["kind"] == "range":
            parameters.append(RangeParameterConfig(name, bounds=(0.0, 1.0), parameter_type="float"))
        elif column["kind"] == "levels":
            parameters.append(
                ChoiceParameterConfig(name, column["levels"], "float", is_ordered=True)
            )
        else:
            levels = [str(int(level)) for level in column["levels"]]
            parameters.append(ChoiceParameterConfig(name, levels, "str", is_ordered=False))
    client.configure_experiment(
        name="wellwise", parameters=parameters, parameter_constraints=ax_constraints(request)
    )
    client.configure_optimization(objective=VALUE)
    design = number if seen < 2 else 0
    client.configure_generation_strategy(
        initialization_budget=seen + pending + design if design else 2,
        initialization_random_seed=request["seed"] + seen + pending,
        initialize_with_center=not (seen or pending),
        use_existing_trials_for_initialization=True,
        allow_exceeding_initialization_budget=True,
    )
    for features, value in zip(request["observed"], utilities(request), strict=True):
        index = client.attach_trial(parameters=told(request, features))
        client.complete_trial(trial_index=index, raw_data={VALUE: value})
    for features in request["pending"]:
        client.attach_trial(parameters=told(request, features))
    return client


def utilities(request):
    """What Ax is to maximise: the values, their negatives, or minus the distance."""
    values = np.array(request["values"], dtype=float)
    if request["direction"] == "match":
        values = -np.abs(values - request["target"])
    elif request["direction"] == "minimise":
        values = -values
    return values.tolist()


def ax_constraints(request):
    """Inequalities between ranges as text: Ax takes no others, and no equations."""
    found = []
    for rule in request["rules"]:
        columns = [request["columns"][int(index)] for index in rule["weights"]]
        if rule["at_least"] == rule["at_most"] or any(c["kind"] != "range" for c in columns):
            continue
        total = " + ".join(f"{weight!r} * x{index}" for index, weight in rule["weights"].items())
        found += [f"{total} <= {rule['at_most']!r}"] if rule["at_most"] is not None else []
        found += [f"{total} >= {rule['at_least']!r}"] if rule["at_least"] is not None else []
    return found


def ax(request):
    """Ax's client with its default strategy."""
    client = ax_client(request, sum(group["number"] for group in request["groups"]))
    if not request["groups"]:
        return heard(request, client.get_best_parameterization()[0])
    proposed = []
    for group in request["groups"]:
        trials = ax_trials(client, group["number"], fixed_by_name(request, group) or None)
        proposed.append([heard(request, trial) for trial in trials])
    return proposed


def ax_trials(client, number, fixed):
    """As many as it has: it repeats no condition, and gives up on a batch that would."""
    from ax.exceptions.core import OptimizationComplete

    for size in (number, 1):
        found = []
        try:
            while len(found) < number:
                wanted = min(size, number - len(found))
                trials = client.get_next_trials(wanted, fixed_parameters=fixed)
                if not trials:
                    return found
                found += trials.values()
            return found
        except OptimizationComplete:
            if size == 1:
                return found
    return []


# --- BayBE ---


def baybe_space(request, group):
    """The search space of a group: the conditions that are given, or the whole box.

    Listed conditions keep every constraint and exact levels. In a box steps are relaxed: with
    ranges beside them, BayBE searches each combination of discrete values by itself.
    """
    import pandas as pd
    from baybe.constraints import ContinuousLinearConstraint
    from baybe.parameters import (
        CategoricalParameter,
        CustomDiscreteParameter,
        NumericalContinuousParameter,
        NumericalDiscreteParameter,
    )
    from baybe.searchspace import SearchSpace

    listed = group["candidates"]
    fixed = fixed_by_name(request, group)
    parameters, constraints = [], []
    for name, column in zip(names(request), request["columns"], strict=True):
        if column["kind"] == "category":
            levels = [str(int(level)) for level in column["levels"]]
            active = [fixed[name]] if name in fixed and listed is None else None
            if column["descriptors"] is None:
                parameters.append(CategoricalParameter(name, levels, active_values=active))
            else:
                table = pd.DataFrame(column["descriptors"], index=levels)
                parameters.append(
                    CustomDiscreteParameter(
                        name, table.add_prefix("d"), decorrelate=False, active_values=active
                    )
                )
        elif listed is not None:
            parameters.append(NumericalDiscreteParameter(name, column["levels"]))
        else:
            parameters.append(NumericalContinuousParameter(name, (0.0, 1.0)))
            if name in fixed:
                constraints.append(ContinuousLinearConstraint([name], "=", [1.0], fixed[name]))
    if listed is not None:
        rows = pd.DataFrame([told(request, features) for features in listed])
        return SearchSpace.from_dataframe(rows, parameters)
    for rule in request["rules"]:
        terms = [f"x{index}" for index in rule["weights"]]
        weights = list(rule["weights"].values())
        low, high = rule["at_least"], rule["at_most"]
        ends = [("=", low)] if low == high else [(">=", low), ("<=", high)]
        constraints += [
            ContinuousLinearConstraint(terms, sign, weights, end)
            for sign, end in ends
            if end is not None
        ]
    return SearchSpace.from_product(parameters, constraints)


def baybe_objective(request):
    """The direction as BayBE has it."""
    from baybe.objectives import SingleTargetObjective
    from baybe.targets import NumericalTarget

    if request["direction"] == "match":
        return SingleTargetObjective(NumericalTarget.match_absolute(VALUE, request["target"]))
    return SingleTargetObjective(
        NumericalTarget(VALUE, minimize=request["direction"] == "minimise")
    )


def baybe(request):
    """BayBE's default two-phase recommender; its design is at random."""
    import pandas as pd
    from baybe.recommenders import BotorchRecommender, RandomRecommender

    seen = len(request["observed"])
    measured = pd.DataFrame(
        [
            {**told(request, features), VALUE: float(value)}
            for features, value in zip(request["observed"], request["values"], strict=True)
        ]
    )
    objective = baybe_objective(request)
    torch.manual_seed(request["seed"] + 1000 * seen)
    np.random.seed((request["seed"] + 1000 * seen + len(request["pending"])) % 2**32)
    if not request["groups"]:
        everywhere = {"fixed": {}, "candidates": None}
        space = baybe_space(request, everywhere)
        surrogate = BotorchRecommender().get_surrogate(space, objective, measured)
        stats = surrogate.posterior_stats(measured[names(request)], stats=["mean"])
        best = np.argmax(baybe_utility(request, stats[f"{VALUE}_mean"].to_numpy()))
        return request["observed"][int(best)]
    pending = [told(request, features) for features in request["pending"]]
    proposed = []
    for group in request["groups"]:
        space = baybe_space(request, group)
        number = group["number"]
        if group["candidates"] is not None:
            number = min(number, len(group["candidates"]))
        if seen < 2:
            rows = RandomRecommender().recommend(number, space)
        else:
            rows = BotorchRecommender(**request["options"]).recommend(
                number, space, objective, measured, pd.DataFrame(pending) if pending else None
            )
        found = [heard(request, row) for row in rows.to_dict("records")]
        pending += [told(request, features) for features in found]
        proposed.append(found)
    return proposed


def baybe_utility(request, values):
    """What is to be high of predicted values."""
    return np.array(utilities({**request, "values": values}))


def main():
    """Answer each line; what a library prints goes to stderr."""
    library = {"ax": ax, "baybe": baybe}[sys.argv[1]]
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    for line in sys.stdin:
        request = json.loads(line)
        begin = time.process_time()
        try:
            found = library(request)
            answer = {"proposed": found} if request["groups"] else {"best": found}
        except Exception as error:
            why = str(error).strip().splitlines() or ["it does not say why"]
            answer = {"error": f"{type(error).__name__}: {why[0]}"}
        answer["id"] = request["id"]
        answer["seconds"] = round(time.process_time() - begin, 3)
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main()
