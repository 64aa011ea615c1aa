"""Strategies in environments of their own: what holds whatever the library there does.

The real Ax and BayBE are in tests/third_party. Here a script stands in their environment.
"""

import gc
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import pytest

from optimizer import propose
from optimizer.encoding import Encoding
from optimizer.objective import Goals, Objective
from optimizer.strategies.peers.packages import PACKAGES, environment_name
from optimizer.strategies.peers.process import PeerFailed
from optimizer.strategies.peers.strategy import AxStrategy, BaybeStrategy, PeerStrategy
from optimizer.strategy import Request
from optimizer.strategy_conformance import RULES, SPACE, check_strategy, observations
from optimizer.strategy_registry import make_strategy, strategy_findings
from protocols.campaign_parts import StrategyChoice
from protocols.environments import EnvironmentNotMade, environment_folder, interpreter
from protocols.search_space import SearchSpace
from tests.program import wellwise

KINDS = [AxStrategy, BaybeStrategy]
Made = Callable[[str], PeerStrategy]

ANSWERS = """
    import json, os, sys
    answers = os.fdopen(os.dup(1), "w")
    for line in sys.stdin:
        request = json.loads(line)
        width = len(request["columns"])
        answer = {"id": request["id"], "seconds": 0.5}
        if request["groups"]:
            answer["proposed"] = [[POINT] * (NUMBER) for group in request["groups"]]
        else:
            answer["best"] = request["observed"][-1]
        print(json.dumps(answer), file=answers, flush=True)
"""
ALWAYS_THE_SAME = ANSWERS.replace("POINT", "[0.99] * width").replace("NUMBER", 'group["number"]')
NOTHING = ANSWERS.replace("POINT", "[]").replace("NUMBER", "0")
FIRST = Request(space=SPACE, observations=(), positions=({},) * 2)


def made_environment(home: Path, name: str) -> None:
    """An environment that holds this very Python."""
    python = interpreter(environment_folder(home, environment_name(name)))
    python.parent.mkdir(parents=True, exist_ok=True)
    python.symlink_to(sys.executable)
    (python.parent.parent / ".ready").write_text(" ".join(PACKAGES[name]))


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("WELLWISE_HOME", str(tmp_path))
    return tmp_path


@pytest.fixture
def made(home: Path, monkeypatch: pytest.MonkeyPatch) -> Made:
    made_environment(home, "ax")

    def of(script: str) -> PeerStrategy:
        host = home / "host.py"
        host.write_text(dedent(script))
        monkeypatch.setattr(PeerStrategy, "host", host)
        return AxStrategy(AxStrategy.Options(limit_s=20))

    return of


@pytest.mark.parametrize("script", [ALWAYS_THE_SAME, NOTHING])
@pytest.mark.parametrize("kind", KINDS)
def test_the_contract_is_kept_whatever_is_proposed(
    kind: type[PeerStrategy], script: str, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made_environment(home, kind.name)
    (home / "host.py").write_text(dedent(script))
    monkeypatch.setattr(PeerStrategy, "host", home / "host.py")
    assert check_strategy(kind) == []


def test_what_is_not_permitted_moves_to_the_nearest_that_is(made: Made) -> None:
    strategy = made(ALWAYS_THE_SAME)
    space = SearchSpace(parameters=SPACE.parameters, constraints=RULES)
    (proposal,) = strategy.propose(Request(space=space, observations=(), positions=({},)))
    assert "moved to the nearest condition that is permitted and new" in proposal.reason
    encoding = Encoding(space)
    distance = encoding.unit_cube(encoding.rows([proposal.condition]))[0, :3] - 0.99
    assert abs(distance).max() < 0.6
    assert strategy.cpu_s == 0.5


def test_what_the_library_recommends_is_a_condition_that_was_observed(made: Made) -> None:
    known = tuple(observations(SPACE, 6))
    request = Request(space=SPACE, observations=known, positions=())
    assert made(ALWAYS_THE_SAME).recommend(request) == request.usable[-1].condition  # type: ignore[attr-defined]


def test_it_learns_the_outcome_that_is_wanted_and_refuses_several(made: Made, home: Path) -> None:
    """The script recommends the last condition that it was told of."""
    strategy = made(ALWAYS_THE_SAME)
    named = tuple(
        one.model_copy(update={"value": None, "outcomes": {"waste": float(index)}, "flags": ()})
        for index, one in enumerate(observations(SPACE, 6))
    )
    waste = Objective("minimise", outcome="waste")
    request = Request(space=SPACE, observations=named, positions=({},), goals=Goals((waste,)))
    assert strategy.recommend(request) == named[-1].condition  # type: ignore[attr-defined]
    assert "chosen by Ax" in strategy.propose(request)[0].reason
    with pytest.raises(ValueError, match="takes one objective"):
        propose(SPACE, named, strategy="ax", objective=Goals((Objective(), waste)))


@pytest.mark.parametrize("name", sorted(PACKAGES))
def test_a_strategy_without_its_environment_says_which_command_makes_it(
    name: str, home: Path
) -> None:
    (finding,) = strategy_findings(StrategyChoice(name=name))
    assert finding.loc == ("strategy", "name")
    assert f"wellwise strategy setup {name}" in finding.message
    made_environment(home, name)
    assert strategy_findings(StrategyChoice(name=name)) == []
    ready = environment_folder(home, environment_name(name)) / ".ready"
    ready.write_text(ready.read_text().replace("torch==", "torch==0"))
    with pytest.raises(EnvironmentNotMade, match="holds other versions"):
        make_strategy(name)


def test_a_campaign_names_no_interpreter(home: Path) -> None:
    made_environment(home, "ax")
    for option in ("python", "host", "environment", "command", "home"):
        (finding,) = strategy_findings(StrategyChoice(name="ax", options={option: "/bin/sh"}))
        assert (finding.loc, finding.message) == (("strategy", "options", option), "unknown option")


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("import sys; sys.exit('no module named ax')", r"ended \(1\): no module named ax"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", r"ended \(-9\): it said noth"),
        ("print('hello')", "said 'hello\\\\n', which is no answer"),
        ("print('[' * 100_000)", "which is no answer"),
        ("print('x' * 50_000_000)", "which is no answer"),
        ("print('{\"proposed\": []}')", "which is no answer"),
        (ALWAYS_THE_SAME.replace("0.99", "float('nan')"), r"answer is wrong: .*finite number"),
        (ALWAYS_THE_SAME.replace("0.99", "'b'"), "answer is wrong"),
        (ALWAYS_THE_SAME.replace("* width", "* (width - 1)"), "each with 4 values"),
        (
            NOTHING.replace('for group in request["groups"]', "for _ in []"),
            r"proposed \[\] conditions \(expected \[2\]",
        ),
        (NOTHING.replace('"seconds": 0.5', '"error": "ValueError: no fit"'), "Ax made no.*no fit"),
    ],
)
def test_a_library_that_does_not_answer_as_it_should_ends_as_an_error(
    script: str, words: str, made: Made
) -> None:
    with pytest.raises(PeerFailed, match=words):
        made(script).propose(FIRST)


