"""How good the default fit of VAE is on ordinary tables, beside what people use otherwise.

python scripts/tables.py --tables DIR
python scripts/tables.py density --only iris --only wine --figure densities.png
python scripts/tables.py impute anomaly --splits 1 --out tables.md

density      held-out log p(x), in nats per row
impute       the error of hidden cells that are filled in, root mean square
anomaly      how well a class that was never seen is told from the others, AUC
neighbours   accuracy of 5 nearest neighbours on raw columns, principal components and codes
synthetic    accuracy of classifiers that were trained on samples, on real rows
time         seconds of a fit on random correlated rows

The tables are those of scikit-learn and statsmodels, where they are installed, and those of the
folder DIR. Those with a * played no part when the defaults of VAE were chosen.

Everyone gets the same rows, prepared in the same way. Rows with missing values are dropped. A seed
(0, 1, 2) draws a quarter of the rows to be held out. Columns that are constant in the training rows
are left out. The values of a column that are multiples of a step, such as 1, 0.01 or 1/9, get
uniform noise of one step. Then each column is divided by its standard deviation in the training
rows, after their mean is subtracted. In anomaly the training rows are those of the other classes.

Everyone has the same floor of the variance too: 1e-4 of a column's. It is sigma_min = 0.01 of VAE,
reg_covar of the mixture, and is added to the diagonal of the covariance of the full Gaussian, of
probabilistic PCA and of factor analysis. The size of the latter two is chosen by 3-fold
cross-validation, the number of the mixture's full components, 1 to 10, by BIC. "VAE" is the default
fit, with σ(z); "VAE one σ" has likelihood="gaussian". What VAE says of log p(x) is an estimate by
importance sampling, which is on average too low.
"""

import textwrap
import time
import warnings
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from peers import programs
from peers.table import Split, Table, ordinary, prepare
from scipy.stats import mannwhitneyu

from numvae import DoubtfulFit, hardware, plots
from numvae.cli import Parser, integer, new_file, script
from numvae.files import write_atomically
from numvae.progress import Countdown, duration

HIDDEN = 0.2  # of the cells
GAUSSIAN, MIXTURE = "Gaussian", "mixture"
LINEAR = (GAUSSIAN, "pPCA", "factor analysis")
DENSITIES = {
    GAUSSIAN: programs.gaussian,
    "pPCA": programs.ppca,
    "factor analysis": programs.factor_analysis,
    MIXTURE: programs.mixture,
    "VAE": programs.vae(),
    "VAE one σ": programs.vae(likelihood="gaussian"),
}
VAES = [name for name in DENSITIES if name.startswith("VAE")]
PEERS = [name for name in DENSITIES if name not in (GAUSSIAN, *VAES)]
GROUPS = (False, "tables"), (True, "tables with a *")


class Section(NamedTuple):
    """prepare(table, seed) → data; each program, fitted to it; judge(what it does, data) → numbers.

    judge   (name, function, data) → column of the results: a number, or one for each held-out row
    """

    title: str
    programs: dict
    judge: Callable
    prepare: Callable = prepare
    labelled: bool = False  # only tables whose rows have classes
    digits: int = 3


def parser():
    p = Parser(
        description="How good the default fit is on ordinary tables, beside what people use "
        "otherwise; without a word, all there is to measure."
    )
    p.add_argument("what", nargs="*", metavar="WHAT", help=", ".join(SECTIONS))
    p.add_argument("--tables", metavar="DIR", help="a folder with penguins.csv, segment.csv.gz, …")
    p.add_argument(
        "--only", action="append", metavar="TABLE", help="only this table (may be repeated)"
    )
    p.add_argument("--splits", type=integer(1), default=3, metavar="N", help="(default: 3)")
    p.add_argument("--out", metavar="FILE.md", help="a new file for the tables, in Markdown")
    p.add_argument("--figure", metavar="FILE.png", help="a new file for the picture of density")
    return p


def main(argv=None):
    p = parser()
    args = p.parse_args(argv)
    args.what = args.what or [*SECTIONS]
    with p.mistakes():
        for what in args.what:
            if what not in SECTIONS:
                raise ValueError(
                    f"there is no {what!r} to measure; there are {', '.join(SECTIONS)}."
                )
        if args.figure and "density" not in args.what:
            raise ValueError("--figure shows what density measures, which is not asked for.")
        if args.tables and not Path(args.tables).is_dir():
            raise FileNotFoundError(f"there is no folder {args.tables}.")
        out = new_file(args.out, ".md") if args.out else None
        figure = new_file(args.figure, ".png") if args.figure else None
        tables, absent = ordinary(args.tables)
        known = {table.name for table in tables}
        for name in args.only or ():
            if name not in known:
                raise ValueError(f"there is no table {name!r} here; there are {', '.join(known)}.")
        tables = [table for table in tables if not args.only or table.name in args.only]
        if not tables:
            raise ValueError(
                "there are no tables here: pip install scikit-learn, or name a folder."
            )
        compare(args, tables, absent, out, figure)
    return 0


