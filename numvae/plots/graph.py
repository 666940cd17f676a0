"""The computation graph of one step: the data's way forward, and the gradient's way back.

Read next: steps.
"""

from matplotlib.patches import FancyBboxPatch

from numvae.plots import style

FORWARD, BACK = style.BLUE, style.VERMILLION
LEGEND = (
    "loss_and_grad, network/autoencoder.py, forward: arrays, shapes, equations, and their files",
    "… and back: the equation of each gradient, and its norm; where two meet, the arrays add",
)
# All lengths are inches. A box is HIGH; rows are a GAP apart, a wide one where arrows cross. What
# is given stands at the left edge, what is computed begins at LEFT, and LANE is the right edge.
HIGH, GAP, WIDE_GAP, APART = 0.5, 0.25, 0.6, 0.45
MARGIN, GIVEN, HEAD = 0.15, 0.85, 0.62
LEFT, LANE = MARGIN + GIVEN + 0.3, style.WIDTH - 0.29
SIDE = 0.08  # an arrow forward is so far to one side of its place, one back to the other


@style.in_style
def computation_graph(nodes, edges):
    """What one step computes, downwards, and how its gradient comes back, upwards.

    nodes    {name: {"shape": (…), "label": of the equation, "rule": the file that computes it,
             "caller": the file that calls the rule, "norms": {gradient: norm}}}, each after what it
             is computed from; what is given, such as data, has no rule
    edges    [(from, to, label, norm)]: label and norm are those of the gradient that comes back
    Look at  where arrows up meet: there gradients add. And where norms shrink to nothing, or grow
    Errors   ValueError if an edge names no node
    """
    for edge in edges:
        if not {*edge[:2]} <= {*nodes}:
            raise ValueError(f"found an edge {edge[0]} → {edge[1]}; expected names of nodes")
    computed = [name for name in nodes if nodes[name]["rule"]]
    inner = [edge for edge in edges if nodes[edge[0]]["rule"]]
    rows, columns = _places(computed, inner)
    n_columns = max(columns.values()) + 1
    width = (LANE - 0.22 - LEFT - APART * (n_columns - 1)) / n_columns
    crossed = {rows[a] for a, b, *_ in inner if columns[a] != columns[b] and rows[b] == rows[a] + 1}
    tops, y = [], HEAD
    for row in range(max(rows.values()) + 1):
        tops.append(y)
        y += HIGH + (WIDE_GAP if row in crossed else GAP)
    height = round(tops[-1] + HIGH + MARGIN, 2)
    figure = style.new_figure(style.WIDTH, height)
    axes = figure.add_axes((0, 0, 1, 1), xlim=(0, style.WIDTH), ylim=(height, 0))
    axes.axis("off")
    for y, colour, text in ((0.2, FORWARD, LEGEND[0]), (0.42, BACK, LEGEND[1])):
        ends = [(MARGIN, y), (MARGIN + 0.4, y)]
        _arrow(axes, ends if colour == FORWARD else ends[::-1], colour)
        axes.text(MARGIN + 0.5, y, text, size=9, va="center", color=colour)

    middles = {
        name: (LEFT + width / 2 + columns[name] * (width + APART), tops[rows[name]] + HIGH / 2)
        for name in computed
    }
    for name, at in middles.items():
        _node(axes, *at, width, name, nodes[name])
    for start, end, label, norm in edges:
        if start not in middles:
            text = f"{start}  {'×'.join(map(str, nodes[start]['shape']))}"
            _given(axes, *middles[end], width, text if columns[end] == 0 else start)
            continue
        at, text = (*middles[start], *middles[end]), f"{label}  {_number(norm)}"
        if columns[start] == columns[end]:
            _straight(axes, *at, text)
        elif rows[end] == rows[start] + 1:
            _across(axes, *at, width, text)
        else:
            _around(axes, *at, width, text)
    return figure


def _places(names, edges):
    """The row and the column of each node: below what it is computed from, far to the left."""
    rows, columns, taken = {}, {}, set()
    for name in names:
        rows[name] = max((rows[a] + 1 for a, b, *_ in edges if b == name), default=0)
    for name in names:
        if not any(b == name for _, b, *_ in edges):  # made of parameters alone
            rows[name] = min((rows[b] for a, b, *_ in edges if a == name), default=1) - 1
    for name in names:
        column = min((columns[a] for a, b, *_ in edges if b == name), default=0)
        while (rows[name], column) in taken:
            column += 1
        columns[name] = column
        taken.add((rows[name], column))
    return rows, columns


