"""Acts: a new one is one class, found everywhere.

Two of them at once leave what one after the other would.
"""

import contextlib
import itertools
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any, ClassVar

import pytest
import typer
from fastapi.testclient import TestClient
from pydantic import Field
from typer.testing import CliRunner

from drivers.base import KeyMemory
from orchestrator.cli.acts import add_acts
from orchestrator.client import Client
from orchestrator.control import proposals
from orchestrator.control.act import Act, Acting, Typed, perform
from orchestrator.control.campaigns import Abort, Pause, Resume, SetRounds
from orchestrator.control.describe import spec_of
from orchestrator.control.generate import (
    CLIENT,
    REFERENCE,
    TABLE,
    client_methods,
    commands_table,
    reference,
    with_methods,
)
from orchestrator.control.proposals import Approve, EditProposal
from orchestrator.control.table import ACTS
from orchestrator.core.events import EventKind
from orchestrator.core.round_planning import plan_round
from orchestrator.errors import Conflict, JournalError
from orchestrator.journal.journal import Journal
from orchestrator.lab.lab import Lab, open_lab
from orchestrator.service.app import create_app
from orchestrator.service.dashboard.dialogs import dialogs, further_acts
from orchestrator.settings import Settings
from protocols.campaign import Campaign
from tests.acting import place
from tests.conftest import START
from tests.postgres import temporary_database
from tests.service import house
from tests.system import crash

SUBSTRATE = "substrate_concentration"


class Water(Act):
    """Water the plants of the lab while the campaign waits."""

    name: ClassVar[str] = "water"
    path: ClassVar[str] = "/water"
    command: ClassVar[str] = "water"

    litres: Annotated[float, Field(gt=0, le=10), Typed("How much.", positional=True)]
    gently: Annotated[bool, Typed("From a can with a rose.")] = False

    def apply(self, acting: Acting, prepared: Any) -> float:
        """Note it."""
        acting.record(EventKind.NOTICE, data={"litres": self.litres, "gently": self.gently})
        return self.litres

    def done(self, campaign_id: str, outcome: Any) -> str:
        """How much."""
        return f"{outcome:g} L given."


def test_an_act_of_ones_own_is_found_in_every_face(tmp_path: Path, assay: Campaign) -> None:
    acts = [*ACTS, Water]
    with house(tmp_path) as served:
        campaign_id = served.campaign(assay)
        app = create_app(served.backend, supervise=False, acts=acts)

        # HTTP: the route with its body, role and description; a wrong value is refused at its key.
        described = app.openapi()["paths"]["/api/v1/campaigns/{campaign_id}/water"]["post"]
        assert described["summary"] == "Water the plants of the lab while the campaign waits."
        viewer = TestClient(app, headers={"Authorization": f"Bearer {served.secrets['viewer']}"})
        path = f"/api/v1/campaigns/{campaign_id}/water"
        assert viewer.post(path, json={"litres": 1, "why": "dry"}).status_code == 403
        operator = TestClient(
            app, headers={"Authorization": f"Bearer {served.secrets['operator']}"}
        )
        refused = operator.post(path, json={"litres": 11, "why": "dry"})
        assert (refused.status_code, refused.json()["problems"][0]["key"]) == (422, "litres")

        # Client: by name, and by the method that is written for it.
        client = Client(
            "http://testserver", served.secrets["operator"], transport=operator._transport
        )
        assert client.act(campaign_id, "water", litres=2.0, why="dry").last_event > 0  # type: ignore[union-attr]
        scope: dict[str, Any] = {}
        exec(  # the generated text, as the client's file would hold it
            "from orchestrator.service.schema.act_methods import *\n"
            "from orchestrator.client import Client\n"
            "from orchestrator.service.schema.act_methods import cast, "
            "CampaignSummary\n"
            "from types import MappingProxyType\nfrom typing import *\nfrom "
            "orchestrator.service.schema import *\n"
            "class Wider(Client):\n" + client_methods(acts),
            scope,
        )
        wider = scope["Wider"](
            "http://testserver", served.secrets["operator"], transport=operator._transport
        )
        assert wider.water(campaign_id, litres=3.0, why="dry", gently=True).id == campaign_id

        # Command line: here, and for a service elsewhere.
        for remote in (False, True):
            typed: list[tuple[str | None, str, dict[str, Any]]] = []
            shell = typer.Typer()
            shell.command("other")(lambda: None)
            specs = [spec_of(act) for act in acts]

            def note(
                campaign: str | None, act: Any, values: Any, _: Any, typed: Any = typed
            ) -> None:
                typed.append((campaign, act.name, values))

            add_acts(shell, specs, {}, note, remote)
            words = ["water", *([campaign_id] if remote else []), "4", "--gently", "--why", "dry"]
            assert CliRunner().invoke(shell, words).exit_code == 0
            values = {"why": "dry", "litres": 4.0, "gently": True}
            assert typed == [(campaign_id if remote else None, "water", values)]

        # Dialog, list of further acts, reference.
        page = operator.get(f"/campaigns/{campaign_id}", headers={"Accept": "text/html"}).text
        assert '"water": [{"name": "litres", "kind": "number", "help": "How much."' in page
        assert '"maximum": 10' in str(dialogs(acts))
        assert Water in further_acts(acts)
        assert "## water" in reference(acts)

        events = served.backend.journal.events(campaign_id, kinds=[EventKind.NOTICE])[1:]
        assert [(event.who, event.message, event.data) for event in events] == [
            ("operator", "dry", {"litres": 2.0, "gently": False}),
            ("operator", "dry", {"litres": 3.0, "gently": True}),
        ]


