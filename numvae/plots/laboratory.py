"""Experiments: estimators of the gradient side by side, training towards a known answer, and
programs side by side on tables."""

import numpy as np
from matplotlib.patches import ConnectionPatch
from matplotlib.ticker import NullFormatter, NullLocator

from numvae.plots import style

COLOURS = (style.VERMILLION, style.ORANGE, style.BLUE, style.GREEN, style.SKY_BLUE)
COLOUR_OF_BOUND = {"IWAE": style.PURPLE, "DReG": style.BLACK}
COLOURS_OF_BOUNDS = (style.BLUE, style.GREEN, style.VERMILLION)
LINE = {"color": style.FAINT, "lw": 0.6, "alpha": 0.5, "zorder": 0}
SLOPE = {"color": style.FAINT, "lw": 0.9, "ls": (0, (4, 3)), "zorder": 0}


@style.in_style
def gradient_estimators(clouds, samples, variance, snr):
    """Why the reparameterisation matters: how far the draws of each estimator lie from the truth.

    clouds    name → (n, 2), draws of two numbers of the gradient; the noisiest first, the quietest
              last
    samples   (K,) numbers of samples of z, increasing
    variance  name → (K,) total variance of the encoder's gradient
    snr       (bound, "encoder" or "decoder") → (K,) signal-to-noise ratio, 0 where not known;
              the bound is "IWAE", "DReG" (its other gradient) or another
    Look at   the small box in the first panel, which the second panel enlarges: all of the last
              cloud lies in it. Every variance falls as 1/L. With more samples the decoder's
              gradient of IWAE gets clearer, and the encoder's drowns; DReG's drowns later.
    """
    names = [*clouds, *(name for name in variance if name not in clouds)]
    colour = dict(zip(names, COLOURS))
    figure = style.new_figure(style.WIDTH, 7.2, layout="constrained")
    wide, near, falling, ratio = figure.subplots(2, 2).flat
    for panel in (wide, near):
        for name, points in clouds.items():
            panel.scatter(*points.T, s=7, color=colour[name], alpha=0.6, linewidths=0)
        panel.set(xlabel=r"$\partial$loss / $\partial$bias of $\mu_1$", box_aspect=1)
        panel.set_ylabel(r"$\partial$loss / $\partial$bias of $\mu_2$")
    limits = [_square(points) for points in (np.vstack([*clouds.values()]), [*clouds.values()][-1])]
    for panel, (x, y) in zip((wide, near), limits):
        panel.set(xlim=x, ylim=y)
    times = np.ptp(limits[0][0]) / np.ptp(limits[1][0])
    wide.set_title(f"{len(points):,} draws of the gradient")
    near.set_title(f"the same, {times:,.0f} times as large")
    near.yaxis.tick_right()
    near.yaxis.set_label_position("right")
    near.spines[:].set_visible(True)
    wide.indicate_inset_zoom(near, edgecolor=style.INK, alpha=1.0)
    for line in figure.findobj(ConnectionPatch):
        line.set_in_layout(False)  # matplotlib before 3.10 makes room for the lines between panels

    for name, values in variance.items():
        falling.loglog(samples, values, "o-", color=colour[name], ms=4, lw=1.3)
    _slope(falling, samples, 1.6 * max(values[0] for values in variance.values()), -1.0, "1/L")
    falling.set(title="Variance of the encoder's gradient", xlabel="samples L")
    for (bound, part), values in snr.items():
        look = {"color": COLOUR_OF_BOUND.get(bound, style.BLUE), "ms": 4, "lw": 1.3}
        known = np.flatnonzero(values)  # what a logarithm can show
        if len(known) == 0:
            continue
        marks = "o-" if part == "encoder" else "s:"
        ratio.loglog(np.take(samples, known), np.take(values, known), marks, **look)
        end = samples[known[-1]], values[known[-1]]
        _beside(ratio, end, f"{bound}, {part}", look["color"])
    _slope(ratio, samples, 0.6 * snr["IWAE", "encoder"][0], -0.5, r"1/$\sqrt{L}$")
    ratio.set(title="Signal-to-noise ratio of the gradient", xlabel="samples L")
    for panel in (falling, ratio):
        panel.set_xticks(samples, [f"{k:,}" for k in samples])
        panel.xaxis.set_minor_locator(NullLocator())
        panel.yaxis.set_minor_formatter(NullFormatter())
    handles = [wide.plot([], [], "o", color=colour[name], ms=6, label=name)[0] for name in names]
    figure.legend(handles=handles, loc="outside upper left", ncols=2)
    return figure


