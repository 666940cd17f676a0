import copy

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from numvae.network.parameters import Parameters

SHAPES = {"one.W": (3, 4), "one.b": (4,), "two.W": (4, 2), "two.b": (2,)}


@pytest.fixture
def parameters(dtype):
    return Parameters(SHAPES, dtype)


def test_size_dtype_and_start_at_zero(parameters, dtype):
    for vector in (parameters.vector, parameters.gradient):
        assert vector.shape == (3 * 4 + 4 + 4 * 2 + 2,)
        assert vector.dtype == dtype
        assert not vector.any()


def test_views_have_the_names_and_shapes_asked_for_in_order(parameters):
    for views in (parameters.values, parameters.gradients):
        assert list(views) == list(SHAPES)
        assert [view.shape for view in views.values()] == list(SHAPES.values())


def test_views_cover_their_vector_once_and_in_order(parameters):
    pairs = (parameters.vector, parameters.values), (parameters.gradient, parameters.gradients)
    for vector, views in pairs:
        vector[...] = np.arange(vector.size)
        assert_array_equal(np.concatenate([v.ravel() for v in views.values()]), vector)
        assert all(np.shares_memory(view, vector) for view in views.values())


def test_what_is_written_into_a_view_is_in_the_vector(parameters):
    parameters.values["two.b"][...] = 5.0
    parameters.gradients["one.W"][0, 1] = 7.0
    assert_array_equal(parameters.vector[-2:], [5.0, 5.0])
    assert parameters.gradient[1] == 7.0
    assert parameters.vector.sum() == 10.0 and parameters.gradient.sum() == 7.0


def test_values_and_gradients_are_separate_memory(parameters):
    assert not np.shares_memory(parameters.vector, parameters.gradient)


def test_no_shapes_give_empty_vectors():
    assert Parameters({}, "float32").vector.shape == (0,)


def test_a_copy_holds_the_same_numbers_in_memory_of_its_own(parameters):
    parameters.vector[...] = np.arange(parameters.vector.size)
    twin = copy.deepcopy(parameters)
    assert_array_equal(twin.vector, parameters.vector)
    assert twin.vector.dtype == parameters.vector.dtype
    assert [view.shape for view in twin.values.values()] == list(SHAPES.values())
    twin.values["one.W"][...] = -1.0
    assert (twin.vector[:12] == -1.0).all() and (parameters.vector >= 0.0).all()
