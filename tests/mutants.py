"""Would the tests notice? `python tests/mutants.py [MODULE …]` changes one place of a module at a
time, and runs the tests on each mutant. One that no test fails on is a place that is not tested, or
a change that changes nothing: those are listed in ARGUED, each with its reason.

Without a MODULE every mutant of the mathematics is tried, which takes about ten minutes on two
cores. `--sample 80` draws as many mutants of all other modules, whose tests take longer.

Each mutant lives in a fork of a process that has loaded NumPy, SciPy and pytest, but nothing of
numvae: so everything that the fork imports is built upon the mutant. As it may write anything, it
works in a copy of the repository, where it is the compiled file of its module; the source beside it
is as before. First come the tests of the module itself, then those of what imports it.
"""

import argparse
import ast
import contextlib
import copy
import functools
import marshal
import os
import random
import resource
import shutil
import signal
import sys
import tempfile
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from importlib.util import MAGIC_NUMBER, cache_from_source
from itertools import chain, groupby
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple

os.environ["OPENBLAS_NUM_THREADS"] = "1"  # a fork has one thread

import matplotlib.backends.backend_agg  # noqa: F401
import numpy.testing  # noqa: F401
import pytest
import scipy.integrate
import scipy.ndimage
import scipy.special
import scipy.stats  # noqa: F401

ROOT = Path(__file__).resolve().parents[1]
COPIED = "numvae", "scripts", "tests", "pyproject.toml", "setup.cfg"
MODULES = [
    path.relative_to(ROOT / "numvae").as_posix()
    for path in sorted(ROOT.glob("numvae/**/*.py"))
    if not path.name.startswith("__")
]
MATHEMATICS = [
    module
    for module in MODULES
    if module.startswith(("rules/", "network/")) or module == "training/optimizers.py"
]
# Pictures are looked at, checks are tests themselves, and processes take too long.
OTHERS = [
    module
    for module in MODULES
    if module not in MATHEMATICS
    and not module.startswith(("plots/", "explore/", "book/", "checks/", "parallel/"))
]
# What stands on the mathematics; the last two hold the lines of `python -m numvae.checks`.
ON_MATHEMATICS = (
    "tests/rules",
    "tests/network",
    "tests/training",
    "tests/checks/test_definitions.py",
    "tests/checks/test_gradients.py",
)
OWN = {  # the tests of a module, if not of its name alone
    "commands/train.py": ("tests/scripts/test_train.py", "tests/scripts/test_train_data.py"),
    "commands/evaluate.py": ("tests/scripts/test_evaluate.py",),
    "commands/explore.py": ("tests/scripts/test_explore.py",),
    "constraints.py": ("tests/test_settings.py", "tests/training/test_checkpoint.py"),
    "estimator.py": ("tests/test_estimator.py", "tests/test_validation.py"),
    **dict.fromkeys((m for m in MODULES if m.startswith("book/")), ("tests/book",)),
    "lessons/derivation_steps.py": ("tests/lessons/test_derivations.py",),
    **dict.fromkeys(
        ("lessons/hints.py", "lessons/ladder.py", "lessons/small_model.py", "lessons/solutions.py"),
        ("tests/lessons/test_exercises.py", "tests/scripts/test_exercises.py"),
    ),
    "parallel/sharing.py": ("tests/parallel/test_ranks.py",),
}
# What takes too long: pictures, several processes, all programs of all READMEs. A mutant lives in a
# process of a pool, where no workers are started.
NOT_TRIED = "tests/plots/", "tests/parallel/", "tests/test_readme.py"
SECONDS, WIDER_SECONDS = 60, 300  # of the processor: what takes longer hangs
MEMORY = 2**31  # bytes: what takes more would take all
WAIT = 10  # times as long on the clock: what waits longer waits for ever

OPERATORS = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.Mult,
    ast.Pow: ast.Mult,
    ast.MatMult: ast.Mult,
    ast.LShift: ast.RShift,
    ast.And: ast.Or,
    ast.Or: ast.And,
}
COMPARISONS = {  # the edge moved, and the opposite
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
}
PAIRS = """
abs:positive add:subtract cos:sin divide:multiply exp:expm1 expm1:exp log:log1p log1p:log
max:min maximum:minimum mean:sum min:max minimum:maximum multiply:divide negative:positive
sin:cos sqrt:exp subtract:add sum:mean var:std zeros:ones zeros_like:ones_like
"""
NAMES = dict(pair.split(":") for pair in PAIRS.split())
BUILTINS = {"abs": "float", "max": "min", "min": "max", "reversed": "list", "sum": "max"}

