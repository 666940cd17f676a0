"""Learning by doing. See README.md in this folder.

    derivation_steps  every gradient, and what it stands on, derived line by line
    derivations       evaluates these lines: each must equal the one above
    bugs              famous bugs, planted one at a time: numvae/checks must catch each
    consequences      what each of them does to a loss curve
    exercises         the exercises of scripts/exercises/ as programs
    judge             what is wrong with an answer, the famous bugs by name
    repairs           looks for a small change that makes a wrong function right
    raised            an exception as one sentence, with the shapes in words
    solutions         the solutions that are no rule of the package
    hints             two hints for each exercise
    pixel             one pixel by hand
    ladder            which exercises are done, and which is next
    small_model       the model of the last exercises, and the faces it learns
    trace             one step, rule by rule, for scripts/walk.py
    ppca              probabilistic PCA: a model whose best answer is known in closed form
    gradient_noise    the noise of several estimators of the gradient

Nothing else in the package imports these, except `checks/__main__.py`, for the bugs, and `book`.

Read next: derivation_steps.
"""
