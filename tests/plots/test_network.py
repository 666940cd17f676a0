"""The diagram: every layer and size is there, in order, and a broken chain is refused."""

import pytest

from numvae import plots


def layers(D, hidden, Z, likelihood=("logits",)):
    down, up = (D, *hidden), (Z, *reversed(hidden))
    return (
        {f"encoder.{i}": pair for i, pair in enumerate(zip(down, down[1:]))}
        | {"mu": (down[-1], Z), "logvar": (down[-1], Z)}
        | {f"decoder.{i}": pair for i, pair in enumerate(zip(up, up[1:]))}
        | {f"likelihood.{name}": (up[-1], D) for name in likelihood}
    )


def places(figure):
    """The text of every label → where it stands."""
    return {text.get_text(): text.get_position() for text in figure.axes[0].texts}


def test_the_data_goes_down_on_the_left_and_up_on_the_right():
    at = places(plots.network_diagram(layers(784, (400, 200), 20)))
    down, up = ("x", "encoder.0", "encoder.1"), ("likelihood.logits", "decoder.1", "decoder.0", "z")
    for way in (down, up):
        assert len({at[name][0] for name in way}) == 1
        heights = [at[name][1] for name in way]
        assert heights == sorted(heights, reverse=True)
    assert at["x"][0] < at["nll"][0] < at["z"][0]
    assert at["mu"][1] == at["logvar"][1] < at["encoder.1"][1]


def test_sizes_and_formulas_are_written_out():
    at = places(plots.network_diagram(layers(1024, (400,), 20), title="a title"))
    for text in ("1,024", "1,024 → 400", "400 → 20", "20", "20 → 400", "400 → 1,024", "a title"):
        assert text in at
    for text in ("q(z|x) = N(μ, σ²)", "p(x|z)", "−log p(x|z)", "nll + β KL", "q(z|x) to N(0, I)"):
        assert text in at
    assert any("z = μ + σ ε" in text for text in at)


@pytest.mark.parametrize(
    "hidden, likelihood",
    [((), ["mean"]), ((400,), ["mean", "s"]), ((900, 500, 99, 64), ["logits"])],
)
def test_any_depth_is_legible(hidden, likelihood, assert_legible):
    assert_legible(plots.network_diagram(layers(3072, hidden, 32, likelihood)))


def test_a_vector_without_an_input_and_a_decoder_deeper_than_the_encoder(assert_legible):
    given = layers(560, (), 2, ("mean",)) | {"decoder.0": (2, 64), "decoder.1": (64, 256)}
    figure = plots.network_diagram(given | {"likelihood.mean": (256, 560), "likelihood.s": (560,)})
    assert "560, for any z" in places(figure)
    assert_legible(figure)


def test_many_likelihoods_share_a_box(assert_legible):
    given = layers(9, (64,), 2, ("0.mean", "1.logits", "2.logits")) | {"likelihood.0.s": (9,)}
    at = places(figure := plots.network_diagram(given))
    assert "likelihood, 4 layers" in at and "64 → 36" in at
    assert_legible(figure)


@pytest.mark.parametrize("hidden", [(), (64,)])
def test_y_goes_in_beside_x_and_z(hidden, assert_legible):
    down, up = (9 + 3, *hidden), (2 + 3, *hidden)
    chain = layers(9, hidden, 2, ("mean",))
    chain |= {"encoder.0": (12, 64), "decoder.0": (5, 64)} if hidden else {}
    chain |= {"mu": (down[-1], 2), "logvar": (down[-1], 2), "likelihood.mean": (up[-1], 9)}
    at = places(figure := plots.network_diagram(chain, n_condition=3))
    for text in ("x, y", "z, y", "9 + 3", "2 + 3", "p(x|z, y)", "q(z|x, y) to N(0, I)"):
        assert text in at
    assert_legible(figure)
    with pytest.raises(ValueError, match="takes"):
        plots.network_diagram(chain)


def test_unknown_missing_and_unfitting_layers_are_refused():
    given = layers(784, (400,), 20)
    with pytest.raises(ValueError, match="found a layer 'pool.0'; expected names that begin with"):
        plots.network_diagram(given | {"pool.0": (400, 20)})
    with pytest.raises(ValueError, match=r"found \[1, 1, 0\] layers"):
        plots.network_diagram({k: v for k, v in given.items() if not k.startswith("like")})
    with pytest.raises(ValueError, match="'decoder.0' takes 7 numbers but is given 20"):
        plots.network_diagram(given | {"decoder.0": (7, 400)})
    with pytest.raises(ValueError, match=r"found \[0, 0, 0\] layers"):
        plots.network_diagram({})
