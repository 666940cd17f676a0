"""An exception in what a learner wrote, in one sentence instead of a traceback: the line, and if
arrays do not fit together, their shapes in words.

Read next: solutions.
"""

import ast
import linecache
import operator
import re
import traceback

import numpy as np

from numvae.text import reason

# A function of the math module, which NumPy has for arrays.
ONE_NUMBER = re.compile(r"(?:math\.|(?<![\w.]))(exp|expm1|log|log1p|sqrt|sinh|cosh|tanh)\(")
OPERATORS = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.MatMult: operator.matmul,
}


def where(error, file):
    """The line of a file where an exception was raised, or None, and a sentence on it."""
    if isinstance(error, SyntaxError) and error.filename == file:
        return error.lineno, f"Line {error.lineno} is not Python yet: {error.msg}."
    frames = [f for f in traceback.walk_tb(error.__traceback__) if f[0].f_code.co_filename == file]
    said = f"{type(error).__name__}: {reason(error)}"
    if not frames:
        return None, f"The call fails with {said}."
    frame, line = frames[-1]
    code = linecache.getline(file, line).strip()
    if "truth value" in said:
        said = "an array has no one truth: np.where(condition, a, b) chooses for each entry"
    elif isinstance(error, TypeError) and (name := ONE_NUMBER.search(code)) and "arrays" in said:
        said = f"math.{name[1]} takes one number; for arrays, use np.{name[1]}"
    elif isinstance(error, ValueError):
        said = unfitting(_statement(file, line), frame) or said
    return line, f"Line {line}, `{code}`: {said}."


def unfitting(statement, frame):
    """The first operation of a statement whose arrays do not fit together, in words; or None."""
    for node in ast.walk(statement) if statement else ():
        match node:
            case ast.BinOp(a, sign, b) if type(sign) in OPERATORS:
                pass
            case ast.AugAssign(a, sign, b) if type(sign) in OPERATORS:
                a = ast.parse(ast.unparse(a), mode="eval").body
            case _:
                continue
        try:
            left, right = (_value(operand, frame) for operand in (a, b))
        except Exception:
            continue
        try:
            OPERATORS[type(sign)](left, right)
        except ValueError:
            return _in_words(
                sign, *((ast.unparse(n), np.asarray(v)) for n, v in ((a, left), (b, right)))
            )
        except Exception:
            continue
    return None


def _in_words(sign, left, right):
    (a, x), (b, y) = left, right
    shapes = f"{a} has the shape {x.shape} and {b} has {y.shape}"
    if isinstance(sign, ast.MatMult):
        inner = f"{shapes}: in a product {a} @ {b}, the inner lengths have to be equal"
        fits = [
            f"{p} @ {q}"
            for p, u in ((a, x), (_transposed(a), x.T))
            for q, v in ((b, y), (_transposed(b), y.T))
            if u.ndim == v.ndim == 2 and u.shape[1] == v.shape[0]
        ]
        return f"{inner}{', as in ' * bool(fits)}{' or '.join(fits)}"
    text = f"{shapes}: from the last axis on, lengths have to be equal, or one of them 1"
    for name, u, v in ((a, x, y), (b, y, x)):
        if u.shape == v.shape[:-1]:
            text += f", as that of {name}[..., None]"
    return text


def _transposed(code):
    return code.removesuffix(".T") if code.endswith(".T") else f"{code}.T"


def _value(node, frame):
    code = compile(ast.fix_missing_locations(ast.Expression(node)), "<operand>", "eval")
    return eval(code, frame.f_globals, frame.f_locals)


def _statement(file, line):
    """The innermost statement on a line."""
    found = None
    for node in ast.walk(ast.parse("".join(linecache.getlines(file)))):
        if isinstance(node, ast.stmt) and node.lineno <= line <= node.end_lineno:
            found = node  # breadth first: the last is the innermost
    return found
