from types import SimpleNamespace

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from numvae.checks import gradients
from numvae.lessons import bugs, trace
from numvae.lessons.bugs import BUGS, CHECKS, FORMULA, Bug, caught_by, of_the_gradient, planted
from numvae.network import Autoencoder
from numvae.rules import optimizers
from numvae.training.optimizers import Adam

BY_NAME = {bug.name: bug for bug in BUGS}


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
def test_a_planted_bug_is_caught_by_the_checks_that_it_names_and_taken_out_again(bug):
    before = [getattr(place, attribute) for place, attribute, _ in bug.patches]
    assert bug.patches and bug.caught
    assert set(caught_by(bug)) == set(bug.caught)
    assert [getattr(place, attribute) for place, attribute, _ in bug.patches] == before


def test_after_all_of_them_nothing_is_wrong_and_no_bug_means_none_caught():
    assert caught_by(Bug("none", FORMULA, (), ())) == ()


def test_a_bug_that_crashes_a_check_is_taken_out_too():
    def crash(*_):
        raise ZeroDivisionError

    right = gradients.dense.forward
    with pytest.raises(ZeroDivisionError):
        caught_by(Bug("crash", FORMULA, (), ((gradients.dense, "forward", crash),)))
    assert gradients.dense.forward is right


def test_inside_planted_the_bug_is_in_the_package():
    bug = BUGS[0]
    with planted(bug):
        assert all(getattr(place, name) is wrong for place, name, wrong in bug.patches)


def test_names_tell_the_bugs_apart_and_a_class_stands_together():
    assert len({bug.name for bug in BUGS}) == len(BUGS) >= 30
    assert max(len(bug.name) for bug in BUGS) <= 72  # the width of its column
    assert all(bug.found == "" or bug.found.startswith(("found", "passes")) for bug in BUGS)
    kinds = [bug.kind for bug in BUGS]
    runs = [kind for kind, before in zip(kinds, [None, *kinds]) if kind != before]
    assert len(runs) == len(set(runs)) == 6


def test_finite_differences_see_nothing_of_a_formula_whose_gradient_fits():
    formulas = [bug for bug in BUGS if bug.kind == FORMULA]
    assert len(formulas) >= 10
    assert not any("finite differences" in bug.caught for bug in formulas)
    others = {bugs.SLOPE, bugs.AXIS, bugs.PATH}
    assert all("finite differences" in bug.caught for bug in BUGS if bug.kind in others)


def test_every_check_is_needed():
    alone = {bug.caught[0] for bug in BUGS if len(bug.caught) == 1}
    assert alone == set(CHECKS)


def test_a_bug_is_found_by_its_name_or_by_a_part_that_no_other_has():
    known = [Bug(name, FORMULA, (), ()) for name in ("KL halved", "KL halved twice", "No mean")]
    assert bugs.named("no MEAN", known) is known[2]
    assert bugs.named("KL halved", known) is known[0]  # the whole name counts before its parts
    with pytest.raises(ValueError, match="2 bugs.*one of these: KL halved; KL halved twice\\."):
        bugs.named("kl", known)
    with pytest.raises(ValueError, match="no bug.*KL halved; KL halved twice; No mean"):
        bugs.named("nothing", known)


def test_a_bug_that_needs_a_setting_is_left_out_of_models_without_it():
    others = [bug for bug in of_the_gradient("activation") if bug not in of_the_gradient()]
    assert others == [BY_NAME["relu masked by the sign of the gradient"]]


