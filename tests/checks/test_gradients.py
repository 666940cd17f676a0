import contextlib
import importlib
import inspect
import pkgutil
from unittest import mock

import numpy as np
import pytest
from helpers import named

from numvae import rules
from numvae.checks import gradients
from numvae.network import Autoencoder, objectives
from numvae.network.likelihoods import NAMES as LIKELIHOODS
from numvae.rules import activations

RULES = [
    importlib.import_module(f"numvae.rules.{module.name}")
    for module in pkgutil.iter_modules(rules.__path__)
]


def test_every_rule_is_the_derivative_of_its_forward():
    lines = list(gradients.rules())
    assert [line for line in lines if not line.ok] == []
    assert all(line.cosine == pytest.approx(1.0, abs=1e-12) for line in lines)


def test_no_backward_of_the_rules_is_left_out():
    backwards = [
        (rule, name)
        for rule in RULES
        for name, _ in inspect.getmembers(rule, inspect.isfunction)
        if name.endswith("backward")
    ]
    assert len(backwards) > 15
    with contextlib.ExitStack() as stack:
        spies = [
            stack.enter_context(mock.patch.object(rule, name, wraps=getattr(rule, name)))
            for rule, name in backwards
        ]
        list(gradients.rules())
    assert [where for where, spy in zip(backwards, spies) if not spy.called] == []


@pytest.mark.parametrize("mode", gradients.MODES, ids=named)
def test_every_parameter_of_the_model_has_the_right_gradient(mode):
    lines = list(gradients.models([mode]))
    assert [line for line in lines if not line.ok] == []
    assert len(lines) > 5 and all(line.shape for line in lines)


def test_where_an_objective_draws_no_z_the_noise_is_zero(monkeypatch):
    noise, right = [], Autoencoder.loss_and_grad

    def loss_and_grad(self, x, eps, *args):
        noise.append(eps.any())
        return right(self, x, eps, *args)

    monkeypatch.setattr(Autoencoder, "loss_and_grad", loss_and_grad)
    for name in objectives.NAMES:
        objective = objectives.objective(name)
        assert all(line.ok for line in gradients.model(objective=objective))
        assert set(noise) == {objective.draws_z}
        noise.clear()


def test_the_modes_cover_likelihoods_samples_activations_and_depths():
    modes = gradients.MODES
    assert {(m.get("likelihood"), m.get("L")) for m in modes} >= {
        (name, L) for name in LIKELIHOODS for L in (1, 3)
    }
    assert {m.get("activation") for m in modes} >= set(activations.NAMES)
    assert {len(m["hidden"]) for m in modes if "hidden" in m} == {0, 1, 2, 3}


def test_a_line_for_each_parameter_by_name():
    lines = list(gradients.model("gaussian-sigma-z", hidden=(4,)))
    shapes = {line.what: line.shape for line in lines}
    assert len(shapes) == len(lines)
    net = Autoencoder(5, 2, (4,), likelihood="gaussian-sigma-z")
    assert shapes == {name: value.shape for name, value in net.parameters.values.items()}


@pytest.mark.parametrize("wrong", [np.nan, 1e-4])
def test_one_wrong_element_of_one_gradient_is_found(monkeypatch, wrong):
    right = Autoencoder.loss_and_grad

    def loss_and_grad(self, *args):
        losses, gradient = right(self, *args)
        self.parameters.gradients["mu.W"][0, 1] += wrong
        return losses, gradient

    monkeypatch.setattr(Autoencoder, "loss_and_grad", loss_and_grad)
    assert [line.what for line in gradients.model() if not line.ok] == ["mu.W"]
