"""Importing the package costs numpy and the standard library, and nothing else; and where rules are
called, they are looked up in their modules."""

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
HEAVY = "scipy", "matplotlib", "pandas", "torch", "sklearn"


@pytest.mark.parametrize(
    "statement",
    ["import numvae", "from numvae.network import Autoencoder", "import numvae.datasets"],
)
def test_import_loads_neither_scipy_nor_matplotlib(statement):
    code = f"{statement}; import sys; print([name for name in {HEAVY} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
    assert done.stderr == ""


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
