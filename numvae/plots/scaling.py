"""How fast training would be on many ranks."""

import numpy as np

from numvae.plots import style


@style.in_style
def scaling(ranks, weak, strong, card, ranks_per_machine):
    """Examples per second over the number of ranks, both axes logarithmic.

    ranks               numbers of ranks (n,)
    weak, strong        name → examples per second (n,): with the same rows for each rank, and with
                        the same batch for all of them
    card                examples per second of a GPU
    ranks_per_machine   where a second machine begins
    Look at             where a line leaves its dashed one, which is a rank's rate times the ranks
    """
    figure = style.new_figure(style.WIDTH, 3.4, layout="constrained")
    panels = figure.subplots(1, 2, sharey=True)
    titles = "each rank has the same rows", "all share one batch"
    for axes, title, lines in zip(panels, titles, (weak, strong)):
        for (name, rates), colour in zip(lines.items(), style.CLASSES):
            ideal = rates[0] * np.asarray(ranks) / ranks[0]
            axes.plot(ranks, ideal, color=colour, lw=0.7, ls="--")
            axes.plot(ranks, rates, color=colour, lw=1.5, marker="o", ms=3, label=name)
        axes.axhline(card, color=style.FAINT, lw=0.8)
        axes.text(ranks[0], 1.08 * card, "a GPU", color=style.FAINT, fontsize=8)
        axes.axvline(ranks_per_machine, ymax=0.6, color=style.FAINT, lw=0.8, ls=":")
        axes.set_xscale("log", base=2)
        axes.set_yscale("log")
        axes.set_xticks(ranks[::2], [f"{n:,}" for n in ranks[::2]])
        axes.minorticks_off()
        axes.set(title=title, xlabel="ranks")
        axes.legend(loc="upper left")
    panels[0].text(
        ranks_per_machine,
        panels[0].get_ylim()[0],
        " a second machine",
        fontsize=8,
        color=style.FAINT,
        va="bottom",
    )
    panels[0].set_ylabel("examples per second")
    return figure
