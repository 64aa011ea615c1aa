"""Export: a tidy table of a campaign, one row a well, as CSV and Parquet."""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from datetime import tzinfo
from pathlib import Path

import pandas as pd

from orchestrator.core.state import CampaignState, WellState
from orchestrator.journal.tables import EventRow
from protocols.campaign import Campaign
from protocols.layout import Layout

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_VALUE = "value of a well"
_NUMBERS = {"predicted_mean", "predicted_sd", "expected_gain"}


def tidy_table(state: CampaignState) -> pd.DataFrame:
    """One row a well: address, role, parameters, value, flags, prediction and reason.

    The value's column is called as `value_column` says. It is empty where the well was lost or its
    image could not be read; `flags` say why, with `;` between them. The other outcomes and the
    covariates follow as columns of their own.
    """
    rows = [
        {
            "campaign": state.campaign.name,
            "round": batch.number,
            **_well_row(state.campaign, well, value_column(state.campaign)),
            **_measured(state.campaign, well),
            **{it.column: well.covariates.get(it.name) for it in state.campaign.covariates},
        }
        for batch in state.rounds
        for well in batch.wells
    ]
    return _with_types(
        pd.DataFrame(rows),
        {
            value_column(state.campaign),
            *(measurement.column for measurement in state.campaign.measurements),
            *(it.column for it in state.campaign.covariates if it.kind == "number"),
        },
    )


def value_column(campaign: Campaign) -> str:
    """The head of the objective's column: `ratio`, or the outcome's name with its unit.

    Either is read back as past results.
    """
    return "ratio" if campaign.outcome.scale.is_ratio else campaign.outcome.column


def layout_table(campaign: Campaign, layout: Layout) -> pd.DataFrame:
    """The same table for a round that is only proposed."""
    rows = [
        {
            "campaign": campaign.name,
            "round": layout.round,
            **_well_row(
                campaign, WellState(well=placement.well, proposal=placement.proposal), _VALUE
            ),
        }
        for placement in layout.placements
    ]
    return _with_types(pd.DataFrame(rows).drop(columns=[_VALUE, "flags"]))


def events_table(events: Sequence[EventRow], zone: tzinfo) -> pd.DataFrame:
    """One row an event, in the lab's time zone."""
    rows = [
        {
            "id": event.id,
            "at": event.at.astimezone(zone).isoformat(),
            "kind": event.kind,
            "subject": event.subject,
            "who": event.who,
            "message": event.message,
        }
        for event in events
    ]
    return pd.DataFrame(rows, columns=["id", "at", "kind", "subject", "who", "message"])


def csv_text(table: pd.DataFrame) -> str:
    """The table as CSV, with an apostrophe before text that a spreadsheet takes for a formula.

    (OWASP, CSV injection.) Numbers are left as they are.
    """

    def harmless(value: object) -> object:
        return (
            f"'{value}" if isinstance(value, str) and value.lstrip(" ")[:1] in _FORMULA else value
        )

    texts = table.select_dtypes(["object", "string"]).columns
    safe = table.assign(**{name: table[name].map(harmless) for name in texts})
    return safe.to_csv(index=False, lineterminator="\n")


def parquet_bytes(table: pd.DataFrame) -> bytes:
    """The table as Parquet."""
    return table.to_parquet(index=False)


def write_table(table: pd.DataFrame, folder: Path, name: str) -> list[Path]:
    """Write `name`.csv and `name`.parquet; each file is whole or not there."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{name}.csv", folder / f"{name}.parquet"]
    for path in paths:
        partial = path.with_name(path.name + ".partial")
        if path.suffix == ".csv":
            partial.write_text(csv_text(table), encoding="utf-8")
        else:
            partial.write_bytes(parquet_bytes(table))
        partial.replace(path)
    return paths


def _well_row(campaign: Campaign, state: WellState, value: str) -> dict[str, object]:
    proposal = state.proposal
    return {
        "plate": state.well.plate,
        "well": state.well.name,
        "role": proposal.role,
        **{p.name: proposal.condition.root.get(p.name) for p in campaign.parameters},
        value: None if state.lost else state.value,
        "flags": ";".join(("lost",) if state.lost else state.flags),
        "predicted_mean": proposal.mean,
        "predicted_sd": proposal.sd,
        "expected_gain": proposal.gain,
        "reason": proposal.reason,
    }


def _measured(campaign: Campaign, state: WellState) -> dict[str, object]:
    return {
        measurement.column: state.measured.get(measurement.name)
        for measurement in campaign.measurements
    }


def _with_types(table: pd.DataFrame, measured: AbstractSet[str] = frozenset()) -> pd.DataFrame:
    """Keep values and predictions numeric though all are missing; drop other integers' `.0`."""
    numbers = _NUMBERS | measured
    for name in numbers.intersection(table.columns):
        table[name] = table[name].astype("float64")
    for name in table.select_dtypes("float").columns.difference(sorted(numbers)):
        if table[name].notna().all() and (table[name] == table[name].round()).all():
            table[name] = table[name].astype("int64")
    return table
