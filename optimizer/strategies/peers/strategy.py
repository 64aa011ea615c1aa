"""Ax and BayBE as strategies: what is asked of them, and what becomes of their answers."""

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from optimizer.encoding import Encoding, Rows, alike
from optimizer.neighbours import neighbours
from optimizer.strategies.peers.packages import PACKAGES, environment_name
from optimizer.strategies.peers.process import PeerFailed, PeerProcess
from optimizer.strategy import Request
from optimizer.untried import tried_rows, untried_rows
from protocols.conditions import Condition, Observation, Proposal, Value
from protocols.environments import (
    EnvironmentNotMade,
    environment_folder,
    home_folder,
    interpreter,
    is_made,
)
from protocols.parameters import NumericParameter

_NEAR, _ANYWHERE = 128, 512
"""Conditions among which the one nearest to what is not permitted is sought."""

_LISTED = 2000
"""Conditions at most that a library is given as a list."""

_FEW_COMBINATIONS = 4

_Feature = Annotated[float, Field(allow_inf_nan=False)]


class _Answer(BaseModel):
    proposed: list[list[list[_Feature]]] = []
    best: list[_Feature] = []
    seconds: float = 0.0


class PeerStrategy(ABC):
    """A library of others in its own environment, asked for all positions at once.

    It is given the usable results, pending conditions, decided values and those linear constraints
    that it can take. What it proposes is set to exact levels; what is not permitted or was tried
    already becomes the nearest condition that is permitted and new. It predicts nothing, so
    proposals have no mean, sd or gain. With fewer than two usable observations: its own design.
    """

    Options: ClassVar[type[BaseModel]]
    name: ClassVar[str]
    title: ClassVar[str]
    takes_descriptors: ClassVar[bool] = False
    host: ClassVar[Path] = Path(__file__).with_name("host.py")

    class _Options(BaseModel):
        model_config = ConfigDict(frozen=True, extra="forbid")

        limit_s: float = Field(3600.0, gt=0, le=86_400, description="seconds that a batch may take")

    def __init__(self, options: Any) -> None:
        """With its options; the library is started by the first question.

        Raises:
            EnvironmentNotMade: the environment is not there, or holds other versions.
        """
        self._options = options
        self.cpu_s = 0.0
        """CPU-seconds that the library took for its answers so far."""
        home, name = home_folder(), environment_name(self.name)
        if not is_made(home, name, PACKAGES[self.name]):
            raise EnvironmentNotMade(
                f"strategy {self.name} needs {self.title} in an environment of its own below "
                f"wellwise's home, which is not there or holds other versions: run wellwise "
                f"strategy setup {self.name} on the computer that plans the rounds"
            )
        # Isolated: neither our packages nor the shell's folders come before the environment's.
        python = str(interpreter(environment_folder(home, name)))
        self._process = PeerProcess(self.title, [python, "-I", str(self.host), self.name])

    def propose(self, request: Request) -> list[Proposal]:
        """As the contract says.

        Raises:
            ValueError: no condition meets the constraints in a position.
            PeerFailed: the library failed, ended, or did not answer in time.
        """
        encoding = request.encoding
        rng = np.random.default_rng([request.seed, len(request.observations), len(request.pending)])
        tried = tried_rows(encoding, request.observations, request.pending)
        wanted = self._wanted(request, encoding, tried, rng)

        def candidates(index: int) -> Rows:
            if index not in wanted:
                return np.empty((0, len(request.space.parameters)))
            return _nearest_first(encoding, wanted[index], request.positions[index], rng)

        rows = untried_rows(encoding, request.positions, candidates, tried, rng)
        design = len(_known(request)) < 2
        return [
            Proposal(
                condition=condition,
                role="initial" if design else "proposed",
                reason=self._reason(design, row, wanted.get(index)) + self._unused(encoding),
            )
            for index, (condition, row) in enumerate(
                zip(encoding.conditions(rows), rows, strict=True)
            )
        ]

    def recommend(self, request: Request) -> Condition:
        """The observed condition that the library's model takes to be best."""
        encoding = request.encoding
        best = self._ask(request, encoding, [{}], []).best
        if len(best) != len(request.space.parameters):
            raise PeerFailed(f"{self.title} recommended {best}, which is no condition")
        known = _known(request)
        observed = encoding.rows([observation.condition for observation in known])
        distances = np.abs(encoding.features(observed) - best).sum(axis=1)
        return known[int(distances.argmin())].condition

    @abstractmethod
    def _library_options(self, request: Request) -> dict[str, Any]:
        """What the library is told beside the question."""

    @abstractmethod
    def _takes_lists(self) -> bool:
        """Whether it can choose among conditions that are listed."""

    def _wanted(
        self, request: Request, encoding: Encoding, tried: set[bytes], rng: np.random.Generator
    ) -> dict[int, Rows]:
        """Index of a position -> the row (p) that the library proposes there.

        Positions are absent where it has none, as it repeats nothing.
        """
        groups: list[dict[str, Any]] = []
        members: list[list[int]] = []
        for values, indices in alike(request.positions).items():
            decided = dict(values)
            some = encoding.random(1, decided, rng)  # raises where nothing is permitted
            listed = self._listed(encoding, decided, tried, rng)
            if listed is not None and not len(listed):
                continue
            features = encoding.features(some)[0]
            names = enumerate(request.space.by_name)
            groups.append(
                {
                    "fixed": {str(i): float(features[i]) for i, name in names if name in decided},
                    "number": len(indices),
                    "candidates": None if listed is None else encoding.features(listed).tolist(),
                }
            )
            members.append(indices)
        if not groups:
            return {}
        answer = self._ask(request, encoding, groups, members)
        wanted: dict[int, Rows] = {}
        for found, indices in zip(answer.proposed, members, strict=True):
            for index, features in zip(indices, found, strict=False):
                row = encoding.from_features(np.array([features]))
                wanted[index] = encoding.decide(row, [request.positions[index]])[0]
        return wanted

    def _listed(
        self,
        encoding: Encoding,
        decided: Mapping[str, Value],
        tried: set[bytes],
        rng: np.random.Generator,
    ) -> Rows | None:
        """New permitted rows to choose among; None where the library is to search the box."""
        if not self._takes_lists() or any(p.choices is None for p in encoding.space.parameters):
            return None
        every = encoding.all_rows(decided)
        if not len(every):
            return None
        new = every[[row.tobytes() not in tried for row in every]]
        if len(new) <= _LISTED:
            return new
        return np.asarray(new[np.sort(rng.choice(len(new), _LISTED, replace=False))])

    def _ask(
        self,
        request: Request,
        encoding: Encoding,
        groups: list[dict[str, Any]],
        members: list[list[int]],
    ) -> _Answer:
        known = _known(request)
        question = {
            "columns": [
                {
                    "kind": "range"
                    if p.choices is None
                    else "levels"
                    if p.has_order
                    else "category",
                    "levels": encoding.level_features(index).tolist(),
                    "descriptors": _descriptors(encoding, index),
                }
                for index, p in enumerate(request.space.parameters)
            ],
            "rules": _rules(request),
            "observed": encoding.features(encoding.rows([o.condition for o in known])).tolist(),
            "values": [float(o.value or 0.0) for o in known],
            "pending": encoding.features(encoding.rows(request.pending)).tolist(),
            "groups": groups if members else [],
            "direction": request.objective.direction,
            "target": request.objective.target,
            "seed": request.seed % 2**31,
            "options": self._library_options(request),
        }
        said = self._process.ask(question, self._options.limit_s)
        try:
            answer = _Answer.model_validate(said)
        except ValidationError as error:
            why = error.errors()[0]
            raise PeerFailed(
                f"{self.title}'s answer is wrong: {why['loc']}: {why['msg']}"
            ) from None
        width = len(request.space.parameters)
        sizes = [len(found) for found in answer.proposed]
        if len(sizes) != len(members) or any(
            len(features) != width for found in answer.proposed for features in found
        ):
            raise PeerFailed(
                f"{self.title} proposed {sizes} conditions (expected "
                f"{[len(indices) for indices in members]}, each with {width} values)"
            )
        self.cpu_s += answer.seconds
        return answer

    def _unused(self, encoding: Encoding) -> str:
        """What the library cannot be told of, to be put behind a reason."""
        names = [encoding.space.parameters[index].name for index in encoding.coordinates]
        if self.takes_descriptors or not names:
            return ""
        return f"; {self.title} has no descriptors: those of {', '.join(names)} are not used"

    def _reason(self, design: bool, row: Rows, wanted: Rows | None) -> str:
        by = f"{self.title}'s initial design" if design else f"chosen by {self.title}"
        if wanted is None:
            return f"{self.title} had nothing new: a new condition far from the others of the batch"
        if np.array_equal(row, wanted):
            return by
        return f"{by}, moved to the nearest condition that is permitted and new"


