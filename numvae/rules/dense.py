"""The affine layer, and the one pattern of backpropagation that all others repeat.

Read next: activations.
"""


def forward(x, W, b):
    """The affine map of each row of a batch.

        y = x W + b                                        (D1)

    Shapes  x (B, I), W (I, O), b (O,) → y (B, O)
    """
    return x @ W + b


def backward(dy, x, W, need_dx=True):
    """The gradients of the affine map, from the gradient dy of its output.

        dW = xᵀ dy                                         (D2)
        db = Σ_rows dy                                     (D3)
        dx = dy Wᵀ                                         (D4)

    Shapes  dy (B, O), x (B, I), W (I, O) → dx (B, I), dW (I, O), db (O,)
    Why     y_no = Σ_i x_ni W_io + b_o in row n, so ∂y_no/∂W_io = x_ni, ∂y_no/∂b_o = 1 and
            ∂y_no/∂x_ni = W_io. The chain rule sums over all y_no that contain the variable: W_io
            and b_o are in every row, dW_io = Σ_n x_ni dy_no and db_o = Σ_n dy_no; x_ni is in every
            output of its row, dx_ni = Σ_o dy_no W_io.
    The first layer's input is data: need_dx=False skips that product, and dx is None.
    """
    dW = x.T @ dy
    db = dy.sum(axis=0)
    dx = dy @ W.T if need_dx else None
    return dx, dW, db
