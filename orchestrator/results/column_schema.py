"""Columns of the exported table, as CSV on the Web describes them, with units by QUDT.

W3C 2015, "Metadata Vocabulary for Tabular Data"; QUDT units: http://qudt.org/vocab/unit/.
"""

from typing import Any

import pandas as pd

from orchestrator.results.tables import value_column
from protocols.campaign import Campaign

QUDT = "http://qudt.org/vocab/unit/"
_UNITS = {
    "uL": "MicroL", "mL": "MilliL", "L": "L", "nL": "NanoL",
    "nM": "NanoMOL-PER-L", "uM": "MicroMOL-PER-L", "mM": "MilliMOL-PER-L", "M": "MOL-PER-L",
    "ng/mL": "NanoGM-PER-MilliL", "ug/mL": "MicroGM-PER-MilliL", "mg/mL": "MilliGM-PER-MilliL",
    "mg": "MilliGM", "g": "GM", "ug": "MicroGM", "degC": "DEG_C", "K": "K",
    "s": "SEC", "min": "MIN", "h": "HR", "hour": "HR", "day": "DAY",
    "nm": "NanoM", "um": "MicroM", "mm": "MilliM", "V": "V", "volt": "V", "ohm": "OHM",
    "%": "PERCENT", "percent": "PERCENT", "rpm": "REV-PER-MIN", "Hz": "HZ",
}  # fmt: skip
_MEANINGS = {
    "campaign": "name of the campaign",
    "round": "number of the round, from 1",
    "plate": "number of the plate in the round, from 1",
    "well": "well by its row and column",
    "role": "why the well had its condition: initial, proposed, control, standard, requeued, "
    "edited or chosen",
    "flags": "why the value may not be trusted, with ; between them; empty where it may",
    "predicted_mean": "what the model expected when the round was planned",
    "predicted_sd": "standard deviation of that expectation",
    "expected_gain": "by how much the well was expected to better the best value",
    "reason": "why the condition was proposed",
}


def qudt_unit(unit: str) -> str | None:
    """The IRI of a unit in QUDT; None where it is not among the usual ones."""
    return f"{QUDT}{_UNITS[unit]}" if unit in _UNITS else None


def table_schema(campaign: Campaign, table: pd.DataFrame, name: str) -> dict[str, Any]:
    """Metadata of a tidy table (see `tables.tidy_table`) that is kept as the file `name`."""
    units: dict[str, str] = {p.name: p.unit or "" for p in campaign.parameters}
    meanings = dict(_MEANINGS) | {p.name: p.title or p.name for p in campaign.parameters}
    own = campaign.outcome.scale
    for column in (value_column(campaign), "predicted_mean", "predicted_sd", "expected_gain"):
        units[column] = own.unit
    meanings[value_column(campaign)] = own.described
    for outcome in campaign.measurements:
        units[outcome.column] = outcome.scale.unit
        meanings[outcome.column] = outcome.scale.described
    return {
        "@context": ["http://www.w3.org/ns/csvw", {"qudt": "http://qudt.org/schema/qudt/"}],
        "url": name,
        "tableSchema": {
            "columns": [
                _column(str(column), str(kind), meanings.get(str(column), ""), units)
                for column, kind in table.dtypes.items()
            ],
            "primaryKey": ["round", "plate", "well"],
        },
    }


def _column(name: str, kind: str, meaning: str, units: dict[str, str]) -> dict[str, Any]:
    datatype = {"int64": "integer", "float64": "number", "bool": "boolean"}.get(kind, "string")
    found: dict[str, Any] = {"titles": name, "datatype": datatype, "null": [""]}
    if meaning:
        found["dc:description"] = meaning
    unit = units.get(name, "")
    iri = qudt_unit(unit)
    if iri is not None:
        found["qudt:unit"] = {"@id": iri}
    elif unit:
        found["qudt:symbol"] = unit
    return found
