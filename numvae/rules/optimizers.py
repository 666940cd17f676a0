"""How a gradient g moves parameters θ, at the learning rate lr.

The three optimizers work elementwise, so they take any slice of a vector of parameters. They
overwrite θ and the memory arrays they are given.

Read next: schedules.
"""

import math

import numpy as np


def clip(g, norm, limit):
    """A gradient that is too long is shortened, its direction kept.

        g ← g · min(1, limit / ‖g‖)                        (A0)

    Shapes  g any, changed in place; norm = ‖g‖
    Source  Pascanu, Mikolov & Bengio 2013, Algorithm 1
    """
    if norm > limit:
        g *= limit / norm


def weight_decay(g, theta, decay):
    """The gradient of ½ λ ‖θ‖² is added: the parameters have a Gaussian prior, and are on their way
    to the most probable ones given the data (MAP). Unlike AdamW, where θ shrinks beside the
    optimizer, the prior is part of what the optimizer is given.

        g ← g + λ θ                                        (A6)

    Shapes  g, theta alike; g is changed in place; decay is λ
    Source  Kingma & Welling 2014, appendix F: θ ~ N(0, I), which is λ = 1/N for N training rows
    Why     −(1/N) log N(θ; 0, I) = (1/N) ½ Σ_p ( θ² + log 2π ), beside a loss per row
    """
    g += decay * theta


def sgd(theta, g, velocity, lr, momentum):
    """Stochastic gradient descent with (heavy-ball) momentum; with momentum 0, θ ← θ − lr g.

        v ← momentum · v + g                               (M1)
        θ ← θ − lr v                                       (M2)

    Shapes  theta, g, velocity alike
    Source  Polyak 1964
    """
    velocity *= momentum
    velocity += g
    theta -= lr * velocity


def adagrad(theta, g, total, lr, eps):
    """Adagrad, as Kingma & Welling 2014 used it: the larger the gradients have been, the slower.

        s ← s + g²                                         (R1)
        θ ← θ − lr g / (√s + ε)                            (R2)

    Shapes  theta, g, total alike
    Source  Duchi, Hazan & Singer 2011, with the diagonal matrix
    """
    total += g * g
    theta -= lr * (g / (np.sqrt(total) + eps))


def adam(theta, g, m, v, t, lr, beta1, beta2, eps):
    """Adam at step t = 1, 2, …: the same t for every parameter, counted once per step.

        m ← β₁ m + g                                       (A1)
        v ← β₂ v + g²                                      (A2)
        m̂ = c₁ m,   c₁ = (1 − β₁) / (1 − β₁^t)             (A3)
        v̂ = c₂ v,   c₂ = (1 − β₂) / (1 − β₂^t)             (A4)
        θ ← θ − lr m̂ / (√v̂ + ε)
          = θ − lr c₁/√c₂ · m / (√v + ε/√c₂)               (A5)

    Shapes  theta, g, m, v alike
    Source  Kingma & Ba 2015, Algorithm 1
    Why     the paper scales g by (1 − β) as it comes in. Here that constant waits for (A3, A4),
            where it joins the bias correction: two passes over the memory fewer, the same numbers.
            The last line divides numerator and denominator by √c₂: it scales numbers, no array.
    """
    c1 = (1.0 - beta1) / (1.0 - beta1**t)
    root_c2 = math.sqrt((1.0 - beta2) / (1.0 - beta2**t))
    m *= beta1
    m += g
    v *= beta2
    v += g * g
    theta -= lr * c1 / root_c2 * (m / (np.sqrt(v) + eps / root_c2))


# What a user names.
NAMES = ("adam", "adagrad", "sgd")
