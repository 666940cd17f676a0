"""What is wrong with a function that is nearly right: a small change after which it is right.

A change is an edit of the function's syntax tree, tried on the inputs of an exercise: the other
sign, a factor more, a sum over an axis, another name. So no mistake has to be foreseen, and people
write in the form that they like.

Read next: raised.
"""

import ast
import copy
import functools
import inspect
import itertools
import textwrap
from typing import NamedTuple

CALLS = ("exp", "log", "sqrt", "tanh")
SIGMA = ast.parse("np.exp(0.5 * logvar)", mode="eval").body
# Operations with something that the solution has, as a sentence on the place where it is missing.
MISSING = {
    ast.Mult: "the factor {code}{incoming} is missing after {here}",
    ast.Add: "the term {code} is missing after {here}",
    ast.Sub: "the term −{code} is missing after {here}",
    ast.Div: "{here} is to be divided by {code}",
    ast.Pow: "{here} is to be raised to the power {code}",
}


class Place(NamedTuple):
    """Where an expression stands in a syntax tree."""

    parent: ast.AST
    field: str
    index: int | None  # in the field, if that is a list
    node: ast.expr

    def put(self, node):
        if self.index is None:
            setattr(self.parent, self.field, node)
        else:
            getattr(self.parent, self.field)[self.index] = node


def repairs(function, solution, moves, line=None):
    """Triples of a line's number, what is wrong there, and the changed function; the most likely
    first. The number is None for what is wrong in all lines.

    solution  a right function, whose expressions may be what is missing
    moves     moves(changed) → how many wrong values a factor 1.01 at a place has changed, 0 if it
              has changed right ones: the mistake is rather where it moves all that is wrong
    line      where the function fails, if it does: changes of that line come first

    Nothing if the source is not to be had, or if it has a `while`, which might never end.
    """
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
        compile(tree, "<function>", "exec")
        solved = ast.parse(textwrap.dedent(inspect.getsource(solution))).body[0]
    except (OSError, SyntaxError, TypeError):
        return
    definition = tree.body[0]
    nodes = list(ast.walk(definition))
    if not isinstance(definition, ast.FunctionDef) or any(isinstance(n, ast.While) for n in nodes):
        return

    def defined(code, **new):
        exec(code, names := {**function.__globals__, **new})
        return names[definition.name]

    def maker(place):
        """make(new): the function with another expression there. What costs time is done once: the
        function is compiled with a call in that place, and new expressions are evaluated by it."""
        hook = _code("_new(locals(), lambda: 0)")
        names = map(_code, _variables(definition))  # so that a lambda sees them, too
        hook.args[1].body = ast.Tuple([place.node, *names], ast.Load())
        place.put(ast.fix_missing_locations(ast.copy_location(hook, place.node)))
        code = compile(tree, "<changed>", "exec")
        place.put(place.node)

        def make(new):
            new = ast.fix_missing_locations(ast.Expression(ast.copy_location(new, place.node)))
            new = compile(new, "<new>", "eval")
            return defined(code, _new=lambda seen, _: eval(new, {**function.__globals__, **seen}))

        return make

    start, places = function.__code__.co_firstlineno - 1, []
    for place in list(_places(nodes)):
        make = maker(place)
        if moved := moves(make(ast.BinOp(place.node, ast.Mult(), ast.Constant(1.01)))):
            at = place.node.lineno + start
            places.append((at != line, -moved, at, place.node, make))

    def changes(*kinds):
        for kind in kinds:
            for _, _, at, node, make in sorted(places, key=lambda found: found[:2]):
                for wrong, new in kind(node):
                    yield at, wrong, make(new)

    yield from changes(_inside)
    for a, b in itertools.combinations([q.arg for q in definition.args.args] * bool(places), 2):
        exchanged = _Renamed({a: b, b: a}).visit(copy.deepcopy(tree))
        wrong = f"{a} and {b} have changed places"
        yield None, wrong, defined(compile(exchanged, "<changed>", "exec"))
    for line, wrong, change in _of_statements(nodes) if places else ():
        changed = ast.fix_missing_locations(_Changed(change).visit(copy.deepcopy(tree)))
        yield line and line + start, wrong, defined(compile(changed, "<changed>", "exec"))
    swapped, likely, *others = _others(definition, solved)
    in_terms = _in_terms(_variables(definition))
    yield from changes(swapped, _around, likely, in_terms, *others)


