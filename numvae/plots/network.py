"""The diagram of a variational autoencoder: its layers, the data's way, and its two losses."""

import math

from matplotlib.patches import FancyBboxPatch

from numvae.plots import style

# All lengths are inches. The data goes down on the left, and up again on the right.
LEFT, MIDDLE, RIGHT = 1.75, 4.08, 6.4
PITCH, HIGH, NARROW, WIDE = 0.9, 0.52, 1.35, 2.6


@style.in_style
def network_diagram(layers, title=None, n_condition=0):
    """The layers of a VAE, from x down to the code and up again, and where its loss comes from.

    layers   a dict {name: (n_in, n_out)}: any number of encoder…, then mu and logvar, any number of
             decoder…, then the likelihood…; (n_out,) is a learned vector without an input. More
             than two of the likelihood, as of a table of several kinds of columns, share a box.
    n_condition     how many numbers y has, which are given to encoder and decoder beside x and z
    Look at  the widths: a box is as wide as the logarithm of its number of units; a line past the
             boxes is a skip path, by which mu or the mean of x is given x or z itself
    Errors   ValueError if a layer is of no such kind, or does not take what the one before gives
    """
    parts, D, Z, skips = _check(layers, n_condition)
    given = ", y" * bool(n_condition)
    if len(heads := parts["likelihood"]) > 2:
        together = f"likelihood, {len(heads)} layers"
        n_in = next((layers[name][:1] for name in heads if len(layers[name]) == 2), ())
        layers = {**layers, together: (*n_in, sum(layers[name][-1] for name in heads))}
        parts["likelihood"] = [together]
    rows = max(len(parts["encoder"]), len(parts["decoder"])) + 2
    span, head = max((rows - 1) * PITCH, 2.2), 0.75 + 0.25 * bool(title)
    bottom, top, height = 0.75, 0.75 + span, 0.75 + span + head
    figure = style.new_figure(style.WIDTH, height)
    axes = figure.add_axes((0, 0, 1, 1), xlim=(0, style.WIDTH), ylim=(0, height))
    axes.axis("off")
    axes.text(0.2, height - 0.22, title or "", size=11, va="center")

    most = math.log(1 + max(max(shape) for shape in layers.values()))

    def stack(x, kind, names, y, colour):
        """Boxes side by side around (x, y), in a frame if they are a distribution's parameters."""
        framed = kind in ("q", "p")
        for i, name in enumerate(names):
            shape = layers.get(name, (D if name == "x" else Z,))
            width = (
                max(NARROW, WIDE * math.log(1 + shape[-1]) / most) if len(names) == 1 else NARROW
            )
            middle = x + (i - (len(names) - 1) / 2) * (NARROW + 0.1)
            text = " → ".join(f"{n:,}" for n in shape)
            if framed and len(shape) == 1:
                text += ", for any z"
            if given and kind in ("x", "z"):
                name, text = name + given, f"{text} + {n_condition:,}"
            _box(axes, middle, y, width, name, text, colour)
        if not framed:
            return width / 2
        half, side = (len(names) * (width + 0.1) + 0.14) / 2, 1 if kind == "p" else -1
        _frame(axes, x, y + 0.1 * side, 2 * half, HIGH + 0.4, fc="none", ec=colour, ls=(0, (4, 3)))
        text = f"p(x|z{given})" if kind == "p" else f"q(z|x{given}) = N(μ, σ²)"
        axes.text(x, y + 0.39 * side, text, size=9, ha="center", va="center", color=colour)
        return half

    down = [("x", ["x"]), *(("layer", [n]) for n in parts["encoder"]), ("q", ["mu", "logvar"])]
    up = [("z", ["z"]), *(("layer", [n]) for n in parts["decoder"]), ("p", parts["likelihood"])]
    halves = {}
    for x, way, start, end in ((LEFT, down, top, bottom), (RIGHT, up, bottom, top)):
        step = (end - start) / (len(way) - 1)
        side = math.copysign(1, step)
        for i, (kind, names) in enumerate(way):
            y = start + i * step
            colour = {"x": style.INK, "q": style.PURPLE, "z": style.PURPLE}.get(kind)
            colour = colour or (style.BLUE if x == LEFT else style.GREEN)
            halves[kind] = stack(x, kind, names, y, colour)
            if i:
                edge = HIGH / 2 + 0.1 * (kind in ("q", "p"))
                _arrow(axes, (x, y - step + side * HIGH / 2), (x, y - side * edge))

    if skips:
        out, edge = WIDE / 2 + 0.1, HIGH / 2 + 0.1  # past the boxes, to the frames
        _skip(axes, (LEFT - halves["x"], top), (LEFT - out, bottom + edge))
        _skip(axes, (RIGHT + halves["z"], bottom), (RIGHT + out, top - edge))

    low = bottom - 0.19
    _arrow(axes, (LEFT + halves["q"], low), (RIGHT - halves["z"], low))
    text = "z = μ + σ ε,  ε ~ N(0, I)\nσ = exp(½ logvar)"
    x = (LEFT + halves["q"] + RIGHT - halves["z"]) / 2
    axes.text(x, low - 0.08, text, size=9, ha="center", va="top", linespacing=1.4)

    loss, kl, width = style.VERMILLION, bottom + 0.22, 1.1
    _box(axes, MIDDLE, top, width, "nll", f"−log p(x|z{given})", loss)
    _box(axes, MIDDLE, (top + kl) / 2, width, "loss", "nll + β KL", loss)
    _box(axes, MIDDLE, kl, width, "KL", f"q(z|x{given}) to N(0, I)", loss)
    _arrow(axes, (LEFT + halves["x"], top), (MIDDLE - width / 2, top), loss)
    _arrow(axes, (RIGHT - halves["p"], top), (MIDDLE + width / 2, top), loss)
    _arrow(axes, (LEFT + halves["q"], kl), (MIDDLE - width / 2, kl), loss)
    for start in (top - HIGH / 2, kl + HIGH / 2):
        end = (top + kl) / 2 + math.copysign(HIGH / 2, start - (top + kl) / 2)
        _arrow(axes, (MIDDLE, start), (MIDDLE, end), loss)
    return figure


