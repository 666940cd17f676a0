import json
import re

import benchmark
import numpy as np
import pytest
from peers.case import CASES, Case, batches

from numvae.network import Autoencoder


def test_a_small_case_is_measured_beside_its_products(monkeypatch, capsys):
    few = {name: benchmark.PEERS[name] for name in ("numvae", "bare products")}
    monkeypatch.setattr(benchmark, "PEERS", few)
    found = ["--case", "64-32-2", "--rounds", "1", "--seconds", "1", "--json", "speed.json"]
    assert benchmark.main(found) == 0
    text = capsys.readouterr().out
    assert re.search(r"^64-32-2 b64, [\d,]+ examples per second$", text, re.M)
    with open("speed.json") as file:
        times = json.load(file)["milliseconds"]["64-32-2 b64"]
    assert set(times) == set(few) and times["numvae"][0] > times["bare products"][0] > 0.0
    assert f"numvae    {times['numvae'][0]:16.3f} ± 0.00 ms" in text


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
    assert "should end in .json" in refused(benchmark.main, "--json", "speed.txt")
