"""Train what a paper or a post trained, and hold what comes out against what was published.

python scripts/reproduce.py --list
python scripts/reproduce.py dohmatob
python scripts/reproduce.py burda --quick
python scripts/reproduce.py burda --only vae-1 --epochs 1093

Leaves a folder with report.md and its pictures. What is interrupted goes on when the same command
is given again.
"""

import contextlib
import json
import os
import shlex
from pathlib import Path

from recipes import RECIPES
from recipes.recipe import LENGTHS, Trained

from numvae import hardware, plots
from numvae.cli import Parser, integer, script
from numvae.commands import train
from numvae.evaluation import aggregate, diagnostics, importance
from numvae.files import LOCK, locked, write_atomically
from numvae.progress import duration
from numvae.training import checkpoint
from numvae.training.watchdog import Diverged


def parser():
    p = Parser(description="Train what a paper or a post trained, and compare.")
    p.add_argument("name", nargs="?", metavar="NAME", help="a recipe; --list shows them")
    p.add_argument("--list", action="store_true", help="say what there is to reproduce")
    length = p.add_mutually_exclusive_group()
    length.add_argument("--quick", action="store_true", help="a taste, in a few minutes")
    length.add_argument("--full", action="store_true", help="the published length; may take days")
    p.add_argument("--only", action="append", metavar="RUN", help="only this run of the recipe")
    p.add_argument("--epochs", type=integer(1), metavar="N", help="of every run that is trained")
    p.add_argument(
        "--out",
        metavar="DIR",
        help="the folder; without it, reproductions/NAME, NAME-quick or NAME-full",
    )
    p.add_argument("--data-dir", metavar="DIR", help="where the files of frey and mnist are")
    p.add_argument("--download", action="store_true", help="fetch the files that are missing")
    return p


def main(argv=None):
    p = parser()
    args = p.parse_args(argv)
    if args.list:
        for name, recipe in RECIPES.items():
            print(f"{name:<15} {recipe.title}\n{'':<15} runs: {', '.join(recipe.runs)}")
        return 0
    if args.name not in RECIPES:
        found = f"there is no recipe {args.name!r}" if args.name else "no recipe was named"
        p.error(f"{found}; choose from {', '.join(RECIPES)}.")
    try:
        with p.mistakes():
            return reproduce(args)
    except Diverged as error:
        p.error(str(error))


def reproduce(args):
    """Train the runs that are not trained yet, and write the report; returns the exit code."""
    recipe = RECIPES[args.name]
    length = 0 if args.quick else 2 if args.full else 1
    chosen = plan(recipe, length, args.only, args.epochs)
    suffix = ("-quick", "", "-full")[length]
    folder = Path(args.out or f"reproductions/{args.name}{suffix}")
    settings = {"recipe": args.name, "epochs": chosen, "length": LENGTHS[length]}
    trained = {}
    with claimed(folder, settings):
        for name, epochs in chosen.items():
            run, place = recipe.runs[name], folder / "runs" / name
            print(f"{args.name}, {name}: train.py {run.flags} --epochs {epochs}", flush=True)
            place.mkdir(parents=True, exist_ok=True)
            with locked(place):
                trained_run, data, stopped = train_run(run, place, epochs, args)
                if stopped:
                    print("Stopped. Rerun the same command to continue.")
                    return 128 + stopped
                trained_run.training.mixture = aggregate.fit(trained_run.training, data.X)
                numbers = measure(trained_run, data, run.draws[length])
            trained[name] = Trained(name, run, place, trained_run.training, data, numbers)
        write_report(folder, args.name, recipe, trained)
    print(f"\n{(folder / 'report.md').read_text(encoding='utf-8')}\nIn {folder}.")
    return 0


def plan(recipe, length, only, epochs):
    """The run → how many epochs.

    Raises  ValueError if `only` names what the recipe has not
    """
    for name in only or ():
        if name not in recipe.runs:
            raise ValueError(
                f"there is no run {name!r} in this recipe; it has {', '.join(recipe.runs)}."
            )
    chosen = {}
    for name, run in recipe.runs.items():
        wanted = name in only if only else run.epochs[length] > 0
        if wanted:
            chosen[name] = epochs or run.epochs[length] or run.epochs[1] or run.epochs[2]
    return chosen


@contextlib.contextmanager
def claimed(folder, settings):
    """Make the folder, or see that it is this very reproduction's, to go on in it; it is locked
    inside the block.

    Raises  FileExistsError   something else is there
            BlockingIOError   another process is at it
    """
    path = folder / "reproduction.json"
    folder.mkdir(parents=True, exist_ok=True)
    with locked(folder):
        if os.listdir(folder) == [LOCK]:
            write_atomically(path, json.dumps(settings, indent=1).encode())
        elif not path.is_file():
            raise FileExistsError(f"{folder} holds no reproduction; choose another --out.")
        elif (there := json.loads(path.read_text(encoding="utf-8"))) != settings:
            runs = ", ".join(f"{run} for {n}" for run, n in there["epochs"].items())
            raise FileExistsError(
                f"{folder} holds another reproduction, of {there['recipe']} ({there['length']}; "
                f"epochs: {runs}); choose another --out."
            )
        yield


