"""The folder of a run, and how one is made, resumed, finished and loaded.

history.csv         what every epoch measured
checkpoint.npz      all else there is to remember, to resume from
model.npz           the parameters of the best epoch, with the settings, the history and the data
report.txt          the numbers of `report`
curves.png …        the pictures

Whoever writes into the folder of a run has it locked: `new_folder` and `old_folder` give it.
"""

import contextlib
import itertools
import os
import time
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from numvae import datasets
from numvae.datasets import own
from numvae.evaluation import aggregate, anomaly, importance
from numvae.files import LOCK, locked, write_atomically
from numvae.parallel import OneProcess
from numvae.progress import Countdown, Progress, say
from numvae.report import Report
from numvae.rows import join, sample, without_condition
from numvae.tables.columns import Column, Columns
from numvae.training import checkpoint
from numvae.training.interrupt import HANGUP
from numvae.training.loop import Training
from numvae.training.watchdog import Diverged
from numvae.validation import check_range

DRAWS = 100  # of each row that is scored


@dataclass
class Run:
    """A run, or a model's file alone, and the data it was trained on.

    path        the folder or the file
    training    as it stands, or at its best epoch where it was loaded to be used
    about       what its file says besides: the columns of a table, seconds of training,
                `reference`, which the method of that name returns, and `data`: the arguments of
                `datasets.load`, n_train, the shape of one example, of images the values that are
                drawn black and white, and of a file or folder of one's own its digest
    note        a sentence, if it was loaded to be used and has not come to its end
    team        the processes that share the training
    """

    path: Path
    training: Training
    about: dict
    note: str = ""
    team: object = OneProcess()

    def share(self, team, dataset):
        """Have a team of processes share the training."""
        team.share(self.training, dataset.X)
        self.team = team

    def save(self):
        """Write checkpoint.npz and history.csv: the run as it stands."""
        self.team.whole(self.training)
        path = self.path / "checkpoint.npz"
        self.team.first(lambda: checkpoint.save(self.training, path, about=self.about))

    def train(self, dataset, every, quiet=False):
        """Train to the end, saving after every so many epochs, and where it stops.

        Returns  the signal that ended it early, or None
        Raises   watchdog.Diverged
        """
        X_valid = dataset.X_valid if len(dataset.X_valid) else None
        training = self.training
        epochs = training.length(len(dataset.X), X_valid)
        progress = Progress(
            epochs,
            len(dataset.X),
            training.epoch,
            quiet=quiet,
            may_end_early=training.settings.epochs is None,
        )
        before, start = self.about.get("seconds", 0.0), time.monotonic()
        saved = training.epoch

        def save():
            nonlocal saved
            self.about["seconds"] = before + time.monotonic() - start
            self.save()
            saved = training.epoch

        def on_epoch(row):
            progress.epoch(row)
            if row["epoch"] - saved >= every and row["epoch"] < epochs:
                save()

        shown = {"on_step": progress.step, "on_epoch": on_epoch}
        with self.team.interrupt(HANGUP) as interrupt:
            try:
                self.team.run(training, dataset.X, X_valid, asked=interrupt.asked, **shown)
            except Diverged:
                save()
                raise
            progress.close()
            save()
        return interrupt.asked()

    def finish(self, dataset, quiet):
        """Keep the best epoch's model, and write it with its report and its pictures.

        Yields  the lines of the report, before the pictures are drawn
        """
        self.training.keep_best()
        self.training.mixture = aggregate.fit(self.training, dataset.X)
        about = {**self.about, "reference": self.reference(dataset, DRAWS, quiet)}
        checkpoint.save(self.training, self.path / "model.npz", "model", about)
        yield from self.report(dataset, self.path)

    def report(self, dataset, folder):
        """Write report.txt and the pictures; yields as `finish`."""
        from numvae import plots

        report = Report(self.training, dataset)
        lines = report.lines()
        text = [*filter(None, [self.note]), dataset.split, repr(self.model).splitlines()[0], *lines]
        write_atomically(folder / "report.txt", ("\n".join(text) + "\n").encode())
        yield from lines
        for filename, figure in report.pictures():
            plots.save(figure, folder / filename)

    def reference(self, dataset, n_samples, quiet=False):
        """log p(x) of some of the rows held out, or of those trained on if there are none: what a
        score is compared with.

        Returns  a dict: samples, the draws for each row; log_p, a list of floats, nats; held_out
        """
        held_out = len(dataset.X_valid) > 0
        rows = dataset.X_valid if held_out else dataset.X
        rows = anomaly.reference_rows(rows, self.training.seed)
        log_p = self.estimate(rows, n_samples, quiet).log_p
        return {"samples": n_samples, "log_p": log_p.tolist(), "held_out": held_out}

    def some(self, X, n):
        """At most n of the rows of X, chosen by the seed of the run; None: all."""
        return sample(X, len(X) if n is None else n, self.training.seed)

    def estimate(self, X, n_samples, quiet=False):
        """`importance.estimate` of the rows of X, with a line of progress."""
        progress, parts = Countdown(len(X), quiet=quiet), []
        for part in importance.estimates(self.model, X, self.training.inputs, n_samples):
            parts.append(part)
            progress.advance(len(part.log_p), "log p(x)")
        progress.wipe()
        return join(parts)

    @property
    def model(self):
        return self.training.model

    @property
    def shape(self):
        """The shape of one example, (D,) where nothing says that it is an image."""
        return tuple(self._data.get("shape") or (self.model.n_features,))

    @property
    def limits(self):
        """The values that are drawn black and white in pictures of this model's images."""
        return tuple(self._data.get("limits") or (0.0, 1.0))

    @cached_property
    def columns(self):
        """The Columns of the table that it was trained on; else of D numbers: x1, x2, …"""
        if plain := self.about.get("columns"):
            return Columns.of_plain(plain)
        numbers = [Column(f"x{i + 1}", "number") for i in range(self.model.n_features)]
        return Columns(numbers, self.training.settings.likelihood, named=False)

    @cached_property
    def condition(self):
        """The Columns that the model is conditioned on, or None."""
        if plain := self.about.get("condition"):
            return Columns.of_plain(plain)
        return self.columns if self.columns.given else None

    @property
    def is_table(self):
        """Whether it was trained on a table with columns of several kinds."""
        return bool(self.about.get("columns"))

    @property
    def source(self):
        """The name of the data set, or the path of the file, that it was trained on."""
        return self._data.get("name")

    @property
    def na(self):
        """Words that stand for what is not known in its table, beside the usual ones."""
        return tuple(self._data.get("na") or ())

    @property
    def _data(self):
        return self.about.get("data", {})

    def training_data(self, name=None, data_dir=None, download=False):
        """The data set of the run, split as in training; `name`: where it is now, if elsewhere.

        Raises  as `datasets.load`
                ValueError   it is not the same any more, or nothing says what it was
        """
        data = {**self._data, "name": name or self._data.get("name")}
        if data["name"] is None:
            raise ValueError(f"{self.path} does not say what data it was trained on.")
        binarized = self.training.settings.binarize == "fixed"
        if data.get("format") == 1 and (binarized or own.is_own(data["name"])):
            other = "drew other pixels" if binarized else "held out other rows"
            raise ValueError(
                f"{self.path} was written by numvae 0.1, which {other} of its data: the model can "
                "be used, but to resume the run or report on it, train it again."
            )
        is_own = data["name"] not in datasets.dataset.NAMES
        if name is None and is_own and not own.is_there(data["name"]):
            raise FileNotFoundError(
                f"{data['name']}, which the run in {self.path} was trained on, is not there any "
                "more; if it has moved, say where it is: report and likelihood take it after RUN, "
                "train --resume takes --data."
            )
        dataset = self._load(data["name"], data_dir, data.get("validation"), download)
        n_train = data.get("n_train", len(dataset.X))
        if len(dataset.X) != n_train:
            raise ValueError(
                f"{data['name']} now has {len(dataset.X)} examples to train on, the run in "
                f"{self.path} had {n_train}; give it the same data."
            )
        self._check_unchanged(dataset, data["name"])
        return dataset

    def dataset(self, name=None, data_dir=None):
        """A data set in its usual split; without a name, that of the run.

        Raises  as `training_data`
        """
        return self._load(name, data_dir) if name else self.training_data(None, data_dir)

    def examples(self, name=None, data_dir=None, missing=False):
        """Every example of a data set, the shape of one, and the Table they are from, or None:
        those to train on, then those held out; of a file or folder of one's own, all in its own
        order. missing: NaN is let through; of a table it always is.

        Shapes  → X (N, D + C), shape, Table or None
        Raises  as `training_data`
        """
        source = str(name or self._data.get("name"))
        if source in datasets.dataset.NAMES or not own.is_own(source):
            dataset = self.dataset(name, data_dir)
            return np.concatenate([dataset.X, dataset.X_valid]), dataset.shape, None
        dataset = self._load(source, data_dir, 0, missing=missing)
        if name is None:
            self._check_unchanged(dataset, source)
        return dataset.X, dataset.shape, dataset.table

    def _load(self, name, data_dir, validation=None, download=False, missing=False):
        dataset = datasets.load(
            name,
            data_dir or self._data.get("data_dir"),
            validation,
            self.training.seed,
            download,
            **self._of_folder(name),
            missing=missing or self.training.settings.missing,
            scale=self._data.get("scale"),
            random_split=self._data.get("random_split", False),
            columns=self.columns,
            na=self.na,
            condition=None if self.condition is self.columns else self.condition,
        )
        self._check(dataset.X, name)
        return dataset

    def _of_folder(self, name):
        """How the run read a folder of images, if `name` is one."""
        if name in datasets.dataset.NAMES or not Path(name).is_dir():
            return {}
        return {key: self._data.get(key) for key in ("resize", "skip_bad")}

    def _check_unchanged(self, dataset, name):
        """Refuse other data than the run's, or its rows in another order, which would hold out
        other ones. Older runs have no digest.

        Raises  ValueError
        """
        if self._data.get("digest") not in (None, dataset.digest):
            raise ValueError(
                f"{name} is not what the run in {self.path} was trained on: it has been changed "
                "since, or its rows are in another order, or it is another file."
            )

    def _check(self, X, name):
        x = without_condition(X, self.model.n_condition)
        if x.shape[1] != self.model.n_features:
            raise ValueError(
                f"{name} has {x.shape[1]} numbers per example, the model in {self.path} was "
                f"trained on {self.model.n_features}."
            )
        check_range(x, self.training.settings.likelihood)


