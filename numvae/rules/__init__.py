"""The mathematics: every formula and its gradient, written once, as pure functions on arrays.

A VAE describes how x could have come about: draw a code z ~ p(z) = N(0, I), the prior, then
x ~ p(x|z), whose parameters a network (the decoder) computes from z. log p(x) itself, an integral
over all z, cannot be computed, nor can the posterior p(z|x) of the codes that may have made x. So a
second network (the encoder) computes for each x an approximate posterior, q(z|x) = N(μ(x), σ²(x)).
Let E_q be the mean over draws z ~ q(z|x). The logarithm of a mean is at least the mean of the
logarithms (Jensen's inequality), so for every q

    log p(x) = log ∫ p(x|z) p(z) dz = log E_q[ p(x|z) p(z) / q(z|x) ]
             ≥ E_q[ log p(x|z) ] − E_q[ log q(z|x) − log p(z) ] = −(nll + kl),

the evidence lower bound, ELBO. nll is the negative log-likelihood: how badly x is reconstructed.
kl is the divergence KL( q(z|x) ‖ p(z) ): how far q is from the prior. The gap between log p(x) and
the bound is how far q is from the posterior:

    log p(x) = ELBO + KL( q(z|x) ‖ p(z|x) ).

Training raises the ELBO. An expectation E_q[f(z)] without a closed form is estimated by the mean of
f over L draws z ~ q(z|x), which is right on average for every L (Monte Carlo).

    dense                   y = x W + b and its three gradients
    activations             tanh, relu, elu, softplus, sigmoid
    gaussian                reparameterisation, closed-form KL, log-density, variance floor
    bernoulli               the log-likelihood of black-and-white pixels, from logits
    continuous_bernoulli    the density of gray pixels
    categorical             one of several categories, as one-hot columns
    poisson                 counts, from the log of their rate
    negative_binomial       counts that vary more, with a dispersion for each column
    model_choice            which distribution describes whole numbers best
    standardization         columns in units of their standard deviation
    factor_analysis         the linear Gaussian model, whose best parameters need no gradient
    importance              importance weights, for log p(x)
    objectives              what is minimised: how much each sample of z counts
    path_derivative         gradients of the sampled bounds with less noise
    score_function          a gradient without a path through z, and why it is not used
    dropout                 units set to 0 at random, the mask explicit
    corruption              how an input is corrupted for a denoising model
    initialization          how large a weight should be at the start
    optimizers              SGD with momentum, Adagrad, Adam; weight decay
    schedules               how the learning rate falls, and the weight of the KL rises
    codes                   paths between codes, and statistics of codes
    mixture                 Gaussians fitted to codes, to draw new ones from

Three conventions hold in every file:

- `dy` is ∂loss/∂y, for any array y. A function `f(...)` has its gradient beside it:
  `f_backward(dout, ...)`, or `backward` where a file holds one rule. After `dout` comes exactly
  what the forward pass must remember. The objectives are the loss itself: theirs take no `dout`.
- A rule returns the dtype it was given and keeps no state. It changes no input; only the optimizers
  overwrite what they are given. Rules do not check their arguments: that is done where data comes
  in (validation.py, estimator.py, the scripts).
- Every equation has a label, (D1) …, and a test computes each. The letter is only a name. `Why`
  says in a few words where the equation comes from; `python -m numvae.lessons.derivations D2`
  derives that gradient in full, and without D2 lists all.

Shapes are written in letters: B examples in a batch, D numbers in each, I inputs and O outputs of a
layer, H hidden and Z latent units, L samples of z per example, K categories, P parameters, N rows
of any kind; `...` is any axes, or none. A small letter runs over its axis, Σ_d, Σ_l; n runs over
rows and j over latent units. Logarithms are natural, and their unit is the nat.

Read next: dense.
"""
