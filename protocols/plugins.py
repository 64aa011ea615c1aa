"""Plug-ins: what installed packages announce under a group of entry points."""

from functools import cache
from importlib.metadata import EntryPoints, entry_points


@cache
def announced(group: str) -> EntryPoints:
    """The entry points of a group, read once a process: each look goes through the files of every package."""
    return entry_points(group=group)
