"""The whole VAE in one file is the package's, and runs by itself."""

import ast
import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose

from numvae.network import Autoencoder
from numvae.rules import optimizers

SCRIPT = Path(__file__).parents[2] / "scripts" / "minimal.py"
D, H, Z, B = 6, 5, 2, 4


@pytest.fixture(scope="module")
def minimal():
    spec = importlib.util.spec_from_file_location("minimal", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def p(minimal, rng):
    p = minimal.parameters(D, H, Z, rng)
    return {name: array + 0.1 * rng.standard_normal(array.shape) for name, array in p.items()}


LAYERS = {
    "1": "encoder.0",
    "mu": "mu",
    "logvar": "logvar",
    "2": "decoder.0",
    "3": "likelihood.mean",
}


def test_loss_and_gradient_are_those_of_the_package(minimal, p, rng):
    model = Autoencoder(D, Z, (H,), "tanh", "gaussian-fixed", minimal.SIGMA, dtype="float64")
    of_package = {f"{a}_{k}": f"{layer}.{a}" for k, layer in LAYERS.items() for a in "Wb"}
    assert sorted(of_package.values()) == sorted(model.parameters.values)
    for name, array in p.items():
        model.parameters.values[of_package[name]][...] = array
    x, eps = rng.random((B, D)), rng.standard_normal((B, Z))
    loss, d = minimal.loss_and_grad(p, x, eps)
    losses, _ = model.loss_and_grad(x, eps[None])
    assert_allclose(loss, losses.loss, rtol=1e-12)
    assert d.keys() == p.keys()
    for name, dq in d.items():
        assert_allclose(dq, model.parameters.gradients[of_package[name]], rtol=1e-12, atol=1e-12)


def test_adam_is_that_of_the_package(minimal, p, rng):
    m, v = ({name: np.zeros_like(array) for name, array in p.items()} for _ in range(2))
    flat = np.concatenate([array.ravel() for array in p.values()])
    flat_m, flat_v = np.zeros((2, flat.size))
    for t in (1, 2, 3):
        d = {name: rng.standard_normal(array.shape) for name, array in p.items()}
        gradient = np.concatenate([dq.ravel() for dq in d.values()])
        minimal.adam(p, d, m, v, t)
        optimizers.adam(flat, gradient, flat_m, flat_v, t, 2e-3, 0.9, 0.999, 1e-8)
    assert_allclose(np.concatenate([array.ravel() for array in p.values()]), flat, rtol=1e-9)


def test_finite_differences_agree_and_a_wrong_gradient_is_found(minimal, rng, monkeypatch):
    assert minimal.largest_error(rng) < 1e-8
    right = minimal.loss_and_grad

    def wrong(p, x, eps):
        loss, d = right(p, x, eps)
        return loss, {**d, "b_logvar": 2 * d["b_logvar"]}

    monkeypatch.setattr(minimal, "loss_and_grad", wrong)
    assert minimal.largest_error(rng) > 1e-3


def test_faces_are_images_that_differ_by_two_numbers(minimal, rng):
    x = minimal.faces(50, rng)
    assert x.shape == (50, 560) and x.min() >= 0.0 and x.max() <= 1.0
    share = np.linalg.svd(x - x.mean(axis=0), compute_uv=False) ** 2
    assert share[:2].sum() > 0.5 * share.sum()


def test_training_raises_the_elbo(minimal, rng, capsys):
    minimal.train(minimal.faces(100, rng), H=8, Z=2, rng=rng, epochs=20, B=20)
    first, last = (float(line.split()[3]) for line in capsys.readouterr().out.splitlines())
    assert last > first


def test_it_stands_alone_and_is_short(minimal):
    """Two screens and a half; nothing but NumPy, and matplotlib for the picture."""
    text = SCRIPT.read_text(encoding="utf-8")
    imports = [n for n in ast.walk(ast.parse(text)) if isinstance(n, (ast.Import, ast.ImportFrom))]
    names = {getattr(n, "module", None) or n.names[0].name for n in imports}
    assert names == {"pathlib", "numpy", "matplotlib.pyplot"}
    lines = len(text.splitlines())
    assert lines <= 130
    for readme in ("README.md", "scripts/README.md"):
        text = (SCRIPT.parents[1] / readme).read_text(encoding="utf-8")
        assert re.search(rf"minimal\.py.*{lines} lines", text)


@pytest.mark.slow
def test_it_runs_and_draws_its_picture(tmp_path):
    command = [sys.executable, SCRIPT]
    environment = {**os.environ, "MPLBACKEND": "agg"}
    done = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, encoding="utf-8"
    )
    assert done.returncode == 0, done.stderr
    *_, last, drawn = done.stdout.splitlines()
    assert float(last.split()[3]) > 360.0 and drawn.endswith("minimal.png.")
    assert (tmp_path / "minimal.png").stat().st_size > 50_000
