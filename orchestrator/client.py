"""A client of the service: the same acts and answers as over HTTP, with types."""

import json
import uuid
from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

import httpx
from pydantic import BaseModel, TypeAdapter

from orchestrator.control.operators import Decision
from orchestrator.service.insight import Insight
from orchestrator.service.problems import ProblemDetails
from orchestrator.service.routes.campaigns import CampaignPage, EventPage, JobPage
from orchestrator.service.routes.lab import Person
from orchestrator.service.routes.launch import LaunchPreview
from orchestrator.service.routes.steering import Entered, Stopped
from orchestrator.service.views import CampaignSummary, CampaignView, EventView, RobotView, RoundView, WellHistory
from protocols.conditions import Value
from protocols.errors import WellwiseError

_Answer = TypeVar("_Answer", bound=BaseModel)
_ROBOTS = TypeAdapter(list[RobotView])


class Unreachable(WellwiseError):
    """The service does not answer."""


class RefusedByService(WellwiseError):
    """The service refused a request; `details` says why."""

    def __init__(self, details: ProblemDetails) -> None:
        super().__init__(details.detail or details.title)
        self.details = details


class Client:
    """One service, as one person.

    Every change carries an idempotency key and is sent again after a lost connection: it is done once.

    Args:
        url: where the service is, such as http://127.0.0.1:8080.
        token: a personal token.
        transport: how requests travel; httpx's own if absent.

    Every method raises `Unreachable` if the service does not answer, and `RefusedByService` if it refuses.
    """

    def __init__(self, url: str, token: str, transport: httpx.BaseTransport | None = None) -> None:
        headers = {"Authorization": f"Bearer {token}"}
        self._http = httpx.Client(
            base_url=f"{url.rstrip('/')}/api/v1", headers=headers, timeout=60, transport=transport
        )

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def whoami(self) -> Person:
        """Who the token is for."""
        return self._get("/whoami", Person)

    def campaigns(self) -> list[CampaignSummary]:
        """Every campaign, newest first."""
        found: list[CampaignSummary] = []
        before: str | None = None
        while True:
            page = self._get("/campaigns", CampaignPage, {"before": before} if before else {})
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

    def launch(self, file: str, seed: int | None = None) -> CampaignSummary:
        """Launch a campaign from the text of its file."""
        return self._post("/campaigns", CampaignSummary, {"file": file, "seed": seed})

    def pause(self, campaign: str, why: str) -> CampaignSummary:
        """Send no more jobs; robots finish what they have."""
        return self._act(campaign, "pause", why)

    def resume(self, campaign: str, why: str) -> CampaignSummary:
        """Let a paused campaign go on."""
        return self._act(campaign, "resume", why)

    def abort(self, campaign: str, why: str) -> CampaignSummary:
        """End a campaign for good."""
        return self._act(campaign, "abort", why)

    def approve(self, campaign: str, why: str) -> CampaignSummary:
        """Let the robots have the batch that waits for approval."""
        return self._act(campaign, "approve", why)

    def set_rounds(self, campaign: str, rounds: int, why: str) -> CampaignSummary:
        """Raise or lower how many rounds a campaign is to have."""
        return self._act(campaign, "rounds", why, rounds=rounds)

    def decide(
        self, campaign: str, job: str, decision: Decision, why: str, failed_wells: tuple[str, ...] = ()
    ) -> CampaignSummary:
        """Say what became of a job in doubt, or whether a late one is still to be sent."""
        return self._act(campaign, "decisions", why, job=job, decision=decision, failed_wells=failed_wells)

    def stop_now(self, campaign: str, why: str) -> Stopped:
        """Stop the robots at once, then pause the campaign."""
        return self._post(f"/campaigns/{campaign}/stop-now", Stopped, {"why": why})

    def round(self, campaign: str, number: int) -> RoundView:
        """A round with its proposals and what came of them."""
        return self._get(f"/campaigns/{campaign}/rounds/{number}", RoundView)

    def edit_proposal(
        self, campaign: str, round: int, plate: int, well: str, values: Mapping[str, Value], why: str
    ) -> WellHistory:
        """Change what a well of a batch that waits for approval is to get."""
        body = {"values": dict(values), "why": why}
        return self._post(f"/campaigns/{campaign}/rounds/{round}/wells/{plate}/{well}/proposal", WellHistory, body)

    def enter_reading(
        self, campaign: str, round: int, plate: int, well: str, value: float | None, why: str
    ) -> WellHistory:
        """Enter the value of a well by hand, or (None) exclude it."""
        body = {"value": value, "why": why}
        return self._post(f"/campaigns/{campaign}/rounds/{round}/wells/{plate}/{well}/reading", WellHistory, body)

    def upload_readings(self, campaign: str, csv: str, why: str) -> Entered:
        """Enter the values of many wells from a table with the headers round, plate, well and value; all or none."""
        return self._post(f"/campaigns/{campaign}/readings", Entered, {"csv": csv, "why": why})

    def jobs(self, campaign: str, after: int = 0, **filters: str | int) -> JobPage:
        """Jobs in the order in which they are due; `filters` are round, plate and state."""
        return self._get(f"/campaigns/{campaign}/jobs", JobPage, {"after": after, **filters})

    def events(self, campaign: str, after: int = 0) -> EventPage:
        """What happened after an event, oldest first."""
        return self._get(f"/campaigns/{campaign}/events", EventPage, {"after": after})

    def insight(self, campaign: str) -> Insight:
        """What the model makes of the results."""
        return self._get(f"/campaigns/{campaign}/insight", Insight)

    def export(self, campaign: str, name: str) -> bytes:
        """A file: wells.csv, wells.parquet, events.csv, campaign.yaml or report.html."""
        return self._sent("GET", f"/campaigns/{campaign}/exports/{name}").content

    def robots(self) -> list[RobotView]:
        """The robots of all campaigns that are not over."""
        return _ROBOTS.validate_json(self._sent("GET", "/robots").content)

    def stream(self, campaign: str | None = None, after: int | None = None) -> Iterator[EventView]:
        """Events as they happen, from the one after `after`, or from now; ends with the connection."""
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

    def _act(self, campaign: str, word: str, why: str, **more: Any) -> CampaignSummary:
        return self._post(f"/campaigns/{campaign}/{word}", CampaignSummary, {"why": why, **more})

    def _get(self, path: str, kind: type[_Answer], parameters: Mapping[str, str | int] | None = None) -> _Answer:
        return kind.model_validate_json(self._sent("GET", path, params=dict(parameters or {})).content)

    def _post(self, path: str, kind: type[_Answer], body: Mapping[str, Any]) -> _Answer:
        headers = {"Idempotency-Key": str(uuid.uuid4())}
        return kind.model_validate_json(self._sent("POST", path, json=body, headers=headers).content)

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
        return Unreachable(f"no service answers at {self._http.base_url.copy_with(path='/')} ({error}): is it started?")


def _refuse(response: httpx.Response) -> None:
    try:
        details = ProblemDetails.model_validate_json(response.content)
    except ValueError:
        detail = f"{response.url.copy_with(query=None)} answered {response.status_code}: is this a wellwise service?"
        details = ProblemDetails(title="Refused", status=response.status_code, detail=detail)
    raise RefusedByService(details)
