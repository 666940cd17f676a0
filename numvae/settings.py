"""Every setting of a model and its training, once: name, default, constraint and a line of help.

From this table come the parameters of `VAE`, the flags of `numvae train` and their --help, the
checks of both, and the header of a file. To add a setting, add a line here, and use it.

Read next: training/loop.py.
"""

import dataclasses
import textwrap
from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from typing import Any, get_args

import numpy as np

from numvae.constraints import (
    COUNT,
    FRACTION,
    NATURAL,
    POSITIVE,
    SHARE,
    SIZE,
    Blocks,
    Choice,
    Condition,
    Corruption,
    Flag,
    Jobs,
    Kinds,
    Names,
    Seed,
    Widths,
    labelled,
)
from numvae.network import likelihoods, objectives
from numvae.rules import activations, optimizers, schedules
from numvae.tables.columns import CHOICES

# The table. `group` is a flag's heading in --help; a setting without one has no flag.

MODEL, DATA, TRAINING = "model", "data", "training"
MOST = 16  # latent units, where their number is left to the program
ACTIVATIONS = ", ".join(activations.NAMES)


def setting(default, constraint, help, group=None, flag=None, none=None) -> Any:
    """A line of the table.

    flag    of the command line, where it is not the setting's name
    none    what None stands for, where it leaves a number to the program
    """
    metadata = {"constraint": constraint, "help": help, "group": group, "flag": flag, "none": none}
    return dataclasses.field(default=default, metadata=metadata)


