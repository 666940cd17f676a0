"""Train a variational autoencoder and leave a folder with the model, its numbers and its pictures.

python scripts/train.py
python scripts/train.py --data mnist --hidden 200,200 --latent 50 --binarize dynamic
python scripts/train.py --data my_images.npy --likelihood gaussian --latent 10
mpiexec -n 2 python scripts/train.py --data mnist

The command itself is numvae/commands/train.py; `numvae train` is the same.
"""

from numvae.cli import script
from numvae.commands.train import main

if __name__ == "__main__":
    script(main)
