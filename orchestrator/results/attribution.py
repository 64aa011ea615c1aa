"""Attribution: who made a campaign, who publishes it, and under which licence others may use it."""

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from protocols.errors import InvalidInput, Problem

Url = Annotated[str, StringConstraints(pattern=r"^https?://\S+$")]
Orcid = Annotated[str, StringConstraints(pattern=r"^\d{4}-\d{4}-\d{4}-\d{3}[\dX]$")]
Ror = Annotated[str, StringConstraints(pattern=r"^0[a-z0-9]{8}$")]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Licence(_Model):
    """A licence by its address, such as https://spdx.org/licenses/CC-BY-4.0."""

    url: Url
    name: str
    description: str = "The terms under which these data may be used."


class Institution(_Model):
    """An institution with its ROR, the nine characters behind https://ror.org/."""

    name: str
    ror: Ror
    url: Url


class Author(_Model):
    """A person as the journal calls them, with their full name, ORCID and address."""

    name: str
    orcid: Orcid
    email: str = ""


class Attribution(_Model):
    """What a crate says of people and rights; the journal knows only how people sign."""

    licence: Licence | None = None
    institution: Institution | None = None
    people: dict[str, Author] = Field(default_factory=dict)


def read_attribution(path: Path) -> Attribution:
    """An attribution file (YAML).

    Raises:
        InvalidInput: it cannot be read, or with every key that is wrong.
    """
    try:
        found = YAML(typ="safe").load(path.read_text(encoding="utf-8"))
        return Attribution.model_validate(found)
    except (OSError, UnicodeDecodeError, YAMLError) as error:
        raise InvalidInput(
            [Problem(where=str(path), message=str(error), expected="a YAML file")]
        ) from None
    except ValidationError as error:
        raise InvalidInput(
            [
                Problem(
                    where=f"{path}: {'.'.join(map(str, details['loc'])) or 'the file'}",
                    message=details["msg"],
                    expected="licence (url, name), institution (name, ror, url), people "
                    "(name as in the journal: name, orcid, email)",
                )
                for details in error.errors()
            ]
        ) from None
