"""One pixel by hand: a VAE with one pixel and one latent number, computed with a calculator.

`MODEL` is given, `QUESTIONS` are asked in order: each has the formula, the code that computes it,
and the wrong codes that people compute instead. `Pixel` asks them at a terminal.

Read next: ladder.
"""

import contextlib
import math
from pathlib import Path
from typing import NamedTuple

from numvae import files
from numvae.cli import script
from numvae.lessons.exercises import following, parser, relative

# One pixel x, which is black or white; the encoder's mu and logvar for it; the noise that was
# drawn; and the decoder, whose weight and bias make the logit of x = 1 out of z.
MODEL = {"x": 1.0, "mu": 0.8, "logvar": -1.0, "eps": 0.6, "w": 1.5, "b": -0.4}
SETTING = """\
A VAE with one pixel and one latent number. The pixel x is 1, white.
The encoder has turned it into mu and logvar, where logvar is log σ². The noise eps was drawn from
N(0, 1). The decoder makes the logit a = w z + b, so the pixel is white with probability sigmoid(a).
"""


class Question(NamedTuple):
    """A number to compute."""

    name: str
    what: str
    formula: str
    code: str  # what computes it, from MODEL and the answers before
    wrong: tuple  # (code, sentence on the mistake)


FORWARD = (
    Question(
        "z", "a draw of q(z|x) = N(mu, σ²)", "z = mu + σ eps, σ = e^(½ logvar)",
        "mu + exp(0.5 * logvar) * eps",
        (
            ("mu + exp(logvar) * eps", "e^logvar is σ². The ½ is missing: σ = e^(½ logvar)."),
            ("mu + logvar * eps", "logvar stands where σ should: σ = e^(½ logvar)."),
            ("mu + 0.5 * logvar * eps", "½ logvar is log σ. Take e to the power of it."),
            ("mu + exp(-0.5 * logvar) * eps", "A sign: logvar is negative, so σ is less than 1."),
            ("mu - exp(0.5 * logvar) * eps", "A sign: σ eps is added."),
            ("exp(0.5 * logvar) * eps", "mu is left out."),
            ("mu + eps", "σ is left out."),
            ("mu + exp(0.5 * logvar)", "eps is left out."),
            ("exp(0.5 * logvar)", "That is σ. Now mu + σ eps."),
        ),
    ),
    Question(
        "a", "the decoder's logit", "a = w z + b", "w * z + b",
        (
            ("w * mu + b", "mu is decoded, not the draw z."),
            ("w * z", "The bias b is left out."),
            ("w * z - b", "The sign of the bias: b is −0.4 already."),
            ("z + b", "The weight w is left out."),
            ("1 / (1 + exp(-(w * z + b)))", "That is sigmoid(a), the probability. Now a itself."),
        ),
    ),
    Question(
        "nll", "−log p(x|z), how surprising the pixel is, in nats",
        "nll = −log sigmoid(a), since x = 1; sigmoid(a) = 1 / (1 + e^−a)",
        "log(1 + exp(-a))",
        (
            ("-log(1 + exp(-a))", "The sign: nll is minus the log-likelihood."),
            ("1 / (1 + exp(-a))", "That is the probability of x. Take −log of it."),
            ("log(1 + exp(a))", "That would be for x = 0: here nll = log(1 + e^−a)."),
            ("-log(1 + exp(a))", "Two signs: nll = log(1 + e^−a)."),
            ("log(1 + exp(-a)) / log(2)", "That is in bits: take the natural logarithm."),
            ("log(1 + exp(-a)) / log(10)", "That is log to the base 10: take the natural one, ln."),
            ("-a", "That is −a. What is the probability, sigmoid(a)?"),
            ("1 - 1 / (1 + exp(-a))", "That is 1 − probability. Take −log of the probability."),
        ),
    ),
    Question(
        "kl", "KL( N(mu, σ²) ‖ N(0, 1) ), how far q is from the prior, in nats",
        "kl = ½ (mu² + σ² − 1 − logvar), σ² = e^logvar",
        "0.5 * (mu**2 + exp(logvar) - 1 - logvar)",
        (
            ("mu**2 + exp(logvar) - 1 - logvar", "The ½ is missing."),
            ("0.5 * (mu**2 + exp(0.5 * logvar) - 1 - logvar)", "σ stands where σ² should."),
            ("0.5 * (mu**2 + logvar - 1 - logvar)", "logvar stands where σ² = e^logvar should."),
            ("0.5 * (mu**2 + exp(logvar) - 1 + logvar)", "The sign of logvar: −logvar is +1 here."),
            ("0.5 * (mu**2 + exp(logvar) - 1 - 0.5 * logvar)", "log σ stands where log σ² should."),
            ("0.5 * (mu**2 + exp(logvar) - logvar)", "The −1 is left out."),
            ("0.5 * (mu**2 + exp(logvar) - 1)", "The −logvar is left out."),
            ("0.5 * (mu + exp(logvar) - 1 - logvar)", "mu is not squared."),
            ("0.5 * (exp(logvar) - 1 - logvar)", "mu² is left out."),
            ("-0.5 * (mu**2 + exp(logvar) - 1 - logvar)", "The sign: a KL is never negative."),
            ("0.5 * (z**2 - eps**2 - logvar)", "That is the KL of the one draw, not the mean."),
        ),
    ),
    Question(
        "loss", "what is minimised, in nats", "loss = nll + kl", "nll + kl",
        (
            ("nll - kl", "The sign of kl: both are to be small."),
            ("-nll - kl", "That is the ELBO: the loss is −ELBO."),
            ("kl - nll", "The sign of nll: both are to be small."),
        ),
    ),
)  # fmt: skip
BACKWARD = (
    Question(
        "da", "∂loss/∂a", "da = sigmoid(a) − x", "1 / (1 + exp(-a)) - x",
        (
            ("x - 1 / (1 + exp(-a))", "The sign: that is ∂ log p/∂a, and nll is −log p."),
            ("1 / (1 + exp(-a))", "x is not subtracted."),
            ("a - x", "The logit a stands where its sigmoid should."),
            ("(1 / (1 + exp(-a)) - x) * (1 / (1 + exp(-a))) * (1 - 1 / (1 + exp(-a)))",
             "The slope of the sigmoid once too often: in da it has cancelled."),
            ("1 / (1 + exp(-a)) * (1 - 1 / (1 + exp(-a)))", "That is the slope of the sigmoid."),
        ),
    ),
    Question(
        "dz", "∂loss/∂z, through the decoder", "dz = da w", "da * w",
        (
            ("da", "The slope w of a = w z + b is left out."),
            ("da * z", "That is dw, the gradient of the weight."),
            ("w", "That is ∂a/∂z alone: multiply it by da."),
            ("da * w + b", "The bias has no part in the slope."),
            ("-da * w", "The sign."),
        ),
    ),
    Question(
        "dmu", "∂loss/∂mu, by two paths: through z and through kl", "dmu = dz + mu", "dz + mu",
        (
            ("dz", "The path through the KL is missing: ∂kl/∂mu = mu."),
            ("mu", "The path through z is missing: ∂z/∂mu = 1."),
            ("dz - mu", "The sign of mu: the two paths add."),
            ("dz + 2 * mu", "∂(½ mu²)/∂mu is mu: the ½ is missing."),
            ("dz + 0.5 * mu", "∂(½ mu²)/∂mu is mu, not ½ mu."),
            ("dz * mu", "The two paths add."),
        ),
    ),
    Question(
        "dlogvar", "∂loss/∂logvar, by two paths",
        "dlogvar = dz eps ½ σ + ½ (σ² − 1)",
        "dz * eps * 0.5 * exp(0.5 * logvar) + 0.5 * (exp(logvar) - 1)",
        (
            ("dz * eps * exp(0.5 * logvar) + 0.5 * (exp(logvar) - 1)",
             "A ½ is missing: ∂σ/∂logvar = ½ σ."),
            ("dz * eps * 0.5 * exp(0.5 * logvar) + exp(logvar) - 1",
             "A ½ is missing: kl = ½ (mu² + σ² − 1 − logvar)."),
            ("dz * eps * exp(0.5 * logvar) + exp(logvar) - 1", "Both ½ are missing."),
            ("dz * eps * 0.5 * exp(0.5 * logvar)", "The path through the KL is missing."),
            ("0.5 * (exp(logvar) - 1)", "The path through z is missing."),
            ("dz * 0.5 * exp(0.5 * logvar) + 0.5 * (exp(logvar) - 1)", "eps is left out."),
            ("dz * eps * 0.5 * exp(logvar) + 0.5 * (exp(logvar) - 1)",
             "σ² stands where σ should, in the path through z."),
            ("dz * eps * 0.5 * exp(0.5 * logvar) + 0.5 * (exp(0.5 * logvar) - 1)",
             "σ stands where σ² should, in the path through the KL."),
            ("dz * eps * 0.5 * exp(0.5 * logvar) - 0.5 * (exp(logvar) - 1)",
             "The sign of the second path: the two add."),
            ("dz * eps * 0.5 * exp(0.5 * logvar) + 0.5 * (1 - exp(-logvar))",
             "The path through the KL is ∂kl/∂σ²: times ∂σ²/∂logvar = σ²."),
            ("dz * eps + 0.5 * (exp(logvar) - 1)", "The slope ½ σ of σ is left out."),
        ),
    ),
    Question(
        "dw", "∂loss/∂w, which the optimizer needs", "dw = da z", "da * z",
        (
            ("da * w", "That is dz. The slope of a = w z + b in w is z."),
            ("da", "The slope z of a = w z + b in w is left out. (It is db.)"),
            ("z", "That is ∂a/∂w alone: multiply it by da."),
            ("da * mu", "mu stands where the draw z should."),
        ),
    ),
)  # fmt: skip
QUESTIONS = FORWARD + BACKWARD


