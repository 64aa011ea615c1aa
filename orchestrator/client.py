"""A client of the service: the same acts and answers as over HTTP, with types."""

import io
import json
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, Self, TypeVar

import httpx
from pydantic import BaseModel, TypeAdapter

from orchestrator.service.schema import (
    CampaignPage,
    CampaignSummary,
    CampaignView,
    ChecklistSummary,
    ChecklistView,
    Entered,
    EventPage,
    EventView,
    Insight,
    JobHistory,
    JobPage,
    LaunchPreview,
    Need,
    Person,
    ProblemDetails,
    RobotView,
    RoundView,
    Stopped,
    SupplyView,
    WellHistory,
)
from orchestrator.service.schema.act_methods import ActMethods
from protocols.errors import WellwiseError

if TYPE_CHECKING:
    import pandas as pd

_Answer = TypeVar("_Answer", bound=BaseModel)
_CHECKLISTS = TypeAdapter(list[ChecklistSummary])
_NEEDS = TypeAdapter(list[Need])
_ROBOTS = TypeAdapter(list[RobotView])
_SUPPLIES = TypeAdapter(list[SupplyView])


class Unreachable(WellwiseError):
    """The service does not answer."""


class RefusedByService(WellwiseError):
    """The service refused a request; `details` says why."""

    def __init__(self, details: ProblemDetails) -> None:
        super().__init__(details.detail or details.title)
        self.details = details


class Figure(NamedTuple):
    """A picture, which a notebook shows."""

    svg: str

    def _repr_svg_(self) -> str:
        return self.svg


