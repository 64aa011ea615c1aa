"""Blocks: wells that share what nobody chose, such as an incubator or a pipetting head."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from protocols.covariates import Covariate
from protocols.errors import Finding
from protocols.plates import Plates, Well
from protocols.wells import corners_of, well_row_column


def labels_of(covariates: Sequence[Covariate], wells: Sequence[Well]) -> list[dict[str, str]]:
    """The label of each block by its name, for each well."""
    blocks = [one for one in covariates if one.blocks]
    return [{one.name: label for one in blocks for label in _labels(one, w)[:1]} for w in wells]


def by_place(
    covariates: Sequence[Covariate], plates: Plates
) -> Mapping[tuple[int, str], dict[str, str]]:
    """The same for every well of a round, by the number of its plate and its name."""
    wells = plates.all_wells() if any(one.blocks for one in covariates) else ()
    labels = labels_of(covariates, wells)
    return {(w.plate, w.name): found for w, found in zip(wells, labels, strict=True)}


def label_on_plate(covariate: Covariate, plate: int) -> str:
    """Where a plate belongs by a block: its label, or the labels with their parts of the plate.

    Empty where the covariate is no block.
    """
    if covariate.plates:
        return next((label for label, plates in covariate.plates.items() if plate in plates), "")
    return ", ".join(f"{label}: {wells}" for label, wells in covariate.wells.items())


def block_findings(covariates: Sequence[Covariate], plates: Plates) -> Iterator[Finding]:
    """Plates or wells in use that are in no block or in two, and labels of none that there is."""
    for index, covariate in enumerate(covariates):
        if not covariate.blocks:
            continue
        key = "plates" if covariate.plates else "wells"
        loc = ("covariates", index, key)
        used: Counter[str] = Counter()
        for well in plates.all_wells():
            labels = _labels(covariate, well)
            used.update(labels)
            if len(labels) != 1:
                place = f"plate {well.plate}" if covariate.plates else well.name
                message = f"{place} is in {'no block' if not labels else ' and in '.join(labels)}"
                expected = "one block for each plate" if covariate.plates else "one for each well"
                yield Finding(loc=loc, message=message, expected=expected)
                break
        for label, given in (covariate.plates or covariate.wells).items():
            if isinstance(given, str) and corners_of(given) is None:
                message, expected = f"{given!r} is not a rectangle", "two corners, such as A1:H6"
            elif isinstance(given, tuple) and max(given) > plates.count:
                message, expected = f"there is no plate {max(given)}", f"1 to {plates.count}"
            elif not used[label]:
                message, expected = "no well in use is in it", "wells that are in use"
            else:
                continue
            yield Finding(loc=(*loc, label), message=message, expected=expected)


def _labels(covariate: Covariate, well: Well) -> list[str]:
    """The labels that a place decides; one, in a campaign that was checked."""
    if covariate.plates:
        return [label for label, plates in covariate.plates.items() if well.plate in plates]
    row, column = well_row_column(well.name)
    found = []
    for label, rectangle in covariate.wells.items():
        corners = corners_of(rectangle)
        if corners is not None:
            top, left, bottom, right = corners
            if top <= row <= bottom and left <= column <= right:
                found.append(label)
    return found