def _check(layers, n_condition):
    """The names by kind, D, Z and whether the last layers are given x and z too, after a look at
    whether each layer fits the one before."""
    parts = {kind: [] for kind in ("encoder", "mu", "logvar", "decoder", "likelihood")}
    for name in layers:
        if name.split(".")[0] not in parts:
            raise ValueError(f"found a layer {name!r}; expected names that begin with {[*parts]}")
        parts[name.split(".")[0]].append(name)
    counts = [len(parts[kind]) for kind in ("mu", "logvar", "likelihood")]
    if counts[:2] != [1, 1] or counts[2] == 0:
        raise ValueError(
            f"found {counts} layers of the kinds mu, logvar, likelihood; expected one mu, one "
            "logvar, and at least one of the likelihood"
        )
    given = layers[next(iter(parts["encoder"]), "mu")][0]
    Z, skips = layers["mu"][1], False
    past = {"mu": given, "logvar": given, "likelihood": Z + n_condition}
    D = given - n_condition
    for kind, names in parts.items():
        for name in names:
            *n_in, n_out = layers[name]
            if n_in == [given + past.get(kind, 0)]:
                skips = skips or kind in past
            elif n_in not in ([given], []):
                raise ValueError(f"layer {name!r} takes {n_in[0]} numbers but is given {given}")
            given = n_out if kind in ("encoder", "logvar", "decoder") else given
            given += n_condition * (kind == "logvar")  # y goes in beside z
    return parts, D, Z, skips


def _box(axes, x, y, width, name, text, colour):
    """A box around (x, y) with a name and a line of small print, both made to fit."""
    _frame(axes, x, y, width, HIGH, fc=f"{colour}1A", ec=colour)
    for content, dy, size in ((name, 0.1, 9.5), (text, -0.12, 8)):
        size *= min(1, (width - 0.1) / style.text_width(content, size))
        axes.text(x, y + dy, content, size=size, ha="center", va="center")


def _frame(axes, x, y, width, height, **look):
    corner = x - width / 2, y - height / 2
    shape = "round,pad=0,rounding_size=0.08"
    axes.add_patch(FancyBboxPatch(corner, width, height, boxstyle=shape, **look))


def _skip(axes, start, end):
    """An arrow from a box sideways, then past others to another."""
    axes.plot([start[0], end[0]], [start[1], start[1]], color=style.INK, lw=1)
    _arrow(axes, (end[0], start[1]), end)


def _arrow(axes, start, end, colour=style.INK):
    look = {"arrowstyle": "-|>", "mutation_scale": 10, "lw": 1, "shrinkA": 0, "shrinkB": 0}
    axes.annotate("", end, start, arrowprops={**look, "color": colour})
