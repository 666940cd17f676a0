"""Right answers to the exercises as learners write them, each in another form than the package's
own, and what they become by one mistake: `mutants`."""

import ast
import functools
import inspect
import linecache
from typing import NamedTuple

import numpy as np

# ruff: noqa: E731 (learners do that)


def one_pixel_in_arrays(x, mu, logvar, eps, w, b):
    sigma = np.exp(logvar / 2)
    z = mu + sigma * eps
    a = w * z + b
    y = 1 / (1 + np.exp(-a))
    nll = -(x * np.log(y) + (1 - x) * np.log(1 - y))
    kl = (mu**2 + sigma**2 - 1 - logvar) / 2
    return z, a, nll, kl, nll + kl


def dense_backward(dy, x, W):
    dx = np.einsum("no,io->ni", dy, W)
    dW = (dy.T @ x).T
    db = np.sum(dy, axis=0)
    return dx, dW, db


def tanh_backward(dh, h):
    slope = (1 - h) * (1 + h)
    return slope * dh


def relu_backward(dh, h):
    return np.where(h > 0, dh, 0.0 * dh)


def reparameterize_in_steps(dz, logvar, eps):
    dmu = dz.sum(0)
    dnoise = 1 * dz
    dsigma = np.sum(dnoise * eps, axis=0)
    dhalf = np.exp(logvar / 2) * dsigma
    return dmu, dnoise, dsigma, dhalf, dhalf / 2


def reparameterize_backward(dz, logvar, eps):
    sigma = np.sqrt(np.exp(logvar))
    dlogvar = np.sum(dz * eps * sigma / 2, axis=0)
    return np.sum(dz, axis=0), dlogvar


def kl(mu, logvar):
    sigma = np.exp(logvar / 2)
    return -0.5 * (1 + logvar - mu**2 - sigma**2)


def kl_in_steps(dkl, mu, logvar):
    dbracket = dkl / 2
    dvar = 1 * dbracket
    return dbracket, 1 * dbracket, dvar, 2 * mu * dbracket, np.exp(logvar) * dvar - dbracket


def kl_backward(dkl, mu, logvar):
    var = np.exp(logvar)
    dlogvar = dkl * (var - 1) / 2
    return mu * dkl, dlogvar


def two_paths(dz, mu, logvar, eps):
    B = dz.shape[0]
    var = np.exp(logvar)
    dlogvar = 0.5 * dz * eps * np.sqrt(var) + (var - 1) / (2 * B)
    return dz + mu / B, dlogvar


def bernoulli_in_steps(dlogp, x, logits):
    e = np.exp(-logits)
    y = 1 / (1 + e)
    don = dlogp[:, None] * x
    doff = dlogp[:, None] * (1 - x)
    dy = don / y - doff / (1 - y)
    return don, doff, dy, dy * e * y**2


def bernoulli_backward(dlogp, x, logits):
    y = np.exp(logits) / (np.exp(logits) + 1)
    return (x - y) * np.expand_dims(dlogp, 1)


def gaussian_log_density(x, mu, logvar):
    sigma = np.exp(logvar / 2)
    t = (x - mu) / sigma
    return np.sum(-(t**2) / 2 - logvar / 2 - 0.5 * float(np.log(2 * np.pi)), axis=1)


def gaussian_backward(dlogp, x, mu, logvar):
    sigma = np.exp(logvar / 2)
    t = (x - mu) / sigma
    return dlogp[:, None] * t / sigma, dlogp[:, None] * (t**2 - 1) / 2


def importance_weighted_backward(log_px, kl, beta):
    w = np.exp(log_px - beta * kl)
    v = w / np.sum(w, axis=0) / log_px.shape[1]
    return -v, beta * v


def dropout(h, mask, rate):
    return mask * h / (1 - rate)


def adam(theta, g, m, v, t, lr, beta1, beta2, eps):
    m *= beta1
    m += (1 - beta1) * g
    v *= beta2
    v += (1 - beta2) * g * g
    m_hat = m / (1 - beta1**t)
    v_hat = v / (1 - beta2**t)
    theta -= lr * m_hat / (v_hat**0.5 + eps)


def loss_and_grad(q, x, eps):
    affine = lambda k, x: x @ q["W_" + k] + q["b_" + k]
    N = x.shape[0]
    h = np.tanh(affine("1", x))
    mu = affine("mu", h)
    logvar = affine("logvar", h)
    var = np.exp(logvar)
    z = mu + np.sqrt(var) * eps
    t = np.tanh(affine("2", z))
    y = 1 / (1 + np.exp(-affine("3", t)))
    nll = -np.sum(x * np.log(y) + (1 - x) * np.log(1 - y), axis=1)
    kl = np.sum(mu**2 + var - 1 - logvar, axis=1) / 2
    loss = np.mean(nll + kl)
    da = (y - x) / N
    dh2 = (1 - t * t) * (da @ q["W_3"].T)
    dz = dh2 @ q["W_2"].T
    dmu = dz + mu / N
    dlv = dz * (z - mu) / 2 + (var - 1) / 2 / N
    dh1 = (1 - h * h) * (dmu @ q["W_mu"].T + dlv @ q["W_logvar"].T)
    d = {"W_1": x.T @ dh1, "W_mu": h.T @ dmu, "W_logvar": h.T @ dlv}
    d |= {"W_2": z.T @ dh2, "W_3": t.T @ da}
    for k, dy in (("1", dh1), ("mu", dmu), ("logvar", dlv), ("2", dh2), ("3", da)):
        d["b_" + k] = np.sum(dy, axis=0)
    return loss, d