# What may survive, as it reads in the mutants: why, of which function, the lines.
ARGUED = """
# A tie: both sides of the edge give the same, or it has probability 2^-53 at most.
rules/bernoulli.py sample
    draw = (rng.random(mean.shape, dtype=mean.dtype) <= mean).astype(mean.dtype)
rules/codes.py spherical
    if 1.0 - abs(cosine) <= 1e-06:
rules/continuous_bernoulli.py logits_of_mean
    below = mean(middle) <= wanted
rules/continuous_bernoulli.py sample
    flat = a >= -0.001
rules/continuous_bernoulli.py _log_sinhc
    small = u <= SMALL
rules/continuous_bernoulli.py _langevin
    small = np.abs(u) <= SMALL
rules/corruption.py salt_and_pepper
    return np.where(u <= amount, (u < 0.5 * amount).astype(x.dtype), x)
    return np.where(u < amount, (u <= 0.5 * amount).astype(x.dtype), x)
rules/dropout.py draw
    return (rng.random(shape, dtype=dtype) > rate).astype(dtype)
rules/optimizers.py clip
    if norm >= limit:
report.py Report.lines
    n_active = int((each['activity'] >= diagnostics.ACTIVE).sum())
report.py Report.pictures
    yield ('units.png', plots.kl_per_unit(each['kl'], each['activity'] >= diagnostics.ACTIVE))
report.py overview
    return plots.overview(shown(x, y), shown(model.decode(mu, y), y), shown(samples, drawn_y), mu, each['kl'], each['activity'] >= diagnostics.ACTIVE, training.history, known, columns, limits)
progress.py Countdown.draw
    if self.live and now - self.drawn >= 0.1:
commands/evaluate.py _hide
    mask = (rng.random(X.shape) <= what).astype(X.dtype)
# A row is observed as a whole: each of its columns says the same.
rules/categorical.py log_likelihood
    log_sum = log_sum * observed[..., 1]
# The interval only has to hold the answer, and 50 halvings leave it no width.
rules/continuous_bernoulli.py logits_of_mean
    low, high = (np.full_like(wanted, -61.0), np.full_like(wanted, 60.0))
    low, high = (np.full_like(wanted, -120.0), np.full_like(wanted, 60.0))
    low, high = (np.full_like(wanted, -60.0), np.full_like(wanted, 61.0))
    low, high = (np.full_like(wanted, -60.0), np.full_like(wanted, 120.0))
    for _ in range(51):
    for _ in range(100):
# A tie, again. Only differences of w count.
rules/importance.py pareto_k
    equal = ~(largest[-1] - largest[0] > 0.001)
    w = np.expm1(largest - largest[-1])
# A value that the other branch of `where` replaces; it only has to be finite.
rules/importance.py pareto_k
    x = np.where(equal, 2.0, w[1:] - w[0])
rules/continuous_bernoulli.py sample
    x = np.log1p(v * np.expm1(a)) / np.where(flat, 2.0, a)
rules/continuous_bernoulli.py _log_sinhc
    square = np.where(small, u * u, 1.0)
    u = np.where(small, 2.0, u)
rules/continuous_bernoulli.py _langevin
    square = np.where(small, u * u, 1.0)
    u = np.where(small, 2.0, u)
# A guard: no v below 1 is known for which rounding makes x exceed 1.
rules/continuous_bernoulli.py sample
    x = np.where(flat, v, np.minimum(x, 2.0))
# 0 and 1 change places, and they have the same chance.
rules/corruption.py salt_and_pepper
    return np.where(u < amount, (u >= 0.5 * amount).astype(x.dtype), x)
# The noise is symmetric.
rules/mixture.py sample
    z[of == k] = means[k] - z[of == k] @ L.T
rules/corruption.py gaussian
    return x - amount * rng.standard_normal(x.shape, dtype=x.dtype)
commands/evaluate.py decode
    z = z - args.sigma * np.random.default_rng(args.seed).standard_normal((args.n or DRAWS, Z))
# A tie: at its free bits a unit's loss has a kink, and both slopes are right.
rules/objectives.py free_bits_elbo_backward
    dkl = np.full_like(kl, beta / B) * (kl.mean(axis=0) >= free_bits)
# The gradient of the data is computed and thrown away: only time is lost.
network/autoencoder.py Autoencoder.loss_and_grad
    self.encoder.backward(dh, need_dx=True)
# NumPy takes any negative length for the one to be worked out.
network/autoencoder.py Autoencoder.log_likelihood
    h_dec = self.decoder.forward(z.reshape(-2, z.shape[-1]), y=y)
evaluation/aggregate.py codes
    return gaussian.reparameterize(mu, logvar, eps).reshape(-2, mu.shape[1]).astype(np.float64)
evaluation/imputation.py impute
    decoded = model.decode(z.reshape(-2, model.n_latent), given)
evaluation/imputation.py _chains
    mu, logvar = (q.reshape(L, B, -2) for q in model.encode(filled, y))
evaluation/latent.py recovery
    neighbours = known[nearest].reshape(len(mu_new), -2)
    most = mode(neighbours.reshape(len(mu_new), -2), axis=1).mode
network/likelihoods.py Bernoulli.log_likelihood
    a = self.layer.forward(h_dec).reshape(-2, *x.shape)
network/likelihoods.py Bernoulli.backward
    return self.layer.backward(da.reshape(-2, self.layer.n_out))
network/likelihoods.py Gaussian.log_likelihood
    y, m = (self.units.forward(x), self.mean_layer.forward(h_dec).reshape(-2, *x.shape))
network/likelihoods.py Gaussian.backward
    dh_mean = self.mean_layer.backward(dm.reshape(-2, self.mean_layer.n_out))
network/likelihoods.py VarianceOfZ.backward
    return self.layer.backward(ds.reshape(-2, self.layer.n_out))
network/layers.py MLP.masks
    return [mask.reshape(-2, mask.shape[-1]) for mask in masks]
datasets/own.py load
    rows = array.reshape(len(array), -2)
datasets/dataset.py _mnist
    data.X_valid, data.known_valid = (images.reshape(len(images), -2), {label: labels})
datasets/dataset.py _images
    X, known = (images.reshape(len(images), -2), known or {})
datasets/digits.py _atlas
    distance = distance.reshape(-2, CELL, fine, CELL, fine).mean(axis=(2, 4)) / (fine * SCALE)
    return distance.reshape(-2, CELL).astype(np.float32)
datasets/digits.py _glyphs
    return ink.reshape(len(fonts), size, 10, size).swapaxes(1, 2).reshape(-2, size, size)
report.py Report._image_pictures.decoded
    x = model.decode(z.reshape(-2, model.n_latent), y)
    return images(x.reshape(*z.shape[:-1], -2))
report.py overview.shown
    return x.reshape(-2, *shape)
commands/evaluate.py sample
    x = x.reshape(-2, *run.shape)
commands/evaluate.py reconstruct
    originals, reconstructed = (rows.reshape(-2, *shape) for rows in (x, reconstructed))
commands/evaluate.py decode
    z = z + latent.plane(steps, steps, Z, axes).reshape(-2, Z)
    plots.save(plots.image_grid(x.reshape(-2, *run.shape), limits=run.limits), path)
commands/evaluate.py impute
    originals, holes, filled = (rows[:10].reshape(-2, *run.shape) for rows in (X, np.where(known, x, np.nan), imputed))
commands/evaluate.py _hide
    mask = mask.reshape(len(X), -2)
commands/evaluate.py write_rows
    write_numbers(path, x.reshape(-2, *run.shape))
# How many are looked up: the series is as exact.
rules/poisson.py
    SMALL = 512
# The size of a block changes no number; nor does how often, or from where, what is too small to
# matter is forgotten.
datasets/csv_file.py
    ROWS = 20000
datasets/download.py
    CHUNK = 3 ** 16
    CHUNK = 2 ** 17
datasets/own.py Own.digest
    for start in range(0, len(numbers), (at_once := min(1, BLOCK_BYTES // row))):
    for start in range(0, len(numbers), (at_once := max(2, BLOCK_BYTES // row))):
    for start in range(0, len(numbers), (at_once := max(1, BLOCK_BYTES * row))):
    for start in range(0, len(numbers), (at_once := max(1, BLOCK_BYTES))):
    for start in range(0, len(numbers), (at_once := max(1, row))):
rows.py
    READ_AT_ONCE = 33
    READ_AT_ONCE = 64
rows.py blocks
    size = size or max(1, BLOCK_BYTES // max(2, X.shape[1] * X.dtype.itemsize))
evaluation/importance.py
    AT_ONCE = 2048
evaluation/imputation.py
    AT_ONCE = 2048
training/optimizers.py
    BLOCK = 65536
    FORGET_EVERY = 65
    FORGET_EVERY = 128
training/optimizers.py Optimizer.update
    if self.t % FORGET_EVERY != 0:
    if self.t % FORGET_EVERY == 1:
    array[np.abs(array) <= 100000000.0 * np.finfo(array.dtype).tiny] = 0.0
    array[np.abs(array) < 200000000.0 * np.finfo(array.dtype).tiny] = 0.0
# How long to go on: time, and digits beyond those that count. A tie.
rules/mixture.py
    def fit(rng, z, n_components, imagined=10.0, n_steps=400, enough=0.01):
    def fit(rng, z, n_components, imagined=10.0, n_steps=200, enough=0.02):
rules/mixture.py fit
    if log_p - latest <= enough:
rules/factor_analysis.py
    def fit(x, observed, n_factors, floor, ceiling=math.inf, imagined=0.0, n_steps=2000, enough=1e-06):
    def fit(x, observed, n_factors, floor, ceiling=math.inf, imagined=0.0, n_steps=1000, enough=2e-06):
rules/factor_analysis.py fit
    pass  # latest = log_p.mean()
    if log_p.mean() - latest <= enough:
# The quick way where all is known, and the way for all.
    of_column = np.tensordot(patterns, uu, (0, 0)) if len(C) >= 1 else uu
    if len(C) >= 1:
# Only time and memory are lost.
training/loop.py Training.split
    x, y = split_condition(rows.astype(model.dtype, copy=True), model.n_condition)
evaluation/importance.py _estimate
    x, _ = split_condition(rows.astype(model.dtype, copy=True), model.n_condition)
rules/factor_analysis.py _principal_axes
    _, s, axes = np.linalg.svd(centered, full_matrices=True)
validation.py _check_finite
    block = block.astype(dtype, copy=True)
datasets/own.py Own.digest
    found.update(x.astype(x.dtype.newbyteorder('<'), copy=True))
datasets/own.py _survey
    whole = whole and bool((x == np.floor(x)).all())
datasets/csv_file.py _columns
    again = again or i not in of_text
datasets/image_folder.py _is_clear
    return image.convert('RGBA').getchannel('A').getextrema()[0] < 255
commands/evaluate.py sample
    pass  # np.empty((args.n, run.model.n_features), run.model.dtype)
npz.py _header
    if member.file_size > TEXT + size // 8 + 256:
npz.py _check_size
    if not 0 < member.file_size - math.prod(shape) * dtype.itemsize < 2 ** 17:
# What is smaller than any whole file is refused in any case, and none is as small as its arrays.
npz.py _opened
    file.seek(max(1, size - END - 20))
    if sum((m.file_size for m in listed)) >= size:
npz.py _check_size
    if not 1 < member.file_size - math.prod(shape) * dtype.itemsize < 2 ** 16:
# So much of a long text is compared with names, which are short.
constraints.py near
    close = difflib.get_close_matches(str(value)[:200], list(known))
# In which rows and samples doubts are looked for, in how many, and to which digit columns are equal.
doubts.py
    ROWS = 4000
doubts.py doubts
    numbers = np.sort(stream(training.seed, *START, 2).permutation(len(X))[:ROWS])
doubts.py _of_samples
    rng = stream(training.seed, *START, 3)
    rng = stream(training.seed, *START, 4)
doubts.py _of_columns
    same = first.setdefault(np.round(standardized[:, i], 7).tobytes(), i)
    same = first.setdefault(np.round(standardized[:, i], 12).tobytes(), i)
# Where no share of the rows is asked for: from a half on, no number of rows is too small.
doubts.py
    def of_reference(n, held_out, contamination=1.5):
    def of_reference(n, held_out, contamination=1.0):
# No number of x is looked at where only y is decoded.
report.py Report._values_of_y
    table = columns.decode(y[:, :1], y)
# Nobody compares settings.
settings.py
    @dataclass(eq=True)
# The very edge of a tolerance, which means nothing.
datasets/own.py load
    in_range = low > -ROUNDING and high <= 1 + ROUNDING
    in_range = low >= -ROUNDING and high < 1 + ROUNDING
training/checkpoint.py _check_mixture
    is_whole = abs(shares.sum() - 1.0) < 2e-09 and np.isfinite(np.linalg.cholesky(covariances))
    is_whole = abs(shares.sum() - 1.0) <= 1e-09 and np.isfinite(np.linalg.cholesky(covariances))
training/start.py units
    varies = variance > (5.0 * np.finfo(np.float64).eps * mean) ** 2
    varies = variance > (8.0 * np.finfo(np.float64).eps * mean) ** 2
npz.py _opened
    long = before.startswith(b'PK\\x06\\x07') and size <= 2 ** 31
validation.py check_range
    if low <= -ROUNDING or high > 1.0 + ROUNDING:
    if low < -ROUNDING or high >= 1.0 + ROUNDING:
datasets/own.py full_scale
    if low <= -ROUNDING:
datasets/own.py _are_in_bytes
    return bool((np.abs(shades - np.rint(shades)) <= 0.001).all())
tables/columns.py _decimals
    if np.allclose(np.round(known, decimals), known, rtol=2e-15, atol=0):
datasets/download.py _read
    if time.monotonic() >= deadline:
lessons/derivations.py main
    return 0 if all((error <= LIMIT for derivation in chosen for error in errors(derivation))) else 1
# Which points a median is taken over.
lessons/trace.py error_by_step
    small = (steps <= best / 5.0) & (error < 0.1)
    large = (steps > best * 6.0) & (steps < 0.3)
# All limits are above 1, and what is one byte too long is as bad as what is two.
datasets/download.py _read
    if max(len(content), length or 1) > LARGEST:
datasets/files.py unpack
    content = gzip.GzipFile(fileobj=io.BytesIO(content)).read(LARGEST + 2)
# A file is longer than its numbers: it has a header.
datasets/array_files.py _header
    if min(shape, default=0) < 0 or math.prod(shape) * dtype.itemsize >= size:
# A second lock: what could be a pickle is not asked for.
datasets/array_files.py Member.__array__
    with whole, np.load(self.path, allow_pickle=True) as archive:
# Only where MD5 is forbidden.
datasets/files.py checked
    digest = hashlib.md5(content, usedforsecurity=True).hexdigest()
# How long a comment may be.
datasets/csv_file.py Text.__init__
    lines = list(islice(file, 5 * LOOKED_AT))
    lines = list(islice(file, 8 * LOOKED_AT))
# All channels of gray and of black say the same.
datasets/image_folder.py _alike
    images = [image if image.ndim == 2 else image[..., 1] for image in images]
datasets/digits.py _glyphs
    ink = 1 - np.asarray(canvas.buffer_rgba())[..., 1] / np.float32(255)
# Streams that nothing is drawn from; outlines that are moved and scaled to their place anyway, also
# one beside the page; a shade that there is not; the edge of a cell, where no ink is; x / ±1 = ±x.
datasets/digits.py digits
    streams = [np.random.default_rng(child) for child in np.random.SeedSequence(seed).spawn(4)]
    streams = [np.random.default_rng(child) for child in np.random.SeedSequence(seed).spawn(6)]
datasets/digits.py _glyphs
    for digit in range(11):
    for digit in range(20):
    outline = TextPath((1, 0), str(digit), size=100, prop=font)
    outline = TextPath((0, 1), str(digit), size=100, prop=font)
    outline = TextPath((0, 0), str(digit), size=200, prop=font)
    scale = height / (high - low)[1] / np.array([1, -1])
datasets/digits.py _atlas
    glyphs = _glyphs(fine * CELL) >= 0.5
datasets/digits.py _draw
    u, v = (np.clip(SCALE * t + (CELL - 1) / 2, 1, CELL - 1) for t in (x, y))
    u, v = (np.clip(SCALE * t + (CELL - 1) / 2, 0, CELL - 2) for t in (x, y))
datasets/faces.py _paint_head
        _paint(canvas, SHADE + 0.1, _ellipse(x, y, 7.2 / side - 2 * yaw, 0.5, 1.4, 2.2))
datasets/faces.py _paint_cheek
    middle, narrow = _turn(yaw, 0.62 / side)
datasets/faces.py _paint_eye
    middle, narrow = _turn(yaw, 0.46 / side)
# Only Windows runs it; any byte that is not there will do.
files.py _lock
    file.seek(2 ** 60)
# A single value has no variance, whatever it is divided by.
rows.py column_moments
    return (n, mean, squares / np.maximum(n, 2))
# A VAE has no parts, whose parameters `deep` would bring.
estimator.py VAE
    def get_params(self, deep: bool=False) -> dict[str, Any]:
# Of no file there is nothing to be asked.
training/history.py History
    saved = (None, 1, 0)
    saved = (None, 0, 1)
# A line may have 1,000 characters, of which a row needs 200.
training/history.py _lines
    while (line := file.readline(2000)):
# A model has more arrays than layers and blocks.
training/checkpoint.py _expected
    if len(s.hidden) + s.likelihood.count(',') >= n_arrays:
# Arrays without an element, or of zeros beside zeros.
training/start.py begin
    model.logvar_head.initialize_linear(np.ones((0, model.n_latent)), 0.0)
    model.logvar_head.initialize_linear(np.zeros((1, model.n_latent)), 0.0)
training/start.py factors
    U = np.ones((x.shape[1], C))
# Only several processes tell these apart: see tests/parallel.
estimator.py VAE.fit
    pass  # team.share(training, X)
    verbose = self.verbose
    if not diverged:
# A tie. The offset is a little below the score of a row.
estimator.py VAE.predict
    return np.where(self.score_samples(X, y) <= self._offset(X, y), -1, 1)
# Random numbers of another address are as good.
rows.py sample
    return Rows(X, np.sort(stream(seed, *SPLIT, 2).permutation(len(X))[:n]))
evaluation/aggregate.py fit
    rng = stream(training.seed, *CODES, 2)
evaluation/aggregate.py from_prior
    z = codes(training, stream(training.seed, *CODES, 3), X)
    z = codes(training, stream(training.seed, *CODES, 4), X)
evaluation/aggregate.py _rows
    numbers = stream(training.seed, *CODES, 1).permutation(len(X))[:ROWS]
evaluation/diagnostics.py lost_without_z
    rng = stream(inputs.seed, *EVALUATION, 1, len(x))
# Only Windows, or a system without that, runs it.
rows.py read
    gives_back = X.mode != 'c'
files.py _not_through_links
    return os.open(path, flags | getattr(os, 'O_NOFOLLOW', 1), 438)
files.py folder_atomically
    pass  # path.rmdir()
# How long a random name is.
files.py _temporary
    return path.with_name(TEMPORARY.format(secrets.token_hex(9)))
    return path.with_name(TEMPORARY.format(secrets.token_hex(16)))
# No row has 0 numbers.
validation.py as_shape
    whole = all((isinstance(n, numbers.Integral) and n >= 0 for n in shape))
# Where names differ, a title and a name at least are listed.
validation.py check_feature_names
    if len(lines) > 2:
# Of no numbers, none is below 0.
datasets/array_files.py _header
    if min(shape, default=1) < 0 or math.prod(shape) * dtype.itemsize > size:
# The settings of an experiment.
lessons/bugs.py
    MODES = ({}, {'likelihood': 'gaussian-sigma-z', 'hidden': (5,), 'L': 1}, {'likelihood': 'gaussian', 'skip': True, 'hidden': (3,), 'L': 1})
    MODES = ({}, {'likelihood': 'gaussian-sigma-z', 'hidden': (8,), 'L': 1}, {'likelihood': 'gaussian', 'skip': True, 'hidden': (3,), 'L': 1})
    MODES = ({}, {'likelihood': 'gaussian-sigma-z', 'hidden': (4,), 'L': 2}, {'likelihood': 'gaussian', 'skip': True, 'hidden': (3,), 'L': 1})
    MODES = ({}, {'likelihood': 'gaussian-sigma-z', 'hidden': (4,), 'L': 1}, {'likelihood': 'gaussian', 'skip': True, 'hidden': (4,), 'L': 1})
    MODES = ({}, {'likelihood': 'gaussian-sigma-z', 'hidden': (4,), 'L': 1}, {'likelihood': 'gaussian', 'skip': True, 'hidden': (6,), 'L': 1})
    MODES = ({}, {'likelihood': 'gaussian-sigma-z', 'hidden': (4,), 'L': 1}, {'likelihood': 'gaussian', 'skip': True, 'hidden': (3,), 'L': 2})
    TABLE = {'likelihood': 'gaussian', 'skip': True, 'standardize': True, 'hidden': (17,)}
    TABLE = {'likelihood': 'gaussian', 'skip': True, 'standardize': True, 'hidden': (32,)}
    IWAE, DREG = ({'objective': name, 'n_samples': 6} for name in ('iwae', 'dreg'))
    IWAE, DREG = ({'objective': name, 'n_samples': 10} for name in ('iwae', 'dreg'))
    @formula('β weighs the reconstruction instead of the KL', objectives, 'density', beta=5.0)
    @formula('β weighs the reconstruction instead of the KL', objectives, 'density', beta=8.0)
    @formula('dropout without 1 / (1 − rate)', dropout, 'moments', dropout=0.6)
    @axis('gradient of the L samples averaged where it adds up', gaussian, n_samples=6)
    @axis('gradient of the L samples averaged where it adds up', gaussian, n_samples=10)
    @around('weight decay that lets the weights grow', optimizers, 'optimizer', weight_decay=1.1)
    @around('weight decay that lets the weights grow', optimizers, 'optimizer', weight_decay=0.2)
lessons/consequences.py
    SEED, EPOCHS = (2014, 21)
    SEED, EPOCHS = (2014, 40)
lessons/small_model.py
    EPOCHS = 600
lessons/small_model.py trained
    rng = np.random.default_rng(1)
lessons/ppca.py
    def measure(model, X, X_valid, best, seed, n_samples=200):
# Both are 0.
rules/mixture.py
    def maximize(z, r, spread=1.0, imagined=0.0):
lessons/bugs.py relu_backward
    return dh * (dh >= 0.0)
# x has two axes: the last is the second.
lessons/bugs.py log_likelihood
    return _log_likelihood(x, logits) / x.shape[1]
    return _log_p_counts(x, log_rate, observed) + poisson.log_factorial(x).sum(axis=1)
lessons/bugs.py log_likelihood_backward
    return _likelihood_backward(dlogp, x, logits) / x.shape[1]
lessons/bugs.py log_density
    return _log_density(x, *parameters) + 0.5 * x.shape[1] * gaussian.LOG_2PI
# A tie: equal numbers are said to be that before; no share of the gain that is left is 0.
lessons/consequences.py verdict
    if fraction <= 0.0:
lessons/consequences.py _words
    return f"{verb} {difference:,.{digits}f} {('better' if bound >= truth else 'worse')}"
# NumPy takes any negative length for the one to be worked out.
lessons/consequences.py data
    x = images.reshape(-2, SIZE, 2, SIZE, 2).mean(axis=(2, 4)).reshape(len(images), -1)
    x = images.reshape(-1, SIZE, 2, SIZE, 2).mean(axis=(2, 4)).reshape(len(images), -2)
lessons/derivations.py integral
    grid = np.stack(np.meshgrid(line, line), axis=-1).reshape(-2, 1, 2)
lessons/small_model.py draw_faces
    q = trained(loss_and_grad, adam, faces.faces(1000)[0].reshape(1000, -2))
    z = np.stack(np.meshgrid(values, values), axis=-1).reshape(-2, 2)
# Any step is small enough, and beyond 12 standard deviations nothing is left to sum.
lessons/derivations.py jacobian
    h, columns = (2e-20, [])
lessons/derivations.py
    def integral(f, step=0.4):
lessons/derivations.py integral
    line = np.arange(-13.0, 12.0, step)
    line = np.arange(-24.0, 12.0, step)
    line = np.arange(-12.0, 13.0, step)
    line = np.arange(-12.0, 24.0, step)
# All gradients have one shape, and all lines of a derivation.
lessons/derivations.py adam
    theta, m, v = np.zeros((3, *gradients[1].shape))
lessons/derivations.py shown
    entry = f'entry {[0] * lines[0].ndim}' if lines[1].ndim else 'value'
    entry = f'entry {[0] * lines[1].ndim}' if lines[0].ndim else 'value'
# Another random point.
lessons/derivations.py
    def errors(derivation, seed=1):
# How long is looked for a cause. The very edge of a tolerance. The clock stands at no edge.
lessons/judge.py
    MOST, SECONDS = (16000, 10)
    MOST, SECONDS = (8000, 11)
    MOST, SECONDS = (8000, 20)
    MORE = 2
lessons/judge.py Judge.repaired
    if time.monotonic() >= end:
    end = max(end, time.monotonic() + MORE)
lessons/judge.py _equal
    return relative_error(a, b) <= LIMIT
lessons/trace.py Gradient.ok
    return self.error <= LIMIT
# Any factor but 1 moves a value. What is longer is left out where it is used, too.
lessons/repairs.py repairs
    if (moved := moves(make(ast.BinOp(place.node, ast.Mult(), ast.Constant(2.01))))):
    if (moved := moves(make(ast.BinOp(place.node, ast.Mult(), ast.Constant(2.02))))):
lessons/repairs.py _expressions
    if len(ast.unparse(value)) <= 61:
    if len(ast.unparse(value)) <= 120:
# Only its shape counts.
lessons/small_model.py two_paths
    _, dkl = objectives.elbo_backward(mu[None, :, 1], mu, 1.0)
# When what is printed appears.
lessons/small_model.py trained
    print(f'epoch {epoch}: loss {np.mean(losses):.2f} nats per face', flush=False)
# The noise is symmetric.
lessons/ppca.py PPCA.sample
    return z @ self.W.T + self.b - self.sigma * rng.standard_normal((n, len(self.b)))
# The gradient of the data is computed and thrown away: only time is lost.
lessons/gradient_noise.py score_gradient
    model.encoder.backward(dh, need_dx=True)
# All calls are made from one page. Only `python -OO` takes docstrings away.
lessons/trace.py _nodes
    variables = calls[1].page.f_locals.items()
    variables = calls[-2].page.f_locals.items()
lessons/trace.py written
    lines = re.findall('^(.*) {2,}\\\\(([A-Z]\\\\d+)\\\\)$', rule.__doc__, re.MULTILINE)
"""  # noqa: E501