# What the wrong rules make of numbers that can be worked out by hand. Right would be
KL = [[1, 2]], [[3, -1]], np.log([[4, 9]])  # [[3, -2]], [[1.5, 8]] from dkl, mu, logvar
NOISE = (  # [[5], [7], [9]], [[-3], [4], [12]] from dz, logvar, eps
    [[[1], [2], [3]], [[4], [5], [6]]],
    np.log([[4], [4], [4]]),
    [[[1], [2], [0]], [[-1], [0], [2]]],
)
DENSE = (  # DX, DW, [4, 6] from dy, x, W
    [[1, 2], [3, 4]],
    [[1, 0, 2], [0, 1, 1]],
    [[1, 0], [0, 1], [1, 1]],
)
DX, DW = [[1, 2, 3], [3, 4, 7]], [[1, 2], [3, 4], [5, 8]]
GAUSSIAN = [2], [[5]], [[1]], np.log([[4]])  # [[2]], [[3]] from dlogp, x, mu, logvar
BY_HAND = {
    "z = μ + e^logvar ε: the ½ in σ forgotten": (NOISE, [[5], [7], [9]], [[-12], [16], [48]]),
    "KL without its ½": (KL, [[6, -4]], [[3, 16]]),
    "KL averaged over the latent units, not summed": (KL, [[1.5, -1]], [[0.75, 4]]),
    "KL with σ in the place of σ²": (KL, [[3, -2]], [[0.25, 1]]),
    "KL gradient without its ½": (KL, [[3, -2]], [[3, 16]]),
    "KL gradient with the wrong sign": (KL, [[-3, 2]], [[-1.5, -8]]),
    "∂σ/∂logvar without its ½": (NOISE, [[5], [7], [9]], [[-6], [8], [24]]),
    "Bernoulli gradient times the slope of the sigmoid once more": (
        ([16], [[1, 0]], np.log([[3, 3]])),  # [[4, -12]]
        [[0.75, -2.25]],
    ),
    "the ½ of the σ head's gradient missing": (GAUSSIAN, [[2]], [[6]]),
    "the σ head's gradient times the slope of a sigmoid that is not there": (
        GAUSSIAN,
        [[2]],
        [[0.48]],
    ),
    "Poisson gradient in the rate, x / rate − 1, not in its log": (
        ([2], [[6]], np.log([[4]])),  # [[4]]
        [[1]],
    ),
    "the dispersion's gradient in r, not in its log": (
        ([1], [[0]], np.log([[4]]), np.log([[4]])),  # [[-2]], [[2 − 4 log 2]]
        [[-2]],
        [[0.5 - np.log(2)]],
    ),
    "tanh's slope from its input: 1 − a² for 1 − h²": (
        ([2], [0.6 / 0.999]),  # tanh log 2 = 0.6
        [2 * (1 - np.log(2) ** 2)],
    ),
    "tanh applied twice in its slope: 1 − tanh² h for 1 − h²": (([2], np.log([2])), [1.28]),
    "bias gradient not summed over the batch": (DENSE, DX, DW, [1, 2]),
    "dW with its columns permuted": (DENSE, DX, [[2, 1], [4, 3], [8, 5]], [4, 6]),
    "dW = dyᵀ x, made to fit by reshape instead of a transpose": (
        DENSE,
        DX,
        [[1, 3], [5, 2], [4, 8]],
        [4, 6],
    ),
    "loss averaged over the batch, its gradient summed": (
        (np.zeros((2, 3)), np.zeros((3, 1)), 0.7),
        np.full((2, 3), -0.5),
        np.full((3, 1), 0.7),
    ),
    "gradient of the L samples averaged where it adds up": (
        NOISE,
        [[2.5], [3.5], [4.5]],
        [[-1.5], [2], [6]],
    ),
    "IWAE's weights flattened in the wrong order": (
        (np.log([[1, 3], [1, 1]]), [[0, 0], [0, 0]], 1),  # −[[0.25, 0.375], [0.25, 0.125]]
        [[-0.25, -0.25], [-0.375, -0.125]],
        [[0.25, 0.25], [0.375, 0.125]],
    ),
    "the path through ε into logvar forgotten": (NOISE, [[5], [7], [9]], [[0], [0], [0]]),
    "the path from the decoder to the encoder forgotten": (
        NOISE,
        [[0], [0], [0]],
        [[0], [0], [0]],
    ),
    "the decoder's dz given to μ and to logvar alike": (
        NOISE,
        [[5], [7], [9]],
        [[5], [7], [9]],
    ),
    "the path through z into log q(z|x) forgotten": (
        ([[2]], [[[3, 5]]], [[0, 0]], [[[1, 1]]]),  # [[[4, 8]]]
        [[[6, 10]]],
    ),
    "KL in the loss, but not in the gradient": (KL, [[0, 0]], [[0, 0]]),
    "other noise in the backward pass than in the forward": (
        NOISE,
        [[5], [7], [9]],
        [[8], [-3], [6]],
    ),
    "relu masked by the sign of the gradient": (([2, -1, 0.5], [0, 1, 1]), [2, 0, 0.5]),
    "σ where σ² belongs, at the start": ((np.log([16]), 2), np.log([2])),
    "the scale forgotten on the way back": (([3], [10], [2]), [13]),
}


@pytest.mark.parametrize("name", BY_HAND)
def test_the_wrong_gradient_is_the_one_that_the_name_of_the_bug_says(name):
    arguments, *results = BY_HAND[name]
    *_, (_, _, wrong) = BY_NAME[name].patches  # of two, the backward pass
    found = wrong(*map(np.asarray, arguments))
    for one, result in zip(found if isinstance(found, tuple) else [found], results, strict=True):
        assert one.shape == np.shape(result)
        assert_allclose(one, result, atol=1e-12)


