"""The names that a package shows, imported from their modules when they are first used."""

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any


def lazily(
    package: str, names: Mapping[str, str], namespace: dict[str, Any]
) -> Callable[[str], Any]:
    """The `__getattr__` of a package whose names need packages that take seconds to import.

    No module of the package may have the name of something that it shows: whichever is imported
    first would hide the other.

    Args:
        package: its name.
        names: for each of its modules the names that come from it, with spaces between them.
        namespace: its `globals()`, which keeps what was found.
    """
    modules = {name: module for module, listed in names.items() for name in listed.split()}

    def found(name: str) -> Any:
        if name not in modules:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        try:
            value = getattr(import_module(modules[name]), name)
        except ModuleNotFoundError as error:
            raise ImportError(
                f"{package}.{name} needs {error.name}, which is not installed: pip install "
                "'wellwise[lab]'",
                name=error.name,
            ) from error
        namespace[name] = value
        return value

    return found
