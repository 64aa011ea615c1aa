"""Expressions of a campaign file: a value computed from others, such as `100 * a / (a + b)`."""

import ast
import math
import re
from collections.abc import Mapping
from functools import cache
from typing import NamedTuple

from simpleeval import InvalidExpression, SimpleEval

FUNCTIONS = {
    "abs": abs,
    "exp": math.exp,
    "log": math.log,
    "log10": math.log10,
    "max": max,
    "min": min,
    "sqrt": math.sqrt,
}
"""What an expression may call; `log` is the natural logarithm."""

_WORDS = frozenset({"if", "else", "and", "or", *FUNCTIONS})
_NAME = re.compile(r"\b[A-Za-z_]\w*")
_MARK = "v_"
"""Stands before names, some of which (yield) are words of Python."""

_PARTS = (
    *(ast.BinOp, ast.Add, ast.Sub, ast.Mult, ast.Div, ast.Pow, ast.UnaryOp, ast.UAdd, ast.USub),
    *(ast.IfExp, ast.Compare, ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.BoolOp, ast.And, ast.Or),
    *(ast.Call, ast.Name, ast.Load, ast.Constant),
)


class NoValue(ValueError):
    """An expression has no value for these numbers, such as a division by zero."""


class Expression(NamedTuple):
    """An arithmetic expression, and the names that it uses."""

    text: str
    names: frozenset[str]
    tree: ast.AST

    def value(self, numbers: Mapping[str, float]) -> float:
        """Its value, with a number for each of its names.

        Raises:
            NoValue: it has none, or one that is not finite.
        """
        given = {_MARK + name: numbers[name] for name in self.names}
        try:
            evaluator = SimpleEval(functions=FUNCTIONS, names=given)
            found = float(evaluator.eval(self.text, previously_parsed=self.tree))
        except (ArithmeticError, InvalidExpression, TypeError, ValueError) as error:
            raise NoValue(f"{self.text}: {error}") from error
        if not math.isfinite(found):
            raise NoValue(f"{self.text} is {found:g}")
        return found


@cache
def parsed(text: str) -> Expression:
    """An expression from its text.

    Raises:
        ValueError: it is none, or has a part that no expression can have.
    """
    marked = _NAME.sub(lambda found: found[0] if found[0] in _WORDS else _MARK + found[0], text)
    try:
        tree = ast.parse(marked.strip(), mode="eval").body
        nodes = list(ast.walk(tree))
    except (MemoryError, RecursionError, SyntaxError, ValueError):
        raise ValueError(f"{text!r} cannot be read") from None
    names = set()
    for node in nodes:
        if not isinstance(node, _PARTS):
            what = ast.unparse(node).replace(_MARK, "") or type(node).__name__
            raise ValueError(f"{what!r} cannot be part of an expression")
        if isinstance(node, ast.Constant) and not isinstance(node.value, int | float):
            what = ast.unparse(node).replace(_MARK, "")
            raise ValueError(f"{what} cannot be part of an expression")
        if isinstance(node, ast.Call) and (
            node.keywords or not isinstance(node.func, ast.Name) or node.func.id not in FUNCTIONS
        ):
            raise ValueError(f"{ast.unparse(node).replace(_MARK, '')!r} cannot be called")
        if isinstance(node, ast.Name) and node.id.startswith(_MARK):
            names.add(node.id.removeprefix(_MARK))
    return Expression(text, frozenset(names), tree)
