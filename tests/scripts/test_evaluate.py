import os
import re
import time
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from numvae import VAE, datasets, load, runs
from numvae.commands import evaluate, train
from numvae.estimator import DoubtfulFit
from numvae.evaluation import aggregate, diagnostics, importance
from numvae.plots import style
from numvae.report import Report
from numvae.rows import read
from numvae.rules import mixture
from numvae.tables.columns import Column, Columns
from numvae.training import checkpoint

pytestmark = pytest.mark.usefixtures("there")


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A folder with the runs of some images, of rows and of a table, and their data."""
    folder = tmp_path_factory.mktemp("trained")
    rng = np.random.default_rng(0)
    np.save(folder / "images.npy", rng.random((40, 4, 3)))
    np.save(folder / "rows.npy", rng.standard_normal((40, 5)))
    birds = [f"b{i};{'aabc'[i % 4]};{x:.2f};{y}" for i, (x, y) in enumerate(rng.random((40, 2)))]
    birds[1], birds[2] = "b1;a;;0.5", "b2;;0.25;"
    birds = "\n".join(["id;kind;mass;age", *birds, ""]).replace(".", ",")
    (folder / "birds.csv").write_text(birds, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr(style, "DPI", 50)
        flags = ["--epochs", "4", "--hidden", "6", "--lr", "0.05", "--quiet"]
        assert train.main(["--data", "images.npy", "--out", "run", *flags]) == 0
        patch.setattr(Report, "pictures", lambda self: ())
        assert train.main(["--data", "rows.npy", "--out", "table", *flags]) == 0
        assert train.main(["--data", "birds.csv", "--out", "birds", *flags]) == 0
    return folder


def run(typed):
    assert evaluate.main(typed.split()) == 0


def rows_of(path):
    header, *rows = Path(path).read_text(encoding="utf-8").splitlines()
    return header.split(","), np.array([[float(cell) for cell in row.split(",")] for row in rows])


def cells(path, delimiter=";"):
    return [line.split(delimiter) for line in Path(path).read_text("utf-8").splitlines()]


@pytest.fixture
def drawn(monkeypatch):
    """Function of plots → the arguments of the last picture, which is not drawn."""
    drawn = {}

    def keep(name):
        return lambda *args, **kw: drawn.update({name: (*args, *kw.values())})

    for name in ("image_grid", "inpainting", "manifold"):
        monkeypatch.setattr(evaluate.plots, name, keep(name))
    monkeypatch.setattr(evaluate.plots, "save", lambda figure, path: None)
    return drawn


@pytest.mark.parametrize(
    "typed",
    [
        *("sample run -n 1", "decode run -n 1", "score run --samples 1", "impute run --rows 1"),
        *("likelihood run --samples 1", "likelihood run --rows 1"),
    ],
)
def test_one_of_anything_may_be_asked_for(typed):
    assert evaluate.parser().parse_args([*typed.split(), "--out", "x"]).run == "run"


# report


def test_a_report_is_that_of_the_training(capsys):
    run("report run --out again")
    text = Path("run/report.txt").read_text("utf-8")
    assert Path("again/report.txt").read_text("utf-8") == text
    assert capsys.readouterr().out == text
    pictures = {path.name for path in Path("run").glob("*.png")}
    assert {path.name for path in Path("again").iterdir()} == pictures | {"report.txt"}
    assert all((Path("run") / n).read_bytes() == (Path("again") / n).read_bytes() for n in pictures)


def test_data_that_have_moved_are_found_where_they_are_said_to_be(undrawn):
    Path("images.npy").rename("moved.npy")
    run("report run moved.npy --out again")
    assert Path("again/report.txt").read_bytes() == Path("run/report.txt").read_bytes()


@pytest.mark.parametrize("how", ["none", "fixed", "dynamic"])
def test_a_report_sees_its_data_as_the_training_did(undrawn, how):
    flags = f"--epochs 1 --hidden 3 --likelihood bernoulli --binarize {how} --validation 7 --seed 3"
    train.main([*flags.split(), "--data", "images.npy", "--out", "other", "--quiet"])
    run("report other --out again")
    assert Path("again/report.txt").read_bytes() == Path("other/report.txt").read_bytes()


# sample


def test_samples_are_decoded_from_the_prior_and_the_seed_decides_them():
    run("sample run -n 5 --out a.npy")
    run("sample run -n 5 --out b.npy")
    run("sample run -n 5 --out c.npy --seed 1")
    run("sample run -n 5 --out d.npy --noise")
    a, b, c, d = (np.load(f"{name}.npy") for name in "abcd")
    assert a.shape == (5, 4, 3)
    model = runs.load("run").model
    z = np.random.default_rng(0).standard_normal((5, 2), dtype="f4")
    assert_array_equal(a.reshape(5, 12), model.decode(z))
    assert_array_equal(a, b)
    assert (a != c).all() and (a != d).any()


def test_samples_come_from_the_source_that_is_asked_for():
    for source in ("prior", "posterior", "mixture"):
        run(f"sample run -n 5 --source {source} --out {source}.npy")
        run(f"sample run -n 5 --source {source} --out {source}.png")
        run(f"sample table -n 5 --source {source} --out {source}.csv")
    training = runs.load("run").training
    z = mixture.sample(np.random.default_rng(0), 5, *training.mixture).astype("f4")
    assert_array_equal(np.load("mixture.npy").reshape(5, 12), training.model.decode(z))
    X = runs.load("run").training_data().X
    wanted = load("run").sample(5, 0, source="posterior", X=X)
    run("sample run -n 5 --source posterior --noise --out noisy.npy")
    assert_array_equal(np.load("noisy.npy").reshape(5, 12), wanted)


def test_a_run_that_has_not_come_to_its_end_has_no_mixture(capsys):
    Path("half").mkdir()
    Path("half/checkpoint.npz").write_bytes(Path("run/checkpoint.npz").read_bytes())
    Path("half/history.csv").write_bytes(Path("run/history.csv").read_bytes())
    with pytest.raises(SystemExit):
        run("sample half --source mixture --out no.npy")
    error = capsys.readouterr().err
    assert "no mixture of its codes" in error and "\n" not in error.strip()


def test_samples_are_a_table_or_a_picture():
    run("sample run -n 3 --out a.csv")
    run("sample run -n 3 --out a.npy")
    run("sample run --out a.png")
    header, rows = rows_of("a.csv")
    assert header == [f"x{i}" for i in range(1, 13)]
    assert_array_equal(rows.astype("f4"), np.load("a.npy").reshape(3, 12))
    assert Path("a.png").read_bytes()[:4] == b"\x89PNG"


# reconstruct and encode


@pytest.fixture
def decoded(monkeypatch):
    """decoded(typed): the codes that this command decodes, and what it writes."""
    given, right = [], diagnostics.decode
    monkeypatch.setattr(
        diagnostics, "decode", lambda method, z, y: (given.append(z), right(method, z, y))[1]
    )

    def decoded(typed):
        path = Path(f"decoded{len(given)}.npy")
        run(f"decode {typed} --out {path}")
        return given[-1], np.load(path)

    return decoded


@pytest.mark.parametrize("file", ["codes.csv", "codes.npy"])
def test_what_is_encoded_is_decoded_again(decoded, file):
    run(f"encode run --out {file}")
    run("reconstruct run --out again.npy")
    z, x = decoded(f"run {file}")
    assert z.shape == (40, 2)
    assert_allclose(x, np.load("again.npy"), atol=1e-6)


def test_a_table_of_codes_may_hold_more_than_codes(decoded):
    run("encode run --logvar --out codes.csv")
    assert_allclose(decoded("run codes.csv")[0], load("run").transform(flat()), atol=1e-6)


def test_a_table_of_codes_may_call_them_anything(decoded):
    Path("codes.csv").write_text("a,b\n0.5,1\n-1,2\n", "utf-8")
    assert_array_equal(decoded("run codes.csv")[0], [[0.5, 1.0], [-1.0, 2.0]])


def flat():
    return np.load("images.npy").astype("f4").reshape(40, 12)


def test_codes_may_stand_in_any_table(decoded):
    pytest.importorskip("pandas")
    Path("codes.json").write_text('{"municipality": ["one"], "mu1": [0.5], "mu2": [-1]}')
    assert_allclose(decoded("run codes.json")[0], [[0.5, -1.0]])


def test_one_code_and_draws_around_it(decoded):
    z, x = decoded("run --z -0.5 1")
    assert_allclose(z, [[-0.5, 1.0]])
    assert_allclose(x.reshape(1, 12), runs.load("run").model.decode(z))
    assert_allclose(decoded("run")[0], [[0.0, 0.0]])
    z, _ = decoded("run --z -0.5 1 --sigma 0.1 2 -n 5000")
    assert_allclose(z.mean(axis=0), [-0.5, 1.0], atol=0.1)
    assert_allclose(z.std(axis=0), [0.1, 2.0], rtol=0.05)
    same, other = decoded("run --sigma 1")[0], decoded("run --sigma 1 --seed 1")[0]
    assert_array_equal(decoded("run --sigma 1")[0], same)
    assert len(same) == 64 and (same != other).all()


def test_a_grid_is_a_part_of_the_plane_around_a_code(decoded):
    z, x = decoded("run --z 1 -1 --grid 0.5 --units 2 1")
    assert x.shape == (400, 4, 3)
    assert_allclose([z[0], z[-1]], [[0.5, -1.5], [1.5, -0.5]], atol=1e-6)
    assert_allclose(np.diff(z[:20, 1]), 1 / 19, atol=1e-6)  # unit 2 runs along each row, evenly
    assert_allclose(z[:20, 0], 0.5)
    run("decode run --grid 3 --out plane.png")
    assert Path("plane.png").read_bytes()[:4] == b"\x89PNG"


def test_pictures_of_codes_are_of_a_part_of_the_plane_or_of_one_after_the_other(drawn):
    for ending in ("npy", "png"):
        run(f"decode run --z 1 -1 --grid 0.5 --units 2 1 --out plane.{ending}")
        run(f"decode run --sigma 1 -n 3 --out three.{ending}")
    images, values, axes, limits = drawn["manifold"]
    assert_array_equal(images.reshape(400, 4, 3), np.load("plane.npy"))
    steps = np.linspace(-0.5, 0.5, 20)
    assert_allclose(values, [steps - 1.0, steps + 1.0])
    assert axes == [1, 0] and limits == (0.0, 1.0)
    assert_array_equal(drawn["image_grid"][0], np.load("three.npy"))


def test_a_class_is_decoded_at_its_mean_code(decoded, undrawn, refused):
    y = np.array(["cat", "dog"])[np.arange(40) % 2]
    np.savez("labelled.npz", X=np.load("images.npy"), y=y)
    flags = "--epochs 1 --hidden 3 --validation 0 --out classes --quiet"
    train.main(["--data", "labelled.npz", *flags.split()])
    mu = load("classes").transform(flat())
    assert_allclose(decoded("classes --class dog")[0], [mu[1::2].mean(axis=0)], atol=1e-6)
    typed = "decode classes --class cow --out new.npy"
    says = refused(evaluate.main, *typed.split())
    assert "no example of the run's data is labelled 'cow'; there are cat, dog." in says


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        ("run images.npy", "images.npy has 12 numbers per code, the model has 2 units"),
        ("run --z 1", "--z has 1 numbers per code"),
        ("run codes.npy --grid 1", "--grid and --sigma go around one code; codes.npy holds 2."),
        ("run codes.npy --sigma 1", "--grid and --sigma go around one code; codes.npy holds 2."),
        ("run --grid 1 --units 1 3", "two different units of the 2 there are, found 1 and 3"),
        ("run --grid 1 --units 2 2", "found 2 and 2"),
        ("run --units 1 2 --sigma 1", "--units goes with --grid, which is not given."),
        ("run -n 3 --grid 1", "-n goes with --sigma, which is not given."),
        ("run --sigma 1 2 3", "--sigma takes one number or 2, found 3"),
        ("run --sigma -1", "argument --sigma: must be a number, at least 0, found -1"),
        ("run --class cat", "labelled 'cat'; there are no labels"),
        ("run --z 1 2 --class cat", "not allowed with"),
        ("run --grid 1 --sigma 1", "not allowed with"),
        ("run --grid 0", "a number above 0"),
        ("run nothing.npy", "nothing.npy"),
        ("run nothing.dat2", "nothing.dat2 is no file of codes; give a .csv or .npy file"),
        ("run there.png", "there.png is one image file"),
    ],
)
def test_what_cannot_be_decoded_is_answered_with_a_sentence(typed, says, refused):
    np.save("codes.npy", np.zeros((2, 2)))
    assert says in refused(evaluate.main, "decode", *typed.split(), "--out", "new.npy")


@pytest.mark.parametrize("data", ["", "images.npy"])
def test_codes_and_reconstructions_are_in_the_order_of_the_file(data):
    run(f"encode run {data} --out codes.npy")
    run(f"reconstruct run {data} --out again.npy")
    model = runs.load("run").model
    X = np.load("images.npy").astype("f4").reshape(40, 12)
    mu, _ = model.encode(X)
    assert_allclose(np.load("codes.npy"), mu, atol=1e-6)
    assert_allclose(np.load("again.npy").reshape(40, 12), model.decode(mu), atol=1e-6)
    assert np.load("again.npy").shape == (40, 4, 3)


def test_a_named_set_is_taken_whole_with_what_is_held_out_last():
    data = datasets.load("faces")
    vae = VAE(hidden=(), epochs=1, random_state=0).fit(data.X[:100])
    vae.save("model.npz")
    run("encode model.npz faces --out codes.npy")
    mu = vae.transform(np.concatenate([data.X, data.X_valid]))
    assert_allclose(np.load("codes.npy"), mu, atol=1e-5)


@pytest.mark.parametrize(("name", "file", "digits"), [("run", "images", 9), ("table", "rows", 17)])
def test_a_table_of_codes_names_its_columns_and_has_the_digits_that_count(name, file, digits):
    run(f"encode {name} --out codes.csv --logvar")
    run(f"encode {name} --out codes.npy --logvar")
    codes, model = np.load("codes.npy"), runs.load(name).model
    rows = [[f"{x:.{digits}g}" for x in row] for row in codes]
    assert cells("codes.csv", ",") == [["mu1", "mu2", "logvar1", "logvar2"], *rows]
    assert_array_equal(np.array(rows).astype(codes.dtype), codes)
    X = np.load(f"{file}.npy").reshape(40, -1).astype(model.dtype)
    assert_allclose(codes, np.hstack(model.encode(X)), atol=1e-6)


def test_of_many_rows_twenty_are_drawn_from_the_first_to_the_last(monkeypatch):
    drawn, draw = [], evaluate.plots.reconstructions
    spy = lambda x, *rest: (drawn.append(x), draw(x, *rest))[1]  # noqa: E731
    monkeypatch.setattr(evaluate.plots, "reconstructions", spy)
    run("reconstruct run images.npy --out a.png")
    images = np.load("images.npy")
    assert len(drawn[0]) == 20
    assert_allclose(drawn[0][[0, -1]], images[[0, -1]], atol=1e-6)


def test_reconstructions_are_a_picture_or_a_table_with_the_names_it_was_fitted_with():
    run("reconstruct run --out a.png")
    assert Path("a.png").read_bytes()[:4] == b"\x89PNG"
    vae = load("table")
    names = [Column(name, "number") for name in ("a", "b", "c, d", "e", "f")]
    vae.columns_ = Columns(names, vae.likelihood)
    vae.save("named.npz")
    run("reconstruct named.npz rows.npy --out a.csv")
    assert Path("a.csv").read_text().startswith('a,b,"c, d",e,f\n')


def test_what_is_missing_is_reconstructed(undrawn):
    X = np.load("rows.npy")
    X[::3, 1] = np.nan
    np.save("gaps.npy", X)
    flags = "--data gaps.npy --missing --epochs 1 --hidden 3 --out gaps --quiet"
    assert train.main(flags.split()) == 0
    run("reconstruct gaps --out whole.npy")
    whole = np.load("whole.npy")
    assert whole.shape == X.shape and np.isfinite(whole).all()


# Mistakes.


def damage():
    np.save("wide.npy", np.zeros((4, 7)))
    np.save("bright.npy", np.full((4, 12), 2.0))
    np.save("holes.npy", np.full((4, 5), [0.0, 1.0, 2.0, 3.0, np.nan]))
    Path("text.npz").write_text("no model")
    Path("there.csv").write_text("mine")
    Path("link.csv").symlink_to("elsewhere.csv")
    Path("empty").mkdir()
    checkpoint.save(checkpoint.load("run/checkpoint.npz")[0], "bare.npz", "model")


BAD = [
    ("", "COMMAND"),
    ("paint run --out a.png", "paint"),
    ("sample run", "--out"),
    ("sample nowhere --out a.npy", "there is no run and no model nowhere"),
    ("sample empty --out a.npy", "there is no model.npz and no checkpoint.npz in empty"),
    ("sample text.npz --out a.npy", "text.npz is not a whole numvae model file"),
    ("sample run -n 0 --out a.npy", "at least 1"),
    ("sample run -n 1000000000000 --out a.npy", "at most 1,000,000,000"),
    ("score run --data rows.npy --out a.csv", "unrecognized arguments: --data"),
    ("sample run --seed -1 --out a.npy", "at least 0"),
    ("sample run --out a.txt", "a.txt should end in .npy or .csv or .png"),
    ("sample run --out no/a.npy", "there is no folder no"),
    ("sample run --out there.csv", "there.csv exists already"),
    ("sample run --out link.csv", "link.csv exists already"),
    ("sample table --out a.png", "rows of 5 numbers"),
    ("sample run --y 3 --out a.npy", "the model is not conditioned, so it takes no --y."),
    ("reconstruct table --out a.png", "rows of 5 numbers"),
    ("decode table --out a.png", "rows of 5 numbers"),
    ("impute table --out a.png", "rows of 5 numbers"),
    ("impute table --hide half --out a.npy", "half is for images; of rows hide a share, as in"),
    ("encode table holes.npy --out a.npy", "holes.npy holds NaN or infinity in 4 of 4 rows"),
    ("reconstruct run facse --out a.npy", "facse"),
    ("reconstruct run nothing.npy --out a.npy", "nothing.npy"),
    ("reconstruct run wide.npy --out a.npy", "wide.npy has 7 numbers per example"),
    ("encode run bright.npy --out a.npy", "from 0 to 1"),
    ("encode run --out a.png", "a.png should end in .npy or .csv"),
    ("encode bare.npz --out a.npy", "bare.npz does not say what data it was trained on"),
    ("report bare.npz --out again", "bare.npz"),
    ("report run --out table", "table exists already"),
    ("likelihood run --out there.csv", "there.csv exists already"),
    ("report run wide.npy --out again", "wide.npy has 7 numbers per example"),
    ("report run other.npy --out again", "the run in run had 36"),
]


@pytest.mark.parametrize(("typed", "culprit"), BAD, ids=[typed for typed, _ in BAD])
def test_a_mistake_is_answered_with_one_line_and_nothing_is_written(typed, culprit, refused):
    damage()
    np.save("other.npy", np.random.default_rng(0).random((50, 4, 3)))
    assert culprit in refused(evaluate.main, *typed.split())


@pytest.mark.parametrize("command", ["report", "likelihood"])
def test_a_folder_that_was_not_filled_does_not_block_the_next_try(command, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    Path("again").mkdir()  # empty
    before = sorted(os.listdir())
    with monkeypatch.context() as patch, pytest.raises(SystemExit) as stop:
        patch.setattr(evaluate.plots, "save", full)
        evaluate.main([command, "run", "--out", "again"])
    assert stop.value.code == 2 and sorted(os.listdir()) == before and os.listdir("again") == []
    assert evaluate.main([command, "run", "--out", "again"]) == 0
    assert len(os.listdir("again")) >= 2 and sorted(os.listdir()) == before


# Runs that are not finished, and runs that are handed on.


@pytest.fixture(params=["without a model", "gone on"])
def unfinished(request):
    """A folder `parts` of a run that was stopped, and its best parameters."""
    Path("parts").mkdir()
    training, about = checkpoint.load("run/checkpoint.npz")
    if request.param == "gone on":
        Path("parts/model.npz").symlink_to(Path("run/model.npz").resolve())
        training.best[...] *= 1.5
    training.model.parameters.vector[...] = 0.0  # where it stopped is not its best
    checkpoint.save(training, "parts/checkpoint.npz", about=about)
    return training.best


def test_a_run_that_was_stopped_is_used_at_its_best_and_that_is_said(unfinished, undrawn, capsys):
    run("sample parts -n 5 --out a.npy")
    said = capsys.readouterr().out
    assert said.startswith("The run in parts has not come to its end: these are its best param")
    assert said.endswith(" so far, of epoch 1. To go on with it: --resume parts\n")
    model = runs.load("run").model
    model.parameters.vector[...] = unfinished
    z = np.random.default_rng(0).standard_normal((5, 2), dtype="f4")
    assert_array_equal(np.load("a.npy").reshape(5, 12), model.decode(z))
    run("report parts --out again")
    assert Path("again/report.txt").read_text("utf-8").startswith(said)
    run("score parts --out scores.csv")  # which has no reference yet
    with pytest.warns(DoubtfulFit, match="The run in parts has not come to its end"):
        assert_array_equal(load("parts").network_.parameters.vector, unfinished)


@pytest.fixture
def mine(undrawn):
    """A folder `mine` of a run on images.npy in the working folder."""
    flags = "--data images.npy --epochs 1 --hidden 6 --out mine --quiet"
    assert train.main(flags.split()) == 0


def test_a_run_scores_new_data_when_its_own_are_gone(mine, refused):
    np.save("new.npy", np.random.default_rng(1).random((5, 4, 3)))
    run("score mine new.npy --out with.csv")
    Path("images.npy").unlink()
    run("score mine new.npy --out without.csv")
    assert Path("with.csv").read_bytes() == Path("without.csv").read_bytes()
    assert "There is no file" in refused(evaluate.main, "score", "mine", "--out", "x.csv")
    for typed in ("score mine new.npy --samples 9 --out x.csv", "report mine --out x"):
        said = refused(evaluate.main, *typed.split())
        assert "images.npy, which the run in mine was trained on, is not there any more" in said


def test_a_score_is_compared_with_equally_many_draws():
    rows_of_run = runs.load("run")
    data = rows_of_run.training_data()
    for draws in (runs.DRAWS, 20):
        reference = rows_of_run.estimate(data.X_valid, draws).log_p
        run(f"score run --samples {draws} --out {draws}.csv")
        log_p, *_, p = rows_of(f"{draws}.csv")[1].T
        assert_allclose(p, (1 + (reference[:, None] <= log_p).sum(axis=0)) / (1 + len(reference)))
    assert_allclose(
        rows_of_run.about["reference"]["log_p"], rows_of_run.reference(data, 100)["log_p"]
    )


def test_data_that_have_been_changed_or_shuffled_are_no_longer_the_runs(mine, refused):
    images = np.load("images.npy")
    Path("images.npy").unlink()
    np.save("images.npy", images[::-1])
    for typed in ("report mine --out x", "likelihood mine --out x", "score mine --out x.csv"):
        said = refused(evaluate.main, *typed.split())
        assert "images.npy is not what the run in mine was trained on: it has been changed" in said
    run("encode mine images.npy --out codes.npy")  # as other data they are welcome
    np.save("moved.npy", images)
    run("likelihood mine moved.npy --samples 9 --out found")


def test_the_likelihood_of_some_rows_is_that_of_a_random_sample():
    np.save("sorted.npy", np.arange(2000.0).reshape(1000, 2) / 2000)
    flags = "--data sorted.npy --validation 500 --epochs 1 --hidden 3 --out sorted --quiet"
    train.main(flags.split())
    found = runs.load("sorted")
    data = found.training_data()
    some = read(found.some(data.X_valid, 50), slice(None))
    assert 0.4 < some.mean() < 0.6
    run("likelihood sorted --samples 9 --rows 50 --out found")
    log_p = found.estimate(some, 9).log_p.mean()
    assert f"log p(x) = {log_p:.2f} " in Path("found/likelihood.txt").read_text("utf-8")


# What a model thinks of data, and what it fills in.


def test_likelihood_leaves_numbers_and_a_picture_of_the_bound(capsys):
    run("likelihood run --samples 60 --out found")
    text = Path("found/likelihood.txt").read_text(encoding="utf-8")
    assert text == capsys.readouterr().out
    says = r"log p\(x\) = (-?\d+\.\d\d) ± \d+\.\d\d nats, mean of 4 examples, 60 draws"
    first = re.match(says, text)
    curve = [float(v) for v in re.findall(r"^  k = +\d+ +(-?\d+\.\d\d) ±", text, re.M)]
    assert len(curve) == 4 and curve[-1] == float(first[1]) >= curve[0]
    assert "Active units" in text and "beta 1 " in text
    assert Path("found/bound.png").read_bytes().startswith(b"\x89PNG")


def test_the_likelihood_of_pixels_is_measured_in_their_gray_levels(undrawn, monkeypatch):
    np.save("bytes.npy", np.random.default_rng(0).integers(0, 256, (120, 4, 3)).astype("u1"))
    flags = "--data bytes.npy --epochs 1 --hidden 3 --out bytes --quiet"
    assert train.main(flags.split()) == 0
    monkeypatch.setattr(time, "monotonic", lambda: 7.0)
    run("likelihood bytes --samples 60 --out found")
    found = runs.load("bytes")
    data, model, inputs = found.training_data(), found.model, found.training.inputs
    estimate = found.estimate(data.X_valid, 60)
    log_p, error = importance.mean_and_error(estimate.log_p)
    curve = importance.curve(estimate, 60)
    apart = aggregate.from_prior(found.training, data.X)
    of_all = model, data.X_valid, inputs, estimate, 60, data.X, 256
    assert Path("found/likelihood.txt").read_text("utf-8").splitlines() == [
        f"log p(x) = {log_p:.2f} ± {error:.2f} nats, mean of 12 examples, 60 draws each, in 0 s. "
        "It rises with the draws:",
        *(f"  k = {k:>6}  {mean:10.2f} ± {error:.2f}" for k, mean, error in curve),
        "",
        *diagnostics.lines(diagnostics.diagnose(*of_all, from_prior=apart)),
    ]


def test_score_gives_each_row_its_log_p_and_how_unusual_it_is():
    rows = np.load("rows.npy")
    np.save("new.npy", np.vstack([rows[:3], rows[:3] + 100.0]))
    run("score table new.npy --samples 30 --out scores.csv")
    header, table = rows_of("scores.csv")
    assert header == ["log_p", "standard_error", "pareto_k", "p_value"] and table.shape == (6, 4)
    assert (table[3:, 0] < table[:3, 0].min()).all()
    assert (table[:, 1] >= 0.0).all() and (np.abs(table[:, 2]) < 10.0).all()
    assert_allclose(table[3:, 3], 1.0 / (1 + 4))  # below all four held-out examples


@pytest.mark.parametrize("binarize", ["none", "fixed", "dynamic"])
@pytest.mark.parametrize("missing", ["", "--missing"])
def test_a_row_is_seen_as_in_training_and_scored_alike_by_script_and_estimator(
    undrawn, binarize, missing
):
    X = np.random.default_rng(0).random((40, 5)).astype("f4")
    X[::3, 1] = np.nan if missing else 0.5
    np.save("gray.npy", X)
    flags = f"--epochs 2 --hidden 6 --likelihood bernoulli --binarize {binarize} {missing} --quiet"
    assert train.main(["--data", "gray.npy", "--out", "gray", "--lr", "0.05", *flags.split()]) == 0
    run("score gray gray.npy --samples 30 --out scores.csv")
    vae = load("gray").set_params(n_importance=30)
    assert (vae.binarize, vae.missing) == (binarize, bool(missing))
    x, *_ = vae._training.inputs(X)
    assert np.isin(x, (0, 1)).all() == (binarize != "none")
    assert_array_equal(vae.transform(X), vae.network_.encode(x)[0])
    scored, log_px = [], vae.network_.log_likelihood
    vae.network_.log_likelihood = lambda x, *rest: (scored.append(x), log_px(x, *rest))[1]
    log_p = rows_of("scores.csv")[1][:, 0]
    assert_allclose(vae.score_samples(X), log_p, rtol=1e-12)
    assert_array_equal(np.concatenate(scored), x)
    assert np.isfinite(log_p).all()
    assert_allclose(vae.score_samples(X[::-1]), log_p[::-1], rtol=1e-6)


@pytest.mark.parametrize("hide", ["half", "0.4"])
def test_impute_fills_in_what_is_hidden_and_keeps_the_rest(hide, capsys):
    run(f"impute run images.npy --hide {hide} --out filled.npy")
    run(f"impute run images.npy --hide {hide} --out filled.png")
    said = capsys.readouterr().out
    assert "by the model" in said and "by column means" in said
    images, filled = np.load("images.npy"), np.load("filled.npy")
    assert filled.shape == images.shape and np.isfinite(filled).all()
    same = np.isclose(filled, images, atol=1e-6)
    if hide == "half":
        assert same[:, :2].all() and not same[:, 2:].any()
    assert 0.4 < same.mean() < 0.7
    assert Path("filled.png").read_bytes().startswith(b"\x89PNG")


@pytest.fixture
def sevens(monkeypatch):
    """Whatever is missing is filled in by 7, in the rows that lack something."""

    def impute(model, x, known, rng, y=None):
        assert (known == 0).any(axis=1).all()
        return np.where(known, x, 7.0)

    monkeypatch.setattr(evaluate.imputation, "impute", impute)


def test_it_is_said_how_far_from_what_was_hidden_the_filling_comes(sevens, capsys):
    rows = np.load("rows.npy").astype("f4")
    rows[::3, 1] = np.nan
    np.save("holes.npy", rows)
    run("impute table holes.npy --hide 0.4 --seed 3 --out filled.npy")
    hidden = np.random.default_rng(3).random(rows.shape) < 0.4
    known, tested = ~np.isnan(rows) & ~hidden, ~np.isnan(rows) & hidden
    assert known.all(axis=1).any()
    means = np.nanmean(np.where(known, rows, np.nan), axis=0)
    by_the_model, by_means = (
        np.sqrt(np.mean((guess - rows)[tested] ** 2)) for guess in (7.0, means)
    )
    assert capsys.readouterr().out.splitlines() == [
        f"Filled in {np.sum(~known)} of 200 values in 40 examples.",
        f"  error by the model    {by_the_model:8.4f}  root mean square over the hidden values",
        f"  error by column means {by_means:8.4f}  root mean square over the hidden values",
    ]
    assert_array_equal(np.load("filled.npy"), np.where(known, rows, 7.0).astype("f4"))


@pytest.mark.parametrize(
    ("typed", "n"),
    [
        ("run --hide 0.4", 4),  # those held out
        ("run", 40),
        ("run images.npy --hide 0.4 --rows 3", 3),
        ("table many.npy --hide 0.4", 500),
        ("table many.npy", 520),
    ],
)
def test_how_many_examples_are_filled_in(typed, n, sevens, capsys):
    np.save("many.npy", np.vstack([np.load("rows.npy")] * 13))
    run(f"impute {typed} --out filled.npy")
    said = capsys.readouterr().out.splitlines()
    assert said[0].endswith(f" values in {n} examples.")
    assert len(said) == (3 if "--hide" in typed else 1)
    assert len(np.load("filled.npy")) == n


def test_a_picture_of_what_is_filled_in_shows_ten_examples(sevens, drawn):
    run("impute run images.npy --hide half --out filled.png")
    originals, holes, filled, limits = drawn["inpainting"]
    images = np.load("images.npy")[:10].astype("f4")
    assert_array_equal(originals, images)
    images[:, 2:] = np.nan
    assert_array_equal(holes, images)
    images[:, 2:] = 7.0
    assert_array_equal(filled, images)
    assert limits == (0.0, 1.0)


# Tables with columns of several kinds.


def test_a_table_is_filled_in_and_all_that_was_known_stays_as_it_was_written(capsys):
    run("impute birds birds.csv --out filled.csv")
    assert capsys.readouterr().out == "Filled in 3 of 120 values in 40 examples.\n"
    given, filled = cells("birds.csv"), cells("filled.csv")
    assert [[a or b for a, b in zip(*rows)] for rows in zip(given, filled)] == filled
    assert re.fullmatch(r"-?\d+,\d\d", filled[2][2]) and filled[3][1] in "abc"
    run("impute birds --out again.csv")
    assert Path("again.csv").read_bytes() == Path("filled.csv").read_bytes()
    some = [given[0], *given[:0:-2]]
    Path("some.csv").write_text("\n".join(map(";".join, some)), "utf-8")
    run("impute birds some.csv --out filled-some.csv")
    filled = cells("filled-some.csv")
    assert [[a or b for a, b in zip(*rows)] for rows in zip(some, filled)] == filled
    assert len(filled) == 21


def test_a_table_is_filled_in_as_far_as_asked_and_as_an_array_if_asked():
    run("impute birds birds.csv --out filled.csv")
    whole = cells("filled.csv")
    run("impute birds birds.csv --rows 2 --out two.csv")
    assert [row[0] for row in cells("two.csv")] == [row[0] for row in whole[:3]]
    assert all(map(all, cells("two.csv")))
    run("impute birds birds.csv --out filled.npy")
    model = runs.load("birds").model
    filled = np.load("filled.npy")
    assert filled.shape == (40, model.n_features) and np.isfinite(filled).all()


def test_a_table_without_names_is_filled_in_by_a_model_that_has_them():
    numbers = np.random.default_rng(0).normal(size=(12, 3))
    lines = [f"{a:.2f},{b:.2f},{c:.2f}" for a, b, c in numbers]
    lines[3], lines[5] = "1.00,,2.00", ",1.00,"
    Path("bare.csv").write_text("\n".join(lines), "utf-8")
    Path("named.csv").write_text("\n".join(["a,b,c", *lines]), "utf-8")
    train.main(["--data", "named.csv", "--epochs", "1", "--out", "abc", "--quiet"])
    run("impute abc named.csv --out filled.csv")
    run("impute abc bare.csv --out filled-bare.csv")
    filled, bare = cells("filled.csv", ","), cells("filled-bare.csv", ",")
    assert bare[1:] == filled[1:] and all(map(all, bare))


def test_a_table_of_which_something_was_hidden_is_filled_in_with_errors_by_column(capsys):
    run("impute birds birds.csv --hide 0.3 --out filled.csv")
    said = capsys.readouterr().out.splitlines()
    assert [line[:24].split() for line in said[2:]] == [["mass"], ["age"], ["kind"]]
    given, filled = cells("birds.csv"), cells("filled.csv")
    assert filled[0] == given[0] and [row[0] for row in filled] == [row[0] for row in given]
    assert all(map(all, filled))
    same = [
        a == b for rows in zip(given[1:], filled[1:]) for a, b in zip(rows[0][1:3], rows[1][1:3])
    ]
    assert 0.6 < np.mean(same) < 1.0


def test_rows_of_a_table_keep_the_names_of_its_rows():
    ids = [row[0] for row in cells("birds.csv")]
    header = {"encode": ["mu1", "mu2"], "score": ["log_p", "standard_error", "pareto_k", "p_value"]}
    for command, names in header.items():
        run(f"{command} birds birds.csv --out {command}.csv")
        found = cells(f"{command}.csv", ",")
        assert found[0] == ["id", *names] and [row[0] for row in found] == ids
    run("reconstruct birds birds.csv --out again.csv")
    again = cells("again.csv")
    assert again[0] == ["id", "kind", "mass", "age"] and [row[0] for row in again] == ids
    run("sample birds -n 3 --out new.csv")
    new = cells("new.csv")
    assert new[0] == ["kind", "mass", "age"] and len(new) == 4
    assert all(re.fullmatch(r"[abc];-?\d+,\d\d;-?\d+,\d+", ";".join(row)) for row in new[1:])


def test_errors_of_columns_are_those_of_numbers_and_the_share_of_right_categories():
    columns = [Column(name, "gaussian") for name in ("mass" * 6, "whole", "empty")]
    columns = Columns([*columns, Column("kind", "categorical", ["a", "b", "c"])], "gaussian")
    X = np.array(
        [[1.0, 5, 5, 1, 0, 0], [2.0, 5, 5, 1, 0, 0], [3.0, 5, 5, 0, 1, 0], [6.0, 5, 5, 0, 0, 1]]
    )
    known = np.ones_like(X)
    known[2:, 0] = known[:, 2] = known[[1, 3], 3:] = 0.0
    imputed = X.copy()
    imputed[2:, 0] = 4.0, 8.0
    tested = known == 0.0
    assert list(evaluate.errors_of_columns(columns, X, imputed, known, tested)) == [
        "                            by the model   by the column alone",
        "  massmassmassmassmassma           1.581                 3.354  root mean square error",
        "  kind                            100.0%                 50.0%  right",
    ]


@pytest.mark.parametrize(
    ("n", "last"), [(20, []), (21, ["  … and 1 more"]), (23, ["  … and 3 more"])]
)
def test_errors_of_many_columns_are_those_of_twenty(n, last):
    columns = Columns([Column(f"{i}", "gaussian") for i in range(n)], "gaussian")
    known = np.array([[1.0], [0.0]]) * np.ones(n)
    _, *lines = evaluate.errors_of_columns(columns, known, known, known, known == 0.0)
    assert [line.split()[0] for line in lines[:20]] == [f"{i}" for i in range(20)]
    assert lines[20:] == last


@pytest.mark.parametrize("hide", ["0", "1", "-0.1", "all"])
def test_impute_refuses_to_hide_nothing_or_all(hide, refused):
    sentence = refused(evaluate.main, "impute", "run", f"--hide={hide}", "--out", "filled.npy")
    assert "a share between 0 and 1" in sentence


def test_a_category_is_hidden_as_a_whole(rng):
    X = np.zeros((200, 7), "f4")
    mask = evaluate._hide(0.4, X, (7,), "gaussian:2,categorical:3,bernoulli:2", rng)
    assert (mask[:, 2:5] == mask[:, 2:3]).all()
    assert len(np.unique(mask, axis=0)) > 10


def test_impute_fills_rows_with_holes_even_if_the_run_had_none_and_all_of_them():
    rows = np.vstack([np.load("rows.npy")] * 13)
    rows[::3, 1] = np.nan
    np.save("holes.npy", rows)
    run("impute table holes.npy --out filled.npy")
    filled = np.load("filled.npy")
    assert filled.shape == rows.shape and np.isfinite(filled).all()
    assert_allclose(filled[~np.isnan(rows)], rows[~np.isnan(rows)], rtol=1e-6)


def test_new_data_are_scaled_as_those_of_the_training(undrawn):
    images = np.random.default_rng(0).integers(0, 4000, (60, 4, 3)).astype("u2")
    images[:5] //= 20  # these alone would be taken for bytes, 0 to 255
    np.save("deep.npy", images)
    np.save("dark.npy", images[:5])
    flags = ["--epochs", "1", "--hidden", "6", "--quiet"]
    assert train.main(["--data", "deep.npy", "--out", "deep", *flags]) == 0
    run("encode deep deep.npy --out all.npy")
    run("encode deep dark.npy --out dark_codes.npy")
    assert_allclose(np.load("dark_codes.npy"), np.load("all.npy")[:5], rtol=1e-5)