def _places(nodes):
    """Every expression that computes numbers."""
    for parent in nodes:
        if isinstance(parent, (ast.arguments, ast.keyword, ast.Expr)) or _is_key(parent):
            continue
        for field, value in ast.iter_fields(parent):
            if field in ("func", "slice"):
                continue
            for index, node in enumerate(value) if isinstance(value, list) else ((None, value),):
                if isinstance(
                    node, (ast.BinOp, ast.UnaryOp, ast.Call, ast.Compare, ast.Constant)
                ) or (
                    isinstance(node, (ast.Name, ast.Attribute, ast.Subscript))
                    and isinstance(node.ctx, ast.Load)
                    and ast.unparse(node) != "np"
                ):
                    yield Place(parent, field, index, node)


def _inside(node):
    """Changes of what is there: pairs of what is wrong, and what should be there instead."""
    here = ast.unparse(node)
    for new in _regrouped(node):
        yield (f"{here} stands where {ast.unparse(new)} should", new)
    match node:
        case ast.BinOp(a, ast.Add() | ast.Sub() as sign, b):
            u, v = ast.unparse(a), ast.unparse(b)
            minus = isinstance(sign, ast.Sub)
            other = ast.Add() if minus else ast.Sub()
            yield (f"the sign before {v} is wrong", ast.BinOp(a, other, b))
            if minus:
                yield (f"{u} and {v} have changed places", ast.BinOp(b, sign, a))
            yield (f"the term {v} is too much", a)
            yield (f"the term {u} is too much", ast.UnaryOp(ast.USub(), b) if minus else b)
            yield (f"{u} and {v} are to be multiplied", ast.BinOp(a, ast.Mult(), b))
            yield (f"{u} is to be divided by {v}", ast.BinOp(a, ast.Div(), b))
        case ast.BinOp(a, ast.Mult(), b):
            u, v = ast.unparse(a), ast.unparse(b)
            yield (f"{v} multiplies, where it should divide", ast.BinOp(a, ast.Div(), b))
            yield (f"{u} multiplies, where it should divide", ast.BinOp(b, ast.Div(), a))
            yield (f"* stands where ** should in {here}", ast.BinOp(a, ast.Pow(), b))
            yield (f"the factor {v} is too much", a)
            yield (f"the factor {u} is too much", b)
            yield (f"{u} and {v} are to be added", ast.BinOp(a, ast.Add(), b))
            yield (f"{v} is to be subtracted from {u}", ast.BinOp(a, ast.Sub(), b))
        case ast.BinOp(a, ast.Div() as sign, b):
            u, v = ast.unparse(a), ast.unparse(b)
            yield (f"{v} divides, where it should multiply", ast.BinOp(a, ast.Mult(), b))
            yield (f"{u} and {v} have changed places", ast.BinOp(b, sign, a))
            yield (f"the divisor {v} is too much", a)
        case ast.BinOp(a, ast.Pow(), b):
            yield (f"the power in {here} is too much", a)
        case ast.BinOp(a, ast.MatMult() as sign, b):
            at, bt = _transposed(a), _transposed(b)
            for p, q in ((at, b), (a, bt), (at, bt), (b, a), (bt, a), (b, at), (bt, at)):
                new = ast.BinOp(p, sign, q)
                yield (f"{here} stands where {ast.unparse(new)} should", new)
        case ast.UnaryOp(ast.USub(), a):
            yield (f"the minus before {ast.unparse(a)} is wrong", a)
        case ast.Compare(a, [_], [b]):
            for other in (ast.Gt(), ast.GtE(), ast.Lt(), ast.LtE()):
                new = ast.Compare(a, [other], [b])
                yield (f"{here} stands where {ast.unparse(new)} should", new)
        case ast.Call(ast.Name("len"), [a]) | ast.Subscript(ast.Attribute(a, "shape"), _):
            for axis in (0, 1):
                new = _code(f"{ast.unparse(a)}.shape[{axis}]")
                yield (f"{here} stands where {ast.unparse(new)} should", new)
        case ast.Attribute(a, "T"):
            yield (f"{ast.unparse(a)} is not to be transposed", a)
        case ast.Constant(int() | float() as c):
            for new in dict.fromkeys((0.5, 1.0, 2.0, -c, 0.5 * c, 2.0 * c, c - 1, c + 1, 0.0)):
                yield (f"{c:g} stands where {new:g} should", ast.Constant(new))
        case ast.Call(ast.Attribute(a, name), [u]) if name in CALLS:
            if ast.unparse(u) == "logvar":
                wrong = "e^logvar is σ²" if name == "exp" else f"{here} is not σ: logvar is log σ²"
                yield (f"{wrong}, and σ is e^(½ logvar)", SIGMA)
            yield (f"{name} is too much in {here}", u)
            for other in CALLS:
                new = ast.Call(ast.Attribute(a, other, ast.Load()), [u], [])
                yield (f"{name} stands where {other} should", new)
        case ast.Call(ast.Attribute(a, "sum" | "mean" | "max" as name), given):
            data = given[0] if ast.unparse(a) == "np" else a
            yield (f"the {name} in {here} is too much", data)
            for other, axis in itertools.product(("sum", "mean"), (None, 0, 1, -1)):
                over = "all axes" if axis is None else f"axis {axis}"
                new = _reduced(data, other, axis)
                yield (f"{here} should be the {other} over {over}", new)