def compute(code, names):
    """What a line of code is worth."""
    functions = {"exp": math.exp, "log": math.log}
    return eval(code, {"__builtins__": {}}, {**functions, **names})


def values(model=MODEL):
    """The name of each given number and of each answer → its value."""
    names = dict(model)
    for question in QUESTIONS:
        names[question.name] = compute(question.code, names)
    return names


def close(typed, value):
    """Whether a number is right as far as three digits tell."""
    return abs(typed - value) <= 0.006 * max(abs(value), 0.1)


def judged(question, text):
    """What is wrong with a typed answer, in a sentence; None if it is right."""
    names = values()
    value = names[question.name]
    try:
        typed = float(text.replace(",", ".").replace("−", "-"))
    except ValueError:
        typed = math.nan
    if not math.isfinite(typed):
        return f"Type a number, such as 0.61; {text.strip()[:20]!r} is none."
    if close(typed, value):
        return None
    for code, sentence in question.wrong:
        if close(typed, compute(code, names)):
            return sentence
    if close(-typed, value):
        return "The sign is wrong."
    if close(typed, 2.0 * value):
        return "It is twice what it should be: a ½ is missing."
    if close(2.0 * typed, value):
        return "It is half of what it should be."
    return "Not yet. Compute it again, to three digits; Enter alone shows the formula."


