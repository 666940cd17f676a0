"""The commands of `numvae`, which are also the scripts of the same names.

    train       train a model on a data set or a file of one's own, or resume a run
    evaluate    use a trained model
    explore     look at its latent space in the browser

Each has a `parser()` and a `main(argv=None)`, which returns the exit code.
"""
