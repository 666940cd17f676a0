"""Exploring the latent space in a browser: move a point, and see what the decoder draws.

    view    what is shown of a model and its data: codes, colours, originals
    page    one HTML file: a map, a slider for each latent unit, the decoded picture

The page is put together from page.html, page.css, decoder.js and page.js beside it.

Read next: view.
"""
