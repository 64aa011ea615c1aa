"""What checklists say of operations: a text for each of their wordings, for the catalogues.

Operations say in English what is to be done (`in_words`), with the values in it; a page says it in
the language of whoever does it. What belongs to a wording only sometimes is a wording of its own.
"""

from itertools import product

_NM = ("", " at {wavelength} nm", " at {wavelength} nm, excited at {excitation} nm")

TEXTS = (
    *(f"add {{mass}} {unit} {{substance}}" for unit in ("mg", "g")),
    *(f"add {{volume}} uL {{liquid}}{rest}" for rest in ("", " with {contained}")),
    "remove {volume} uL",
    "collect {volume} uL in the {vessel}",
    "{time} min after the enzyme, detach with {strokes} strokes at {speed} mm/s",
    *(
        f"{verb} to {{temperature}} °C{ramp}{hold}"
        for verb, ramp, hold in product(
            ("heat", "cool"), ("", " at {ramp} °C/min"), ("", ", hold for {time} min")
        )
    ),
    "take an image",
    "leave the plate for {time} min at {temperature} °C",
    *(f"inject {{volume}} uL into the {{column}}{rest}" for rest in ("", ", program {program}")),
    "measure {quantity}",
    "mix {volume} uL, {number} times",
    "carry the plate to the {place}",
    "pump {volume} uL {liquid} at {rate} uL/min",
    *(f"read {{quantity}} of the plate{at}" for at in _NM),
    *(
        f"record {{quantity}}{at} over {{axis}}{long}"
        for at, long in product(_NM, ("", " for {time} min"))
    ),
    "take the seal from the plate",
    "seal the plate with {material}",
    "set {setting} to {value}",
    *(
        f"shake for {{time}} {unit}{speed}"
        for unit, speed in product(("s", "min"), ("", " at {speed} rpm"))
    ),
    *(f"spin the plate for {{time}} min at {{speed}} {unit}" for unit in ("x g", "rpm")),
    "move {volume} uL to the same well of a fresh plate",
    "wait for {time} min",
    "weigh",
)
"""Texts with a name in place of each value; the well or plate before them is said by itself."""
