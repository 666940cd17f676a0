"""The proof: `python -m numvae.checks` holds every gradient against finite differences.

    finite_differences  the numerical gradient, and how two gradients are compared
    gradients           every rule, and whole models in every mode
    definitions         is forward the formula it claims to be? oracles that share no code with it

Finite differences prove that backward is the derivative of forward; they cannot see that forward is
the wrong formula. That is what the definitions are for. The tests call the same functions. And each
famous mistake of lessons/bugs.py, planted one at a time, must make one of these checks fail.
"""