def test_a_library_that_hangs_is_ended_in_time(home: Path, made: Made) -> None:
    mark = f"open({str(home / 'pid')!r}, 'w').write(str(os.getpid()))"
    made(f"import os, time\n{mark}\ntime.sleep(600)")
    strategy = AxStrategy(AxStrategy.Options(limit_s=3))
    begin = time.monotonic()
    with pytest.raises(PeerFailed, match="has not answered within 3 s and was ended: raise the"):
        strategy.propose(FIRST)
    assert time.monotonic() - begin < 10
    assert not _runs(int((home / "pid").read_text()))


def test_a_large_question_that_nobody_reads_ends_in_time(made: Made) -> None:
    made("import time; time.sleep(600)")
    strategy = AxStrategy(AxStrategy.Options(limit_s=2))
    known = tuple(observations(SPACE, 5000))
    with pytest.raises(PeerFailed, match="within 2 s"):
        strategy.propose(Request(space=SPACE, observations=known, positions=({},)))


def test_an_answer_to_another_question_is_none(made: Made) -> None:
    strategy = made(ALWAYS_THE_SAME.replace("flush=True)", "flush=True); print(1, file=answers)"))
    strategy.propose(FIRST)
    with pytest.raises(PeerFailed, match="which is no answer"):
        strategy.propose(FIRST)


def test_after_a_failure_the_next_question_starts_it_anew(home: Path, made: Made) -> None:
    mark = home / "died"
    died = f"import pathlib, sys\nmark = pathlib.Path({str(mark)!r})\n"
    died += "if not mark.exists():\n    mark.touch()\n    sys.exit('once')\n"
    strategy = made(died + dedent(ALWAYS_THE_SAME))
    with pytest.raises(PeerFailed, match="once"):
        strategy.propose(FIRST)
    assert len(strategy.propose(FIRST)) == 2


def test_the_process_ends_with_its_strategy(home: Path, made: Made) -> None:
    mark = f"open({str(home / 'pid')!r}, 'w').write(str(os.getpid()))\n"
    strategy = made("import os\n" + mark + dedent(ALWAYS_THE_SAME))
    strategy.propose(FIRST)
    number = int((home / "pid").read_text())
    assert _runs(number)
    del strategy
    gc.collect()
    assert not _runs(number)


def test_the_command_line_lists_strategies_and_knows_which_have_environments(
    tmp_path: Path,
) -> None:
    listed = wellwise("strategy", "list", home=tmp_path).stdout
    assert "Not set up: wellwise strategy setup ax" in listed
    made_environment(tmp_path, "ax")
    again = wellwise("strategy", "list", "--home", tmp_path).stdout
    assert "wellwise strategy setup ax" not in again
    assert "wellwise strategy setup baybe" in again
    refused = wellwise("strategy", "setup", "sobol", home=tmp_path)
    assert refused.returncode == 2
    assert "expected one of ax, baybe" in refused.stderr


def _runs(number: int) -> bool:
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return False
    return True