def argued():
    """(module, function, line) of all that is ARGUED."""
    module = function = None
    for line in ARGUED.strip().splitlines():
        if line.startswith("    "):
            yield module, function, line.strip()
        elif not line.startswith("#"):
            module, _, function = line.partition(" ")


ARGUED_LINES = set(argued())


class Mutant(NamedTuple):
    function: str
    line: int
    before: str
    after: str
    code: bytes


def mutants(source):
    """Every mutant of a module, one change in each."""
    tree = ast.parse(source)
    for function, statement in statements(tree):
        before = header(statement)
        seen = {before}
        for node in list(expressions(statement)):
            for changed in changes(node):
                Replace(node, changed).visit(tree)
                after = header(changed if node is statement else statement)
                if after == "pass":
                    after += f"  # {before}"
                if after not in seen:
                    seen.add(after)
                    with contextlib.suppress(SyntaxError):  # nonlocal, and no line that binds it
                        code = compile(ast.fix_missing_locations(tree), "mutant", "exec")
                        code = marshal.dumps(code)
                        yield Mutant(function, statement.lineno, before, after, code)
                Replace(changed, node).visit(tree)


def changes(node):
    """What may stand in the place of a node."""
    match node:
        case ast.BinOp(left, op, right):
            if type(op) in OPERATORS:
                yield altered(node, op=OPERATORS[type(op)]())
            yield left
            yield right
        case ast.BoolOp(op, parts):
            yield altered(node, op=OPERATORS[type(op)]())
            yield from parts
        case ast.AugAssign(op=op):
            if type(op) in OPERATORS:
                yield altered(node, op=OPERATORS[type(op)]())
            yield ast.Pass()
        case ast.Assign() | ast.Expr() | ast.Raise():
            yield ast.Pass()
        case ast.Compare(ops=[op]):
            for other in COMPARISONS[type(op)]:
                yield altered(node, ops=[other()])
        case ast.UnaryOp():
            yield node.operand
        case ast.Constant(value=bool(value)):
            yield altered(node, value=not value)
        case ast.Constant(value=int(value) | float(value)):
            if value < 100:
                yield altered(node, value=value + 1)
            yield altered(node, value=2 * value)
        case ast.keyword(arg="axis", value=axis):
            other = -1 if ast.unparse(axis) == "0" else 0
            yield altered(node, value=ast.Constant(other))
        case ast.Attribute(attr="T"):
            yield node.value
        case ast.Attribute(attr=name) if name in NAMES:
            yield altered(node, attr=NAMES[name])
        case ast.Call(func=ast.Name(id=name)) if name in BUILTINS:
            yield altered(node, func=ast.Name(BUILTINS[name], ast.Load()))
        case ast.If(test=test) | ast.IfExp(test=test) | ast.While(test=test):
            if isinstance(test, ast.Name | ast.Attribute | ast.Call):
                yield altered(node, test=ast.UnaryOp(ast.Not(), test))