def _of_statements(nodes):
    """Changes of more than one expression: triples of a line, or None for all, what is wrong, and
    change(node) → another node, or None. An array is not to be overwritten; in all a x + b y the
    weights a and b are exchanged; all x * t become x ** t.
    """
    for node in nodes:
        match node:
            case ast.AugAssign(ast.Name(name), op, value):
                new = ast.BinOp(ast.Name(name, ast.Load()), op, value)
            case ast.Assign([ast.Subscript(ast.Name(name), ast.Constant(c))], new) if c is ...:
                pass
            case _:
                continue
        new = ast.Assign([ast.Name(name, ast.Store())], new)
        wrong = f"{name} is overwritten, and needed as it was: give the result another name"
        yield node.lineno, wrong, functools.partial(_instead, node, new)

    def exchanged(node):
        match node:
            case ast.BinOp(ast.BinOp(a, ast.Mult(), x), ast.Add(), ast.BinOp(b, ast.Mult(), y)):
                left, right = ast.BinOp(b, ast.Mult(), x), ast.BinOp(a, ast.Mult(), y)
                return ast.BinOp(left, ast.Add(), right)

    if sums := list(filter(exchanged, nodes)):
        pairs = [f"{ast.unparse(q.left.left)} and {ast.unparse(q.right.left)}" for q in sums]
        yield None, f"{', '.join(dict.fromkeys(pairs))} have changed places", exchanged
    products = [q.right.id for q in nodes if _is_product_with(q)]
    for name in dict.fromkeys(products):
        change = functools.partial(_raised, name)
        yield None, f"* {name} stands where ** {name} should", change


def _instead(old, new, node):
    same = ast.unparse(node) == ast.unparse(old)
    return new if same and node.lineno == old.lineno else None


def _is_product_with(node):
    return (
        isinstance(node, ast.BinOp)
        and isinstance(node.op, ast.Mult)
        and isinstance(node.right, ast.Name)
    )


def _raised(name, node):
    if _is_product_with(node) and node.right.id == name:
        return ast.BinOp(node.left, ast.Pow(), node.right)


def _in_terms(variables):
    """A function like `_inside` that gives one of two terms a variable or ½ of it as a factor, and
    the other 1 or ½."""
    factors = [*variables, *(f"0.5 * {name}" for name in variables)]

    def multiplied(node):
        match node:
            case ast.BinOp(ast.Constant(), _, _) | ast.BinOp(_, _, ast.Constant()):
                return
            case ast.BinOp(a, ast.Add() | ast.Sub() as sign, b):
                for (p, q), factor in itertools.product(((a, b), (b, a)), factors):
                    more = ast.BinOp(p, ast.Mult(), _code(factor))
                    half = ast.BinOp(q, ast.Mult(), ast.Constant(0.5))
                    wrong = f"the factor {factor} is missing after {ast.unparse(p)}"
                    for other, also in ((q, ""), (half, f", and 0.5 after {ast.unparse(q)}")):
                        terms = (more, other) if p is a else (other, more)
                        yield f"{wrong}{also}", ast.BinOp(terms[0], sign, terms[1])

    return multiplied


