"""How good a trained model is, in numbers.

    importance      log p(x) by importance sampling
    diagnostics     which latent units are used, and whether the posterior has collapsed
    conventions     bits per dimension; the loss as other programs print it
    latent          points to decode for a picture of the latent space; whether it holds the factors
    imputation      missing values given the known ones
    anomaly         how unusual a row is, as a p-value

Read next: importance.
"""
