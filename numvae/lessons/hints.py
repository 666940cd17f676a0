"""Two hints for each exercise: where to look, then what to write.

Read next: pixel.
"""

HINTS = {
    "one_pixel_in_arrays": (
        "Write the five lines of exercise 1 with np.exp and np.log. Do you need a loop?",
        "z = μ + σ ε and a = w z + b. Then nll = log(1 + e^a) − x a, which is −log of the "
        "probability of x, and kl = ½ (μ² + e^logvar − 1 − logvar).",
    ),
    "dense_backward": (
        "In row n, y_no = Σ_i x_ni W_io + b_o. By which y can W_io reach the loss? By which b_o, "
        "and by which x_ni? The chain rule sums over those.",
        "W_io is in y_no of every row n, times x_ni: dW_io = Σ_n x_ni dy_no. b_o: the same with "
        "1. x_ni is in every y_no of its row, times W_io: dx_ni = Σ_o dy_no W_io. Which matrix "
        "products are these sums? The shapes leave one choice.",
    ),
    "tanh_backward": (
        "tanh a = sinh a / cosh a, and sinh′ = cosh, cosh′ = sinh. Write the slope with h alone.",
        "∂h/∂a = (cosh² a − sinh² a) / cosh² a = 1 − tanh² a. And da = dh ∂h/∂a.",
    ),
    "relu_backward": (
        "Where a > 0, h = a. Elsewhere h is 0, and stays 0 when a is moved a little.",
        "The slope is 1 where a > 0, and 0 elsewhere; h > 0 just where a > 0.",
    ),
    "reparameterize_in_steps": (
        "Go from the last line to the first. Each line has the gradient of what it makes, times "
        "the slope of that one line. What has no axis of samples is shared by the L samples.",
        "z = mu + noise has the slope 1 in both. noise = sigma ε has the slope ε in sigma; sigma "
        "= e^half has the slope sigma in half; half = ½ logvar has the slope ½ in logvar. For mu "
        "and sigma, sum over axis 0.",
    ),
    "reparameterize_backward": (
        "Multiply the slopes of exercise 6: one formula for dmu, one for dlogvar.",
        "∂z/∂μ = 1 and ∂z/∂logvar = ε ∂σ/∂logvar, where σ = e^(½ logvar) has the slope ½ σ. The L"
        " draws of an example share its μ and logvar: sum over axis 0.",
    ),
    "kl": (
        "kl = E_q[ log q(z) − log p(z) ] = E_q[ −½ (z − μ)²/σ² − ½ logvar + ½ z² ]: the two log "
        "2π cancel. What is the mean of (z − μ)², and that of z²?",
        "E_q (z − μ)² = σ² and E_q z² = μ² + σ². Put them in; σ² is e^logvar.",
    ),
    "kl_in_steps": (
        "Go from the last line to the first. Which values are used twice?",
        "kl = ½ bracket. In the bracket, square and var have the slope 1, logvar has −1. square ="
        " mu² has the slope 2 mu. logvar is in var, with the slope e^logvar, and in the bracket "
        "itself: the two gradients add.",
    ),
    "kl_backward": (
        "Put the steps of exercise 9 together: one formula for dmu, one for dlogvar.",
        "kl = ½ (μ² + e^logvar − 1 − logvar): its slope is μ in μ, ½ (e^logvar − 1) in logvar. "
        "Each is multiplied by the gradient that comes in, dkl.",
    ),
    "two_paths": (
        "μ goes into z and into kl. What does exercise 7 give through z, what exercise 10 through"
        " the KL? What is dkl, if the loss has the mean of the rows' KL?",
        "Through z: dz for μ, dz ε ½ σ for logvar. Through the KL, with dkl = 1/B: μ / B and ½ "
        "(e^logvar − 1) / B. They add.",
    ),
    "bernoulli_in_steps": (
        "Go from the last line to the first. The sum over d gives its gradient to every pixel of "
        "the row: dlogp[:, None]. Which value is used twice?",
        "logp has the slope x in on and 1 − x in off. on = log y has the slope 1/y, and off = "
        "log(1 − y) has −1/(1 − y): dy is the sum of both. y has the slope y (1 − y).",
    ),
    "bernoulli_backward": (
        "Put the steps of exercise 12 together: ∂logp/∂y = x/y − (1 − x)/(1 − y), times y (1 − y).",
        "x (1 − y) − (1 − x) y = x − y. So dlogits = dlogp (x − y), a row's dlogp for all its "
        "pixels.",
    ),
    "gaussian_log_density": (
        "p(x) = Π_d e^(−½ (x − μ)²/σ²) / √(2π σ²). The log of a product is a sum.",
        "log p = −½ Σ_d ( (x − μ)² / σ² + log σ² + log 2π ): none of the three may be left out.",
    ),
    "gaussian_backward": (
        "log p = −½ Σ_d ( (x − μ)² e^−logvar + logvar + log 2π ). Differentiate one term.",
        "(x − μ)² has the slope −2 (x − μ) in μ; e^−logvar has −e^−logvar, and logvar has 1. Each"
        " is multiplied by dlogp[:, None], a row's for all its d.",
    ),
    "importance_weighted_backward": (
        "∂ log Σ_l w_l / ∂ log w_l = w_l / Σ_l w_l. Then log w = log_px − β kl.",
        "dlog_px = −v / B and dkl = β v / B with the normalised weights v = w / Σ_l w. Subtract "
        "the largest log w of a row before e^(log w), so that nothing overflows.",
    ),
    "dropout": (
        "A unit stays with the probability 1 − rate, so E[h m] = (1 − rate) h.",
        "Divide what stays by 1 − rate.",
    ),
    "adam": (
        "m is a weighted mean of all g so far, v one of all g². Keep sums in m and v, in place, "
        "and divide by what their weights add up to.",
        "m[...] = β₁ m + (1 − β₁) g, and v with β₂ and g². m̂ = m / (1 − β₁^t), v̂ = v / (1 − "
        "β₂^t). Then theta −= lr m̂ / (√v̂ + ε).",
    ),
    "loss_and_grad": (
        "Write the forward pass first, until the loss is right. Then read it upwards: for each "
        "line, the line that gives the gradient of what it uses. Every one is an exercise before.",
        "da = (sigmoid(a) − x) / B. Then three times W, b and input of a layer (exercise 3), with"
        " tanh (exercise 4) between. dmu and dlogvar are exercise 11. h goes into mu and into "
        "logvar: dh = dmu W_muᵀ + dlogvar W_logvarᵀ.",
    ),
    "faces": (
        "It is the second half of the forward pass of exercise 19, up to the logits a.",
        "y = 1 / (1 + e^−a) is the probability of a white pixel, and the mean of x.",
    ),
}
