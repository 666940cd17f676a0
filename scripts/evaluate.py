"""Use a trained model: measure it, draw from it, reconstruct, encode, fill in what is missing.

python scripts/evaluate.py report runs/faces-1 --out faces-again
python scripts/evaluate.py likelihood runs/faces-1 --samples 5000 --out faces-log-p
python scripts/evaluate.py sample runs/faces-1 -n 64 --out samples.png
python scripts/evaluate.py reconstruct runs/faces-1 my_images.npy --out again.npy
python scripts/evaluate.py encode runs/faces-1 my_images.npy --out codes.csv
python scripts/evaluate.py score runs/faces-1 my_images.npy --out scores.csv
python scripts/evaluate.py impute runs/faces-1 --hide 0.3 --out filled.png

The command itself is numvae/commands/evaluate.py; `numvae evaluate` is the same.
"""

from numvae.cli import script
from numvae.commands.evaluate import main

if __name__ == "__main__":
    script(main)
