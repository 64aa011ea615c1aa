"""Functions to optimise, of different kinds: true values of wells, and their measurement.

All are raised, not lowered. The textbook functions are scaled so that 1 is their highest value and
0 their mean over the box, so that one noise means about the same to each.
"""

import math
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np

from benchmarks.virtual_campaign import truth
from protocols.campaign import Campaign
from protocols.campaign_file import read_campaign
from protocols.conditions import Condition, Value
from protocols.parameters import CategoryParameter, ContinuousParameter, SteppedParameter
from protocols.search_space import SearchSpace

NOISE_SD = 0.07


class Function(NamedTuple):
    """A search space with its truth, and what lies between truth and measurement.

    `optimum` is the highest true value. `round_sd` is the sd of a shift that all wells of a round
    share, `outliers` the share of wells that give anything from 0 to 1, `lost` the share of those
    that give nothing. `positions` decide parameters, one entry a well, repeated.
    """

    name: str
    space: SearchSpace
    truth: Callable[[Mapping[str, Value]], float]
    optimum: float = 1.0
    round_sd: float = 0.0
    outliers: float = 0.0
    lost: float = 0.0
    positions: tuple[Mapping[str, Value], ...] = ({},)


def reported() -> list[Function]:
    """The functions that the table reports. No setting of the optimiser was chosen on them."""
    return [culture(), hartmann6(), levy7(), ackley7(), cliff(), assay()]


def tuning() -> list[Function]:
    """Functions for choosing settings; none is reported, or shares a formula with one that is."""
    return [
        rosenbrock5(),
        styblinski6(),
        *(surface(seed) for seed in range(4)),
        shaken(surface(11)),
        waves4(),
        strains(),
    ]


def by_name(name: str) -> Function:
    """A function of either kind.

    Of the random surfaces, 0 to 3 and 11 are tuning functions, 30 to 41 chose the kernel's form and
    where its search begins, and no setting was chosen on the others.

    Raises:
        KeyError: there is no such function.
    """
    if name.removeprefix("surface").isdecimal():
        return surface(int(name.removeprefix("surface")))
    return {function.name: function for function in [*reported(), *tuning(), *handicapped()]}[name]


@cache
def rpe() -> Campaign:
    """The example campaign."""
    return read_campaign(
        (Path(__file__).parent.parent / "examples" / "rpe" / "campaign.yaml").read_text()
    )


def culture() -> Function:
    """The simulated culture, every parameter free."""
    campaign = rpe()
    return Function(
        "culture", campaign.space, lambda values: truth(campaign, Condition(dict(values))), 0.9531
    )


def seated_culture() -> Function:
    """The simulated culture; each well decides the trypsin time."""
    periods = tuple({"detachment_period": 8.0 + 3.0 * well} for well in range(6))
    return culture()._replace(name="seated-culture", positions=periods)


def handicapped() -> list[Function]:
    """Reported functions with wells that decide parameters, and with lost wells."""
    losing = [
        f._replace(name=f"losing-{f.name}", lost=0.1) for f in (culture(), hartmann6(), assay())
    ]
    return [seated_culture(), *losing]


def box(dimension: int, low: float, high: float) -> SearchSpace:
    """A space of so many continuous parameters, each with the same range."""
    return SearchSpace(
        parameters=tuple(
            ContinuousParameter(
                name=f"x{index + 1}",
                step="A",
                kind="continuous",
                low=low,
                high=high,
                standard=low + 0.3 * (high - low),
            )
            for index in range(dimension)
        )
    )


def _point(values: Mapping[str, Value]) -> np.ndarray:
    return np.array(list(values.values()), dtype=np.float64)


def hartmann6() -> Function:
    """Hartmann, 6 parameters: six local optima, one of them narrow and best."""
    alpha = np.array([1.0, 1.2, 3.0, 3.2])
    a = np.array(
        [
            [10, 3, 17, 3.5, 1.7, 8],
            [0.05, 10, 17, 0.1, 8, 14],
            [3, 3.5, 1.7, 10, 17, 8],
            [17, 8, 0.05, 10, 0.1, 14],
        ]
    )
    p = 1e-4 * np.array(
        [
            [1312, 1696, 5569, 124, 8283, 5886],
            [2329, 4135, 8307, 3736, 1004, 9991],
            [2348, 1451, 3522, 2883, 3047, 6650],
            [4047, 8828, 8732, 5743, 1091, 381],
        ]
    )

    def value(values: Mapping[str, Value]) -> float:
        raw = float(alpha @ np.exp(-(a * (_point(values) - p) ** 2).sum(axis=1)))
        return (raw - 0.258) / (3.32237 - 0.258)

    return Function("hartmann6", box(6, 0, 1), value)


