import re

import benchmark
import pytest
import scaling

MEASURED = {
    "batches": [16, 64, 256],
    "passes": [5e-4, 1.5e-3, 5.5e-3],
    "sizes": [1e5, 1e6, 1e7],
    "exchanges": [3e-5, 1.2e-4, 1e-3],
    "optimizer": 1e-3,
    "n_parameters": 652_824,
}


@pytest.fixture
def measured(monkeypatch):
    """Two ranks that were measured to do this."""
    monkeypatch.setattr(benchmark, "mpiexec", lambda: "mpiexec")
    monkeypatch.setattr(scaling.importlib.util, "find_spec", lambda _: True)

    def run(peer, case, amount, blas_threads=None):
        return MEASURED if peer[1] == "costs" else {"ms": 3.0}

    monkeypatch.setattr(benchmark, "run", run)


def test_the_plan_is_printed_and_drawn(measured, capsys):
    assert scaling.main(["--figure", "new.png"]) == 0
    text = capsys.readouterr().out
    assert "652,824 parameters, 2.6 MB" in text
    rows = re.findall(r"^  +(\d+)((?: +[\d,]+){6})$", text, re.MULTILINE)
    assert [int(n) for n, _ in rows] == list(scaling.RANKS)
    numbers = [[int(x.replace(",", "")) for x in row.split()] for _, row in rows]
    assert numbers[0][-1] == 0 and numbers[-1][0] > 100 * numbers[0][0]
    assert text.count("more than") == len(scaling.BATCHES)
    with open("new.png", "rb") as file:
        assert file.read(4) == b"\x89PNG"


def test_a_faster_network_and_a_slower_gpu_change_the_plan(measured, capsys):
    scaling.main([])
    usual = capsys.readouterr().out
    for flags in (["--bandwidth", "400"], ["--gpu", "1"], ["--ranks-per-machine", "4"]):
        scaling.main(flags)
        assert capsys.readouterr().out != usual


def test_the_operations_of_a_row_are_those_of_its_products():
    case = benchmark.Case(784, (400,), 20, 128)
    products = 784 * 400 * 5 + 400 * 20 * 3 * 3
    assert case.flops() == 2 * products


def test_mistakes_get_one_sentence(refused, measured, monkeypatch):
    assert "no case holds 65-" in refused(scaling.main, "--case", "65-")
    assert "above 0" in refused(scaling.main, "--bandwidth", "0")
    monkeypatch.setattr(benchmark, "mpiexec", lambda: None)
    assert "pip install" in refused(scaling.main)
