"""The estimator among scikit-learn's own: its checks, its pipelines, its searches, its frames."""

import pickle
import warnings

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import numvae
from numvae import VAE, load

pytest.importorskip("sklearn")
from sklearn import config_context
from sklearn.base import clone, is_outlier_detector
from sklearn.datasets import load_digits
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import estimator_checks

FAST = {"n_latent": 2, "hidden": (8,), "epochs": 2, "random_state": 0}


@pytest.fixture
def X(rng):
    return rng.standard_normal((60, 4))


@pytest.mark.filterwarnings("ignore:Estimator VAE does not inherit:UserWarning")
@pytest.mark.parametrize(
    "settings",
    [{"epochs": 5, "hidden": (8,)}, pytest.param({}, marks=pytest.mark.slow)],
    ids=["quick", "as it is"],
)
def test_every_check_of_scikit_learn_passes(settings):
    """Its own list, printed; only the check that needs SCIPY_ARRAY_API may be skipped."""
    results = estimator_checks.check_estimator(VAE(**settings), on_skip=None, on_fail=None)
    for result in results:
        print(f"{result['status']:<8}{result['check_name']}")
    assert len(results) > 40
    others = {r["check_name"]: r["exception"] for r in results if r["status"] != "passed"}
    assert set(others) <= {"check_array_api_input"}
    assert not any(result["expected_to_fail"] for result in results)


def test_a_vae_is_no_outlier_detector_for_scikit_learn_but_decides_in_pipelines(X):
    """Its detectors call exactly the share `contamination` of the training rows unusual."""
    steps = make_pipeline(StandardScaler(), VAE(**FAST, validation_fraction=0.5)).fit(X)
    assert not is_outlier_detector(steps[1])
    scaled = steps[0].transform(X)
    for method in ("predict", "decision_function", "score_samples"):
        assert_array_equal(getattr(steps, method)(X), getattr(steps[1], method)(scaled))
    assert_array_equal(steps.fit_predict(X), steps.predict(X))
    with pytest.raises(NotFittedError):
        VAE().predict(X)
    assert pickle.loads(pickle.dumps(numvae.estimator.NotFittedError("a"))).args == ("a",)


class Mine(VAE):
    def __init__(self, extra=1.5, epochs=2):
        super().__init__(2, epochs=epochs, hidden=8, random_state=0)
        self.extra = extra


def test_a_subclass_with_a_constructor_of_its_own_is_cloned_and_searched(X):
    mine = Mine(extra=3)
    other = clone(mine)
    assert type(other) is Mine and other.get_params() == {"extra": 3, "epochs": 2}
    search = GridSearchCV(mine, {"epochs": [1, 30]}, cv=2).fit(X)
    assert search.best_params_ == {"epochs": 30} and search.best_estimator_.extra == 3
    estimator_checks.check_get_params_invariance("Mine", mine)
    estimator_checks.check_set_params("Mine", mine)


def test_the_picture_of_a_pipeline_holds_the_estimator():
    text = make_pipeline(StandardScaler(), VAE(n_latent=3))._repr_html_()
    assert "VAE(n_latent=3)" in text


# Data frames out.


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_every_check_of_what_transform_returns_passes(library):
    pytest.importorskip(library)
    checks = vars(estimator_checks)
    of_library = [name for name in checks if name.endswith(f"output_transform_{library}")]
    assert len(of_library) == 2
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # names that are given on one side only
        for name in ("check_set_output_transform", *of_library):
            checks[name]("VAE", VAE(**FAST))


def test_codes_are_frames_with_the_index_of_the_rows_if_that_is_asked_for(frame, X):
    pandas = pytest.importorskip("pandas")
    rows = frame.set_axis(range(100, 160))
    vae = VAE(**FAST).set_output(transform="pandas")
    codes = vae.fit_transform(rows)
    assert type(codes) is pandas.DataFrame and codes.index.equals(rows.index)
    assert list(codes) == ["vae0", "vae1"]
    assert_array_equal(codes.to_numpy(), VAE(**FAST).fit(frame).transform(frame))
    assert type(clone(vae).fit_transform(rows)) is pandas.DataFrame
    assert_array_equal(vae.decode(codes), vae.decode(codes.to_numpy()))
    assert_array_equal(vae.reconstruct(rows), VAE(**FAST).fit(X).reconstruct(X))
    assert vae.set_output(transform=None) is vae
    assert type(vae.set_output(transform="default").transform(rows)) is np.ndarray
    steps = make_pipeline(StandardScaler(), VAE(**FAST)).set_output(transform="pandas")
    assert list(steps.fit_transform(rows)) == ["vae0", "vae1"]
    with config_context(transform_output="pandas"):
        assert type(VAE(**FAST).fit_transform(X)) is pandas.DataFrame


def test_a_clone_has_the_parameters_and_nothing_learned(X):
    vae = VAE(n_latent=3, hidden=[8], epochs=1, random_state=5).fit(X)
    other = clone(vae)
    assert other.get_params() == vae.get_params() and other.hidden is not vae.hidden
    assert not hasattr(other, "network_")
    assert_array_equal(other.fit(X).transform(X), vae.transform(X))


