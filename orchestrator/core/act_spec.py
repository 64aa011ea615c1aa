"""An act as plain data, from which commands, dialogs and pages follow."""

from typing import Any, Literal, NamedTuple

FieldKind = Literal[
    "integer", "number", "text", "long text", "flag", "choice", "list", "well", "wells", "mapping"
]
"""`well` is one place, `wells` are several; `mapping` is NAME=VALUE, more than once."""


class FieldSpec(NamedTuple):
    """One field of an act.

    `positional`: an argument instead of an option at the command line. `option`: its name there.
    `none`: a flag that means no value. `file`: a file is named, and its text is meant. `binary`: a
    file is named, and its bytes are meant, as a data URL.
    """

    name: str
    kind: FieldKind
    help: str = ""
    required: bool = False
    default: Any = None
    choices: tuple[str, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    positional: bool = False
    option: str = ""
    none: str = ""
    file: bool = False
    binary: bool = False


class ActSpec(NamedTuple):
    """An act: its name, command, description and fields.

    The command is empty where one written by hand includes the act.
    """

    name: str
    command: str
    help: str
    fields: tuple[FieldSpec, ...]

    @property
    def summary(self) -> str:
        """The first line of its help."""
        return self.help.split("\n")[0]