def levy7() -> Function:
    """Levy, 7 parameters: a bowl with waves along each parameter."""

    def value(values: Mapping[str, Value]) -> float:
        w = 1 + (_point(values) - 1) / 4
        inner = ((w[:-1] - 1) ** 2 * (1 + 10 * np.sin(np.pi * w[:-1] + 1) ** 2)).sum()
        last = (w[-1] - 1) ** 2 * (1 + np.sin(2 * np.pi * w[-1]) ** 2)
        return float(1 - (np.sin(np.pi * w[0]) ** 2 + inner + last) / 84.5)

    return Function("levy7", box(7, -10, 10), value)


def ackley7() -> Function:
    """Ackley, 7 parameters, its peak off the middle: little slope far away, a sharp peak."""
    peak = np.array([1.3, -2.1, 0.4, 2.6, -1.2, -0.5, 1.9])

    def value(values: Mapping[str, Value]) -> float:
        z = _point(values) - peak
        raw = (
            20
            + math.e
            - 20 * math.exp(-0.2 * math.sqrt((z**2).mean()))
            - math.exp(np.cos(2 * np.pi * z).mean())
        )
        return 1 - raw / 11.13

    return Function("ackley7", box(7, -5, 5), value)


def cliff() -> Function:
    """Medium and vessel are categories; above a temperature that depends on the medium all die."""
    space = SearchSpace(
        parameters=(
            CategoryParameter(
                name="medium",
                step="A",
                kind="category",
                levels=("m1", "m2", "m3", "m4"),
                standard="m1",
            ),
            CategoryParameter(
                name="vessel", step="A", kind="category", levels=("v1", "v2", "v3"), standard="v1"
            ),
            ContinuousParameter(
                name="dose",
                step="A",
                kind="continuous",
                low=0.1,
                high=100,
                scale="log",
                standard=1,
                unit="nM",
            ),
            SteppedParameter(
                name="temperature",
                step="A",
                kind="stepped",
                levels=tuple(np.arange(25, 46.0)),
                standard=37,
            ),
            SteppedParameter(
                name="days", step="A", kind="stepped", levels=tuple(np.arange(1, 15.0)), standard=7
            ),
            ContinuousParameter(
                name="ph", step="A", kind="continuous", low=5.5, high=8.5, standard=7.0
            ),
        )
    )
    best_dose = {"m1": 0.0, "m2": 0.6, "m3": -0.3, "m4": 1.1}
    dies_above = {"m1": 40.0, "m2": 38.0, "m3": 42.0, "m4": 36.0}
    yields = {"m1": 0.7, "m2": 0.9, "m3": 1.0, "m4": 0.8}
    grip = {"v1": 0.75, "v2": 1.0, "v3": 0.9}

    def value(values: Mapping[str, Value]) -> float:
        medium, vessel = str(values["medium"]), str(values["vessel"])
        dose, temperature = math.log10(float(values["dose"])), float(values["temperature"])
        days, ph = float(values["days"]), float(values["ph"])
        if temperature > dies_above[medium]:
            return 0.0
        grown = 1 - math.exp(-days / 3) if vessel != "v2" else 1 - math.exp(-days / 5)
        worn = 1 / (1 + math.exp((days - 12) / 0.8))
        warmth = math.exp(-(((temperature - 43) / 14) ** 2))
        sour = math.exp(-(((ph - 7.1 - 0.1 * (dose - best_dose[medium])) / 1.1) ** 2))
        return (
            yields[medium]
            * grip[vessel]
            * grown
            * worn
            * warmth
            * sour
            * math.exp(-(((dose - best_dose[medium]) / 1.2) ** 2))
            / 0.8313
        )

    return Function("cliff", space, value)


def assay() -> Function:
    """An enzyme reaction whose rounds differ and whose wells sometimes give anything."""
    space = SearchSpace(
        parameters=tuple(
            ContinuousParameter(
                name=name,
                step="A",
                kind="continuous",
                low=low,
                high=high,
                scale=scale,
                standard=standard,
            )
            for name, low, high, scale, standard in (
                ("substrate", 0.1, 100.0, "log", 1.0),
                ("cofactor", 0.01, 10.0, "log", 0.1),
                ("salt", 1.0, 1000.0, "log", 50.0),
                ("temperature", 20.0, 70.0, "linear", 37.0),
                ("ph", 5.0, 10.0, "linear", 7.5),
                ("minutes", 5.0, 120.0, "linear", 30.0),
            )
        )
    )

    def value(values: Mapping[str, Value]) -> float:
        s, c, salt, temperature, ph, minutes = _point(values)
        rate = s / (2 + s + s**2 / 30) * c / (0.2 + c)
        rate *= math.exp(0.06 * (temperature - 37)) * math.exp(-(((ph - 8.2) / 2) ** 2))
        rate *= math.exp(-((math.log10(salt / 120) / 1.4) ** 2))
        decay = math.exp(0.22 * (temperature - 58)) + 0.004
        lasting = (1 - math.exp(-decay * minutes)) / decay
        return (1 - math.exp(-0.05 * rate * lasting)) / 0.8611

    return Function("assay", space, value, round_sd=0.1, outliers=0.03)


