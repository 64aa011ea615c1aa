"""What a person does on the campaign builder's page, and what a program reads of it."""

from collections.abc import Iterator
from typing import Any

from playwright.sync_api import Locator, Page, expect

EDITS = """async (edits) => {
    const { edited, insert, move, remove, set } = await import("/static/builder/campaign-text.js");
    const change = {
        set: (edit) => set(edit.path, "other"),
        remove: (edit) => remove(edit.path),
        insert: (edit) => insert(edit.path, 0, { added: 1 }),
        last: (edit) => move(edit.path.slice(0, -1), edit.path.at(-1), edit.last),
    };
    return edits.map((edit) => edited(edit.text, change[edit.what](edit)));
}"""


def leaves(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    if path:
        yield path
    inside = enumerate(value) if isinstance(value, list) else getattr(value, "items", tuple)()
    for key, item in inside:
        yield from leaves(item, (*path, key))


def example(page: Page, name: str) -> None:
    page.get_by_label("Begin with").select_option(label=name)
    expect(page.locator("#findings")).to_contain_text("The file is valid.")


def part(page: Page, name: str) -> Locator:
    return page.get_by_role("region", name=name, exact=True)


def thing(inside: Page | Locator, name: str) -> Locator:
    return inside.get_by_role("group", name=name, exact=True)


def text_of(page: Page) -> str:
    """The text as its editor has it: all of it, not what is just drawn."""
    with page.expect_download() as download:
        page.get_by_role("button", name="Save the file").click()
    return download.value.path().read_text(encoding="utf-8")


def rename(place: Locator, name: str) -> None:
    place.get_by_label("name", exact=True).first.fill(name)
    place.get_by_label("name", exact=True).first.press("Enter")