def compare(args, tables, absent, out, figure):
    """Measure, print, and write the files."""
    warnings.filterwarnings("ignore", module="sklearn")  # the peers' iterations that ran out
    start, report = time.monotonic(), Report(out)
    report.say(f"{hardware.describe()}.")
    for sentence in absent:
        report.say(sentence)
    for what in args.what:
        section = SECTIONS[what]
        report.say(section.title, "## ")
        chosen = RANDOM if what == "time" else tables
        chosen = [table for table in chosen if table.y is not None or not section.labelled]
        if not chosen:
            report.say("Not measured: none of the tables has classes.")
            continue
        found, seconds, needing = measure(section, chosen, args.splits)
        if needing:
            report.say(f"Left out: {', '.join(needing)}. To have them: pip install scikit-learn")
        if len(needing) == len(section.programs):
            continue
        if what != "time":
            results(report, section, chosen, found)
        if what == "density" and figure:
            plots.save(plots.densities(gains(chosen, found)), figure)
        report.say("Seconds of a fit:")
        report.table(chosen, seconds, lambda times: f"{np.mean(times):.2f}")
    report.say(f"In {duration(time.monotonic() - start)}.")


def measure(section, tables, splits):
    """What came out, table → column → a result for each split; the seconds of each fit, table →
    program → for each split; and the programs that need scikit-learn where it is not."""
    found, seconds, needing = {}, {}, {}
    show = Countdown(len(tables) * splits * len(section.programs))
    warnings.simplefilter("ignore", DoubtfulFit)
    for table in tables:
        found[table.name], seconds[table.name] = defaultdict(list), defaultdict(list)
        for seed in range(splits):
            data = section.prepare(table, seed)
            for name, fit in section.programs.items():
                begun = time.perf_counter()
                try:
                    function = fit(data, seed)
                    took = time.perf_counter() - begun
                    judged = section.judge(name, function, data)
                except ModuleNotFoundError:
                    needing[name] = True
                    continue
                seconds[table.name][name].append(took)
                for column, value in judged.items():
                    found[table.name][column].append(value)
                show.advance(1, f"{table.name}, {name}")
    show.wipe()
    return found, seconds, needing


# What is measured of a function.


def log_density(name, function, data):
    return {name: function(data.held)}


def hide(table, seed):
    """A Split with hidden cells, in both parts, and the whole of what is held out as y_held."""
    data, rng = prepare(table, seed), np.random.default_rng(seed)
    train, held = (
        np.where(rng.random(X.shape) < HIDDEN, np.nan, X) for X in (data.train, data.held)
    )
    return Split(train, held, None, data.held)


def error_of_hidden(name, function, data):
    hidden = np.isnan(data.held)
    off = (function(data.held) - data.y_held)[hidden]
    return {name: np.sqrt(np.mean(off**2))}


def without_a_class(table, seed):
    """The smallest class is not trained on (the last of equals); y_held says which rows are its."""
    labels, sizes = np.unique(table.y, return_counts=True)
    rare = labels[np.flatnonzero(sizes == sizes.min())[-1]]
    data = prepare(table, seed, without=rare)
    return data._replace(y_held=data.y_held == rare)


def auc(name, function, data):
    usual, rare = (function(data.held[data.y_held == is_rare]) for is_rare in (False, True))
    return {name: mannwhitneyu(usual, rare).statistic / (len(usual) * len(rare))}


def accuracy_on_codes(name, function, data):
    from sklearn.decomposition import PCA
    from sklearn.neighbors import KNeighborsClassifier

    def accuracy(codes):
        nearest = KNeighborsClassifier(5).fit(codes(data.train), data.y_train)
        return nearest.score(codes(data.held), data.y_held)

    width = min(function(data.held).shape[1], data.train.shape[1])
    pca = PCA(width, random_state=0).fit(data.train)
    return {
        "raw columns": accuracy(lambda X: X),
        "PCA": accuracy(pca.transform),
        "VAE": accuracy(function),
        "codes": width,
    }


def accuracy_on_real_rows(name, function, data):
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.linear_model import LogisticRegression

    models = {
        "forest": RandomForestClassifier(random_state=0),
        "logistic": LogisticRegression(max_iter=1000),
    }
    return {
        f"{kind}, {name}": model.fit(*function()).score(data.held, data.y_held)
        for kind, model in models.items()
    }


SECTIONS = {
    "density": Section("Held-out log p(x), nats per row", DENSITIES, log_density, digits=2),
    "impute": Section(
        f"Error of the {HIDDEN:.0%} of the cells that were hidden, in standard deviations",
        {
            "column means": programs.column_means,
            "neighbours": programs.neighbours,
            "chained": programs.chained,
            "VAE": programs.vae_impute,
        },
        error_of_hidden,
        hide,
    ),
    "anomaly": Section(
        "AUC of a class that was not trained on",
        {"isolation forest": programs.forest, GAUSSIAN: programs.gaussian, "VAE": programs.vae()},
        auc,
        without_a_class,
        labelled=True,
    ),
    "neighbours": Section(
        "Accuracy of 5 nearest neighbours",
        {"VAE": programs.vae_codes},
        accuracy_on_codes,
        labelled=True,
    ),
    "synthetic": Section(
        "Accuracy on real rows of a random forest and of logistic regression trained on samples",
        {
            "real": programs.real_rows,
            GAUSSIAN: programs.gaussian_rows,
            "VAE": programs.vae_rows,
        },
        accuracy_on_real_rows,
        labelled=True,
    ),
    "time": Section(
        "Time",
        DENSITIES,
        lambda name, function, data: {},
        lambda table, seed: Split(table.X, table.X, None, None),
    ),
}