def _regrouped(node):
    """The same with its brackets elsewhere: (a + b) / c as a + b / c, √(a + b) as √a + b, …"""
    match node:
        case ast.BinOp(ast.BinOp(a, ast.Add() | ast.Sub() as sign, b), op, c):
            yield ast.BinOp(a, sign, ast.BinOp(b, op, c))
            yield ast.BinOp(ast.BinOp(a, op, c), sign, b)
        case ast.Call(f, [ast.BinOp(a, ast.Add() | ast.Sub() as sign, b)]):
            yield ast.BinOp(ast.Call(f, [a], []), sign, b)
            yield ast.BinOp(a, sign, ast.Call(f, [b], []))
    match node:
        case ast.BinOp(c, op, ast.BinOp(a, ast.Add() | ast.Sub() as sign, b)):
            yield ast.BinOp(ast.BinOp(c, op, a), sign, b)
            yield ast.BinOp(a, sign, ast.BinOp(c, op, b))
        case ast.BinOp(a, ast.Add() | ast.Sub() as sign, ast.BinOp(b, op, c)):
            yield ast.BinOp(ast.BinOp(a, sign, b), op, c)
        case ast.BinOp(ast.BinOp(a, op, b), ast.Add() | ast.Sub() as sign, c):
            yield ast.BinOp(a, op, ast.BinOp(b, sign, c))


def _around(node):
    """Changes that do something to all of what is there."""
    if isinstance(node, ast.Constant):
        return
    here = ast.unparse(node)
    yield (f"the sign of {here} is wrong", ast.UnaryOp(ast.USub(), node))
    half, two = ast.Constant(0.5), ast.Constant(2.0)
    yield (f"a ½ is missing at {here}", ast.BinOp(half, ast.Mult(), node))
    yield (f"a factor 2 is missing at {here}", ast.BinOp(two, ast.Mult(), node))
    for axis, over in ((0, "axis 0"), (1, "axis 1"), (None, "all axes")):
        new = _reduced(node, "sum", axis)
        yield (f"the sum of {here} over {over} is missing", new)
    yield (f"{here} is to be squared", ast.BinOp(node, ast.Pow(), ast.Constant(2)))
    yield (f"{here} is to be transposed", _transposed(node))
    one = ast.Constant(1.0)
    minus_exp = ast.Call(_code("np.exp"), [ast.UnaryOp(ast.USub(), node)], [])
    sigmoid = ast.BinOp(one, ast.Div(), ast.BinOp(one, ast.Add(), minus_exp))
    positive = ast.Compare(node, [ast.Gt()], [ast.Constant(0.0)])
    shares = [ast.BinOp(node, ast.Div(), _reduced(node, "sum", axis)) for axis in (0, 1)]
    called = [ast.Call(_code(f"np.{name}"), [node], []) for name in CALLS]
    for new in (sigmoid, positive, *shares, *called):
        yield (f"{here} stands where {ast.unparse(new)} should", new)


