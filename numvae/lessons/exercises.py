"""The exercises of `scripts/exercises/`: one function is left to write, and running its file says
whether it is right and, if not, what is wrong with it.

Read next: judge.
"""

import contextlib
import inspect
import os
import textwrap
from pathlib import Path

import numpy as np

import numvae
from numvae.checks.finite_differences import numerical_gradient, relative_error
from numvae.cli import Parser, script
from numvae.lessons import raised
from numvae.lessons.hints import HINTS
from numvae.lessons.judge import Judge, Wrong

SEED = 2014


def draw(*shapes):
    """Arrays of standard normal numbers, the same at every call."""
    rng = np.random.default_rng(SEED)
    return [rng.normal(size=shape) for shape in shapes]


def gradients(forward, dout, **inputs):
    """The truth for a backward pass: "dx" → ∂(Σ dout · forward)/∂x by finite differences."""
    return {
        f"d{name}": numerical_gradient(lambda: np.sum(dout * forward(**inputs)), q)
        for name, q in inputs.items()
    }


def load(path):
    """What the `exercise()` of a file returns.

    Raises  Wrong   the file cannot be run; the sentence says where
    """
    names = {"__name__": path.stem, "__file__": str(path)}
    try:
        exec(compile(path.read_bytes(), str(path), "exec"), names)
        if callable(made := names.get("exercise")):
            return made()
    except Exception as error:
        raise Wrong(raised.where(error, str(path))[1]) from None
    raise Wrong(f"{relative(path)} has no exercise() any more.")


class Exercise(Judge):
    """A function to write, as a program.

    file    the exercise's own, __file__
    steps   the name of the exercise that has the same values step by step
    others  as `Judge` takes them
    """

    def __init__(self, file, *others, steps=None, **named):
        super().__init__(*others, **named)
        self.file, self.steps = Path(file), steps
        self.number, self.name = int(self.file.stem[:2]), self.file.stem[3:]

    def main(self, argv=None):
        """Run as a program: the verdict on the learner's function, a hint, or the solution."""
        script(lambda: self.answer(argv))

    def answer(self, argv=None):
        """The exit code of the program."""
        args = parser(self.file).parse_args(argv)
        if args.hint:
            print(hint(self.file, HINTS[self.name], args.hint))
        elif args.solution:
            print(self.shown_solution())
        else:
            return self.check(self.function)
        return 0

    def check(self, function):
        """Print the verdict on a function; 0 if it is right, else 1."""
        title = f"Exercise {self.number}, {self.name}"
        try:
            complaints = self.complaints(function)
        except NotImplementedError:
            print(f"{title}: not written yet. Write it in {relative(self.file)}, and run it again.")
            return 1
        if complaints:
            print("\n  ".join([f"{title}: not right yet.", *complaints]))
            return 1
        error = max(relative_error(a, b) for a, b in zip(self.run(function), self.truth.values()))
        print(f"{title}: right, relative error {error:.0e}. {self.equal_steps(function)}", end="")
        print(following(self.file))
        return 0

    def state(self):
        """How far the learner is: "done", or in a few words what is left to do."""
        try:
            return "not right yet" if self.complaints(self.function) else "done"
        except NotImplementedError:
            return "not written yet"

    def equal_steps(self, function):
        """A sentence, if the learner has computed the same values step by step before."""
        for path in self.file.parent.glob(f"[0-9][0-9]_{self.steps}.py"):
            with contextlib.suppress(Wrong, NotImplementedError):
                steps = load(path)
                if not steps.complaints(steps.function):
                    long = dict(zip(steps.truth, steps.run(steps.function)))
                    short = dict(zip(self.truth, self.run(function)))
                    errors = [relative_error(short[q], long[q]) for q in short]
                    return (
                        f"It equals exercise {steps.number}, step by step, to {max(errors):.0e}. "
                    )
        return ""

    def shown_solution(self):
        """The source of the solution, which says why, after the file that it is in."""
        file = Path(inspect.getsourcefile(self.solution))
        place = file.relative_to(Path(numvae.__file__).parents[1]).as_posix()
        return f"From {place}:\n\n{inspect.getsource(self.solution)}".rstrip()


def parser(file):
    p = Parser(prog=f"python {relative(file)}", description="Judge what is written in the file.")
    p.add_argument(
        "--hint",
        nargs="?",
        type=int,
        const=1,
        choices=(1, 2),
        metavar="2",
        help="a hint instead; --hint 2 says more",
    )
    p.add_argument("--solution", action="store_true", help="show the solution instead, and why")
    return p


def hint(file, hints, level):
    """A hint, and how to see more."""
    more = ("--hint 2", "--solution")[level - 1]
    return f"{textwrap.fill(hints[level - 1], 80)}\nMore: python {relative(file)} {more}"


def following(file):
    """Where to go on after an exercise."""
    after = sorted(file.parent.glob("[0-9][0-9]_*.py"))
    after = [path for path in after if path.name > file.name]
    return f"Next: python {relative(after[0])}" if after else "That was the last."


def relative(path):
    return os.path.relpath(path)
