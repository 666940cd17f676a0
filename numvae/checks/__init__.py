"""The proof: `python -m numvae.checks` holds every gradient against finite differences.

    finite_differences  the numerical gradient, and how two gradients are compared
    gradients           every rule, and whole models in every mode
    definitions         is forward the formula it claims to be? oracles that share no code with it
    bugs                famous mistakes, planted one at a time: each must be caught
    consequences        what each of them does to a loss curve
    exercises           the judge of scripts/exercises/, which knows the mistakes by name
    ppca                a model whose best answer is known in closed form
    trace               one step, rule by rule: where on its way a gradient goes wrong

Finite differences prove that backward is the derivative of forward; they cannot see that forward is
the wrong formula. That is what the definitions are for. The tests call the same functions.
"""
