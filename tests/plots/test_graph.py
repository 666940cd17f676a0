"""The computation graph: every array, equation and file is there, and every arrow."""

import pytest
from matplotlib.colors import to_rgb
from matplotlib.text import Annotation

from numvae import plots
from numvae.lessons import trace
from numvae.plots import style


def drawn(**mode):
    return trace.graph(trace.trace(*trace.example(**mode)))


def texts(figure):
    return [text.get_text() for text in figure.axes[0].texts]


@pytest.fixture(scope="module")
def elbo():
    return drawn()


def test_every_array_has_its_shape_equation_and_files(elbo):
    nodes, edges = elbo
    found = texts(plots.computation_graph(nodes, edges))
    for name in ("encoder.0.a   3×4", "mu   3×2", "z   1×3×2", "log_px   1×3", "kl   3×2"):
        assert found.count(name) == 1
    assert found.count("x  3×6") == 2 and found.count("eps  1×3×2") == 1
    assert found.count("K1  rules/gaussian.py") == 1
    assert "called by network/likelihoods.py" in found
    assert f"K2  {edges_norm(edges, 'mu', 'kl'):#.2g}" in found
    assert f"‖dmu‖ {nodes['mu']['norms']['dmu']:#.2g}" in found


def edges_norm(edges, start, end):
    return next(norm for a, b, _, norm in edges if (a, b) == (start, end))


def test_there_is_an_arrow_forward_for_each_edge_and_one_back_where_a_gradient_comes(elbo):
    nodes, edges = elbo
    figure = plots.computation_graph(nodes, edges)
    heads = [text.arrow_patch for text in figure.axes[0].texts if isinstance(text, Annotation)]
    colours = [head.get_edgecolor()[:3] for head in heads]
    assert colours.count(to_rgb(style.BLUE)) == len(edges) + 1  # and the legend's
    back = [edge for edge in edges if edge[3] is not None]
    assert colours.count(to_rgb(style.VERMILLION)) == len(back) + 1


@pytest.mark.parametrize(
    "mode",
    [
        {},
        pytest.param({"likelihood": "continuous-bernoulli"}, marks=pytest.mark.slow),
        pytest.param({"likelihood": "gaussian"}, marks=pytest.mark.slow),
        {"likelihood": "gaussian-sigma-z", "objective": "sampled-elbo", "n_samples": 12},
    ],
    ids=str,
)
def test_any_graph_is_legible(mode, assert_legible):
    assert_legible(plots.computation_graph(*drawn(**mode)))


def test_what_is_computed_lies_below_what_it_is_computed_from(elbo):
    nodes, edges = elbo
    figure = plots.computation_graph(nodes, edges)
    height = {
        text.get_text().split("   ")[0]: text.get_position()[1] for text in figure.axes[0].texts
    }
    for start, end, label, _ in edges:
        if label:
            assert height[start] < height[end]  # the axis points down


def test_an_edge_from_nowhere_is_refused(elbo):
    nodes, edges = elbo
    with pytest.raises(ValueError, match="found an edge nowhere → z; expected names of nodes"):
        plots.computation_graph(nodes, [*edges, ("nowhere", "z", "Z9", 1.0)])
