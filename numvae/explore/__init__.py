"""Exploring the latent space interactively: move the point, see what the decoder draws.

    view       what there is to see of a model and its data: codes, colours, originals
    page       one HTML file for any browser: a map, a slider for each latent unit, the picture

The page is put together from page.html, page.css, decoder.js and page.js beside it.
"""
