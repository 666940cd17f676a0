"""The book: every formula with its code, its derivation and its numbers, on one page.

    notation      the plain-text equations of the source, read into a tree
    mathml        equations as MathML
    latex         equations as LaTeX
    docstrings    docstrings taken apart, and the formulas inside a sentence
    source        what the book is made of, read from the source
    text          small things that the parts of the page share
    terms         the glossary, and where each of its words first occurs
    setting       the source set as HTML: prose, equations, derivations, code, arrays
    curves        what a bug does to the loss, as a small picture
    notebook      the same path as a Jupyter notebook
    touch         one step whose numbers can be dragged and whose gradients can be taken apart
    page          the page, put together from the files beside it

Read next: notation.
"""
