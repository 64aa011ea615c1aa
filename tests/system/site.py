"""Builds the documentation's site in build/site and follows every link in it.

`python -m tests.system.site`

Zensical's strict mode knows pages and headings. Here pictures and files are looked for as well,
nothing may be fetched from elsewhere while a page is read, and every public name has to be
described.
"""

import os
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import wellwise

ROOT = Path(__file__).resolve().parents[2]
SITE = ROOT / "build" / "site"
_EXPECTED = ("Build started", "No issues found", "Build finished")
_LOADS = {"script": "src", "img": "src", "link": "href", "iframe": "src", "source": "src"}
"""What a browser fetches by itself."""


class Page(HTMLParser):
    """The anchors of a page, what it links to and what it loads."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.anchors: set[str] = set()
        self.links: set[str] = set()
        self.loads: set[str] = set()
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value for name, value in attrs if value}
        self.anchors |= {given[name] for name in ("id", "name") if name in given}
        if tag == "a" and "href" in given:
            self.links.add(given["href"])
        if tag in _LOADS and _LOADS[tag] in given and given.get("rel") != "canonical":
            self.loads.add(given[_LOADS[tag]])


def main() -> None:
    """Build it and look at it; exit code 1 with everything that is wrong."""
    shutil.rmtree(SITE, ignore_errors=True)
    program = str(Path(sys.executable).with_name("zensical"))
    ran = subprocess.run(
        [program, "build", "--clean", "--strict"], cwd=ROOT, env=os.environ | {"NO_COLOR": "1"},
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
    )  # fmt: skip
    warnings = [
        line for line in ran.stdout.splitlines() if line.strip() and not line.startswith(_EXPECTED)
    ]
    if ran.returncode != 0 or warnings:
        sys.exit(ran.stdout)
    # Pages link to them; zensical takes what lies in docs/ only.
    shutil.copytree(ROOT / "examples" / "notebooks", SITE / "notebooks")
    pages = {path: Page(path) for path in sorted(SITE.rglob("*.html")) if path.name != "404.html"}
    if wrong := [fault for path in pages for fault in faults(path, pages)] + undescribed(pages):
        sys.exit("\n".join(wrong))
    print(f"{len(pages)} pages in {SITE.relative_to(ROOT)}, every link of them leads somewhere")


def faults(path: Path, pages: dict[Path, Page]) -> list[str]:
    """What is wrong with the links of a page."""
    page, here = pages[path], path.relative_to(SITE)
    wrong = [f"{here} loads {url} from elsewhere" for url in page.loads if urlsplit(url).netloc]
    for url in page.links | page.loads:
        parts = urlsplit(url)
        if parts.scheme or parts.netloc:
            continue
        target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
        if target.is_dir():
            target /= "index.html"
        if not target.is_file() or not target.is_relative_to(SITE):
            wrong.append(f"{here} links to {url}, which is not there")
        elif (
            parts.fragment
            and target in pages
            and unquote(parts.fragment) not in pages[target].anchors
        ):
            wrong.append(f"{here} links to {url}, which has no such heading")
    return wrong


def undescribed(pages: dict[Path, Page]) -> list[str]:
    """Public names that no page describes."""
    anchors = set().union(*(page.anchors for page in pages.values()))
    modules = {name: module for module, names in wellwise._NAMES.items() for name in names.split()}
    return [
        f"wellwise.{name} is described nowhere"
        for name in wellwise.__all__
        if name in modules and not {f"wellwise.{name}", f"{modules[name]}.{name}"} & anchors
    ]


if __name__ == "__main__":
    main()