@contextlib.contextmanager
def new_folder(out, name):
    """The folder of a new run, locked inside the block: `out`, or the first free of runs/NAME-1,
    runs/NAME-2, …

    Raises  FileExistsError   `out` has something in it: a run is never overwritten
            BlockingIOError   another process has just taken it
    """
    folder = _first_free(name) if out is None else Path(out)
    taken = FileExistsError(
        f"{folder} exists already, and a run is never overwritten; choose another --out."
    )
    if folder.exists() and not folder.is_dir():
        raise taken
    folder.mkdir(parents=True, exist_ok=True)
    with locked(folder):
        if os.listdir(folder) != [LOCK]:  # an empty one may be what a process left that died
            raise taken
        yield folder


def _first_free(name):
    for number in itertools.count(1):
        folder = Path("runs") / f"{name}-{number}"
        with contextlib.suppress(FileExistsError):
            folder.mkdir(parents=True)
            return folder


@contextlib.contextmanager
def old_folder(folder):
    """The folder of a run that is to be resumed, locked inside the block.

    Raises  FileNotFoundError   there is no checkpoint in it
            BlockingIOError     another process writes into it
    """
    folder = _checkpoint(folder).parent
    with locked(folder):
        yield folder


def resume(folder):
    """The Run in a folder, where it stopped.

    Raises  FileNotFoundError   there is no checkpoint
            ValueError          it is damaged or of another kind
    """
    path = _checkpoint(folder)
    return Run(path.parent, *checkpoint.load(path))


def _checkpoint(folder):
    path = Path(folder) / "checkpoint.npz"
    if not path.is_file():
        raise FileNotFoundError(f"there is no checkpoint.npz in {folder}, so no run to resume.")
    return path


def load(path):
    """The Run in a folder at its best epoch, or that of a model's file; if it has not come to its
    end, that is said. Raises as `checkpoint.load_best`."""
    run = Run(Path(path), *checkpoint.load_best(path))
    if run.note:
        say(run.note)
    return run
