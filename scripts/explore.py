"""Explore the latent space of a trained model in a web page that needs nothing but a browser.

python scripts/explore.py runs/faces-1
python scripts/explore.py runs/faces-1 --html faces.html
python scripts/explore.py model.npz my_images.npy

The command itself is numvae/commands/explore.py; `numvae explore` is the same.
"""

from numvae.cli import script
from numvae.commands.explore import main

if __name__ == "__main__":
    script(main)