def faces(q, z):
    h = np.tanh(z @ q["W_2"] + q["b_2"])
    return 1 / (1 + np.exp(-(h @ q["W_3"] + q["b_3"])))


class Mutant(NamedTuple):
    kind: str  # of mistake
    line: int  # that is changed
    before: str
    after: str
    function: object


def mutants(function):
    """For each mistake that can be made in a right answer, a call that makes it: a Mutant."""
    number = len(list(_edits(ast.parse(inspect.getsource(function)))))
    return [functools.partial(mutant, function, i) for i in range(number)]


def mutant(function, i):
    source = inspect.getsource(function)
    tree = ast.parse(source)
    kind, change = list(_edits(tree))[i]
    change()
    text = ast.unparse(ast.fix_missing_locations(tree))
    file = f"<mutant {i} of {function.__name__}>"
    linecache.cache[file] = len(text), None, text.splitlines(keepends=True), file
    names = {"np": np}
    exec(compile(text, file, "exec"), names)
    lines = zip(ast.unparse(ast.parse(source)).splitlines(), text.splitlines())
    line, (before, after) = next((i, pair) for i, pair in enumerate(lines, 1) if len({*pair}) > 1)
    return Mutant(kind, line, before.strip(), after.strip(), names[function.__name__])


def _edits(tree):
    """Each mistake that can be made in a tree: its kind, and a function that makes it."""
    function = tree.body[0]
    arguments = [a.arg for a in function.args.args]
    for name in arguments:
        if name[0] == "d":
            ones = ast.parse(f"{name} = np.ones_like({name})").body[0]
            yield "gradient forgotten", lambda ones=ones: function.body.insert(0, ones)
    for node in ast.walk(function):

        def becomes(new, node=node):
            """Turn a node into another one, where it stands."""

            def change():
                made = ast.parse(new, mode="eval").body
                node.__class__ = made.__class__
                node.__dict__.clear()
                node.__dict__.update(made.__dict__)

            return change

        match node:
            case ast.BinOp(a, sign, b):
                a, b = f"({ast.unparse(a)})", f"({ast.unparse(b)})"
                if isinstance(sign, ast.Mult):
                    yield "factor dropped", becomes(a)
                    yield "factor dropped", becomes(b)
                    yield "operator swapped", becomes(f"{a} / {b}")
                    yield "operator swapped", becomes(f"{a} + {b}")
                elif isinstance(sign, ast.Div):
                    yield "factor dropped", becomes(a)
                    yield "operator swapped", becomes(f"{a} * {b}")
                elif isinstance(sign, ast.Add):
                    yield "operator swapped", becomes(f"{a} - {b}")
                    yield "term dropped", becomes(a)
                    yield "term dropped", becomes(b)
                elif isinstance(sign, ast.Sub):
                    yield "operator swapped", becomes(f"{a} + {b}")
                    yield "term dropped", becomes(a)
                    yield "order swapped", becomes(f"{b} - {a}")
                elif isinstance(sign, ast.Pow):
                    yield "power dropped", becomes(a)
                elif isinstance(sign, ast.MatMult):
                    yield "transposed", becomes(f"{a}.T @ {b}")
                    yield "transposed", becomes(f"{a} @ {b}.T")
                    yield "order swapped", becomes(f"{b} @ {a}")
            case ast.UnaryOp(ast.USub(), a):
                yield "sign dropped", becomes(ast.unparse(a))
            case ast.Attribute(a, "T"):
                yield "transposed", becomes(ast.unparse(a))
            case ast.Call(ast.Attribute(ast.Name("np"), "sum"), [a], [axis]):
                a, axis = ast.unparse(a), axis.value.value
                yield "sum dropped", becomes(a)
                yield "mean for sum", becomes(f"np.mean({a}, axis={axis})")
                yield "axis changed", becomes(f"np.sum({a}, axis={1 - axis})")
                yield "axis changed", becomes(f"np.sum({a})")
            case ast.Call(ast.Attribute(ast.Name("np"), "exp" | "sqrt" | "log" as name), [a], []):
                a = ast.unparse(a)
                yield "function dropped", becomes(a)
                for other in {"exp", "sqrt", "log"} - {name}:
                    yield "function changed", becomes(f"np.{other}({a})")
                if name == "exp":
                    yield "σ and σ² confused", becomes(f"np.exp(2 * ({a}))")
                    yield "σ and σ² confused", becomes(f"np.exp(({a}) / 2)")
            case ast.Compare(a, _, [b]):
                yield "operator swapped", becomes(f"{ast.unparse(a)} < {ast.unparse(b)}")
            case ast.Constant(int() | float() as c) if not isinstance(c, bool):
                for new in (2 * c, c + 1, 0.5 * c):
                    if new != c:
                        yield "constant changed", becomes(repr(new))
            case ast.Name(name, ast.Load()) if name in arguments:
                for other in arguments:
                    if other != name and name not in "qg":
                        yield "name swapped", becomes(other)
            case ast.Return(ast.Tuple([a, b])):

                def swap(node=node):
                    node.value.elts.reverse()

                yield "order swapped", swap