def correlated(n, D):
    """n × D random correlated rows."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((n, D // 2)) @ rng.standard_normal((D // 2, D))
    return Table(f"{n:,} × {D}", X + rng.standard_normal((n, D)))


RANDOM = [correlated(1000, 20), correlated(100, 5)]


# What is said of it.


class Report:
    """Sentences and tables, printed as they come, and in Markdown in a file, if any."""

    def __init__(self, path=None):
        self.path, self.lines = path, []

    def say(self, text, mark=""):
        print("\n" * bool(mark) + textwrap.fill(text, 100), flush=True)
        self.keep([mark + text])

    def keep(self, lines):
        self.lines += [*lines, ""]
        if self.path:
            write_atomically(self.path, "\n".join(self.lines).encode())

    def table(self, tables, values, form):
        """A row for each table; values: its name → column → what form makes a text of."""
        columns = [*values[tables[0].name]]
        rows = [["", *columns]]
        for table in tables:
            texts = (form(values[table.name][column]) for column in columns)
            rows.append([table.name + " *" * table.confirms, *texts])
        widths = [max(map(len, column)) for column in zip(*rows)]
        lines = []
        for row in rows:
            cells = [row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]
            print("  " + "  ".join(cells), flush=True)
            lines.append(f"| {' | '.join(cells)} |")
        rule = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
        self.keep([lines[0], f"| {' | '.join(rule)} |", *lines[1:]])


def results(report, section, tables, found):
    """The mean over the splits of each number, and its standard deviation."""

    def form(values):
        each = [np.mean(value) for value in values]
        spread = f" ± {np.std(each, ddof=1):.{section.digits}f}" if len(each) > 1 else ""
        return f"{np.mean(each):.{section.digits}f}{spread}"

    report.table(tables, found, form)
    if section.judge is log_density:  # of tables with other units
        return beside(report, tables, found)
    for confirms, which in GROUPS:
        some = [found[table.name] for table in tables if table.confirms == confirms]
        if len(some) > 1:
            means = {c: np.mean([row[c] for row in some]) for c in some[0]}
            texts = (f"{column} {mean:.{section.digits}f}" for column, mean in means.items())
            report.say(f"Mean over {len(some)} {which}: {', '.join(texts)}.")


def beside(report, tables, found):
    """How far each VAE is above the best of the linear programs, and above the mixture."""
    report.say(
        f"VAE beside the best of {', '.join(LINEAR)} (the best on the held-out rows), and beside "
        "the mixture: the mean difference of a row ± its standard error, each averaged over the "
        "splits. (More splits do not make it smaller, for they share rows.)"
    )
    off, shown = {}, {}
    for table in tables:
        row = found[table.name]
        best = max((name for name in LINEAR if name in row), key=lambda name: np.mean(row[name]))
        rivals = {"best": best, MIXTURE: MIXTURE}
        off[table.name] = {
            (ours, rival): difference(row[ours], row[name])
            for ours in VAES
            for rival, name in rivals.items()
            if name in row
        }
        texts = {f"{a} − {b}": f"{d:+.2f} ± {e:.2f}" for (a, b), (d, e) in off[table.name].items()}
        shown[table.name] = {"best": best, **texts}
    report.table(tables, shown, str)
    for confirms, which in GROUPS:
        some = [off[table.name] for table in tables if table.confirms == confirms]
        for ours in VAES if some else ():
            reached = sum(d >= -error for d, error in (row[ours, "best"] for row in some))
            above = sum(row[ours, MIXTURE][0] > 0 for row in some if (ours, MIXTURE) in row)
            report.say(
                f"{ours}, of {len(some)} {which}: at or above the best within one standard error "
                f"on {reached}, above the mixture on {above}."
            )


def difference(ours, theirs):
    """The mean of the differences of rows, and its standard error: each the mean over the splits.

    ours, theirs   log p(x) of the held-out rows, an array for each split
    """
    off = [a - b for a, b in zip(ours, theirs)]
    errors = [d.std(ddof=1) / np.sqrt(len(d)) for d in off]
    return np.mean([d.mean() for d in off]), np.mean(errors)


def gains(tables, found):
    """Table → program → nats per held-out row above the full Gaussian."""
    return {
        table.name + " *" * table.confirms: {
            name: np.mean(found[table.name][name]) - np.mean(found[table.name][GAUSSIAN])
            for name in (*VAES, *(name for name in found[table.name] if name in PEERS))
        }
        for table in tables
    }


if __name__ == "__main__":
    script(main)
