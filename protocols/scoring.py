"""Scores and scorers: what a scorer takes and gives; the scorers are in `scorers/`."""

from typing import Any, ClassVar, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from protocols.image_formats import ImageNotRead
from protocols.images import CameraImage, read_image
from protocols.jobs import Reading


class Score(BaseModel):
    """The value of one reading, in its outcome's unit; None where nothing could be measured.

    `sd` is its standard deviation, in the same unit, where the scorer knows it. Flags say why it
    may not be trusted. A flagged value is kept for people to see; the model does
    not use it.
    """

    model_config = ConfigDict(frozen=True)

    value: float | None
    sd: float | None = None
    flags: tuple[str, ...] = ()


class Scorer(Protocol):
    """A scorer derives an outcome from a reading.

    Installed packages announce theirs as entry points `wellwise.scorers`. One whose values are
    always of the same unit, or have ends, may declare them as class attributes `unit` (a text) and
    `natural_range` (lowest and highest value): campaign files need not say them then.

    One that needs other wells of the plate than the one it scores (blanks, standards) names them in
    `reference_wells`, a set of names: they hold no samples.

    One that needs readings of certain kinds (`image`, `number`, `plate`, `trace`) declares them in
    `reads`, a tuple: a campaign file whose step reads something else is refused then. Those of
    numbers need not: a person may enter a reader's table in any campaign.

    `version` goes with every score, and is raised whenever the same reading could give another
    score.
    """

    version: ClassVar[str]
    Options: ClassVar[type[BaseModel]]

    def __init__(self, options: Any) -> None:
        """With the options that a campaign's outcome gives, as an instance of `Options`."""
        ...

    def score(self, reading: Reading) -> Score:
        """The score of a reading, the same each time; one that cannot be scored is flagged."""
        ...


@runtime_checkable
class MarksImages(Protocol):
    """A scorer that can mark what it counted; `marks` says what its colours mean."""

    marks: ClassVar[str]

    def marked(self, reading: Reading) -> bytes | None:
        """The image of a reading as PNG with what was counted marked; None if nothing could be."""
        ...


def scored_image(reading: Reading, plane: int | None = None) -> CameraImage | Score:
    """The image of a reading, or the score of one that cannot be read, flagged with the reason."""
    try:
        return read_image(reading.image, plane)
    except ImageNotRead as error:
        return Score(value=None, flags=(error.flag,))


def read_rgb(reading: Reading) -> NDArray[np.uint8] | None:
    """The image of a reading for the eye (height x width x 3, RGB); None if it is not read."""
    try:
        return read_image(reading.image).for_the_eye()
    except ImageNotRead:
        return None
