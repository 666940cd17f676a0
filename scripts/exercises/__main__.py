"""What of the exercises is done and what comes next: python exercises"""

from pathlib import Path

from numvae.cli import script
from numvae.lessons import ladder

if __name__ == "__main__":
    script(lambda: ladder.main(Path(__file__).parent))
