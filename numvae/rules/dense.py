"""The affine layer, and the one pattern of backpropagation that all others repeat.

Read next: activations.
"""

import numpy as np


def forward(x, W, b):
    """The affine map of each row of a batch.

        y = x W + b                                        (D1)

    Shapes  x (B, I), W (I, O), b (O,) → y (B, O)
    """
    y = x @ W
    y += b
    return y


def backward(dy, x, W, dW=None, db=None, need_dx=True):
    """The gradients of the affine map, from the gradient dy of its output.

        dW = xᵀ dy                                         (D2)
        db = Σ_rows dy                                     (D3)
        dx = dy Wᵀ                                         (D4)

    Shapes  dy (B, O), x (B, I), W (I, O) → dx (B, I), dW (I, O), db (O,)
    Why     y_bo = Σ_i x_bi W_io + b_o, so ∂y_bo/∂W_io = x_bi: the chain rule sums x_bi dy_bo over
            the rows b that share W. The other two sum over what shares b_o, and what shares x_bi.
    Give dW and db to have the gradients written there (views into one flat vector). The first
    layer's input is data: need_dx=False skips that product, and dx is None.
    """
    dW = np.matmul(x.T, dy, out=dW)
    db = dy.sum(axis=0, out=db)
    dx = dy @ W.T if need_dx else None
    return dx, dW, db
