"""What a calibration knows of a lab's images: the colours of a well, its size and its sharpness."""

import hashlib
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

FEWEST_PAIRS = 20
LEAST_ICC = 0.75
"""Agreement that is called good by Koo and Li 2016, "A guideline of selecting and reporting
intraclass correlation coefficients"; held by the lower end of the interval."""

_Finite = Annotated[float, Field(allow_inf_nan=False)]
Triple = tuple[_Finite, _Finite, _Finite]
"""Red, green and blue."""


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ReferenceImage(_Model):
    """An image that a calibration rests on, by its content."""

    name: str = Field(max_length=200)
    sha256: str = Field(pattern="^[0-9a-f]{64}$")
    use: Literal["blank", "stained", "marked", "white", "hand"]


class HandAgreement(_Model):
    """How scores by this calibration agree with values by hand; see `orchestrator.studies`."""

    pairs: int = Field(ge=3)
    bias: _Finite
    lower: _Finite
    upper: _Finite
    icc: _Finite
    icc_low: _Finite
    icc_high: _Finite

    @property
    def enough(self) -> bool:
        """Whether a campaign may rest on it without a person who approves each batch."""
        return self.pairs >= FEWEST_PAIRS and self.icc_low >= LEAST_ICC


class Profile(_Model):
    """A calibration of `coloured_cell_ratio`, as `wellwise calibrate` writes it.

    Colours are natural logarithms of intensities (camera's white is 0), relative to the plate
    around the well unless that is too dark: so neither light nor white balance changes them.

    Attributes:
        unstained, stained: mean colour of both kinds of area.
        spread: covariance of colours within a kind (3 x 3).
        surround: mean colour of the plate around the well, before anything is relative to it.
        radius: least and largest radius of a well, as a share of the image's shorter side.
        edge: width of the well's edge, as a share of the radius: the widest of the references.
        unexplained: the largest share of a reference's area that looks like neither kind.
        between: the largest share of a reference's area whose colour is between both kinds.
        faintest: how stained the stained parts of the faintest reference are, on the way from
            unstained (0) to stained (1).
        white: the light's fall-off over the field by a white reference: for each colour the
            coefficients of 1, x, y, x2, xy, y2, with x and y from -1 to 1.
    """

    form: Literal[1] = 1
    scorer: Literal["coloured_cell_ratio"] = "coloured_cell_ratio"
    images: tuple[ReferenceImage, ...] = Field(min_length=1)
    unstained: Triple
    stained: Triple
    spread: tuple[Triple, Triple, Triple]
    surround: Triple
    radius: tuple[float, float]
    edge: float = Field(gt=0, allow_inf_nan=False)
    unexplained: float = Field(ge=0, le=1)
    between: float = Field(0.0, ge=0, le=1)
    faintest: float = Field(1.0, ge=0, le=1)
    white: (
        tuple[
            Annotated[tuple[_Finite, ...], Field(min_length=6, max_length=6)],
            Annotated[tuple[_Finite, ...], Field(min_length=6, max_length=6)],
            Annotated[tuple[_Finite, ...], Field(min_length=6, max_length=6)],
        ]
        | None
    ) = None
    agreement: HandAgreement | None = None

    @property
    def digest(self) -> str:
        """SHA-256 of its content."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()

    @property
    def relative(self) -> bool:
        """Whether colours are relative to the plate around the well."""
        return min(self.surround) > DARK_SURROUND

    def covariance(self) -> NDArray[np.float64]:
        """The spread (3 x 3), no narrower than cameras and eyes are alike."""
        return np.asarray(self.spread) + np.eye(3) * LEAST_SPREAD**2


DARK_SURROUND = float(np.log(0.15))
"""A plate darker than this says nothing of the light."""

LEAST_SPREAD = 0.04
