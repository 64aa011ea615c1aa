"""Migration of a campaign file: the earlier form -> outcomes and objectives, comments kept.

The text is cut where YAML says that keys begin and end, so that nothing else of it changes.
"""

import io
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from ruamel.yaml import YAML, MappingNode, Node, ScalarNode, SequenceNode

from protocols.campaign_file import read_campaign
from protocols.earlier_form import as_outcome, is_earlier, name_of
from protocols.errors import InvalidInput, Problem

_HASH = re.compile(r"(?:^|\s)(#.*)$")
"""A comment at the end of a line."""


class _Key(NamedTuple):
    """A key of the file: the lines (from 0) that are its own, and its value."""

    first: int
    last: int
    node: Node


def in_new_form(text: str, file: str = "campaign file") -> str:
    """The text of a campaign file with outcomes and objectives; the same text if it has them.

    Raises:
        InvalidInput: something is wrong in the file, or it is written in a way that cannot be
            rewritten.
    """
    campaign = read_campaign(text, file)
    root = YAML(typ="safe", pure=True).compose(text)
    data = YAML(typ="safe", pure=True).load(text)
    if not is_earlier(data):
        return text
    if not isinstance(root, MappingNode) or root.flow_style:
        raise InvalidInput(
            [
                Problem(
                    where=file,
                    line=1,
                    message="a file within braces cannot be rewritten",
                    expected="each key on a line of its own",
                )
            ]
        )
    written = _rewritten(text, root, data)
    if read_campaign(written, file) != campaign:
        raise InvalidInput(
            [
                Problem(
                    where=file,
                    message="it would not be the same campaign any more: nothing was changed",
                    expected="objective and measurements without anchors and other rarities",
                )
            ]
        )
    return written


def _rewritten(text: str, root: MappingNode, data: Mapping[str, Any]) -> str:
    lines = text.splitlines()
    keys = {key.value: _own_lines(key, value, lines) for key, value in root.value}
    objective, measurements = keys.get("objective"), keys.get("measurements")
    block = [
        f"outcomes:{_comment(lines, objective)}",
        *_items(lines, objective, [data.get("objective", {})], "objective"),
        *_items(lines, measurements, data.get("measurements", []), "measurements"),
        "",
        "objectives:",
        f"  - {{outcome: {name_of(data.get('objective', {}))}, direction: maximise}}",
    ]
    taken = [key for key in (objective, measurements) if key is not None]
    gone = {line for key in taken for line in range(key.first, key.last + 1)}
    gone |= {line for key in taken if key is not objective for line in _blank_after(lines, key)}
    at = keys["parameters"].first if objective is None else objective.first
    while objective is None and at and lines[at - 1].lstrip().startswith("#"):
        at -= 1
    found: list[str] = []
    for number, line in enumerate(lines):
        if number == at:
            found += block if objective is not None else [*block, ""]
        if number not in gone:
            found.append(line)
    newline = "\r\n" if "\r\n" in text else "\n"
    return newline.join(found) + (newline if text.endswith("\n") else "")


def _blank_after(lines: Sequence[str], key: _Key) -> Iterator[int]:
    """The one blank line that would be left double where a key was."""
    before, after = key.first - 1, key.last + 1
    if (
        after < len(lines)
        and not lines[after].strip()
        and (before < 0 or not lines[before].strip())
    ):
        yield after


def _own_lines(key: ScalarNode, value: Node, lines: Sequence[str]) -> _Key:
    """From the line of a key to that of the last thing in its value."""
    return _Key(key.start_mark.line, max(key.start_mark.line, _last_line(value, lines)), value)


def _last_line(node: Node, lines: Sequence[str]) -> int:
    """The last line of a value, without the comments and blank lines that follow it."""
    if (
        isinstance(node, ScalarNode)
        or not isinstance(node, MappingNode | SequenceNode)
        or node.flow_style
    ):
        last = node.end_mark.line
        if not node.end_mark.column:
            last -= 1  # A text over several lines ends where the next line begins.
        while last > node.start_mark.line and not lines[last].strip():
            last -= 1
        return int(last)
    inside = (
        [part for pair in node.value for part in pair]
        if isinstance(node, MappingNode)
        else node.value
    )
    return max((_last_line(part, lines) for part in inside), default=int(node.start_mark.line))


def _comment(lines: Sequence[str], key: _Key | None) -> str:
    """The comment on the line of a key whose value begins below it."""
    if key is None or key.node.start_mark.line == key.first:
        return ""
    found = _HASH.search(lines[key.first])
    return lines[key.first][found.start() :] if found else ""


def _items(
    lines: Sequence[str], key: _Key | None, given: Sequence[Any], kind: str
) -> Iterator[str]:
    """The outcomes that an objective, or measurements, are: items of a list, indented by two."""
    if key is None:
        for outcome in given:
            yield from _flow(as_outcome(outcome, kind))
        return
    if kind == "measurements":
        yield from (f"  {text.strip()}" for text in [_comment(lines, key)] if text)
    nodes = key.node.value if isinstance(key.node, SequenceNode) else [key.node]
    # Between the items there are comments, which stay with the one that follows.
    begin = key.first + 1
    for node, outcome in zip(nodes, given, strict=True):
        if (
            node.flow_style
            or node.start_mark.line == key.first
            or not isinstance(node, MappingNode)
        ):
            yield from (
                f"  {line.strip()}" for line in lines[begin : node.start_mark.line] if line.strip()
            )
            for number in range(node.start_mark.line, node.end_mark.line):
                yield from (f"  {found[1]}" for found in [_HASH.search(lines[number])] if found)
            comment = _HASH.search(lines[node.end_mark.line][node.end_mark.column :])
            [item] = _flow(as_outcome(outcome, kind))
            yield item + (f"  {comment[1]}" if comment else "")
            begin = _last_line(node, lines) + 1
            continue
        end = _last_line(node, lines) + 1
        yield from _block_item(lines, begin, end, node, as_outcome(outcome, kind))
        begin = end


def _block_item(
    lines: Sequence[str], begin: int, end: int, node: MappingNode, outcome: Mapping[str, Any]
) -> Iterator[str]:
    """An item of which each key has its line; what the form left unsaid is added."""
    first, column = node.start_mark.line, node.start_mark.column
    yield from (f"  {line.strip()}" for line in lines[begin:first] if line.strip())
    there = {key.value for key, _ in node.value}
    missing = {name: value for name, value in outcome.items() if name not in there}
    lead = "  - "
    if "name" in missing:
        yield f"{lead}name: {missing.pop('name')}"
        lead = "    "
    for number in range(first, end):
        line = lines[number]
        inside = line[column:] if number == first or not line[:column].strip() else line.lstrip()
        yield (lead + inside).rstrip()
        lead = "    "
    for name, value in missing.items():
        yield f"    {name}: {_written(value)}"


def _flow(outcome: Mapping[str, Any]) -> list[str]:
    """An item on one line."""
    parts = {"name": outcome.get("name"), **outcome}
    return ["  - {" + ", ".join(f"{key}: {_written(value)}" for key, value in parts.items()) + "}"]


def _written(value: Any) -> str:
    """A value in one line of YAML."""
    if isinstance(value, tuple):
        return f"[{', '.join(f'{number:g}' for number in value)}]"
    yaml, text = YAML(typ="safe", pure=True), io.StringIO()
    yaml.default_flow_style, yaml.width = True, 100_000
    yaml.dump(value, text)
    return text.getvalue().removesuffix("...\n").strip()
