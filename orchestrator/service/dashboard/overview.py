"""The overview: the cards of the campaigns that are looked for."""

from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple
from urllib.parse import urlencode

from orchestrator.journal.campaign_list import Listed, Selection
from orchestrator.service.backend import Backend
from orchestrator.service.lookup import summary_of_listed

SHOWN = 20
"""Cards of a page."""


class Looked(NamedTuple):
    """What somebody looks for: a selection, and which page of it (from 1)."""

    selection: Selection
    page: int

    @property
    def plain(self) -> bool:
        """Whether it is what everybody sees first."""
        return self == Looked(Selection(archived=False), 1)

    def address(self, **changes: Any) -> str:
        """The address of the overview with something else looked for."""
        wanted = self.selection._replace(
            **{name: value for name, value in changes.items() if name != "page"}
        )
        words: dict[str, Any] = {
            "search": wanted.search,
            "status": wanted.status or "",
            "tag": wanted.tag,
            "archived": "yes" if wanted.archived else "",
            "page": changes.get("page", 1) if changes.get("page", 1) > 1 else "",
        }
        chosen = {name: value for name, value in words.items() if value}
        if wanted.project is not None:
            chosen["project"] = wanted.project
        return "/?" + urlencode(chosen) if chosen else "/"


def shown_on(backend: Backend, everything: Sequence[Listed], looked: Looked) -> dict[str, Any]:
    """What the template of the overview shows; only the states of its cards are read."""
    found = [campaign for campaign in everything if looked.selection.takes(campaign)]
    pages = max(1, -(-len(found) // SHOWN))
    page = min(looked.page, pages)
    cards = found[(page - 1) * SHOWN : page * SHOWN]
    there = [campaign for campaign in everything if not campaign.archived]
    return {
        "campaigns": [summary_of_listed(backend, campaign) for campaign in cards],
        "looked": looked,
        "found": len(found),
        "page": page,
        "pages": pages,
        "any": bool(everything),
        "archived": len(everything) - len(there),
        "projects": sorted(Counter(one.filing.project for one in there).items()),
        "tags": sorted({tag for one in everything for tag in one.filing.tags}, key=str.casefold),
    }
