"""The package and its estimator need numpy and the standard library, and nothing else; and where
rules are called, they are looked up in their modules."""

import ast
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "numvae"
CALLERS = [
    path
    for folder in ("network", "training", "evaluation")
    for path in sorted((PACKAGE / folder).glob("*.py"))
]
PROGRAM = """
import sys

KNOWN = {*sys.stdlib_module_names, "numpy", "numvae"}
KNOWN |= {"org", "backports_abc"}  # which pickle and NumPy 2.0 look for, on other Pythons

class Nothing:
    def find_spec(name, path, target=None):
        if name.partition(".")[0] not in KNOWN:
            print("import", name)
            raise ModuleNotFoundError(name)

sys.meta_path.insert(0, Nothing)
import numpy as np
import numvae, numvae.datasets, numvae.network

X = np.random.default_rng(0).standard_normal((60, 3))
vae = numvae.VAE(n_latent=1, hidden=(3,), epochs=2, random_state=0).fit(X)
X[::2, 1] = np.nan
X = vae.impute(X, random_state=0)
vae.save("vae.npz")
vae = numvae.load("vae.npz").partial_fit(X)
vae.transform(X), vae.reconstruct(X), vae.sample(3, random_state=0), vae.p_values(X, X)
"""


def test_an_estimator_is_used_from_fit_to_load_with_numpy_alone(tmp_path):
    command = [sys.executable, "-W", "ignore::UserWarning", "-c", PROGRAM]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def out_of_reach(source):
    """The rules that a source imports by name, or does not call as `module.function(…)` or
    `getattr(module, …)(…)`: whoever replaces them in their module would miss it."""
    nodes = list(ast.walk(ast.parse(source)))
    imports = [node for node in nodes if isinstance(node, ast.ImportFrom)]
    modules = {
        alias.asname or alias.name: importlib.import_module(f"numvae.rules.{alias.name}")
        for node in imports
        if node.module == "numvae.rules"
        for alias in node.names
    }
    called = [node.func for node in nodes if isinstance(node, ast.Call)]
    for node in nodes:
        match node:
            case ast.ImportFrom(module=str(name)) if name.startswith("numvae.rules."):
                yield ast.unparse(node)
            case ast.Attribute(ast.Name(name), function) if name in modules:
                if callable(getattr(modules[name], function)) and node not in called:
                    yield ast.unparse(node)
            case ast.Call(ast.Name("getattr"), [ast.Name(name), *_]) if name in modules:
                if node not in called:
                    yield ast.unparse(node)


@pytest.mark.parametrize("path", CALLERS, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_every_rule_is_called_through_its_module(path):
    assert list(out_of_reach(path.read_text(encoding="utf-8"))) == []


@pytest.mark.parametrize(
    "source",
    [
        "from numvae.rules.gaussian import kl",
        "from numvae.rules import gaussian; kl = gaussian.kl",
        "from numvae.rules import gaussian as g; list(map(g.kl, mu, logvar))",
        "from numvae.rules import activations; self.activate = getattr(activations, name)",
    ],
)
def test_a_rule_that_is_stored_is_found(source):
    assert len(list(out_of_reach(source))) == 1