def test_the_codes_of_digits_tell_the_digits_apart():
    X, y = load_digits(return_X_y=True)
    vae = VAE(n_latent=8, hidden=(64,), epochs=20, lr=3e-3, random_state=0)
    steps = make_pipeline(StandardScaler(), vae, LogisticRegression(max_iter=1000))
    steps.fit(X[:1200], y[:1200])
    assert steps.score(X[1200:], y[1200:]) > 0.7  # guessing gives 0.1


def test_a_pipeline_goes_both_ways_and_names_its_columns(X):
    steps = make_pipeline(StandardScaler(), VAE(**FAST)).fit(X)
    scaled = steps[0].transform(X)
    codes = steps.transform(X)
    assert_array_equal(codes, steps[1].transform(scaled))
    back = steps[0].inverse_transform(steps[1].decode(codes))
    assert_array_equal(steps.inverse_transform(codes), back)
    assert steps.score(X) == steps[1].score(scaled)
    assert steps.get_feature_names_out().tolist() == ["vae0", "vae1"]


@pytest.mark.slow
def test_a_grid_search_in_two_processes_finds_the_better_setting(X):
    search = GridSearchCV(VAE(**FAST), {"epochs": [1, 30]}, cv=2, n_jobs=2).fit(X)
    assert search.best_params_ == {"epochs": 30}
    assert search.best_estimator_.n_iter_ == 30
    assert search.transform(X).shape == (60, 2)
    alone = GridSearchCV(VAE(**FAST), {"epochs": [1, 30]}, cv=2).fit(X)
    np.testing.assert_allclose(
        search.cv_results_["mean_test_score"], alone.cv_results_["mean_test_score"], rtol=1e-6
    )


def test_cross_validation_scores_with_log_p(X):
    scores = cross_val_score(VAE(**FAST), X, cv=3)
    assert scores.shape == (3,)
    assert scores[2] == pytest.approx(VAE(**FAST).fit(X[:40]).score(X[40:]), rel=1e-12)


# Data frames.


@pytest.fixture
def frame(X):
    return pytest.importorskip("pandas").DataFrame(X, columns=["a", "b", "c", "d"])


def test_a_frame_is_fitted_as_its_numbers_and_leaves_its_names(frame, X, tmp_path):
    vae, plain = VAE(**FAST).fit(frame), VAE(**FAST).fit(X)
    assert vae.feature_names_in_.tolist() == ["a", "b", "c", "d"]
    assert vae.feature_names_in_.dtype == object and not hasattr(plain, "feature_names_in_")
    for method in ("transform", "score_samples", "elbo", "reconstruct"):
        assert_array_equal(getattr(vae, method)(frame), getattr(plain, method)(X))
        assert_array_equal(
            getattr(vae, method)(frame[["b", "d", "a", "c"]]), getattr(plain, method)(X)
        )
    vae.save(tmp_path / "vae.npz")
    assert load(tmp_path / "vae.npz").feature_names_in_.tolist() == ["a", "b", "c", "d"]
    vae.fit(X)
    assert not hasattr(vae, "feature_names_in_")


def test_frames_of_single_precision_and_of_whole_numbers(frame):
    single, whole = frame.astype("float32"), (100 * frame).round().astype("int64")
    assert VAE(**FAST).fit(single).transform(single).dtype == np.float32
    codes = VAE(**FAST).fit(whole).transform(whole)
    assert codes.dtype == np.float64
    assert_array_equal(codes, VAE(**FAST).fit_transform(whole.to_numpy()))


@pytest.mark.parametrize("method", ["transform", "score_samples", "partial_fit"])
def test_other_names_are_refused_as_scikit_learn_refuses_them(frame, X, method):
    vae = VAE(**FAST).fit(frame)
    before = vae.network_.parameters.vector.copy()
    for other, says in (
        (frame.rename(columns={"a": "z"}), "unseen at fit time:\n- z"),
        (frame[["a", "b", "c"]], "yet now missing:\n- d"),
        (frame.assign(e=1.0), "unseen at fit time:\n- e"),
    ):
        with pytest.raises(ValueError, match="feature names should match.*") as caught:
            getattr(vae, method)(other)
        assert says in str(caught.value)
    assert_array_equal(vae.network_.parameters.vector, before)


def test_names_on_one_side_only_are_a_warning_that_points_at_the_caller(frame, X):
    for fitted, asked, says in (
        (frame, X, "X does not have valid feature names, but VAE was fitted with"),
        (X, frame, "X has feature names, but VAE was fitted without"),
    ):
        vae = VAE(**FAST).fit(fitted)
        with pytest.warns(UserWarning, match=says) as caught:
            vae.transform(asked)
        assert [warning.filename for warning in caught] == [__file__]


def test_names_that_are_no_text_are_no_names(frame, X):
    vae = VAE(**FAST).fit(frame.set_axis(range(4), axis=1))
    assert not hasattr(vae, "feature_names_in_")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        vae.transform(X)
    with pytest.raises(TypeError, match="string names"):
        VAE(**FAST).fit(frame.set_axis(["a", 1, 2, 3], axis=1))
