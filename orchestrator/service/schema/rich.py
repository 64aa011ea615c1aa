"""How answers look in a notebook."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from orchestrator.service.schema.campaigns import CampaignSummary


def campaign_html(found: CampaignSummary) -> str:
    """A campaign in a few lines: how far it is, its best value, and what people are needed for."""
    best = "-" if found.best is None else found.scale.text(found.best)
    lines = [
        f"<b>{escape(found.title or found.id)}</b> <code>{escape(found.id)}</code>: "
        f"{escape(found.status)}" + (f", {escape(found.reason)}" if found.reason else ""),
        f'round {found.round} of {found.rounds} <progress max="{max(found.jobs, 1)}" '
        f'value="{found.jobs_over}"></progress> {found.jobs_over} of {found.jobs} jobs',
        f"best so far: <b>{escape(best)}</b>",
    ]
    if found.trouble:
        lines.append(f"not being run just now: {escape(found.trouble)}")
    for need in found.needs:
        said = " ".join(filter(None, (need.job, need.message)))
        lines.append(f"<b>a person is needed</b>: {escape(said)}")
    return "<div>" + "<br>".join(lines) + "</div>"
