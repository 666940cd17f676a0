"""The checks, as tables.

python -m numvae.checks                 every gradient, every definition, every planted bug
python -m numvae.checks --bugs          the planted bugs: what each does to a loss curve
"""

import sys

from numvae.checks import definitions, gradients
from numvae.cli import Parser, new_file, script
from numvae.lessons import bugs, consequences


def main(argv=None):
    p = Parser(
        prog=sys.argv[0] if sys.argv[0].startswith("numvae") else "python -m numvae.checks",
        description="Hold every gradient against finite differences, every forward against code "
        "that shares nothing with it, and plant famous bugs: each must make a check fail.",
    )
    p.add_argument(
        "--bugs",
        action="store_true",
        help="only the bugs, and what each does to a loss curve: most of them train",
    )
    p.add_argument(
        "--figure", metavar="FILE", help="with --bugs: draw the loss curves of some, a .png"
    )
    args = p.parse_args(argv)
    if not args.bugs:
        if args.figure:
            p.error("--figure draws what --bugs measures; give both.")
        return checks()
    with p.mistakes():
        path = args.figure and new_file(args.figure, ".png")
    return consequences.report(path)


def checks():
    """Print the tables of gradients and definitions and the list of bugs; 1 if one is not ok."""
    lines = _section("Rules: analytic against numerical gradient", gradients.rules())
    lines += _section("Whole models: ∂loss/∂parameter", gradients.models())
    lines += _section("Definitions: against code that shares nothing", definitions.definitions())
    print("\nPlanted bugs: each must make a check fail")
    survivors = 0
    for bug in bugs.BUGS:
        caught = bugs.caught_by(bug)
        survivors += not caught
        print(f"  {bug.name:<72} {bugs.outcome(caught)}", flush=True)
    failed = sum(not line.ok for line in lines)
    gradient_errors = [line.error for line in lines if line.cosine is not None]
    print(
        f"\n{len(gradient_errors)} gradients, largest relative error {max(gradient_errors):.1e}; "
        f"{len(lines) - len(gradient_errors)} definitions; {failed} failed; "
        f"{len(bugs.BUGS) - survivors} of {len(bugs.BUGS)} planted bugs caught."
    )
    return 1 if failed or survivors else 0


def _section(title, lines):
    """Print the lines as they come, and return them."""
    print(f"\n{title}\n  {'':<42}{'':<32}{'shape':>10}{'error':>9}{'cosine':>11}")
    done, previous = [], None
    for line in lines:
        if line.name != previous and len(line.name) > 40:  # a long name has a line of its own
            print(f"  {line.name}")
            previous = line.name
        name = "" if line.name == previous else line.name
        shape = "×".join(map(str, line.shape)) or "1"
        cosine = "" if line.cosine is None else f"{line.cosine:.8f}"
        verdict = "ok" if line.ok else "FAILED"
        print(
            f"  {name:<42}{line.what:<32}{shape:>10}{line.error:>9.0e}{cosine:>12}  {verdict}",
            flush=True,
        )
        previous = line.name
        done.append(line)
    return done


if __name__ == "__main__":
    script(main)