class AxStrategy(PeerStrategy):
    """Ax (Meta) with its default generation strategy, in an environment of its own.

    Ax takes linear constraints between continuous parameters without a logarithmic scale. It has no
    descriptors of levels: reasons of proposals say so.
    """

    class Options(PeerStrategy._Options):
        """Of Ax nothing is set."""

    name = "ax"
    title = "Ax"

    def _library_options(self, request: Request) -> dict[str, Any]:
        return {}

    def _takes_lists(self) -> bool:
        return False


class BaybeStrategy(PeerStrategy):
    """BayBE (Merck KGaA) with its default recommender, in an environment of its own.

    Where all parameters have levels, BayBE chooses among permitted conditions; otherwise steps are
    relaxed and set to the nearest level afterwards, and it takes linear constraints between
    parameters without a logarithmic scale. Categories whose descriptors tell all levels apart are
    its custom discrete parameters.
    """

    class Options(PeerStrategy._Options):
        """How much is computed."""

        restarts: int | None = Field(
            None,
            ge=1,
            le=100,
            description="of each search; absent: BayBE's 10, or 2 where categories have more than "
            "4 combinations, each of which is searched by itself",
        )
        raw_samples: int | None = Field(
            None,
            ge=1,
            le=10_000,
            description="of which a search's starts are chosen; absent: BayBE's 64, or 32",
        )

    name = "baybe"
    title = "BayBE"
    takes_descriptors = True

    def _library_options(self, request: Request) -> dict[str, Any]:
        levels = [len(p.choices or ()) for p in request.space.parameters if not p.has_order]
        many = request.rough or int(np.prod(levels)) > _FEW_COMBINATIONS
        return {
            "n_restarts": self._options.restarts or (2 if many else 10),
            "n_raw_samples": self._options.raw_samples or (32 if many else 64),
        }

    def _takes_lists(self) -> bool:
        return True


