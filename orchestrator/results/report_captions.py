"""Captions of the report's figures: each can be read without the text around it."""

from orchestrator.languages import gettext, later
from protocols.campaign import Campaign

_CAPTIONS = {
    "comparison": later(
        "{what} of the conditions that were compared by plan: a dot is a well, its colour the "
        "run, the line the mean over all wells of the condition, of which there are n."
    ),
    "best-so-far": later(
        "{what} of every well in the order of rounds and plates (shape and colour: why the well "
        "had its condition) and the best value by the end of each round (line; wells of a round "
        "are made at once, and their order says nothing). Dashed: mean of the standard; dotted: "
        "target, where there is one. Wells without a trusted value are left out, and n counts "
        "the others."
    ),
    "distributions": later(
        "{what} by round: box from the first to the third quartile with the median, and every "
        "well with a trusted value, of which there are n. Conditions of a round differ on "
        "purpose."
    ),
    "parameters-by-round": later(
        "Which values of each parameter the wells of each round had (a dot is a well, its "
        "colour its {what}; a cross is a well without a trusted value)."
    ),
    "effects": later(
        "Predicted {what} over each parameter, averaged over the others, with one standard "
        "deviation of the model; above each panel its share of what the model explains "
        "(total-order Sobol index) with its 90 % interval. An interaction counts for each "
        "parameter that takes part, so shares sum to more than 100 %. R² says how much of the "
        "variance of results that are left out by condition the model explains."
    ),
    "pair-effect": later(
        "Predicted {what} over the two parameters with the largest shares of what the model "
        "explains, averaged over the others; circles are wells."
    ),
    "calibration": later(
        "Each measured {what} against its prediction from the wells of all other conditions (left "
        "out by condition), with one standard deviation of a measurement; the line is where both "
        "are equal."
    ),
    "agreement": later(
        "{what} by the scorer less that by hand, over the mean of both, for each well that has "
        "both (Bland and Altman 1986): mean difference with its 95 % interval, and the limits "
        "within which 95 % of differences lie, each in the band where these wells leave it (95 "
        "%)."
    ),
    "trade-off": later(
        "Two objectives against each other: what wells gave, and the conditions that no other "
        "is predicted to beat in all of them, with one standard deviation."
    ),
    "pareto-front": later(
        "Predicted {what} against cost, of the conditions of which none is better in both, with "
        "one standard deviation."
    ),
    "images": later(
        "Images of the wells with the best, the median and the worst {what}, as the scorer read "
        "them; (by hand): a person entered another value than the scorer gave (brightness of grey "
        "images stretched). A bar is drawn where the file says how large a pixel is."
    ),
}
_PLATES = later(
    "The plates of round {round}: {what} of each well by its place. Ringed: standard and controls; "
    "lost, or ?: no value that may be trusted."
)


def caption(name: str, campaign: Campaign, number: int) -> str:
    """The caption of a figure by its name, with its number and what was measured."""
    values = {"what": campaign.outcome.scale.label, "round": name.rsplit("-", 1)[-1]}
    what = gettext(_CAPTIONS.get(name, _PLATES), **values)
    return gettext("Figure {number}. {what}", number=number, what=what)
