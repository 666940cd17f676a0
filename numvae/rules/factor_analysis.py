"""Factor analysis: the linear Gaussian model, whose best parameters need no gradient.

    z ~ N(0, I),   x = b + W z + noise,   noise ~ N(0, diag ψ)

This is the VAE without hidden layers, with one σ for each column. Its posterior is Gaussian, with
the precision I + Wᵀ Ψ⁻¹ W. A rotation of the latent space, W R, leaves p(x) as it is; the one that
makes Wᵀ Ψ⁻¹ W diagonal makes the latent units independent given x. The posterior is then of the
form N(mu(x), diag e^logvar) that an encoder gives, and the ELBO is no bound but log p(x) itself.

Given y, what is modelled so is what y does not explain: x = b + U y + W z + noise.

Read next: importance.
"""

import math

import numpy as np


def fit(x, observed, n_factors, floor, ceiling=math.inf, imagined=0.0, n_steps=1000, enough=1e-6):
    """b, W and ψ of (nearly) the highest likelihood, by expectation and maximisation in turns; with
    imagined rows, of these and x together.

    Given E z and E z zᵀ of every row, each column is a regression on the codes, and with
    u = (z, 1), o = observed, κ = imagined:

        (W_d, b_d) = ( Σ_n o x E uᵀ ) ( Σ_n o E u uᵀ + κ diag(1, …, 1, 0) )⁻¹      (P11)
        ψ_d        = ( Σ_n o x (x − (W_d, b_d) · E u) + κ ) / ( Σ_n o + κ )         (P12)
        W          ← W chol( ( Σ_n E z zᵀ + κ I ) / ( N + κ ) )                    (P13)

    x           (N, D) in units in which a column has a variance of about 1; 0 where missing
    observed    (N, D) 1 where x is known and 0 where it is missing; None: all of x is known
    floor, ceiling      the least and the largest ψ
    imagined    κ, how many rows to imagine beside x, in which columns have variance 1 and are
                independent of each other and of z: they matter where rows are few
    n_steps     at most; fewer once the mean of log p rises by less than `enough` nats

    Shapes  → b (D,), W (D, Z), psi (D,)
    Source  Rubin & Thayer 1982; P13: Liu, Rubin & Wu 1998
    Why     P11 and P12 are least squares, where z is known by its first two moments only. P13 makes
            the codes have variance 1 over the data, as under the prior; it saves most of the steps
    """
    N, D = x.shape
    patterns, index = np.ones((1, D)), np.zeros(N, int)
    if observed is not None:
        patterns, index = np.unique(observed, axis=0, return_inverse=True)
        order = np.argsort(index, kind="stable")  # rows of one pattern, one after the other
        x, index = x[order], index[order]
    n_rows = np.bincount(index)
    n = np.maximum(n_rows @ patterns, 1)
    squares = (x * x).sum(axis=0)
    b = x.sum(axis=0) / n
    W, psi = _principal_axes((x - b) * patterns[index], n_factors, floor, ceiling)
    latest = -math.inf
    for _ in range(n_steps):
        log_p, ez, C = posterior(x, patterns, index, b, W, psi)
        if log_p.mean() - latest < enough:
            break
        latest = log_p.mean()
        u = np.column_stack([ez, np.ones(N)])
        if len(C) == 1:
            uu = (u.T @ u)[None]
        else:
            uu = np.add.reduceat(u[:, :, None] * u[:, None], np.cumsum(n_rows) - n_rows, axis=0)
        uu[:, :-1, :-1] += n_rows[:, None, None] * C  # (patterns, Z + 1, Z + 1): Σ_n E u uᵀ
        zz = uu.sum(axis=0)[:-1, :-1]
        xu = x.T @ u
        of_column = np.tensordot(patterns, uu, (0, 0)) if len(C) > 1 else uu
        of_column[:, range(n_factors), range(n_factors)] += imagined
        of_column[:, -1, -1] = np.maximum(of_column[:, -1, -1], 1.0)  # a column without values
        if len(C) > 1:
            Wb = np.linalg.solve(of_column, xu[:, :, None])[:, :, 0]
        else:
            Wb = np.linalg.solve(of_column[0], xu.T).T
        psi = (squares - (Wb * xu).sum(axis=1) + imagined) / (n + imagined)
        psi = np.clip(psi, floor, ceiling)
        zz = zz + imagined * np.eye(n_factors)
        W = Wb[:, :-1] @ np.linalg.cholesky(zz / (N + imagined))
        b = Wb[:, -1]
    return b, W, psi


def posterior(x, patterns, index, b, W, psi):
    """log p(x), and p(z|x) = N(E z, C), of rows that have o of their values.

        C      = ( I + Wᵀ Ψ⁻¹ diag(o) W )⁻¹                                        (P14)
        E z    = C a,   a = Wᵀ Ψ⁻¹ diag(o) (x − b)                                 (P15)
        log p  = −½ ( Σ_d o ( (x − b)²/ψ + log 2πψ ) − log |C| − aᵀ C a )           (P16)

    Shapes  x (N, D), patterns (patterns, D) and index (N,): o is patterns[index];
            b, psi (D,), W (D, Z) → log_p (N,), ez (N, Z), C (patterns, Z, Z)
    Units   nats
    Source  Bishop 2006, section 12.2, whose M⁻¹ is C / σ²; P16: by the lemmas for the determinant
            and the inverse of W Wᵀ + Ψ
    """
    centered = (x - b) * patterns[index]
    precision, a = _precision(patterns, W, psi), centered @ (W / psi[:, None])
    C = np.linalg.inv(precision)
    ez = a @ C[0] if len(C) == 1 else np.einsum("nj,njk->nk", a, C[index])
    per_pattern = patterns @ np.log(2.0 * math.pi * psi) + np.linalg.slogdet(precision)[1]
    squared = (centered * centered / psi).sum(axis=1) - (a * ez).sum(axis=1)
    return -0.5 * (squared + per_pattern[index]), ez, C


