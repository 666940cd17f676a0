"""The notebook is a valid file, and its code runs from top to bottom."""

import json
import re
from pathlib import Path

import matplotlib.pyplot as plt
import pytest

from numvae.book.notebook import notebook

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def text():
    return notebook(ROOT)


@pytest.fixture(scope="module")
def cells(text):
    return json.loads(text)["cells"]


def source(cell):
    return "".join(cell["source"])


def test_the_file_is_as_nbformat_4_5_has_it(text, cells):
    whole = json.loads(text)
    assert (whole["nbformat"], whole["nbformat_minor"]) == (4, 5)
    assert whole["metadata"]["kernelspec"]["name"] == "python3"
    ids = [cell["id"] for cell in cells]
    assert len({*ids}) == len(ids) and all(re.fullmatch(r"[\w-]{1,64}", id) for id in ids)
    for cell in cells:
        more = {"execution_count", "outputs"} if cell["cell_type"] == "code" else set()
        assert {*cell} == {"cell_type", "id", "metadata", "source"} | more
        assert source(cell).strip()


def test_nbformat_finds_it_valid(text):
    nbformat = pytest.importorskip("nbformat")
    nbformat.validate(nbformat.reads(text, 4))


def test_the_formulas_are_in_latex(cells):
    texts = [source(cell) for cell in cells if cell["cell_type"] == "markdown"]
    whole = "\n".join(texts)
    for label in ("D1", "D4", "H4", "Z1", "Z3", "K1", "K3", "B2", "O1", "L3"):
        assert rf"\tag{{{label}}}" in whole
    assert r"\frac{\partial y_{n o'}}{\partial W_{i o}}" in whole
    for text in texts:
        formulas = re.sub(r"```.*?```|`[^`]*`|\\\$", "", text, flags=re.S)
        assert formulas.count("$") % 2 == 0


@pytest.mark.slow
def test_all_code_runs_in_one_namespace(cells, monkeypatch, capsys):
    plt.switch_backend("Agg")
    monkeypatch.setattr(plt, "show", lambda: None)
    names = {"__name__": "a notebook"}
    for cell in cells:
        if cell["cell_type"] == "code":
            exec(source(cell), names)
    plt.close("all")
    said = capsys.readouterr().out
    assert said.count("relative error") >= 12
    elbo = [float(q) for q in re.findall(r"ELBO (\S+) nats", said)]
    assert len(elbo) == 3 and elbo[0] < elbo[2] and 138 < elbo[2] < 150
    assert "first wrong: dlogvar_z, by gaussian.reparameterize_backward" in said


@pytest.mark.slow
def test_it_runs_in_a_fresh_kernel(text):
    pytest.importorskip("ipykernel")
    nbclient, nbformat = pytest.importorskip("nbclient"), pytest.importorskip("nbformat")
    book = nbformat.reads(text, 4)
    nbclient.NotebookClient(book, timeout=300, kernel_name="python3").execute()
    drawn = [q for cell in book.cells for q in cell.get("outputs", ()) if "data" in q]
    assert any("image/png" in q["data"] for q in drawn)