class Client(ActMethods):
    """One service, as one person.

    Every change has an idempotency key and is sent again after a lost connection: it takes effect
    once.

    Args:
        url: where the service is, such as http://127.0.0.1:8080.
        token: a personal token.
        transport: how requests travel; httpx's own if absent.

    Every method raises `Unreachable` if the service does not answer, and `RefusedByService` if it
    refuses.
    """

    def __init__(self, url: str, token: str, transport: httpx.BaseTransport | None = None) -> None:
        headers = {"Authorization": f"Bearer {token}"}
        self._http = httpx.Client(
            base_url=f"{url.rstrip('/')}/api/v1", headers=headers, timeout=60, transport=transport
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def whoami(self) -> Person:
        """Who the token is for."""
        return self._get("/whoami", Person)

    def campaigns(self, **looked_for: str | bool) -> list[CampaignSummary]:
        """Every campaign, newest first; only some by search, status, project, tag or archived."""
        found: list[CampaignSummary] = []
        before: str | None = None
        while True:
            parameters = {**looked_for, "before": before} if before else looked_for
            page = self._get("/campaigns", CampaignPage, parameters)
            found += page.items
            before = page.next
            if before is None:
                return found

    def campaign(self, campaign: str) -> CampaignView:
        """One campaign."""
        return self._get(f"/campaigns/{campaign}", CampaignView)

    def validate(self, file: str, seed: int | None = None) -> LaunchPreview:
        """Check the text of a campaign file, and see what it would do."""
        return self._post("/campaigns/validate", LaunchPreview, {"file": file, "seed": seed})

    def launch(
        self,
        file: str,
        seed: int | None = None,
        past_results: str | None = None,
        again: bool = False,
        simulated_people: bool = False,
        project: str = "",
    ) -> CampaignSummary:
        """Launch a campaign from the text of its file, and from a table of past results.

        With `simulated_people`, for training, nobody has to be there. It is launched into a
        `project`, which need not be said by who is an operator in one project only.

        Raises:
            RefusedByService: something is wrong in the file, or the same campaign was launched
                already and it is not to be launched `again`.
        """
        content: dict[str, Any] = {"file": file, "seed": seed, "again": again}
        if simulated_people:
            content["simulated_people"] = True
        if project:
            content["project"] = project
        if past_results is not None:
            content["past_results"] = past_results
        return self._post("/campaigns", CampaignSummary, content)

    def act(
        self, campaign: str, name: str, **fields: Any
    ) -> CampaignSummary | WellHistory | Entered:
        """Do an act by its name, such as `set_rounds`; `place` is {round, plate, well}.

        One that this client does not know is looked for at an address of its name.

        Raises:
            RefusedByService: there is no such act, or the service refuses it.
        """
        path, kind = self._acts.get(name, (f"/{name.replace('_', '-')}", CampaignSummary))
        place = fields.pop("place", {})
        below = path.format(
            number=place.get("round"), plate=place.get("plate"), well=place.get("well")
        )
        return self._post(f"/campaigns/{campaign}{below}", kind, fields)

    def stop_now(self, campaign: str, why: str) -> Stopped:
        """Stop the robots at once, then pause the campaign."""
        return self._post(f"/campaigns/{campaign}/stop-now", Stopped, {"why": why})

    def round(self, campaign: str, number: int) -> RoundView:
        """A round with its proposals and what came of them."""
        return self._get(f"/campaigns/{campaign}/rounds/{number}", RoundView)

    def jobs(self, campaign: str, after: int = 0, **filters: str | int) -> JobPage:
        """Jobs in the order in which they are due; `filters` are round, plate and state."""
        return self._get(f"/campaigns/{campaign}/jobs", JobPage, {"after": after, **filters})

    def job(self, campaign: str, name: str) -> JobHistory:
        """A job by its name, such as rpe/r1/p3/C/1: its operations in words, and its events."""
        return self._get(f"/campaigns/{campaign}/jobs/{name}", JobHistory)

    def events(self, campaign: str, after: int = 0) -> EventPage:
        """What happened after an event, oldest first."""
        return self._get(f"/campaigns/{campaign}/events", EventPage, {"after": after})

    def insight(self, campaign: str) -> Insight:
        """What the model makes of the results."""
        return self._get(f"/campaigns/{campaign}/insight", Insight)

    def export(self, campaign: str, name: str, language: str = "en") -> bytes:
        """A file: wells.csv, wells.parquet, events.csv, campaign.yaml or report.html.

        The report speaks English, Japanese (`ja`) or Korean (`ko`).
        """
        asked = {"language": language}
        return self._sent("GET", f"/campaigns/{campaign}/exports/{name}", params=asked).content

    def results(self, campaign: str) -> "pd.DataFrame":
        """A row a well: its condition, what was measured and predicted, and why it was tried.

        Raises:
            ImportError: pandas or pyarrow is not installed.
        """
        import pandas as pd

        return pd.read_parquet(io.BytesIO(self.export(campaign, "wells.parquet")))

    def figure(self, campaign: str, name: str) -> Figure:
        """A picture of the model: effects, calibration, pair-effect, pareto-front or trade-off."""
        return Figure(self._sent("GET", f"/campaigns/{campaign}/figures/{name}.svg").text)

    def watch(self, campaign: str, every_s: float = 1.0) -> CampaignSummary:
        """Show a campaign until it cannot go on by itself, and return what it is then.

        So it is over, paused, a person is needed, or it cannot be run (`trouble`). In a notebook
        one picture is kept up to date; elsewhere a line is printed for each change.
        """
        show = _shown_in_a_notebook() or print
        seen = None
        while True:
            found = self.campaign(campaign)
            if found.last_event != seen:
                show(found)
                seen = found.last_event
            if found.needs or found.trouble or found.status != "running":
                return found
            time.sleep(every_s)

    def robots(self) -> list[RobotView]:
        """The robots of the lab file and of all campaigns that are not over."""
        return _ROBOTS.validate_json(self._sent("GET", "/robots").content)

    def refill(self, robot: str, why: str, supplies: Sequence[str] = ()) -> list[SupplyView]:
        """Note that these supplies of a robot are full again, or all of them; returns them.

        Raises:
            RefusedByService: there is no such robot or supply.
        """
        content = {"why": why, "supplies": list(supplies)}
        return _SUPPLIES.validate_json(self._posted(f"/robots/{robot}/refill", content))

    def needs(self) -> list[Need]:
        """What people are needed for, over all campaigns, most urgent first."""
        return _NEEDS.validate_json(self._sent("GET", "/needs").content)

    def checklists(self) -> list[ChecklistSummary]:
        """The open jobs of all people, by when they are due."""
        return _CHECKLISTS.validate_json(self._sent("GET", "/checklists").content)

    def checklist(self, robot: str, job: str) -> ChecklistView:
        """The checklist of a job: every item, who did it, and what is left."""
        return self._get(f"/checklists/{robot}/{job}", ChecklistView)

    def stream(self, campaign: str | None = None, after: int | None = None) -> Iterator[EventView]:
        """Events as they happen, after `after` or from now; ends with the connection."""
        parameters = {"campaign": campaign, "after": after}
        given = {name: value for name, value in parameters.items() if value is not None}
        try:
            with self._http.stream("GET", "/events/stream", params=given, timeout=None) as response:
                if response.is_error:
                    response.read()
                    _refuse(response)
                for line in response.iter_lines():
                    if line.startswith("data:"):
                        yield EventView.model_validate(json.loads(line.removeprefix("data:")))
        except httpx.TransportError as error:
            raise self._unreachable(error) from error

    def _get(
        self, path: str, kind: type[_Answer], parameters: Mapping[str, str | int] | None = None
    ) -> _Answer:
        return kind.model_validate_json(
            self._sent("GET", path, params=dict(parameters or {})).content
        )

    def _post(self, path: str, kind: type[_Answer], body: Mapping[str, Any]) -> _Answer:
        return kind.model_validate_json(self._posted(path, body))

    def _posted(self, path: str, body: Mapping[str, Any]) -> bytes:
        headers = {"Idempotency-Key": str(uuid.uuid4())}
        return self._sent("POST", path, json=body, headers=headers).content

    def _sent(self, method: str, path: str, **more: Any) -> httpx.Response:
        try:
            response = self._http.request(method, path, **more)
        except httpx.TransportError:
            try:
                response = self._http.request(method, path, **more)
            except httpx.TransportError as error:
                raise self._unreachable(error) from error
        if response.is_error:
            _refuse(response)
        return response

    def _unreachable(self, error: Exception) -> Unreachable:
        return Unreachable(
            f"no service answers at {self._http.base_url.copy_with(path='/')} ({error}): is it "
            "started?"
        )


def _shown_in_a_notebook() -> Callable[[CampaignSummary], None] | None:
    """Shows one thing in place of the one before; None outside of a notebook."""
    # A kernel has loaded it; nothing else needs it.
    ipython, shown = sys.modules.get("IPython"), sys.modules.get("IPython.display")
    if ipython is None or shown is None or not hasattr(ipython.get_ipython(), "kernel"):
        return None
    update: Callable[[CampaignSummary], None] = shown.display(display_id=True).update
    return update


def _refuse(response: httpx.Response) -> None:
    try:
        details = ProblemDetails.model_validate_json(response.content)
    except ValueError:
        detail = (
            f"{response.url.copy_with(query=None)} answered {response.status_code}: is this "
            "a wellwise service?"
        )
        details = ProblemDetails(title="Refused", status=response.status_code, detail=detail)
    raise RefusedByService(details)