def _node(axes, x, y, width, name, node):
    """A box with a name and a shape, the rule and who calls it; on the right, the gradients."""
    left, right = x - width / 2 + 0.08, x + width / 2 - 0.08
    _box(axes, x, y, width, FORWARD)
    shape = "×".join(map(str, node["shape"]))
    norms = [f"‖{d}‖ {_number(value)}" for d, value in node["norms"].items()]
    lines = (
        (f"{name}   {shape}", norms[0] if norms else "", 9.5, style.INK),
        (f"{node['label']}  {node['rule']}", "", 8, FORWARD),
        (f"called by {node['caller']}", "  ".join(norms[1:]), 7.5, style.FAINT),
    )
    for (text, gradient, size, colour), dy in zip(lines, (-0.15, 0.02, 0.17)):
        small = min(size, 8)
        needed = style.text_width(text, size) + style.text_width(gradient, small) + 0.1
        shrink = min(1.0, (right - left) / needed)
        axes.text(left, y + dy, text, size=size * shrink, color=colour, va="center")
        look = {"size": small * shrink, "color": BACK, "ha": "right", "va": "center"}
        axes.text(right, y + dy, gradient, **look)


def _given(axes, x, y, width, text):
    """Data or noise: a box at the left edge, or of a node that is not there, a word above it."""
    if x - width / 2 > LEFT + GAP:
        x, y = x + 0.4 * width, y - HIGH / 2
        _arrow(axes, [(x, y - 0.17), (x, y)], FORWARD)
        axes.text(x - 0.06, y - 0.1, text, size=8, ha="right", va="center")
        return
    _box(axes, MARGIN + GIVEN / 2, y, GIVEN, style.FAINT, 0.36)
    size = 9 * min(1.0, (GIVEN - 0.1) / style.text_width(text, 9))
    axes.text(MARGIN + GIVEN / 2, y, text, size=size, ha="center", va="center")
    _arrow(axes, [(MARGIN + GIVEN, y), (LEFT, y)], FORWARD)


def _straight(axes, x, y0, _, y1, text):
    """Down a column, and up."""
    y0, y1 = y0 + HIGH / 2, y1 - HIGH / 2
    _arrow(axes, [(x - 2 * SIDE, y0), (x - 2 * SIDE, y1)], FORWARD)
    _arrow(axes, [(x + 2 * SIDE, y1), (x + 2 * SIDE, y0)], BACK)
    _text(axes, x + 2 * SIDE + 0.07, y0 + GAP / 2, text)


def _across(axes, x0, y0, x1, y1, width, text):
    """To the next row of another column, and back."""
    side = 1 if x1 > x0 else -1
    x0, x1 = x0 + side * 0.42 * width, x1 - side * 0.42 * width
    y0, y1 = y0 + HIGH / 2, y1 - HIGH / 2
    _arrow(axes, [(x0 - SIDE, y0), (x1 - SIDE, y1)], FORWARD)
    _arrow(axes, [(x1 + SIDE, y1), (x0 + SIDE, y0)], BACK)
    _text(axes, x1 + side * 0.2, y1 - 0.1, text, "left" if side > 0 else "right")


def _around(axes, x0, y0, x1, y1, width, text):
    """Past other boxes, down the right edge, and up."""
    x0, x1 = x0 + width / 2, x1 + width / 2
    for lane, side, colour in ((LANE - SIDE, -SIDE, FORWARD), (LANE + SIDE, SIDE, BACK)):
        way = [(x0, y0 - side), (lane, y0 - side), (lane, y1 + side), (x1, y1 + side)]
        _arrow(axes, way if colour == FORWARD else way[::-1], colour)
    _text(axes, x1 + 0.12, y1 + SIDE + 0.1, text)


def _number(value):
    """Two digits."""
    return style.number(value, "#.2g").rstrip(".")


def _box(axes, x, y, width, colour, height=HIGH):
    corner = x - width / 2, y - height / 2
    shape = "round,pad=0,rounding_size=0.08"
    look = {"fc": f"{colour}12", "ec": colour}
    axes.add_patch(FancyBboxPatch(corner, width, height, boxstyle=shape, **look))


def _text(axes, x, y, text, ha="left"):
    axes.text(x, y, text, size=8, color=BACK, ha=ha, va="center")


def _arrow(axes, points, colour):
    """A line through the points with a head at its end."""
    axes.plot(*zip(*points[:-1]), color=colour, lw=1.2, solid_capstyle="butt")
    look = {"arrowstyle": "-|>", "mutation_scale": 10, "lw": 1.2, "shrinkA": 0, "shrinkB": 0}
    axes.annotate("", points[-1], points[-2], arrowprops={**look, "color": colour})