class Pixel:
    """The exercise: numbers are typed in. Which were right is kept in a file beside its own."""

    def __init__(self, file):
        self.file = Path(file)
        self.kept = self.file.with_suffix(".txt")

    def main(self, argv=None):
        script(lambda: self.answer(argv))

    def answer(self, argv=None):
        """The exit code of the program."""
        args = parser(self.file).parse_args(argv)
        names, left = values(), self.left()
        if args.solution:
            for question in QUESTIONS:
                print(f"{question.formula:<66} = {names[question.name]:.4f}")
        elif args.hint and left:
            question = left[0]
            print(f"{question.name}: {question.formula}")
            if args.hint == 2:
                print(f"In code: {question.name} = {question.code}")
        else:
            return self.ask(left)
        return 0

    def ask(self, left):
        """Ask what is left; 0 if all is right at the end."""
        given = ", ".join(f"{name} = {value:g}" for name, value in MODEL.items())
        print(f"Exercise 1, one pixel by hand.\n{SETTING}\n    {given}\n")
        print("Compute each number to three digits. Enter alone shows its formula.")
        names = values()
        for question in QUESTIONS:
            if question is BACKWARD[0]:
                print("\nNow back: the derivative of the loss in each of these.")
            if question not in left:
                print(f"{question.name} = {names[question.name]:.4f}")
                continue
            print(f"\n{question.name}: {question.what}")
            while (text := typed(f"{question.name} = ")) is not None:
                if not text.strip():
                    print(f"  {question.formula}")
                elif sentence := judged(question, text):
                    print(f"  {sentence}")
                else:
                    print(f"  Right: {names[question.name]:.4f}")
                    self.keep(question)
                    break
            else:
                print(f"\nTo go on: python {relative(self.file)}")
                return 1
        print(
            f"\nExercise 1, one_pixel: right. The same in arrays comes now.\n{following(self.file)}"
        )
        return 0

    def keep(self, question):
        with contextlib.suppress(OSError):  # a folder that cannot be written: nothing is kept
            files.append(self.kept, f"{question.name}\n".encode())

    def left(self):
        """The questions that have not been answered."""
        kept = ""
        with contextlib.suppress(OSError, UnicodeDecodeError):
            kept = self.kept.read_text(encoding="utf-8")
        return [question for question in QUESTIONS if question.name not in kept.split()]

    def state(self):
        done = len(QUESTIONS) - len(self.left())
        if 0 < done < len(QUESTIONS):
            return f"{done} of {len(QUESTIONS)} numbers"
        return "done" if done else "not written yet"


def typed(prompt):
    """A line that is typed in; None at the end of the input."""
    try:
        return input(prompt)
    except EOFError:
        return None
