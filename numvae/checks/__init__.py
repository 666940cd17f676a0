"""How the mathematics is checked: `python -m numvae.checks`. See README.md in this folder.

    finite_differences  the numerical gradient, and how two gradients are compared
    gradients           every gradient of every rule, and of whole models in every mode
    definitions         every forward pass against code that shares nothing with it

Finite differences check that backward is the derivative of forward. They cannot see that forward is
the wrong formula; the definitions can. The tests call the same functions. Each famous bug of
lessons/bugs.py, planted by itself, must make one of these checks fail.

Read next: finite_differences.
"""