@dataclass(eq=False)
class Settings:
    n_latent: int | None = setting(
        None,
        COUNT,
        "latent units, Z",
        MODEL,
        "latent",
        none=f"one for two columns, up to {MOST}",
    )
    _: KW_ONLY
    hidden: int | Sequence[int] = setting(
        (128,),
        Widths(),
        "widths of the encoder's layers, 64 for a single one; the decoder's in reverse",
        MODEL,
    )
    activation: str = setting(
        "tanh", Names(activations.NAMES), f"{ACTIVATIONS}; or one per layer, as elu,tanh", MODEL
    )
    likelihood: str = setting(
        "gaussian-sigma-z",
        Blocks(likelihoods.NAMES),
        "p(x|z): bernoulli for 0 or 1, continuous-bernoulli for 0 to 1, gaussian for real numbers "
        "with one learned σ per column, gaussian-sigma-z with σ(z) from the decoder, "
        "gaussian-fixed with a given σ, poisson for counts, negative-binomial for counts that "
        "vary more, with one learned dispersion per column, categorical for one-hot columns, or "
        "blocks of columns such as gaussian:3,poisson:2,categorical:5",
        MODEL,
    )
    sigma: float = setting(0.1, POSITIVE, "σ of gaussian-fixed", MODEL)
    sigma_min: float = setting(0.01, POSITIVE, "the smallest σ that may be learned", MODEL)
    dropout: float = setting(0.0, FRACTION, "fraction of hidden units dropped in training", MODEL)
    skip: bool = setting(
        True,
        Flag(),
        "linear paths past the hidden layers, begun at the factor analysis of the training rows, "
        "so that training only adds to that (gaussian likelihoods)",
        MODEL,
    )
    standardize: bool = setting(
        True,
        Flag(),
        "standardise columns inside: the fit is the same in all units, and sigma and sigma_min are "
        "fractions of a column's standard deviation (gaussian likelihoods); of counts, only what "
        "the encoder is given",
        MODEL,
    )
    init_sigma: float | None = setting(
        None, POSITIVE, "draw all weights from N(0, σ²) with this σ, not by fan-in", MODEL
    )
    epochs: int | None = setting(
        None,
        COUNT,
        "passes over the training rows",
        TRAINING,
        none="until the held-out ELBO has stopped rising",
    )
    batch_size: int = setting(128, COUNT, "rows per step, B", TRAINING)
    optimizer: str = setting("adam", Choice(optimizers.NAMES), "the update rule", TRAINING)
    lr: float = setting(5e-3, POSITIVE, "learning rate", TRAINING)
    momentum: float = setting(
        0.9, FRACTION, "of sgd; 0: plain gradient descent, θ − lr · gradient", TRAINING
    )
    weight_decay: float = setting(
        0.0,
        SIZE,
        "λ of ½ λ ‖θ‖² in the loss: a Gaussian prior of all parameters; 1/N for N(0, I) and N rows",
        TRAINING,
    )
    schedule: str = setting("cosine", Choice(schedules.NAMES), "how lr falls", TRAINING)
    clip: float | None = setting(
        1.0,
        POSITIVE,
        "shorten gradients longer than this, so that a few outliers do not lead; None: do not",
        TRAINING,
    )
    objective: str = setting(
        "elbo",
        Choice(objectives.NAMES),
        "elbo: the bound with the KL in closed form; sampled-elbo: with the KL of the samples; "
        "iwae: the importance-weighted bound; stl and dreg: these two with a gradient for the "
        "encoder that has less noise, where q(z|x) is good or samples are many; autoencoder: no "
        "noise and no KL",
        TRAINING,
    )
    n_samples: int = setting(1, COUNT, "samples of z per row and step, L", TRAINING, "samples")
    beta: float = setting(1.0, SIZE, "weight of the KL in the loss", TRAINING)
    warmup: int = setting(0, NATURAL, "epochs over which beta rises from 0", TRAINING)
    free_bits: float = setting(0.0, SIZE, "nats of KL per unit not penalised (elbo)", TRAINING)
    denoise: tuple[str, float] | None = setting(
        None,
        Corruption(),
        "corrupt the encoder's input, reconstruct the clean row: salt_and_pepper and the fraction "
        "of the values to replace, or gaussian and the σ of the noise to add",
        TRAINING,
    )
    binarize: str = setting(
        "none",
        Choice(("none", "fixed", "dynamic")),
        "draw each gray pixel as 0 or 1; fixed: once; dynamic: every time it is trained on",
        DATA,
    )
    missing: bool = setting(
        False,
        Flag(),
        "NaN stands for a missing value; in tables with named columns it always does",
        DATA,
    )
    columns: dict | None = setting(
        None,
        Kinds(CHOICES),
        "what columns of a table are, where the guess is wrong: gaussian for real numbers, poisson "
        "for counts, negative-binomial for counts that vary more, bernoulli for one of two values, "
        "categorical for one of several, id for what names the rows, ignore",
        DATA,
    )
    condition: str | list | None = setting(
        None,
        Condition(),
        "describe x given what else is known of each row, which encoder and decoder see too: y for "
        "the y of `fit`, a class or a number for each row, or the names of columns of a table; of "
        "images the name of a label, such as digit or pose",
        DATA,
        none="nothing",
    )
    validation_fraction: float = setting(
        0.1, FRACTION, "rows to hold out; the epoch with the best ELBO on them is kept"
    )
    n_importance: int = setting(100, COUNT, "samples per row for score and score_samples")
    contamination: float = setting(
        0.1,
        SHARE,
        "predict calls a row unusual if at most this share of the held-out rows is as improbable",
    )
    random_state: int | np.random.Generator | np.random.RandomState | None = setting(
        None, Seed(), "fixes all random numbers", TRAINING, "seed"
    )
    n_jobs: int | None = setting(
        None,
        Jobs(),
        "processes that share the training, at most: small models are trained by one; −1: as many "
        "as there are cores",
        none="one",
    )
    verbose: bool = setting(False, Flag(), "show progress")

    def checked(self) -> "Settings":
        """These settings as plain values, each within its constraint and all consistent: Settings.

        Raises  TypeError, ValueError   the sentence says what was found and what was expected
        """
        values = {line.name: getattr(self, line.name) for line in TABLE}
        for line in TABLE:
            if values[line.name] is not None or type(None) not in get_args(line.type):
                value = labelled(line.name, line.metadata["constraint"], values[line.name])
                values[line.name] = value
        s = Settings(**values)
        n_names = len(s.activation.split(","))
        if n_names not in (1, len(s.hidden)):
            raise ValueError(
                f"activation {s.activation!r} names {n_names} for {len(s.hidden)} hidden layers; "
                "give one for all, or one for each."
            )
        for name, sigma in (("sigma", s.sigma), ("sigma_min", s.sigma_min)):
            if not 0.0 < sigma * sigma < 3e38:  # the most that float32 can hold
                raise ValueError(
                    f"{name} must have a square that is above 0 and below 3e+38, found {sigma!r}."
                )
        if s.free_bits and s.objective != "elbo":
            raise ValueError(f"free_bits goes with objective 'elbo', not with {s.objective!r}.")
        if s.binarize != "none" and s.likelihood != "bernoulli":
            raise ValueError(
                f"binarize makes values 0 or 1, which {s.likelihood} does not describe; choose the "
                "bernoulli likelihood."
            )
        return s

    def of_network(self, n_features: int) -> dict[str, Any]:
        """The arguments of `Autoencoder` for so many columns, but for the dtype."""
        names = (line.name for line in TABLE if line.metadata["group"] == MODEL)
        given = {name: getattr(self, name) for name in names if name != "init_sigma"}
        given["n_latent"] = self.n_latent or max(1, min(MOST, n_features // 2))
        real = "gaussian" in self.likelihood
        counts = likelihoods.describes_counts(self.likelihood)
        given["skip"] = given["skip"] and real
        given["standardize"] = given["standardize"] and (real or counts)
        return {"n_features": n_features, **given}

    def plain(self) -> dict[str, Any]:
        """name → value, as JSON can hold it; a generator as random_state becomes None."""
        values = {line.name: getattr(self, line.name) for line in TABLE}
        if not isinstance(values["random_state"], int):
            values["random_state"] = None
        return values


TABLE = dataclasses.fields(Settings)


def described():
    """The table as the Parameters of VAE's docstring: type, default, help."""
    return "\n".join(map(_entry, TABLE))


def _entry(line):
    constraint, none = line.metadata["constraint"], line.metadata["none"]
    kinds = [getattr(kind, "__name__", str(kind)) for kind in get_args(line.type) or [line.type]]
    kind = " or ".join(kinds).replace("NoneType", "None")
    if type(constraint) is Choice:
        kind = "{" + ", ".join(map(repr, constraint.names)) + "}"
    text = line.metadata["help"] + f"; None: {none}" * bool(none)
    head = f"{line.name} : {kind}, default={line.default!r}"
    lines = textwrap.wrap(text, 88, break_on_hyphens=False)
    return "\n    ".join([head, *lines])
