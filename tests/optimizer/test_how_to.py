"""The strategy that the how-to writes keeps the contract."""

import textwrap
from pathlib import Path

from optimizer.strategy_conformance import check_strategy

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "add-a-strategy.md"


def test_the_strategy_of_the_how_to_keeps_the_contract() -> None:
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    first = next(i for i, line in enumerate(lines) if line.startswith("    import"))
    last = next(i for i, line in enumerate(lines) if i > first and line and line[0] != " ")
    names: dict[str, object] = {"__name__": "example"}
    exec(compile(textwrap.dedent("\n".join(lines[first:last])), str(PAGE), "exec"), names)
    assert check_strategy(names["UpperConfidenceBound"]) == []  # type: ignore[arg-type]