def altered(node, **fields):
    node = copy.copy(node)
    for name, value in fields.items():
        setattr(node, name, value)
    return node


class Replace(ast.NodeTransformer):
    def __init__(self, old, new):
        self.old, self.new = old, new

    def visit(self, node):
        return self.new if node is self.old else self.generic_visit(node)


def statements(tree, function=""):
    """(name of the function, statement) of every statement, docstrings left out."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.stmt):
            if not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)):
                yield function, node
            inside = f"{function}.{node.name}".strip(".") if hasattr(node, "name") else function
            yield from statements(node, inside)
        elif isinstance(node, ast.ExceptHandler | ast.match_case):
            yield from statements(node, function)


def expressions(node):
    """The statement itself and what stands in it, but neither the statements of its body nor
    types, which change nothing that runs."""
    yield node
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, ast.stmt) and child is not getattr(node, "annotation", None):
            yield from expressions(child)


def header(statement):
    """The statement in one line; of an `if`, a `for`, a `def` the first."""
    return ast.unparse(statement).splitlines()[0]


def settle(folder):
    """Work in a copy of the repository, in a folder of its own."""
    place = tempfile.mkdtemp(dir=folder)
    for name in COPIED:
        copied = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copied(ROOT / name, f"{place}/{name}")
    os.chdir(place)
    sys.path.insert(0, place)
    os.environ.update(PYTHONPATH=place, TMPDIR=place)
    tempfile.tempdir = None  # so that it is asked for again


def killed(module, code, tests, seconds):
    """Whether any of the tests fails, hangs or cannot even start with this code as the module."""
    if code:
        compiled = Path(cache_from_source(f"numvae/{module}"))
        compiled.parent.mkdir(exist_ok=True)
        # Flag 1: the source's hash (the next eight bytes) is not compared with the source.
        compiled.write_bytes(MAGIC_NUMBER + (1).to_bytes(4, "little") + bytes(8) + code)
    child = os.fork()
    if child == 0:
        failed = 1
        try:
            os.setpgid(0, 0)
            sink = os.open(os.devnull, os.O_WRONLY)
            os.dup2(sink, 1)
            os.dup2(sink, 2)
            resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))
            signal.setitimer(signal.ITIMER_PROF, seconds)
            signal.alarm(WAIT * seconds)
            failed = pytest.main(["-x", "-q", "-p", "no:cacheprovider", *tests])
        finally:
            os._exit(failed)
    failed = os.waitpid(child, 0)[1] != 0
    with contextlib.suppress(ProcessLookupError):  # what it started and left
        os.killpg(child, signal.SIGKILL)
    if code:
        compiled.unlink()
    return failed


def tests_of(module):
    """The tests of a module itself, and those of what imports it, tests first."""
    own = own_tests(module)
    if module in MATHEMATICS:
        return own, ON_MATHEMATICS
    files = sorted(ROOT.glob("tests/**/test_*.py")), [ROOT / "numvae" / name for name in MODULES]
    users = [path.relative_to(ROOT) for path in chain(*files) if module in imports(path)]
    tests = dict.fromkeys(test for path in users for test in own_tests(path.as_posix()))
    return own, [test for test in tests if not test.startswith((*own, *NOT_TRIED))]


def own_tests(path):
    """The tests of a module; of a file of tests, itself."""
    if path.startswith("tests/"):
        return [path]
    path = path.removeprefix("numvae/")
    folder, name = os.path.split(path)
    return OWN.get(path, [os.path.join("tests", folder, f"test_{name}")])


@functools.cache
def imports(path):
    """The modules that a file imports; of those of a package, all that it hands on."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module.startswith("numvae"):
            package = ROOT.joinpath(*node.module.split("."))
            for name in (alias.name for alias in node.names):
                places = package / f"{name}.py", package / name / "__init__.py"
                places += package.with_suffix(".py"), package / "__init__.py"
                place = next(place for place in places if place.exists())
                if place.name == "__init__.py":
                    found |= imports(place)
                else:
                    found.add(place.relative_to(ROOT / "numvae").as_posix())
    return found