def _others(definition, solved):
    """Functions like `_inside` that put another variable there, or take something more into
    account: what the solution takes, and slopes; any variable; any expression of the solution."""
    arguments = [a.arg for a in definition.args.args]
    variables = _variables(definition)
    keys = sorted({node.slice.value for node in ast.walk(definition) if _is_key(node)})
    complements = [f"(1.0 - {name}{square})" for square in ("**2", "") for name in variables]
    expressions = _expressions(solved, variables)
    likely = [pair for pair in expressions if pair[0]]
    likely += [(ast.Mult, slope) for slope in complements]
    whole = [code for operation, code in expressions if not operation]
    codes = ["1.0", *variables], [*whole, *complements]

    def swapped(node):
        inside = [q.id for q in ast.walk(node) if isinstance(q, ast.Name) and q.id in variables]
        for name in dict.fromkeys(inside):
            if isinstance(node, ast.Name) or inside.count(name) > 1:
                for other in variables:
                    new = _Renamed({name: other}).visit(copy.deepcopy(node))
                    yield f"{name} stands where {other} should", new
        if _is_key(node):
            for key in keys:
                new = ast.Subscript(node.value, ast.Constant(key), ast.Load())
                yield f"{node.slice.value} stands where {key} should", new

    def extended(more, node):
        if isinstance(node, ast.Constant) and type(node.value) not in (int, float):
            return
        here = ast.unparse(node)
        for operation, code, other in more:
            incoming = ", the gradient that comes in," * (code in arguments and code[0] == "d")
            wrong = MISSING[operation].format(code=code, incoming=incoming, here=here)
            yield wrong, ast.BinOp(node, operation(), other)
            if operation is ast.Sub:
                wrong = f"{here} is to be subtracted from {code}"
                yield wrong, ast.BinOp(other, ast.Sub(), node)

    def extend(pairs):
        return functools.partial(extended, [(how, code, _code(code)) for how, code in pairs])

    everything = (itertools.product(MISSING, group) for group in codes)
    return swapped, extend(likely), *map(extend, everything)


def _expressions(solved, known):
    """Pairs of an operation and the code of what a right function takes for it, in known names and
    as far as it is short; the operation is None for whatever it computes."""
    found, meaning = [], {}
    for statement in solved.body:
        for node in ast.walk(statement):
            match node:
                case ast.BinOp(a, ast.Mult() | ast.Add() as sign, b):
                    taken = [(type(sign), a), (type(sign), b), (None, node)]
                case ast.BinOp(_, ast.Sub() | ast.Div() | ast.Pow() as sign, b):
                    taken = [(type(sign), b), (None, node)]
                case ast.BinOp() | ast.Call() | ast.Subscript():
                    taken = [(None, node)]
                case _:
                    taken = []
            for operation, part in taken:
                code = ast.unparse(part)
                for version in (_code(code), _Renamed(meaning).visit(_code(code))):
                    names = {n.id for n in ast.walk(version) if isinstance(n, ast.Name)}
                    if names <= {*known, "np", "len"} and len(code := ast.unparse(version)) <= 60:
                        code = f"({code})" if isinstance(version, ast.BinOp) else code
                        found.append((operation, code))
        if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
            value = _Renamed(meaning).visit(_code(ast.unparse(statement.value)))
            if len(ast.unparse(value)) <= 60:
                meaning[statement.targets[0].id] = value
    return list(dict.fromkeys(found))


def _variables(definition):
    """The names of a function's arguments, then of what it assigns."""
    names = [node for node in ast.walk(definition) if isinstance(node, ast.Name)]
    assigned = {node.id for node in names if isinstance(node.ctx, ast.Store)}
    return list(dict.fromkeys([*(a.arg for a in definition.args.args), *sorted(assigned)]))


def _code(text):
    return ast.parse(text, mode="eval").body


def _transposed(node):
    if isinstance(node, ast.Attribute) and node.attr == "T":
        return node.value
    return ast.Attribute(node, "T", ast.Load())


def _reduced(node, name, axis):
    keywords = [] if axis is None else [ast.keyword("axis", ast.Constant(axis))]
    return ast.Call(ast.Attribute(node, name, ast.Load()), [], keywords)


def _is_key(node):
    """Whether an expression is q["W_1"], of a dict of parameters."""
    return (
        isinstance(node, ast.Subscript)
        and isinstance(node.slice, ast.Constant)
        and isinstance(node.slice.value, str)
    )


class _Changed(ast.NodeTransformer):
    """What change(node) gives stands instead of the node, but where it gives None."""

    def __init__(self, change):
        self.change = change

    def visit(self, node):
        node = self.generic_visit(node)
        new = self.change(node)
        return ast.copy_location(new, node) if new else node


class _Renamed(ast.NodeTransformer):
    """Names replaced by others, or by what they mean."""

    def __init__(self, others):
        self.others = others

    def visit_Name(self, node):
        other = self.others.get(node.id, node)
        return (
            ast.copy_location(ast.Name(other, node.ctx), node) if isinstance(other, str) else other
        )
