"""Which of several reads in an instrument's file is meant."""

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple, Self

from protocols.errors import InvalidInput, Problem

_LISTED = 30
_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_WAVELENGTHS_NM = (180.0, 1100.0)
"""Between which a number in the name of a read is taken for a wavelength."""


class WantedRead(NamedTuple):
    """What a person names, or else what an operation says of its own read.

    `named` is a name of the file, or a number from 1. `wavelengths_nm` are those of absorbance or
    emission, and of excitation.
    """

    named: str = ""
    quantity: str = ""
    wavelengths_nm: frozenset[float] = frozenset()

    @classmethod
    def at(cls, quantity: str, *wavelengths_nm: float | None) -> Self:
        """What an operation says: its quantity, and those wavelengths that it has."""
        known = frozenset(nm for nm in wavelengths_nm if nm is not None)
        return cls(quantity=quantity, wavelengths_nm=known)

    def unless_named(self, block: str) -> "WantedRead":
        """This one, or the block that a person named, if any."""
        return WantedRead(named=block) if block else self

    def __bool__(self) -> bool:
        """Whether anything is said of it."""
        return any(self)

    def among(self, names: Sequence[str], coordinates: Sequence[bool] = ()) -> int | None:
        """Which of some reads it is, from 0; None where none is, or more than one may be.

        Args:
            names: what the file calls them.
            coordinates: which of the names are a place along an axis, a time or a wavelength, that
                the file does not tell apart: only a person can name these.
        """
        folded = [name.casefold() for name in names]
        if self.named:
            named = self.named.casefold()
            return _only(
                place
                for place, name in enumerate(folded)
                if name == named or self.named == str(place + 1)
            )
        known = [place for place in range(len(names)) if not any(coordinates[place : place + 1])]
        exactly = [place for place in known if folded[place] == self.quantity.casefold()]
        if len(exactly) == 1:
            return exactly[0]
        own = {place: _wavelengths(names[place]) for place in known}
        fitting = [place for place in known if own[place] and own[place] <= self.wavelengths_nm]
        if len(fitting) == 1:
            return fitting[0]
        if self.wavelengths_nm and not fitting:
            known = [place for place in known if not own[place]]
        word = re.compile(rf"(?<!\w){re.escape(self.quantity.casefold())}(?!\w)")
        said = [place for place in fitting or known if word.search(folded[place])]
        return _only(said) if self.quantity else None


NOT_SAID = WantedRead()
"""Where nobody says which read is meant."""


def chosen(
    wanted: WantedRead,
    names: Sequence[str],
    where: str,
    kind: str,
    coordinates: Sequence[bool] = (),
) -> int:
    """Which of some reads is meant, from 0; the only one if nobody names one.

    Args:
        wanted: what is said of it.
        names: what the file calls them; at least one.
        where: what to call the file in problems.
        kind: what they are, such as blocks.
        coordinates: as in `WantedRead.among`.

    Raises:
        InvalidInput: it is none of them, or more than one may be.
    """
    if len(names) == 1 and not wanted.named:
        return 0
    found = wanted.among(names, coordinates) if wanted else None
    if found is not None:
        return found
    listed = [f"{number}: {name or 'no name'}" for number, name in enumerate(names, 1)]
    if len(listed) > _LISTED:
        listed = [*listed[: _LISTED // 2], "...", *listed[-_LISTED // 2 :]]
    message = f"it has {len(names)} {kind}"
    if wanted.named:
        message = f"it has no {kind.removesuffix('s')} {wanted.named!r}"
    expected = f"one of them to be named ({', '.join(listed)})"
    if wanted and not wanted.named:
        said = [wanted.quantity, *(f"{nm:g} nm" for nm in sorted(wanted.wavelengths_nm))]
        message += f", and not one of them alone is called {' or '.join(filter(None, said))}"
        expected += (
            ": as `quantity` or by its `wavelength` in the campaign file, or with --block where "
            "the file is given"
        )
    raise InvalidInput([Problem(where=where, message=message, expected=expected)])


def _only(places: Iterable[int]) -> int | None:
    found = list(places)
    return found[0] if len(found) == 1 else None


def _wavelengths(name: str) -> set[float]:
    low, high = _WAVELENGTHS_NM
    return {nm for text in _NUMBER.findall(name) if low <= (nm := float(text)) <= high}
