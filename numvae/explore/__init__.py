"""Walking through the latent space with the hand: move the point, see what the decoder draws.

    view       what there is to see of a model and its data: codes, colours, originals
    window     a matplotlib window: a map, a slider for each latent unit, the decoded picture
    page       the same as one HTML file that needs no program but a browser

The page is put together from page.html, page.css, decoder.js and page.js beside it.
"""