@style.in_style
def known_answer(epochs, log_p, gaps, angles, best):
    """Training towards an answer that is known: how far it still has to go.

    epochs   (K,) after which was measured, from 0 on
    log_p    name → (K,) log p(x) and its bounds, from the highest to the lowest
    gaps     name → (K,) what is left, in nats, on a logarithmic axis
    angles   (K, Z) between the learned subspace and the principal one, in degrees
    best     the highest log p(x) that there is
    Units    nats per example, degrees
    Look at  the lines that close up and end at the dashed one, from below; the gaps and the angles
             that go to 0
    """
    figure = style.new_figure(style.WIDTH, 3.4, layout="constrained")
    values, left, turn = figure.subplots(1, 3)
    looks = ({"lw": 4, "alpha": 0.4}, {"lw": 1.3, "ls": "--"}, {"lw": 1.3})
    for (name, line), colour, look in zip(log_p.items(), COLOURS_OF_BOUNDS, looks):
        values.plot(epochs, line, color=colour, label=name, **look)
    values.axhline(
        best, color=style.INK, lw=0.9, ls=(0, (1, 2)), label="the optimum, by probabilistic PCA"
    )
    start = min(next(iter(log_p.values())))
    values.set(title="Log-likelihood", ylabel="nats per example")
    values.set_ylim(start, best + 0.05 * (best - start))  # the bounds begin far below
    for (name, gap), colour in zip(gaps.items(), COLOURS_OF_BOUNDS[::2]):
        left.semilogy(epochs, np.where(gap > 0, gap, np.nan), color=colour, lw=1.3, label=name)
    left.set(title="What is left", ylabel="nats per example")
    for i, angle in enumerate(np.transpose(angles)):
        label = None if i else f"{np.shape(angles)[1]} principal angles"
        turn.semilogy(epochs, angle, color=style.GREEN, lw=1.3, label=label)
    turn.set(title="The learned subspace", ylabel="degrees")
    ticks = [0] + [10**i for i in range(len(str(int(epochs[-1]))))]
    for panel in (values, left, turn):
        panel.set_xscale("symlog", linthresh=1)
        panel.set(xlabel="epochs", xlim=(0, epochs[-1]))
        panel.set_xticks(ticks, [f"{tick:,}" for tick in ticks])
        panel.xaxis.set_minor_locator(NullLocator())
        panel.yaxis.set_minor_formatter(NullFormatter())
    left.legend(loc="lower left", fontsize=8)
    turn.legend(loc="lower left", fontsize=8)
    figure.legend(*values.get_legend_handles_labels(), loc="outside upper left", ncols=4)
    return figure


@style.in_style
def densities(gains):
    """How probable programs find the held-out rows of tables, beside a program that is 0.

    gains    table → program → nats per row above that program, of the same programs everywhere
    Units    nats per row, on an axis that is logarithmic on both sides of ±1
    Look at  which dot is the rightmost of its row
    """
    names, rows = [*next(iter(gains.values()))], np.arange(len(gains))
    height = min(1.3 + 0.4 * len(rows), style.HEIGHT)
    figure = style.new_figure(style.WIDTH, height, layout="constrained")
    axes = figure.subplots()
    lanes = np.linspace(-0.35, 0.35, len(names)) if len(names) > 1 else (0.0,)
    for name, lane, colour, marker in zip(names, lanes, style.CLASSES, "oooDDDsss^"):
        values = [of_table[name] for of_table in gains.values()]
        axes.scatter(values, rows + lane, s=22, color=colour, marker=marker, label=name)
    axes.hlines(rows[1:] - 0.5, 0, 1, transform=axes.get_yaxis_transform(), **LINE)
    axes.axvline(0, color=style.INK, lw=0.9, zorder=0)
    axes.margins(x=0.08)
    axes.set_xscale("symlog", linthresh=1)
    axes.xaxis.set_major_formatter(lambda x, _: style.number(x, ",g"))
    axes.set(title="Held-out rows", xlabel="nats per row above the full Gaussian")
    axes.set_yticks(rows, gains)
    axes.tick_params(axis="y", length=0)
    axes.set_ylim(len(rows) - 0.5, -0.5)
    figure.legend(loc="outside upper left", ncols=min(len(names), 6))
    return figure


def _square(points):
    """Limits of a square panel around points (n, 2), as two pairs."""
    low, high = np.min(points, axis=0), np.max(points, axis=0)
    half, middle = 0.55 * (high - low).max(), (low + high) / 2
    return [(m - half, m + half) for m in middle]


def _slope(axes, samples, start, power, label):
    """A dashed line that goes as a power of the samples, from `start` on."""
    samples = np.asarray(samples, dtype=float)
    line = start * (samples / samples[0]) ** power
    axes.plot(samples, line, **SLOPE)
    _beside(axes, (samples[-1], line[-1]), label, style.FAINT)


def _beside(axes, end, text, colour):
    """A text to the right of the end of a line, perhaps outside the axes."""
    look = {"color": colour, "size": 9, "va": "center", "annotation_clip": False}
    axes.annotate(text, end, (6, 0), textcoords="offset points", **look)