def _descriptors(encoding: Encoding, index: int) -> list[list[float]] | None:
    """Those of each level, where levels have some that tell all of them apart."""
    table = encoding.coordinates.get(index)
    if table is None or len(np.unique(table, axis=0)) < len(table):
        return None
    return [[float(value) for value in row] for row in table]


def _known(request: Request) -> tuple[Observation, ...]:
    """What may be learnt from, with the value of the one objective."""
    return request.usable_of(request.objective.outcome)


def _rules(request: Request) -> list[dict[str, Any]]:
    """The linear constraints that are linear in features too: weights by column, and limits."""
    found = []
    columns = {name: str(index) for index, name in enumerate(request.space.by_name)}
    for rule in (total for constraint in request.space.constraints for total in constraint.sums):
        weights, offset = {}, 0.0
        for name, weight in rule.terms.items():
            parameter = request.space.by_name[name]
            if not isinstance(parameter, NumericParameter) or parameter.log_scale:
                break
            low, high = parameter.bounds
            weights[columns[name]] = weight * (high - low)
            offset += weight * low
        else:
            ends = {"at_least": rule.low, "at_most": rule.high}
            shifted = {
                key: end - offset if math.isfinite(end) else None for key, end in ends.items()
            }
            found.append({"weights": weights, **shifted})
    return found


def _nearest_first(
    encoding: Encoding, row: Rows, decided: Mapping[str, Value], rng: np.random.Generator
) -> Rows:
    """The row (p), then permitted ones (n x p), the nearest first."""
    near = neighbours(encoding, np.repeat(row[None], _NEAR, axis=0), rng, frozenset(decided), 1.0)
    others = np.vstack([near[encoding.permits(near)], encoding.random(_ANYWHERE, decided, rng)])
    away = encoding.unit_cube(others) - encoding.unit_cube(row[None])
    return np.vstack([row[None], others[np.argsort((away**2).sum(axis=1), kind="stable")]])