def train_run(recipe_run, folder, epochs, args):
    """Train a run to its end, or until it is interrupted; from its checkpoint if there is one.

    Returns  the runs.Run with the parameters of its last epoch, which are the ones kept, its
             Dataset, and the signal that interrupted it, or None
    """
    where = ["--data-dir", args.data_dir] * bool(args.data_dir) + ["--download"] * args.download
    if (folder / "checkpoint.npz").is_file():
        flags = ["--resume", str(folder)]
    else:
        flags = [*shlex.split(recipe_run.flags), "--epochs", str(epochs)]
    args = train.parser().parse_args(flags + where)
    run, data = (train.old_run if args.resume else train.new_run)(args)
    run.path, training, stopped = folder, run.training, None
    if training.epoch < epochs:
        run.save()
        with recipe_run.planted():
            stopped = run.train(data, max(1, epochs // 50))
    if training.epoch == epochs > training.best_epoch:
        training.best, training.best_epoch = training.model.parameters.vector.copy(), epochs
        run.save()
    return run, data, stopped


def measure(run, data, draws):
    """What the held-out examples say, as a dict; kept in numbers.json, and the model beside it."""
    path, training = run.path / "numbers.json", run.training
    if path.is_file():
        return json.loads(path.read_text(encoding="utf-8"))
    model, X = training.model, data.X_valid
    nll, kl = training.evaluate(training.drawn(X))
    elbo, elbo_error = importance.mean_and_error(-(nll + kl))
    posterior = diagnostics.encode(model, X, training.inputs)
    activity = diagnostics.latent_units(*posterior)["activity"]
    numbers = {
        "elbo": elbo,
        "elbo_error": elbo_error,
        "nll": float(nll.mean()),
        "kl": float(kl.mean()),
        "active": int((activity > diagnostics.ACTIVE).sum()),
        "draws": draws,
        "seconds": run.about["seconds"],
        "machine": hardware.describe(),
    }
    if draws:
        print(f"  log p(x) of {len(X):,} held-out examples, {draws:,} draws each", flush=True)
        log_p = run.estimate(X, draws).log_p
        numbers["log_p"], numbers["log_p_error"] = importance.mean_and_error(log_p)
    checkpoint.save(training, run.path / "model.npz", "model", run.about)
    write_atomically(path, json.dumps(numbers, indent=1).encode())
    return numbers


def write_report(folder, name, recipe, trained):
    """report.md and its pictures."""
    some = next(iter(trained.values()))
    text = [
        f"# {recipe.title}",
        "",
        recipe.about,
        "",
        *table(trained),
        "",
        "Nats per example; ± is the standard error over the held-out examples. The parameters are "
        "those of the last epoch: the held-out examples choose nothing.",
        "",
        *recipe.lines(trained),
        "",
        "What differs from the source:",
        "",
        *(f"- {difference}" for difference in recipe.differences),
        "",
        f"Data: {some.data.split}." if len({t.data.split for t in trained.values()}) == 1 else "",
        f"Machine: {some.numbers['machine']}.",
        "",
    ]
    for filename, figure, caption in recipe.pictures(trained):
        plots.save(figure, folder / filename)
        text += [f"![{caption}]({filename})", "", f"*{caption}*", ""]
    write_atomically(folder / "report.md", "\n".join(text).encode())


def table(trained):
    """The runs and their numbers, as lines of Markdown."""
    with_log_p = any("log_p" in t.numbers for t in trained.values())
    with_published = any(t.run.published for t in trained.values())
    head = ["run", "flags of train.py", "seed", "epochs", "time", "held-out ELBO", "KL", "active"]
    head += ["log p(x)"] * with_log_p + ["published log p(x)"] * with_published
    yield f"| {' | '.join(head)} |"
    yield f"|{'|'.join(['---'] * 2 + ['---:'] * (len(head) - 2))}|"
    for name, t in trained.items():
        n = t.numbers
        cells = [name, f"`{t.run.flags}`", t.training.seed, t.training.epoch]
        cells += [duration(n["seconds"]), f"{n['elbo']:.2f} ± {n['elbo_error']:.2f}"]
        cells += [f"{n['kl']:.2f}", f"{n['active']} of {t.model.n_latent}"]
        if with_log_p:
            draws = f"k = {n['draws']:,}"
            cells += [
                f"**{n['log_p']:.2f} ± {n['log_p_error']:.2f}** ({draws})" if "log_p" in n else ""
            ]
        if with_published:
            cells += [t.run.published]
        yield f"| {' | '.join(map(str, cells))} |"


if __name__ == "__main__":
    script(main)
