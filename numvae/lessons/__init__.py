"""To learn from: what goes wrong in a VAE, what happens in one step, and what is known beforehand.

    bugs            famous mistakes, planted one at a time: each must be caught by numvae/checks
    consequences    what each of them does to a loss curve
    exercises       the grader of scripts/exercises/, which knows the mistakes by name
    trace           one step, rule by rule: where on its way a gradient goes wrong
    ppca            a model whose best answer is known in closed form
    gradient_noise  how far a draw of the gradient lies from its mean, by several estimators

Nothing else in the package depends on these, but for the list of bugs in `python -m numvae.checks`.

Read next: bugs.
"""
