"""A map of a round's plates to print: a grid of numbers, and what each well gets."""

from html import escape

from protocols.campaign import Campaign
from protocols.layout import Layout, Placement
from protocols.wells import name_of

_STYLE = (
    "body{font:12px sans-serif}table{border-collapse:collapse;margin:1em 0}"
    "td,th{border:1px solid #888;padding:2px 6px;text-align:center}"
    "section{break-after:page}section:last-child{break-after:auto}"
)


def plate_map(campaign: Campaign, layout: Layout, campaign_id: str) -> str:
    """HTML: for each plate its grid, where a well has its number, and a row a number."""
    title = escape(f"{campaign.title or campaign.name}: round {layout.round}")
    plates = sorted({placement.well.plate for placement in layout.placements})
    sections = "".join(
        f"<section><h1>{title}, plate {plate}</h1><p>{escape(campaign_id)}/r{layout.round}/p{plate}"
        f"</p>{_grid(campaign, layout.on_plate(plate))}{_rows(campaign, layout.on_plate(plate))}"
        "</section>"
        for plate in plates
    )
    return (
        f'<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f"<style>{_STYLE}</style></head><body>{sections}</body></html>\n"
    )


def _grid(campaign: Campaign, placements: tuple[Placement, ...]) -> str:
    known = campaign.plates.definition
    columns = range(known.columns)
    numbers = {placement.well.name: placement.well.number for placement in placements}
    head = "".join(f"<th>{column + 1}</th>" for column in columns)
    body = "".join(
        f"<tr><th>{name_of(row, 0)[:-1]}</th>"
        + "".join(f"<td>{numbers.get(name_of(row, column), '')}</td>" for column in columns)
        + "</tr>"
        for row in range(known.rows)
    )
    return f"<table><tr><th></th>{head}</tr>{body}</table>"


def _rows(campaign: Campaign, placements: tuple[Placement, ...]) -> str:
    names = [
        f"{parameter.title or parameter.name}" + (f" ({parameter.unit})" if parameter.unit else "")
        for parameter in campaign.parameters
    ]
    head = "".join(f"<th>{escape(name)}</th>" for name in ("", "well", "role", *names))
    body = "".join(
        "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in _cells(campaign, one)) + "</tr>"
        for one in placements
    )
    return f"<table><tr>{head}</tr>{body}</table>"


def _cells(campaign: Campaign, placement: Placement) -> list[str]:
    values = placement.proposal.condition.root
    shown = []
    for parameter in campaign.parameters:
        value = values.get(parameter.name)
        if value is None:
            shown.append("-")
        else:
            shown.append(f"{value:g}" if isinstance(value, float) else parameter.label(value))
    return [str(placement.well.number), placement.well.name, placement.proposal.role, *shown]
