"""Take an image of a well."""

from typing import Literal

from protocols.operations.base import WellOperation, WellTemplate


class ImageTemplate(WellTemplate):
    """Take an image of each well."""

    do: Literal["image"]


class Image(WellOperation):
    """Take a colour image of a well."""

    template = ImageTemplate
    seconds = 4.0
    repeatable = True
    reads = "image"

    kind: Literal["image"] = "image"

    def in_words(self) -> str:
        """The instruction in words, for a checklist."""
        return f"{self.well}: take an image"
