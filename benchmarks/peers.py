"""Other optimisers, each as it is delivered; run in an environment of their own, a JSON line in and one out.

A request holds the search space, all observations and what is wanted; nothing is kept from one
request to the next.

    {"method", "parameters": [{"name", "kind", "low", "high", "log", "levels"}], "observations":
    [[condition, value]],
     "number", "seed"}  ->  {"proposals": [condition], "recommended": condition, "seconds": CPU of the proposals}

`number` 0 asks only for the recommendation. Conditions are lists in the order of the parameters.
"""

import json
import logging
import math
import os
import sys
import time
import warnings
from importlib.metadata import version

os.environ["TQDM_DISABLE"] = "1"
warnings.filterwarnings("ignore")
logging.disable(logging.CRITICAL)

import numpy as np  # noqa: E402
import torch  # noqa: E402

torch.set_num_threads(1)
torch.set_default_dtype(torch.float64)


def levels_of(parameter):
    """The allowed values, or None where the parameter is continuous."""
    return parameter.get("levels")


def snapped(parameter, value):
    """The allowed value nearest to a number."""
    levels = levels_of(parameter)
    if levels is None:
        return float(min(max(value, parameter["low"]), parameter["high"]))
    return min(levels, key=lambda level: abs(level - value))


def best_measured(observations):
    """The condition with the highest mean of its measurements."""
    by_condition = {}
    for condition, value in observations:
        by_condition.setdefault(tuple(condition), []).append(value)
    return list(max(by_condition, key=lambda c: np.mean(by_condition[c]))) if by_condition else None


def ax(parameters, observations, number, seed):
    """Ax's client with its default strategy; recommended by its model."""
    from ax.api.client import Client
    from ax.api.configs import ChoiceParameterConfig, RangeParameterConfig

    client = Client(random_seed=seed)
    configured = []
    for p in parameters:
        if p["kind"] == "continuous":
            scaling = "log" if p["log"] else "linear"
            configured.append(
                RangeParameterConfig(
                    name=p["name"],
                    bounds=(p["low"], p["high"]),
                    parameter_type="float",
                    scaling=scaling,
                )
            )
        elif p["kind"] == "stepped":
            configured.append(
                ChoiceParameterConfig(
                    name=p["name"], values=p["levels"], parameter_type="float", is_ordered=True
                )
            )
        else:
            values = [str(level) for level in p["levels"]]
            configured.append(
                ChoiceParameterConfig(
                    name=p["name"], values=values, parameter_type="str", is_ordered=False
                )
            )
    client.configure_experiment(name="bench", parameters=configured)
    client.configure_optimization(objective="value")
    client.configure_generation_strategy(initialization_budget=48, initialization_random_seed=seed)
    names = [p["name"] for p in parameters]

    def told(condition):
        return {
            p["name"]: str(v) if p["kind"] == "category" else float(v)
            for p, v in zip(parameters, condition, strict=True)
        }

    def heard(values):
        text = {
            p["name"]: {str(level): level for level in p["levels"]}
            for p in parameters
            if p["kind"] == "category"
        }
        return [text[name][values[name]] if name in text else float(values[name]) for name in names]

    for condition, value in observations:
        index = client.attach_trial(parameters=told(condition))
        client.complete_trial(trial_index=index, raw_data={"value": value})
    proposals = (
        [heard(t) for t in client.get_next_trials(max_trials=number).values()] if number else []
    )
    recommended = (
        heard(client.get_best_parameterization()[0]) if observations and not number else None
    )
    return proposals, recommended


