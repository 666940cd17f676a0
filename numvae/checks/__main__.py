"""The proof, as tables.

python -m numvae.checks                 every gradient, every definition, every planted bug
python -m numvae.checks --bugs          the planted bugs: what each does to a loss curve
"""

import numpy as np

from numvae.checks import bugs, definitions, gradients
from numvae.cli import Parser, new_file, script


def main(argv=None):
    p = Parser(
        prog="python -m numvae.checks",
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
    try:
        path = args.figure and new_file(args.figure, ".png")
    except (ValueError, OSError) as error:
        p.error(str(error))
    return gallery(path)


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
        print(f"  {bug.name:<72} {_caught(caught)}", flush=True)
    failed = sum(not line.ok for line in lines)
    gradient_errors = [line.error for line in lines if line.cosine is not None]
    print(
        f"\n{len(gradient_errors)} gradients, largest relative error {max(gradient_errors):.1e}; "
        f"{len(lines) - len(gradient_errors)} definitions; {failed} failed; "
        f"{len(bugs.BUGS) - survivors} of {len(bugs.BUGS)} planted bugs caught."
    )
    return 1 if failed or survivors else 0


def gallery(path):
    """Print what each bug does to a loss curve and which check catches it; 1 if one survives."""
    from numvae.checks import consequences

    print(
        "Each bug trains the same small model from the same seed as the right program.\n"
        "  says  the bound that its own loss reports in the last epoch\n"
        "  is    that of what it has learned, by the right code, on held-out digits\n"
        "Nats per example, higher is better; in brackets the right program."
    )
    kind, curves, caught = None, {}, {}
    for bug in bugs.BUGS:
        if bug.kind != kind:
            kind = bug.kind
            print(f"\n{kind}")
        curve, truth = curves[bug.name] = consequences.compare(bug)
        caught[bug.name] = bugs.caught_by(bug)
        print(
            f"\n  {bug.name}\n"
            f"    says {_last(curve.says)} ({_last(truth.says)})   "
            f"is {_last(curve.worth)} ({_last(truth.worth)})   "
            f"{consequences.verdict(curve, truth)}\n"
            f"    {_caught(caught[bug.name])}{f'; {bug.found}' * bool(bug.found)}",
            flush=True,
        )
    learning = sum(consequences.learned(*pair) > 0.1 for pair in curves.values())
    unnoticed = sum(consequences.unnoticed(*pair) for pair in curves.values())
    survivors = sum(not checks for checks in caught.values())
    print(
        f"\n{len(curves) - survivors} of {len(curves)} planted bugs caught. With {learning} of "
        f"them the model learns all the same, and with {unnoticed} the reported loss looks right "
        "or better: nobody would notice."
    )
    if path:
        from numvae import plots

        told = {name: curves[name] for name in consequences.TELLING}
        plots.save(plots.planted_bugs(told), path)
        print(f"The loss curves of {len(told)} are in {path}.")
    return 1 if survivors else 0


def _caught(checks):
    return "caught by " + ", ".join(checks) if checks else "SURVIVES"


def _last(values):
    """The number at the end of a curve."""
    if not len(values) or not np.isfinite(values[-1]):
        return "none"
    return f"{values[-1]:.1f}" if abs(values[-1]) < 1e5 else f"{values[-1]:.0e}"


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
