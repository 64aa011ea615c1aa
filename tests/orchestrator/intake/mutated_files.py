"""Campaign files that were changed at random places: valid, or refused with every problem.

`python -m tests.orchestrator.intake.mutated_files 2000` says how long the slowest takes and how
much memory all of them need; each counts that is neither valid nor refused.
"""

import argparse
import copy
import io
import random
import resource
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from ruamel.yaml import YAML

from orchestrator.intake.campaign_check import NamedText, checked_campaign
from orchestrator.settings import Settings
from protocols.errors import InvalidInput
from tests.conftest import ROOT

LONGEST_S, MOST_MB = 5.0, 500.0

_NUMBERS = (
    0, -1, 1, 2, 7, 1e-300, 1e300, 10**9, 10**30, -(10**30), float("nan"), float("inf"), 0.1,
)  # fmt: skip
_WORDS = (
    "", " ", "x", "A1:P24", "A1:A1", "384-well", "96-well", "1e9 uL", "-5 uL", "100 parsec", "0:00",
    "24:61", "9999-12-31", "nan", "~", "../../etc/passwd", "\u202e", "a" * 100_000, "minimise",
    "continuous", "category", "simulated", "{parameter: dose}", "[" * 200,
)  # fmt: skip


class Outcome(NamedTuple):
    """What became of a file: `valid`, `refused`, or the name of an error that is ours."""

    said: str
    seconds: float
    text: str


def examples() -> list[str]:
    """The campaign files of the examples."""
    files = sorted((ROOT / "examples").glob("*/campaign*.yaml"))
    return [file.read_text(encoding="utf-8") for file in files]


def mutated(text: str, rng: random.Random) -> str:
    """A campaign file with one to three changes, or with some characters that are others."""
    if rng.random() < 0.2:
        characters = list(text)
        for _ in range(rng.choice((1, 1, 2, 20))):
            characters[rng.randrange(len(characters))] = rng.choice("{}[]:-#&*!|>'\"% \n\t0aZ\x00")
        return "".join(characters)
    data = YAML(typ="safe", pure=True).load(text)
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        places = list(_places(data))
        holder, key = rng.choice(places)
        _change(holder, key, rng, places)
    written = io.StringIO()
    yaml = YAML(typ="safe", pure=True)
    yaml.dump(data, written)
    return written.getvalue()


def _places(node: Any) -> Iterator[tuple[Any, Any]]:
    keys = list(node) if isinstance(node, dict) else range(len(node))
    for key in keys:
        yield node, key
        if isinstance(node[key], dict | list):
            yield from _places(node[key])


def _change(holder: Any, key: Any, rng: random.Random, places: list[tuple[Any, Any]]) -> None:
    match rng.randrange(7):
        case 0:
            del holder[key]
        case 1:
            holder[key] = rng.choice(_NUMBERS)
        case 2:
            holder[key] = rng.choice(_WORDS)
        case 3:
            other, place = rng.choice(places)
            holder[key] = copy.deepcopy(other[place]) if _still(other, place) else None
        case 4 if isinstance(holder[key], list):
            holder[key] = holder[key] * rng.choice((2, 50, 2000))
        case 5 if isinstance(holder, dict):
            holder[rng.choice(_WORDS)[:50]] = holder.pop(key)
        case _:
            holder[key] = rng.choice(([], {}, None, True, [[[]]], {"from": 0, "to": 10**9}))


def _still(holder: Any, key: Any) -> bool:
    return key in holder if isinstance(holder, dict) else key < len(holder)


def outcome(text: str) -> Outcome:
    """Check a file as `wellwise validate` does."""
    began = time.perf_counter()
    try:
        checked_campaign(NamedText(text, "mutated.yaml"), Settings())
        said = "valid"
    except InvalidInput as error:
        said = "refused" if error.problems else "refused without a problem"
    except Exception as error:
        said = f"{type(error).__name__}: {error}"[:200]
    return Outcome(said, time.perf_counter() - began, text)


def outcomes(number: int, seed: int = 0) -> Iterator[Outcome]:
    """What becomes of so many files."""
    texts = examples()
    rng = random.Random(seed)
    for index in range(number):
        yield outcome(mutated(texts[index % len(texts)], rng))


def most_mb() -> float:
    """The most memory that this process has had, MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    """Print a line an unexpected outcome, and what it costs."""
    name = "python -m tests.orchestrator.intake.mutated_files"
    parser = argparse.ArgumentParser(prog=name, description=__doc__)
    parser.add_argument("number", nargs="?", type=int, default=2000, help="of files")
    found = list(outcomes(parser.parse_args().number))
    wrong = [one for one in found if one.said not in ("valid", "refused")]
    slowest = max(found, key=lambda one: one.seconds)
    for number, one in enumerate(wrong[:10]):
        file = Path(f"mutated-{number}.yaml")
        file.write_text(one.text, encoding="utf-8")
        print(f"{file}: {one.said}")
    valid = sum(one.said == "valid" for one in found)
    print(
        f"{len(found)} files: {valid} valid, {len(found) - valid - len(wrong)} refused, "
        f"{len(wrong)} otherwise; slowest {slowest.seconds:.2f} s, memory {most_mb():.0f} MB"
    )
    sys.exit(bool(wrong) or slowest.seconds > LONGEST_S or most_mb() > MOST_MB)


if __name__ == "__main__":
    main()
