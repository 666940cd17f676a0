import json
import re

import benchmark
import numpy as np
import pytest
from peers.case import CASES, Case, batches

from numvae.network import Autoencoder

CASE = ["--case", "64-32-2", "--rounds", "1", "--seconds", "1"]


ABSENT = ("in_torch", "eager", "a_package_that_is_not_there")


@pytest.fixture
def few(monkeypatch):
    """Two peers that are there on every machine."""
    few = {name: benchmark.PEERS[name] for name in ("numvae", "bare products")}
    monkeypatch.setattr(benchmark, "PEERS", few)
    return few


def test_a_case_is_shown_beside_its_products(few, capsys, monkeypatch):
    took = {"in_numvae": {"ms": 3.0}, "in_products": {"ms": 2.0}}
    monkeypatch.setattr(benchmark, "run", lambda peer, case, seconds: took[peer[0]])
    assert benchmark.main(["steps", *CASE, "--json", "speed.json"]) == 0
    text = capsys.readouterr().out
    assert "64-32-2 b64, 21,333 examples per second\n" in text
    assert re.search(r"^  numvae +3\.000 ± 0\.00 ms", text, re.M)
    with open("speed.json") as file:
        assert json.load(file)["steps"] == {
            "64-32-2 b64": {"numvae": [3.0], "bare products": [2.0]}
        }


@pytest.mark.slow
def test_a_step_and_its_parts_are_measured(few, capsys):
    assert benchmark.main(["steps", "phases", *CASE, "--json", "speed.json"]) == 0
    with open("speed.json") as file:
        found = json.load(file)
    parts = found["phases"]["64-32-2 b64"]
    wanted = "encoder", "sampling", "decoder", "likelihood", "backward", "optimizer"
    assert tuple(parts) == wanted and min(parts.values()) > 0.0
    assert all(found["steps"]["64-32-2 b64"][name][0] > 0.0 for name in few)
    text = capsys.readouterr().out
    assert all(part in text for part in wanted)


@pytest.mark.slow
def test_importing_and_scoring_are_measured(few, capsys, monkeypatch):
    monkeypatch.setattr(benchmark, "here", lambda peers: ["numpy", "numvae"])
    found = [
        benchmark.start(benchmark.parser().parse_args(CASE)),
        benchmark.score(benchmark.parser().parse_args(CASE)),
    ]
    assert found[0]["numpy"]["seconds"] > 0.0 and found[1]["rows"] > 1.0
    text = capsys.readouterr().out
    assert re.search(r"^  numvae +\d+\.\d\d s", text, re.M) and "draws a row: " in text


def test_without_mnist_there_is_no_epoch_and_a_sentence(few, capsys):
    assert benchmark.main(["epoch", *CASE]) == 0
    assert "not measured: train-images-idx3-ubyte.gz was not found" in capsys.readouterr().out


@pytest.mark.slow
def test_a_step_is_measured_as_it_grows(few, capsys, monkeypatch):
    small = [Case(8, (4,), 2, B) for B in (2, 4)]
    monkeypatch.setattr(benchmark, "SCALED", {"batch": small})
    monkeypatch.setattr(benchmark, "PEERS", {**dict.fromkeys(("PyTorch", "JAX"), ABSENT), **few})
    assert benchmark.main(["scaling", *CASE]) == 0
    assert re.search(r"^  8-4-2 b4 +\d\.\d{3} +\d\.\d{3}$", capsys.readouterr().out, re.M)


@pytest.mark.slow
def test_workers_are_measured(capsys, monkeypatch):
    ours = {name: benchmark.PEERS[name] for name in ("numvae", "numvae, workers")}
    monkeypatch.setattr(benchmark, "PEERS", ours)
    assert benchmark.main(["steps", *CASE]) == 0
    assert re.search(r"^  numvae, workers +\d\.\d{3}", capsys.readouterr().out, re.M)


def test_ratios_are_those_of_each_round():
    times = {"numvae": [1.0, 2.0, 4.0], "bare products": [0.5, 1.0, 2.0], "JAX": [2.0, 2.0, 2.0]}
    text = "\n".join(benchmark.lines(Case(64, (32,), 2, 64), times))
    assert "32,000 examples per second" in text
    assert "2.00 ± 0.00  times the products" in text
    assert re.search(r"JAX .* 1\.00 ± 0\.75", text)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_case_is_the_model_that_its_name_says(case):
    net = Autoencoder(case.D, case.Z, case.hidden, case.activation, case.likelihood)
    up, down = case.layers()
    heads = [(case.hidden[-1], case.Z)] * 2
    shapes = [*up, *heads, *down] + [(case.hidden[0], case.D)] * case.heads()
    found = [v.shape for name, v in net.parameters.values.items() if name.endswith(".W")]
    assert shapes == found
    x = batches(case, 2)
    assert x.shape == (2, case.B, case.D) and x.dtype == np.float32
    assert (x[0] != x[1]).any()


def test_mistakes_get_one_sentence(refused):
    assert "no case holds 65-" in refused(benchmark.main, "--case", "65-")
    assert "there is no 'speed' to measure" in refused(benchmark.main, "speed")
    assert "should end in .json" in refused(benchmark.main, "--json", "speed.txt")
