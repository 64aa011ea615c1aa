"""The acts as methods of the client, written from their classes."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, ClassVar, Literal, cast

from orchestrator.service.schema import CampaignSummary, Entered, WellHistory
from protocols.addresses import WellPlace


class ActMethods(ABC):
    """A method for each act; `act` does any of them by its name."""

    @abstractmethod
    def act(
        self, campaign: str, name: str, **fields: Any
    ) -> CampaignSummary | WellHistory | Entered:
        """Do an act by its name, such as `set_rounds`; `place` is {round, plate, well}."""

    # Acts, from the table of acts: see orchestrator/control/generate.py
    _acts: ClassVar[Mapping[str, tuple[str, type[CampaignSummary | WellHistory | Entered]]]] = {
        "pause": ("/pause", CampaignSummary),
        "resume": ("/resume", CampaignSummary),
        "approve": ("/approve", CampaignSummary),
        "edit_proposal": ("/rounds/{number}/wells/{plate}/{well}/proposal", WellHistory),
        "decide": ("/decisions", CampaignSummary),
        "confirm_items": ("/checklists/confirmations", CampaignSummary),
        "give_numbers": ("/checklists/numbers", CampaignSummary),
        "give_file": ("/checklists/files", CampaignSummary),
        "well_went_wrong": ("/checklists/wells", CampaignSummary),
        "take_back_items": ("/checklists/taken-back", CampaignSummary),
        "enter_reading": ("/rounds/{number}/wells/{plate}/{well}/reading", WellHistory),
        "upload_readings": ("/readings", Entered),
        "read_table": ("/plate-tables", CampaignSummary),
        "requeue": ("/requeue", CampaignSummary),
        "hand_over": ("/hand-over", CampaignSummary),
        "set_robot_address": ("/robot-address", CampaignSummary),
        "set_rounds": ("/rounds", CampaignSummary),
        "fix_next": ("/next-batch/fixed", CampaignSummary),
        "add_condition": ("/next-batch/conditions", CampaignSummary),
        "set_range": ("/range", CampaignSummary),
        "add_level": ("/levels", CampaignSummary),
        "change_campaign": ("/change", CampaignSummary),
        "rescore": ("/rescore", CampaignSummary),
        "abort": ("/abort", CampaignSummary),
        "suggest": ("/suggestions", CampaignSummary),
        "decline_suggestion": ("/suggestions/declined", CampaignSummary),
        "file_under": ("/filing", CampaignSummary),
        "archive": ("/archive", CampaignSummary),
        "unarchive": ("/unarchive", CampaignSummary),
    }

    def pause(self, campaign: str, why: str) -> CampaignSummary:
        """Send no more jobs; robots finish what they have."""
        return cast(CampaignSummary, self.act(campaign, "pause", why=why))

    def resume(self, campaign: str, why: str) -> CampaignSummary:
        """Let a paused campaign go on."""
        return cast(CampaignSummary, self.act(campaign, "resume", why=why))

    def approve(self, campaign: str, why: str) -> CampaignSummary:
        """Let the robots have the batch that waits for approval."""
        return cast(CampaignSummary, self.act(campaign, "approve", why=why))

    def edit_proposal(
        self,
        campaign: str,
        round_number: int,
        plate: int,
        well: str,
        why: str,
        values: Mapping[str, int | float | str] = MappingProxyType({}),
        leave_empty: bool = False,
    ) -> WellHistory:
        """Change what a well of a batch that waits for approval is to get, or leave it empty."""
        return cast(
            WellHistory,
            self.act(
                campaign,
                "edit_proposal",
                place={"round": round_number, "plate": plate, "well": well},
                values=dict(values),
                leave_empty=leave_empty,
                why=why,
            ),
        )

    def decide(
        self,
        campaign: str,
        job: str,
        decision: Literal["done", "failed", "again", "go-on"],
        why: str,
        failed_wells: Sequence[str] = (),
        and_before: bool = False,
    ) -> CampaignSummary:
        """Say what became of a job in doubt, or whether a late one is still to be sent."""
        return cast(
            CampaignSummary,
            self.act(
                campaign,
                "decide",
                job=job,
                decision=decision,
                failed_wells=list(failed_wells),
                and_before=and_before,
                why=why,
            ),
        )

    def confirm_items(
        self, campaign: str, job: str, why: str = "", items: Sequence[int] = ()
    ) -> CampaignSummary:
        """Say that items of a checklist were done; to say it twice is harmless."""
        return cast(
            CampaignSummary,
            self.act(campaign, "confirm_items", job=job, items=list(items), why=why),
        )

    def give_numbers(
        self,
        campaign: str,
        job: str,
        numbers: Mapping[str, float | str],
        why: str = "",
        unit: str = "",
        replace: bool = False,
    ) -> CampaignSummary:
        """Give the numbers that items of a checklist read; if one is wrong, none is kept."""
        return cast(
            CampaignSummary,
            self.act(
                campaign,
                "give_numbers",
                job=job,
                numbers=dict(numbers),
                unit=unit,
                replace=replace,
                why=why,
            ),
        )

    def give_file(
        self,
        campaign: str,
        job: str,
        item: int,
        file: str,
        why: str = "",
        file_name: str = "",
        unit: str = "",
        as_it_is: bool = False,
        block: str = "",
        replace: bool = False,
    ) -> CampaignSummary:
        """Give the file that an item of a checklist read: an image, a plate's table or a trace."""
        return cast(
            CampaignSummary,
            self.act(
                campaign,
                "give_file",
                job=job,
                item=item,
                file=file,
                file_name=file_name,
                unit=unit,
                as_it_is=as_it_is,
                block=block,
                replace=replace,
                why=why,
            ),
        )

    def well_went_wrong(self, campaign: str, job: str, well: str, why: str) -> CampaignSummary:
        """Say that a well of a checklist went wrong: it is lost, and the others go on."""
        return cast(
            CampaignSummary, self.act(campaign, "well_went_wrong", job=job, well=well, why=why)
        )

    def take_back_items(
        self, campaign: str, job: str, items: Sequence[int], why: str
    ) -> CampaignSummary:
        """Say that items of a checklist were not done after all, as long as its job is open."""
        return cast(
            CampaignSummary,
            self.act(campaign, "take_back_items", job=job, items=list(items), why=why),
        )

    def enter_reading(
        self, campaign: str, round_number: int, plate: int, well: str, value: float | None, why: str
    ) -> WellHistory:
        """Enter the value of a well by hand, or exclude it; earlier values are kept."""
        return cast(
            WellHistory,
            self.act(
                campaign,
                "enter_reading",
                place={"round": round_number, "plate": plate, "well": well},
                value=value,
                why=why,
            ),
        )

    def upload_readings(self, campaign: str, csv: str, why: str) -> Entered:
        """Enter the values of many wells from a table; all of them or, if one is wrong, none."""
        return cast(Entered, self.act(campaign, "upload_readings", csv=csv, why=why))

    def read_table(
        self,
        campaign: str,
        table: str,
        round_number: int,
        plate: int,
        why: str,
        unit: str = "",
        block: str = "",
    ) -> CampaignSummary:
        """Enter a plate reader's table of one plate; the campaign's scorer derives the values."""
        return cast(
            CampaignSummary,
            self.act(
                campaign,
                "read_table",
                table=table,
                round_number=round_number,
                plate=plate,
                unit=unit,
                block=block,
                why=why,
            ),
        )

    def requeue(self, campaign: str, why: str, wells: Sequence[WellPlace] = ()) -> CampaignSummary:
        """Have the conditions of lost wells tried again in the next round that is planned."""
        return cast(
            CampaignSummary,
            self.act(campaign, "requeue", wells=[entry.model_dump() for entry in wells], why=why),
        )

    def hand_over(self, campaign: str, robot: str, to: str, why: str) -> CampaignSummary:
        """Give what a robot has not begun in this round to another one that shares its steps."""
        return cast(CampaignSummary, self.act(campaign, "hand_over", robot=robot, to=to, why=why))

    def set_robot_address(
        self, campaign: str, robot: str, address: str, why: str
    ) -> CampaignSummary:
        """Say where a robot is now, such as at another port or network address."""
        return cast(
            CampaignSummary,
            self.act(campaign, "set_robot_address", robot=robot, address=address, why=why),
        )

    def set_rounds(self, campaign: str, rounds: int, why: str) -> CampaignSummary:
        """Raise or lower how many rounds the campaign is to have."""
        return cast(CampaignSummary, self.act(campaign, "set_rounds", rounds=rounds, why=why))

    def fix_next(
        self,
        campaign: str,
        why: str,
        values: Mapping[str, int | float | str] = MappingProxyType({}),
    ) -> CampaignSummary:
        """Fix parameters in the next batch that is planned: every proposal has these values."""
        return cast(CampaignSummary, self.act(campaign, "fix_next", values=dict(values), why=why))

    def add_condition(
        self, campaign: str, values: Mapping[str, int | float | str], why: str, wells: int = 1
    ) -> CampaignSummary:
        """Have a condition of one's own tried in the next batch that is planned."""
        return cast(
            CampaignSummary,
            self.act(campaign, "add_condition", values=dict(values), wells=wells, why=why),
        )

    def set_range(
        self,
        campaign: str,
        parameter: str,
        why: str,
        low: float | None = None,
        high: float | None = None,
    ) -> CampaignSummary:
        """Widen or narrow the range of a parameter, from the next batch that is planned on."""
        return cast(
            CampaignSummary,
            self.act(campaign, "set_range", parameter=parameter, low=low, high=high, why=why),
        )

    def add_level(
        self, campaign: str, parameter: str, level: str, why: str, label: str = ""
    ) -> CampaignSummary:
        """Add a level to a parameter that has levels, from the next batch that is planned on."""
        return cast(
            CampaignSummary,
            self.act(campaign, "add_level", parameter=parameter, level=level, label=label, why=why),
        )

    def change_campaign(
        self,
        campaign: str,
        file: str,
        why: str,
        so_far: Mapping[str, int | float | str] = MappingProxyType({}),
    ) -> CampaignSummary:
        """Go on by a changed campaign file: other ranges, levels, constraints, new parameters."""
        return cast(
            CampaignSummary,
            self.act(campaign, "change_campaign", file=file, so_far=dict(so_far), why=why),
        )

    def rescore(self, campaign: str, why: str) -> CampaignSummary:
        """Score all readings again with the scorers installed now; the old scores are kept."""
        return cast(CampaignSummary, self.act(campaign, "rescore", why=why))

    def abort(self, campaign: str, why: str) -> CampaignSummary:
        """End a campaign for good; robots finish what they have."""
        return cast(CampaignSummary, self.act(campaign, "abort", why=why))

    def suggest(
        self, campaign: str, act: str, why: str, values: Mapping[str, Any] = MappingProxyType({})
    ) -> CampaignSummary:
        """Suggest an act to the operators, who do it or decline it."""
        return cast(
            CampaignSummary, self.act(campaign, "suggest", act=act, values=dict(values), why=why)
        )

    def decline_suggestion(self, campaign: str, suggestion: int, why: str) -> CampaignSummary:
        """Decline what was suggested."""
        return cast(
            CampaignSummary,
            self.act(campaign, "decline_suggestion", suggestion=suggestion, why=why),
        )

    def file_under(
        self, campaign: str, why: str, project: str = "", tags: Sequence[str] = ()
    ) -> CampaignSummary:
        """Put a campaign into a project, and give it tags."""
        return cast(
            CampaignSummary,
            self.act(campaign, "file_under", project=project, tags=list(tags), why=why),
        )

    def archive(self, campaign: str, why: str) -> CampaignSummary:
        """Take a campaign that is over out of the lists; nothing of it is lost."""
        return cast(CampaignSummary, self.act(campaign, "archive", why=why))

    def unarchive(self, campaign: str, why: str) -> CampaignSummary:
        """Bring an archived campaign back into the lists."""
        return cast(CampaignSummary, self.act(campaign, "unarchive", why=why))

    # End of acts
