"""The plan of a confirmation, fixed before its first job: what is compared, how it is judged."""

import hashlib
import json
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from protocols.conditions import LARGEST, Finite, Positive

Link = Literal["identity", "logit"]


class ConfirmationPlan(BaseModel):
    """How the chosen conditions are compared, as it is written down before anything is known.

    The last chosen condition is the one that the others are compared with. `difference` is the
    smallest that the plan finds with probability `power` at `alpha` (two-sided), with so many
    `runs`, if `sd` is that of wells in a run and `run_sd` that of a condition between runs.
    `margin` is how far apart conditions may lie that are called equivalent. With the link `logit`
    ratios are compared by their log odds, around `baseline`, the standard's predicted mean; the
    margin is in log odds then. `sd_standard` is that of the standard's wells where it is another.
    With several `candidates` against the standard the power is that of each comparison, and `alpha`
    the probability of any false alarm among them (Dunnett's procedure).
    All others but `alpha` and `power` are in the outcome's unit.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    difference: Positive
    runs: int = Field(1, ge=1, le=100)
    alpha: float = Field(0.05, gt=0, lt=1)
    power: float = Field(0.9, gt=0, lt=1)
    sd: Positive
    run_sd: float = Field(0.0, ge=0, le=LARGEST, allow_inf_nan=False)
    margin: Positive | None = None
    link: Link = "identity"
    sd_standard: Positive | None = None
    baseline: Finite | None = None
    candidates: int | None = Field(None, ge=2, le=100)

    @property
    def sha256(self) -> str:
        """Of its canonical JSON: the same plan always has the same."""
        content = self.model_dump(mode="json")
        for later in ("sd_standard", "baseline", "candidates"):
            # Plans that were hashed before these could be given keep their hash.
            if content[later] is None:
                del content[later]
        text = json.dumps(content, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()
