"""All parameters of a model in one flat vector, all gradients in another.

An optimizer then needs one call and knows no layers; a saved model is one array; a finite
difference moves element i. The layers have views of that memory, with names and shapes.

Read next: layers.
"""

import math

import numpy as np


class Parameters:
    """One block of memory with names.

    vector, gradient    (P,)  every parameter, and its ∂loss/∂parameter
    values[name]        the view of `vector` that belongs to `name`, in its shape
    gradients[name]     the same place in `gradient`
    """

    def __init__(self, shapes, dtype):
        """shapes: dict of name → shape, in the order in which the vector holds them."""
        self.shapes = shapes
        size = sum(math.prod(shape) for shape in shapes.values())
        self.vector = np.zeros(size, dtype)
        self.gradient = np.zeros(size, dtype)
        self.values, self.gradients = views(self.vector, shapes), views(self.gradient, shapes)

    def __getstate__(self):
        """What a pickle or a deep copy holds: not the views, which are made again."""
        return {"shapes": self.shapes, "vector": self.vector}

    def __setstate__(self, state):
        self.__init__(state["shapes"], state["vector"].dtype)
        self.vector[...] = state["vector"]


def views(vector, shapes):
    """name → the view of a flat vector (P,) that belongs to it, in its shape."""
    named, start = {}, 0
    for name, shape in shapes.items():
        here = slice(start, start + math.prod(shape))
        named[name] = vector[here].reshape(shape)
        start = here.stop
    return named