def rosenbrock5() -> Function:
    """Rosenbrock, 5 parameters: a curved valley between neighbours, here of the logarithm."""

    def value(values: Mapping[str, Value]) -> float:
        x = _point(values)
        return float(
            1 - np.log1p((100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2).sum()) / 7.0
        )

    return Function("rosenbrock5", box(5, -2, 2), value)


def styblinski6() -> Function:
    """Styblinski-Tang, 6 parameters: 64 basins."""

    def value(values: Mapping[str, Value]) -> float:
        x = _point(values)
        raw = float((x**4 - 16 * x**2 + 5 * x).sum() / 2)
        return (-raw + 4.3 * 6) / (39.16617 * 6 + 4.3 * 6)

    return Function("styblinski6", box(6, -5, 5), value)


def strains() -> Function:
    """Five strains in three media, each pair with its own best dose and time; some die early."""
    rng = np.random.default_rng(5)
    dose_at, hours_at = rng.uniform(0.2, 0.8, (5, 3)), rng.uniform(0.3, 0.7, 5)
    fatal = hours_at + rng.uniform(0.15, 0.4, 5)
    height = rng.uniform(0.5, 1.0, (5, 3))
    height /= height.max()
    numbers = [
        ContinuousParameter(name=name, step="A", kind="continuous", low=0, high=1, standard=0.1)
        for name in ("dose", "hours", "shaking", "light")
    ]
    kinds = [
        CategoryParameter(
            name=name, step="A", kind="category", levels=tuple(range(count)), standard=0
        )
        for name, count in (("strain", 5), ("medium", 3))
    ]

    def value(values: Mapping[str, Value]) -> float:
        strain, medium = int(values["strain"]), int(values["medium"])
        dose, hours, shaking, light = (float(values[p.name]) for p in numbers)
        if hours > fatal[strain]:
            return 0.0
        off = ((dose - dose_at[strain, medium]) / 0.3) ** 2 + (
            (hours - hours_at[strain]) / 0.35
        ) ** 2
        off += ((shaking - 0.6) / 0.4) ** 2 + 0.3 * light**2
        return float(height[strain, medium] * math.exp(-0.5 * off))

    return Function("strains", SearchSpace(parameters=(*numbers, *kinds)), value)


def waves4() -> Function:
    """A peak in 4 of 8 parameters, in a rippled plain; the other four do nothing."""

    def value(values: Mapping[str, Value]) -> float:
        x = _point(values)[:4] - np.array([0.3, 0.62, 0.75, 0.44])
        return float(np.exp(-6 * (x**2).sum()) * (0.9 + 0.1 * np.cos(14 * x).mean()))

    return Function("waves4", box(8, 0, 1), value)


def surface(seed: int) -> Function:
    """A random response surface of seven mixed parameters.

    It has curved main effects, two interactions, and sometimes a sharp drop.
    """
    rng = np.random.default_rng([seed, 77])
    steps = [
        SteppedParameter(
            name=f"x{index + 1}",
            step="A",
            kind="stepped",
            levels=tuple(float(level) for level in range(int(count))),
            standard=0.0,
        )
        for index, count in enumerate(rng.choice([6, 10, 20, 50], size=6))
    ]
    count = int(rng.integers(2, 5))
    kind = CategoryParameter(
        name="kind", step="A", kind="category", levels=tuple(range(count)), standard=0
    )
    peak, width = rng.uniform(0.1, 0.9, 6), rng.uniform(0.2, 0.9, 6)
    lean = rng.uniform(-0.5, 0.5, 2)
    lift = np.sort(rng.uniform(0.5, 1.0, count))
    edge = rng.uniform(0.1, 0.25)
    falls = int(rng.integers(6))

    def value(values: Mapping[str, Value]) -> float:
        raw = [float(values[step.name]) / step.levels[-1] for step in steps]
        z = (np.array(raw) - peak) / width
        z[0] += lean[0] * z[1]
        z[2] += lean[1] * z[3] * float(values["kind"] == 0)
        shape = float(np.exp(-0.5 * (z**2).sum()))
        beyond = raw[falls] - peak[falls] - edge
        return (
            shape
            * float(lift[int(values["kind"])])
            / lift[-1]
            / (1 + math.exp(min(beyond / 0.02, 50.0)))
        )

    return Function(f"surface{seed}", SearchSpace(parameters=(*steps, kind)), value)


def shaken(function: Function) -> Function:
    """The same function in rounds that differ, with outliers."""
    return function._replace(name=f"shaken-{function.name}", round_sd=0.1, outliers=0.03)