def _precision(patterns, W, psi):
    """C⁻¹ of (P14) for each pattern. Shapes  (patterns, D) → (patterns, Z, Z)"""
    of_columns = (W / psi[:, None])[:, :, None] * W[:, None]
    return np.eye(W.shape[1]) + np.tensordot(patterns, of_columns, (1, 0))


def expectation(x, observed, b, W, psi):
    """Rows with what is missing filled in by its expectation given what is known.

        x_d ← b_d + W_d · E z   where d is missing,   E z as in (P15)              (P19)

    Shapes  x, observed (N, D), b (D,) or a row for each row of x, psi (D,), W (D, Z) → (N, D)
    """
    a = ((x - b) * observed) @ (W / psi[:, None])
    ez = np.linalg.solve(_precision(observed, W, psi), a[:, :, None])[:, :, 0]
    return np.where(observed, x, b + ez @ W.T)


def rotated(W, psi):
    """The same model with factors that are independent given x, the strongest first.

        W ← W R,   Rᵀ (Wᵀ Ψ⁻¹ W) R = diag λ                                        (P17)

    Shapes  W (D, Z), psi (D,) → W (D, Z), λ (Z,)
    """
    strength, R = np.linalg.eigh(W.T @ (W / psi[:, None]))
    return W @ R[:, ::-1], np.maximum(strength[::-1], 0.0)


def encoder(b, W, psi, U):
    """The layers of the exact encoder: mu = (x, y) V + c, logvar the same for every x and y.

        V = Ψ⁻¹ W / (1 + λ),   c = −b V,   logvar = −log(1 + λ)                    (P18)
        V_y = −Uᵀ V                                                                (P32)

    V is the upper part of the matrix, for x, and V_y the lower one, for y.

    Shapes  b, psi (D,), W (D, Z) as `rotated` gives it, U (D, C), perhaps with C = 0
            → (D + C, Z), c (Z,), logvar (Z,)
    Why     C in P14 is diagonal, 1/(1 + λ), if all of x is known; with W not rotated, C would not
            be diagonal, no encoder could output it, and the ELBO would be below log p(x). Given y,
            the x of P15 is x − U y, which x V becomes with −(U y) V beside it
    """
    A = W / psi[:, None]
    precision = 1.0 + (W * A).sum(axis=0)
    V = A / precision
    return np.concatenate([V, -U.T @ V]), -b @ V, -np.log(precision)


def given(y, b, U):
    """The mean of x given y, or without y its mean.

        E[x|y] = b + U y                                                           (P20)

    Shapes  y (N, C) or None, b (D,), U (D, C) → (N, D), or b (D,)
    """
    return b if y is None else b + y @ U.T


def regression(x, observed, y, imagined=0.0):
    """b and U of the least squares of x on y; with imagined rows, of these and x together.

        (U_d, b_d) = ( Σ_n o x vᵀ ) ( Σ_n o v vᵀ + κ diag(1, …, 1, 0) )⁻¹,   v = (y, 1)      (P31)

    x, observed, imagined   as in `fit`; with κ = 0 the columns of y and a column of ones must be
                            linearly independent, which one-hot columns are not

    Shapes  x (N, D), y (N, C) → b (D,), U (D, C)
    Source  Anderson 2003, section 8.2: b and U of the highest likelihood of x = b + U y + W z +
            noise are those of least squares, whatever the covariance W Wᵀ + Ψ, if all of x is known
    Why     all columns are regressed on the same y, so the covariance of what is left weighs both
            sides of the normal equations alike. W and Ψ are then those of the residuals
    """
    v = np.column_stack([y, np.ones(len(y))])
    o = np.ones((len(x), 1)) if observed is None else observed
    G = np.stack([(v * o_d[:, None]).T @ v for o_d in o.T])  # one for each column, or for all
    G[:, range(y.shape[1]), range(y.shape[1])] += imagined
    G[:, -1, -1] = np.maximum(G[:, -1, -1], 1.0)  # a column without values
    Ub = np.linalg.solve(G, (x.T @ v)[:, :, None])[:, :, 0]
    return Ub[:, -1], Ub[:, :-1]


def _principal_axes(centered, n_factors, floor, ceiling):
    """Where `fit` starts: half of the variance along each principal axis, the rest is noise."""
    N, D = centered.shape
    _, s, axes = np.linalg.svd(centered, full_matrices=False)
    k = min(len(s), n_factors)
    W = np.zeros((D, n_factors))
    W[:, :k] = axes[:k].T * s[:k] * math.sqrt(0.5 / N)
    noise = (centered * centered).mean(axis=0) - (W * W).sum(axis=1)
    return W, np.clip(noise, floor, ceiling)
