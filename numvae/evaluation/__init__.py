"""What a trained model is worth, in numbers.

importance   log p(x) by importance sampling
diagnostics  which latent units work, what the code is worth, whether the posterior collapsed
units        bits per dimension; the loss as other programs print it
latent       points to decode for a picture of the latent space; does it know the factors?
imputation   missing values given the known ones
anomaly      how unusual a row is, as a p-value
"""