@pytest.mark.parametrize(
    ("name", "arguments", "result"),
    [
        (
            "Gaussian divides by σ² before squaring",
            ([[5]], [[1]], np.log([[4]])),
            [-0.5 * (1 + np.log(4) + np.log(2 * np.pi))],
        ),
        (
            "½ log 2π left out of the log-density",
            ([[5, 5, 5]], [[1, 1, 1]], np.log([[4, 4, 4]])),
            [-0.5 * 3 * (4 + np.log(4))],
        ),
        ("log x! left out of the Poisson", ([[1, 2, 3], [0, 1, 4]], np.zeros((2, 3))), [-3, -3]),
        (
            "IWAE without − log L: the sum of the weights, not their mean",
            (np.log([[1], [3]]),),
            np.log([4]),
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_wrong_constant_of_which_no_gradient_knows_is_that_of_the_name(name, arguments, result):
    (_, _, wrong), *_ = BY_NAME[name].patches
    assert_allclose(wrong(*map(np.asarray, arguments)), result, rtol=1e-12)


@pytest.mark.parametrize(
    ("name", "steps"),
    [
        ("Adam divides by 1 − β instead of 1 − β^t", [-2.4, -10.5 / (7.6**0.5 + 0.5)]),
        (
            "Adam's bias correction computed and not used",
            [-1.5 / (0.4**0.5 + 0.5), -2.625 / (0.76**0.5 + 0.5)],
        ),
        ("the loss climbed instead of descended", [2.4, 2.4]),
    ],
)
def test_a_wrong_adam_makes_the_steps_that_the_name_of_the_bug_says(name, steps):
    """Right would be −2.4 and −2.4, as the gradient is 2 both times."""
    theta, m, v = np.zeros((3, 1))
    with planted(BY_NAME[name]):
        for t, step in enumerate(steps, start=1):
            before = theta.copy()
            optimizers.adam(theta, np.array([2.0]), m, v, t, 3.0, 0.75, 0.9, 0.5)
            assert theta - before == pytest.approx(step)


def test_weights_grow_where_their_decay_is_subtracted():
    g = np.array([1.0])
    with planted(BY_NAME["weight decay that lets the weights grow"]):
        optimizers.weight_decay(g, np.array([2.0]), 0.25)
    assert g == 0.5


def test_adam_that_counts_once_per_tensor_takes_three_times_in_one_step():
    parameters = SimpleNamespace(vector=np.zeros(9), gradient=np.arange(1.0, 10.0))
    optimizer, expected = Adam(parameters, lr=0.1), np.zeros(9)
    with planted(BY_NAME["Adam counts t once per tensor"]):
        optimizer.update()
    parts = zip(np.split(expected, 3), np.split(parameters.gradient, 3))
    for t, (theta, g) in enumerate(parts, start=1):
        optimizers.adam(theta, g, *np.zeros((2, 3)), t, **optimizer.settings)
    assert optimizer.t == 3
    assert_array_equal(parameters.vector, expected)


def test_noise_and_weights_are_as_small_as_the_names_of_the_bugs_say():
    net = Autoencoder(3, 2, (4,), "tanh", dtype="float64")
    right = net.noise(np.random.default_rng(0), 1, 5)
    with planted(BY_NAME["ε drawn with standard deviation 0.01"]):
        assert_allclose(net.noise(np.random.default_rng(0), 1, 5), right / 100)
    with planted(BY_NAME["all weights 0 at the start"]):
        assert not net.initialize(np.random.default_rng(0)).parameters.vector.any()


def test_a_layer_that_remembers_the_minibatch_before_remembers_0_at_first(draw):
    layer, x, other, dy = Autoencoder(3, 2, ()).mu_head, draw(5, 3), draw(5, 3), draw(5, 2)
    with planted(BY_NAME["a layer remembers its input of the minibatch before"]):
        for given, before in ((x, np.zeros((5, 3))), (other, x)):
            layer.forward(given)
            layer.backward(dy)
            assert_allclose(layer.dW, before.T @ dy, rtol=1e-5, atol=1e-6)


def test_only_the_path_beside_the_hidden_layers_is_forgotten(draw):
    net = Autoencoder(3, 2, (4,), skip=True, dtype="float64").initialize(np.random.default_rng(0))
    net.decoder.forward(draw(5, 2))
    dh = draw(5, 6)
    right = net.decoder.backward(dh)
    with planted(BY_NAME["the input's gradient through the skip path forgotten"]):
        assert_allclose(right - net.decoder.backward(dh), dh[:, 4:])


def test_where_the_path_through_sigma_is_missing_the_layers_of_the_likelihood_are_right():
    net, step = trace.example("gaussian-sigma-z")
    right = net.loss_and_grad(*step)[1].copy()
    net.parameters.gradient[...] = np.nan
    with planted(BY_NAME["the path through σ(z) into the hidden layer missing"]):
        net.loss_and_grad(*step)
    equal = net.parameters.gradient == right
    first = min(i for i, name in enumerate(net.parameters.values) if name.startswith("likelihood"))
    sizes = [value.size for value in net.parameters.values.values()]
    assert equal[sum(sizes[:first]) :].all() and not equal[: sum(sizes[:first])].any()
