"""One pixel by hand: with a calculator, a VAE forward and back.

Read first  the README's "What a VAE is"
Run         python 01_one_pixel.py; stuck: --hint, --hint 2, --solution
Time        10 minutes
"""

from numvae.lessons.pixel import Pixel


def exercise():
    return Pixel(__file__)


if __name__ == "__main__":
    exercise().main()
