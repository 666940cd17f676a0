"""How good a trained model is, in numbers.

    importance      log p(x) by importance sampling
    diagnostics     which latent units are used, and whether the posterior has collapsed
    conventions     bits per dimension; the loss as other programs print it
    aggregate       how far the codes are from the prior; new codes like them, to be decoded
    latent          points to decode for a picture of the latent space; how well codes tell factors
    imputation      missing values given the known ones
    anomaly         how unusual a row is, as a p-value

Read next: importance.
"""
