"""`python -m numvae.checks`: the table of every gradient, definition and planted bug."""

import sys

from numvae.checks import bugs, definitions, gradients


def main():
    lines = _section("Rules: analytic against numerical gradient", gradients.rules())
    lines += _section("Whole models: ∂loss/∂parameter", gradients.models())
    lines += _section("Definitions: against code that shares nothing", definitions.definitions())
    print("\nPlanted bugs: each must make a check fail")
    survivors = 0
    for bug in bugs.BUGS:
        caught = bugs.caught_by(bug)
        survivors += not caught
        verdict = "caught by " + ", ".join(caught) if caught else "SURVIVES"
        print(f"  {bug.name:<72} {verdict}")
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
    sys.exit(main())