def baybe(parameters, observations, number, seed):
    """BayBE's default two-phase recommender; steps are relaxed and set to the nearest level afterwards.

    (200 million combinations cannot be listed as its discrete space.)
    """
    import pandas as pd
    from baybe.objectives import SingleTargetObjective
    from baybe.parameters import CategoricalParameter, NumericalContinuousParameter
    from baybe.recommenders import BotorchRecommender, TwoPhaseMetaRecommender
    from baybe.searchspace import SearchSpace
    from baybe.targets import NumericalTarget

    torch.manual_seed(seed + 1000 * len(observations))
    np.random.seed(seed + 1000 * len(observations))
    made = []
    for p in parameters:
        if p["kind"] == "category":
            made.append(CategoricalParameter(p["name"], [str(level) for level in p["levels"]]))
        else:
            low, high = (
                (math.log(p["low"]), math.log(p["high"])) if p["log"] else (p["low"], p["high"])
            )
            made.append(NumericalContinuousParameter(p["name"], (low, high)))
    space = SearchSpace.from_product(made)
    objective = SingleTargetObjective(NumericalTarget("value"))

    def told(condition):
        return {
            p["name"]: str(v)
            if p["kind"] == "category"
            else (math.log(v) if p["log"] else float(v))
            for p, v in zip(parameters, condition, strict=True)
        }

    def heard(values):
        found = []
        for p in parameters:
            value = values[p["name"]]
            if p["kind"] == "category":
                found.append(next(level for level in p["levels"] if str(level) == value))
            else:
                found.append(snapped(p, math.exp(value) if p["log"] else float(value)))
        return found

    measured = pd.DataFrame([{**told(c), "value": v} for c, v in observations])
    if number:
        combinations = math.prod(len(p["levels"]) for p in parameters if p["kind"] == "category")
        # It searches each combination of categories by itself: 12 of them with ten restarts take ten minutes a batch.
        effort = {"n_restarts": 2, "n_raw_samples": 32} if combinations > 4 else {}
        recommender = TwoPhaseMetaRecommender(recommender=BotorchRecommender(**effort))
        batch = recommender.recommend(number, space, objective, measured if len(measured) else None)
        return [heard(row) for row in batch.to_dict("records")], None
    surrogate = BotorchRecommender().get_surrogate(space, objective, measured)
    mean = surrogate.posterior_stats(measured[[p["name"] for p in parameters]], stats=["mean"])[
        "value_mean"
    ]
    return [], observations[int(np.argmax(mean.to_numpy()))][0]


def optuna(parameters, observations, number, seed):
    """Optuna's TPE with the constant liar for batches."""
    import optuna as library

    library.logging.set_verbosity(library.logging.ERROR)
    made = {}
    for p in parameters:
        if p["kind"] == "continuous":
            made[p["name"]] = library.distributions.FloatDistribution(
                p["low"], p["high"], log=p["log"]
            )
        elif p["kind"] == "stepped":
            made[p["name"]] = library.distributions.IntDistribution(0, len(p["levels"]) - 1)
        else:
            made[p["name"]] = library.distributions.CategoricalDistribution(
                [str(level) for level in p["levels"]]
            )
    sampler = library.samplers.TPESampler(seed=seed + len(observations), constant_liar=True)
    study = library.create_study(direction="maximize", sampler=sampler)
    for condition, value in observations:
        told = {}
        for p, v in zip(parameters, condition, strict=True):
            told[p["name"]] = v if p["kind"] == "continuous" else p["levels"].index(v)
            if p["kind"] == "category":
                told[p["name"]] = str(v)
        study.add_trial(library.trial.create_trial(params=told, distributions=made, value=value))
    proposals = []
    for _ in range(number):
        trial = study.ask(made)
        condition = []
        for p in parameters:
            value = trial.params[p["name"]]
            if p["kind"] == "category":
                value = next(level for level in p["levels"] if str(level) == value)
            condition.append(p["levels"][value] if p["kind"] == "stepped" else value)
        proposals.append(condition)
    return proposals, best_measured(observations)


METHODS = {f.__name__: f for f in (optuna, baybe, ax)}


def main():
    """Answer each line."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    for line in sys.stdin:
        request = json.loads(line)
        if request["method"] == "versions":
            names = ("ax-platform", "baybe", "optuna", "botorch", "torch")
            answer = {name: version(name) for name in names}
        else:
            begin = time.process_time()
            proposals, recommended = METHODS[request["method"]](
                request["parameters"], request["observations"], request["number"], request["seed"]
            )
            answer = {
                "proposals": proposals,
                "recommended": recommended,
                "seconds": round(time.process_time() - begin, 3),
            }
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main()