def formatted(text: str, path: Path) -> str:
    """Python as the house formats it."""
    words = [sys.executable, "-m", "ruff", "format", "--stdin-filename", str(path), "-"]
    return subprocess.run(words, input=text, capture_output=True, text=True, check=True).stdout


def test_client_and_reference_are_what_the_table_gives() -> None:
    text = CLIENT.read_text(encoding="utf-8")
    again = "write them with: python -m orchestrator.control.generate"
    assert formatted(with_methods(text, ACTS), CLIENT) == text, again
    assert formatted(commands_table(ACTS), TABLE) == TABLE.read_text(encoding="utf-8"), again
    assert reference(ACTS) == REFERENCE.read_text(encoding="utf-8"), again
    assert len({act.name for act in ACTS}) == len({act.path for act in ACTS}) == len(ACTS)


def waiting(url: str, home: Path) -> tuple[Lab, str]:
    """A campaign whose first batch waits for approval."""
    campaign = crash.campaign(KeyMemory.REMEMBERS_KEYS)
    rounds = campaign.rounds.model_copy(update={"approval": True})
    journal = Journal(url)
    campaign_id = journal.create_campaign(
        campaign.model_copy(update={"rounds": rounds}), "", [], START
    )
    journal.plan_round(campaign_id, plan_round(campaign, 1, []).layout, None, [], START, START)
    return open_lab(
        Settings(home=home, database_url=url), journal, journal.state(campaign_id)
    ), campaign_id


def dispensed(lab: Lab, campaign_id: str, plate: int, well: str) -> float:
    """The substrate that the jobs give a well."""
    found = [
        supplement.concentration
        for job, _, _ in lab.journal.open_jobs(campaign_id, 1)
        if job.plate == plate
        for operation in job.operations
        if getattr(operation, "well", "") == well
        for supplement in getattr(operation, "supplements", ())
        if supplement.substance == "substrate"
    ]
    assert len(found) == 1
    return found[0]


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'journal.sqlite'}"
    else:
        with temporary_database() as found:
            yield found


