"""`numvae COMMAND …`, and `python -m numvae COMMAND …`."""

import sys
from importlib import import_module

import numvae
from numvae.cli import Parser, script

COMMANDS = {
    "train": ("numvae.commands.train", "train a model on a data set or on a file of your own"),
    "evaluate": ("numvae.commands.evaluate", "use a trained model"),
    "explore": ("numvae.commands.explore", "look at its latent space in the browser"),
    "check": ("numvae.checks.__main__", "hold every gradient against finite differences"),
}


def main():
    p = Parser(prog="numvae", description="A variational autoencoder in NumPy.")
    p.add_argument("--version", action="version", version=f"numvae {numvae.__version__}")
    commands = p.add_subparsers(metavar="COMMAND", required=True, dest="command")
    for name, (_, what) in COMMANDS.items():
        commands.add_parser(name, help=f"{what}; see numvae {name} --help", add_help=False)
    if len(sys.argv) < 2 or sys.argv[1] not in COMMANDS:
        p.parse_args()
    name = sys.argv[1]
    sys.argv = [f"numvae {name}", *sys.argv[2:]]
    return import_module(COMMANDS[name][0]).main()


def run():
    """The entry point of the command `numvae`."""
    script(main)


if __name__ == "__main__":
    run()