def verdict(module, mutant):
    """killed, argued or survives. What is argued need only survive the module's own tests."""
    own, wider = tests_of(module)
    if killed(module, mutant.code, own, SECONDS):
        return "killed"
    if (module, mutant.function, mutant.after) in ARGUED_LINES:
        return "argued"
    return "killed" if killed(module, mutant.code, wider, WIDER_SECONDS) else "survives"


def main():
    about = "Change one place at a time: do the tests notice?"
    parser = argparse.ArgumentParser(description=about, allow_abbrev=False)
    parser.add_argument("modules", nargs="*", metavar="MODULE", help="rules/dense.py …")
    parser.add_argument("--sample", type=int, metavar="N", help="so many mutants, not all")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of the sample")
    args = parser.parse_args()
    modules = args.modules or (OTHERS if args.sample else MATHEMATICS)
    for module in modules:
        if module not in MODULES:
            parser.error(f"there is no {module}; choose from {', '.join(MODULES)}.")
    every = [
        (module, mutant)
        for module in modules
        for mutant in mutants((ROOT / "numvae" / module).read_text(encoding="utf-8"))
    ]
    if args.sample:
        drawn = random.Random(args.seed).sample(range(len(every)), min(args.sample, len(every)))
        every = [every[number] for number in sorted(drawn)]
    with (
        tempfile.TemporaryDirectory(prefix="mutants-") as folder,
        ProcessPoolExecutor(os.cpu_count(), get_context("fork"), settle, [folder]) as pool,
    ):
        needed = [tests_of(module) for module in {module for module, _ in every}]
        seconds = {file: WIDER_SECONDS for _, wider in needed for file in wider}
        seconds |= {file: SECONDS for own, _ in needed for file in own}
        if missing := [file for file in seconds if not (ROOT / file).exists()]:
            sys.exit(f"There is no {missing[0]}: say in OWN where the tests of its module are.")
        n, each = len(seconds), [[file] for file in seconds]
        fails = pool.map(killed, [None] * n, [None] * n, each, seconds.values())
        if failing := [file for file, failed in zip(seconds, fails) if failed]:
            sys.exit(f"Before anything is changed, tests fail in {', '.join(failing)}.")
        found = pool.map(verdict, *zip(*every))
        return told(every, found, modules if not args.sample else [])


def told(every, found, whole):
    """Print the verdicts, and return the exit code; whole: modules that were tried as a whole."""
    print(f"{'':<34}mutants  killed  argued  survive", flush=True)
    total, unused = Counter(), {key for key in ARGUED_LINES if key[0] in whole}
    for module, group in groupby(zip(every, found), lambda pair: pair[0][0]):
        counts = Counter()
        for (_, mutant), verdict in group:
            counts[verdict] += 1
            if verdict == "argued":
                unused.discard((module, mutant.function, mutant.after))
            elif verdict == "survives":
                print(f"{module}:{mutant.line} {mutant.function}")
                print(f"  - {mutant.before}\n  + {mutant.after}", flush=True)
        print(row(module, counts), flush=True)
        total += counts
    print(row("in all", total))
    for module, function, line in sorted(unused):
        print(f"ARGUED is wrong: no mutant of {module} {function} that survives reads  {line}")
    return 1 if total["survives"] or unused else 0


def row(name, counts):
    numbers = counts.total(), counts["killed"], counts["argued"], counts["survives"]
    return f"{name:<34}" + "{:>7}{:>8}{:>8}{:>9}".format(*numbers)


if __name__ == "__main__":
    sys.exit(main())