@pytest.mark.reproduction("A8")
def test_an_edit_while_the_batch_is_scheduled_reaches_the_robot_or_is_refused(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab, campaign_id = waiting(url, tmp_path)
    edit = EditProposal(place=place(1, 1, "A2"), values={SUBSTRATE: 777.0}, why="more")
    original, edited = proposals.first_starts, []

    def edit_meanwhile(*arguments: Any) -> Any:
        if not edited:
            edited.append(perform(lab, campaign_id, edit, "bob"))
        return original(*arguments)

    monkeypatch.setattr(proposals, "first_starts", edit_meanwhile)
    perform(lab, campaign_id, Approve(why="looks right"), "ada")
    well = lab.journal.state(campaign_id).rounds[0].wells[1]
    assert edited
    assert well.proposal.condition[SUBSTRATE] == 777.0
    assert dispensed(lab, campaign_id, 1, "A2") == 777.0


def test_an_act_whose_campaign_never_rests_gives_up(tmp_path: Path) -> None:
    lab, campaign_id = waiting(f"sqlite:///{tmp_path / 'journal.sqlite'}", tmp_path)
    value = itertools.count(100)

    class Restless(Approve):
        def prepare(self, lab: Lab, state: Any) -> Any:
            values = {SUBSTRATE: float(next(value))}
            perform(
                lab,
                campaign_id,
                EditProposal(place=place(1, 1, "A2"), values=values, why="again"),
                "bob",
            )
            return super().prepare(lab, state)

    with pytest.raises(Conflict, match="again and again"):
        perform(lab, campaign_id, Restless(why="now"), "ada")
    assert lab.journal.state(campaign_id).rounds[0].proposed


def pairs_of_acts() -> list[Act]:
    well = place(1, 1, "A2")
    return [
        Approve(why="looks right"),
        EditProposal(place=well, values={SUBSTRATE: 777.0}, why="more"),
        EditProposal(place=well, values={SUBSTRATE: 111.0}, why="less"),
        EditProposal(place=well, leave_empty=True, why="scratched"),
        Pause(why="lunch"),
        Resume(why="after lunch"),
        SetRounds(rounds=3, why="promising"),
        Abort(why="contaminated"),
    ]


def outcome(lab: Lab, campaign_id: str) -> tuple[Any, ...]:
    """All that a robot or a person would see of a campaign."""
    state = lab.journal.state(campaign_id)
    wells = [(well.proposal.condition, well.lost) for well in state.rounds[0].wells]
    jobs = [job.operations for job, _, _ in lab.journal.open_jobs(campaign_id, 1)]
    return state.status, state.campaign.stop.rounds, state.rounds[0].status, wells, jobs


def attempt(lab: Lab, campaign_id: str, act: Act, who: str) -> None:
    # Where it is refused nothing of it is kept.
    with contextlib.suppress(JournalError):
        perform(lab, campaign_id, act, who)


def until_done(lab: Lab, campaign_id: str, act: Act) -> None:
    """Somebody who tries again where others were quicker."""
    for _ in range(50):
        try:
            return perform(lab, campaign_id, act, "person")  # type: ignore[no-any-return]
        except Conflict:
            continue
    raise AssertionError("others were always quicker")


@pytest.fixture(scope="module")
def home_that_waits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home in which a first batch waits for approval, to be copied."""
    home = tmp_path_factory.mktemp("waiting")
    lab, _ = waiting(f"sqlite:///{home / 'journal.sqlite'}", home)
    lab.journal.close()
    return home


@pytest.mark.reproduction("A8")
@pytest.mark.parametrize(("first", "second"), itertools.combinations(pairs_of_acts(), 2), ids=str)
def test_two_acts_at_once_leave_what_one_after_the_other_would(
    tmp_path: Path, home_that_waits: Path, first: Act, second: Act
) -> None:
    """Each act is stopped before its transaction, and while preparing, and the other is done."""

    def run(number: int, work: Callable[[Lab, str], None]) -> tuple[Any, ...]:
        home = shutil.copytree(home_that_waits, tmp_path / str(number))
        settings = Settings(home=home)
        journal = Journal(settings.journal_url)
        [campaign_id] = journal.campaign_ids()
        lab = open_lab(settings, journal, journal.state(campaign_id))
        work(lab, campaign_id)
        seen = outcome(lab, campaign_id)
        lab.journal.close()
        return seen

    def sequence(*acts: Act) -> Callable[[Lab, str], None]:
        return lambda lab, campaign_id: (
            [attempt(lab, campaign_id, act, "ada") for act in acts] and None
        )

    def interleaved(outer: Act, inner: Act, where: str) -> Callable[[Lab, str], None]:
        def work(lab: Lab, campaign_id: str) -> None:
            done: list[bool] = []

            class Interrupted(type(outer)):  # type: ignore[misc]
                def prepare(self, lab: Lab, state: Any) -> Any:
                    if where == "before" and not done:
                        done.append(True)
                        attempt(lab, campaign_id, inner, "bob")
                    prepared = super().prepare(lab, state)
                    if where == "after" and not done:
                        done.append(True)
                        attempt(lab, campaign_id, inner, "bob")
                    return prepared

            attempt(lab, campaign_id, Interrupted(**dict(outer)), "ada")

        return work

    one_by_one = [run(0, sequence(first, second)), run(1, sequence(second, first))]
    for number, (outer, inner, where) in enumerate(
        itertools.chain(*(((first, second, w), (second, first, w)) for w in ("before", "after"))), 2
    ):
        assert run(number, interleaved(outer, inner, where)) in one_by_one


def test_acts_of_many_people_at_once_are_done_one_after_the_other(url: str, tmp_path: Path) -> None:
    lab, campaign_id = waiting(url, tmp_path)
    labs = [
        open_lab(Settings(home=tmp_path), Journal(url), lab.journal.state(campaign_id))
        for _ in range(4)
    ]
    begin = threading.Barrier(4)

    def act(number: int) -> None:
        begin.wait()
        for value in range(5):
            edit = EditProposal(
                place=place(1, 1, "A2"),
                values={SUBSTRATE: 100.0 + 10 * number + value},
                why=f"{number}",
            )
            attempt(labs[number], campaign_id, edit, f"person {number}")
            if number == 3 and value == 2:
                until_done(labs[number], campaign_id, Approve(why="now"))

    threads = [threading.Thread(target=act, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    well = lab.journal.state(campaign_id).rounds[0].wells[1]
    edits = lab.journal.events(campaign_id, kinds=[EventKind.PROPOSAL_EDITED])
    assert (
        dispensed(lab, campaign_id, 1, "A2")
        == well.proposal.condition[SUBSTRATE]
        == edits[-1].data["after"][SUBSTRATE]
    )
    assert len(lab.journal.events(campaign_id, kinds=[EventKind.ROUND_APPROVED])) == 1
