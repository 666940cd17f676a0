"""The source set as HTML: prose with its formulas, equations, derivations, code, arrays.

Read next: curves.
"""

import functools
import html
import keyword
import re

import numpy as np

from numvae.book import source
from numvae.book.docstrings import blocks, spans
from numvae.book.mathml import math
from numvae.book.text import file_id, link, number, references, rounding, slug
from numvae.lessons import derivations, trace

WIDE = 36  # characters of an equation that fit on a phone; a longer one may be broken
CODE = re.compile(
    r"""(?P<comment>\#[^\n]*)
    |(?P<string>[fr]?(?:\"{3}.*?\"{3}|"[^"\n]*"|'[^'\n]*'))
    |(?P<name>[^\W\d]\w*(?:\.[^\W\d]\w*)*)
    |(?P<other>[<>&])""",
    re.VERBOSE | re.DOTALL,
)
AS_IT_STANDS = "Shapes", "Source"
RELATIVE = '<abbr title="‖a − b‖ / (‖a‖ + ‖b‖)">relative error</abbr>'
# Where symbols have another meaning than in the glossary: there they are not explained.
OWN = {
    "activations": ("σ",),
    "dense": ("x",),
    "layers": ("x",),
    "initialization": ("x", "σ"),
    "gaussian.log_density": ("μ", "σ", "mu", "logvar"),
    "gaussian.floor_logvar": ("σ", "logvar"),
    "gaussian.sample": ("mu", "logvar", "eps"),
    "likelihoods": ("σ", "logvar"),
    "factor_analysis": ("σ",),
    "importance.pareto_k": ("x", "σ"),
    "optimizers": ("ε", "eps", "β"),
    "one_pixel": ("w",),
}


class Setting:
    """Sets what it is given, in the order of the page.

    terms   the Terms of the glossary
    files   name → File, all that are in the book
    here    the File that the text is from, or None: a name alone is one of that file
    own     symbols that mean something else there than in the glossary; see `place`
    """

    def __init__(self, terms, files):
        self.terms, self.files, self.here, self.own = terms, files, None, set()
        self.stems = {file.stem: name for name, file in files.items()}
        self.parts = {part.name: part for file in files.values() for part in file.parts}

    def place(self, name):
        """What follows belongs to a file, a rule or an exercise, whose symbols may be its own."""
        self.own = {q for at, symbols in OWN.items() if name.startswith(at) for q in symbols}

    # Docstrings.

    def prose(self, docstring, without=()):
        """A docstring as it stands, but for some kinds of blocks."""
        kept = [block for block in blocks(docstring) if block.kind not in without]
        return "".join(self.block(*block) for block in kept)

    def taken_apart(self, docstring, anchors=True):
        """Two pieces of HTML, the text and the equations with what follows them; and the facts."""
        text, equations, facts = "", "", []
        for kind, content in blocks(docstring):
            if kind == "facts":
                facts += content
            elif kind == "equations" or equations:
                equations += self.block(kind, content, anchors)
            else:
                text += self.block(kind, content)
        return text, equations, facts

    def block(self, kind, content, anchors=True):
        if kind == "equations":
            return self.equations(content, anchors)
        if kind == "facts":
            return self.facts(content)
        if kind == "drawing":
            return f'<pre class="drawing">{html.escape(content)}</pre>'
        if kind == "list":
            return f"<ul>{''.join(f'<li>{self.sentence(text)}</li>' for text in content)}</ul>"
        if kind == "names":
            rows = [f"<dt>{self.code(a)}</dt><dd>{self.sentence(b)}</dd>" for a, b in content]
            return f'<dl class="names">{"".join(rows)}</dl>'
        return f"<p>{self.sentence(content)}</p>"

    def facts(self, pairs):
        """Shapes and Source as they stand, the others as sentences."""
        rows = []
        for key, text in pairs:
            plain = html.escape(text.replace("`", ""))
            text = references(plain) if key in AS_IT_STANDS else self.sentence(text)
            shapes = ' class="shapes"' * (key == "Shapes")
            rows.append(f"<dt>{html.escape(key)}</dt><dd{shapes}>{text}</dd>")
        return f'<dl class="facts">{"".join(rows)}</dl>' if rows else ""

    # Sentences and equations.

    def sentence(self, text, terms=True):
        """Prose with its formulas set, and its terms, labels and names of code linked."""
        as_html = {
            "text": functools.partial(self.terms.marked, but=self.own) if terms else _escaped,
            "code": self.code,
            "math": functools.partial(self.math, display=False, terms=terms),
            "label": references,
        }
        return "".join(as_html[kind](part) for kind, part in spans(text))

    def math(self, text, display=True, terms=True):
        """An equation; a long one in pieces, between which a line may end."""
        mark = self.symbol if terms else lambda name: ""
        made = math(text, mark, display, broken=len(text) > WIDE)
        return re.sub("(?<=<mtext>).*?(?=</mtext>)", lambda found: references(found[0]), made)

    def equations(self, lines, anchors=True):
        """Equations in rows: what is left of the first relation, the rest, and the label."""
        rows, long = [], False
        for text, label in lines:
            end = text[-1] if text[-1] in ".," else ""
            left, right = _sides(text.removesuffix(end))
            long |= len(left) > 8
            id = f' id="{label}"' if label and anchors else ""
            tag = f'<a class="label" href="#{label}">({label})</a>' if label else ""
            rows.append(
                f'<div class="row"{id}><span class="left">{self.math(left) if left else ""}</span>'
                f'<span class="right">{self.math(right)}{end}</span>{tag}</div>'
            )
        return f'<div class="equations{" long" * long}">{"".join(rows)}</div>'

    def derivation(self, derivation, anchors=True):
        """Its lines, the reason beside each, and how well they agree at a random point."""
        self.place(derivation.rule)
        rows = []
        for line in derivation.lines:
            equation = f"= <code>{html.escape(line.code)}</code>"
            if line.equation != f"= {line.code}" or line is not derivation.lines[-1]:
                equation = self.math(line.equation)
            rows.append(f"<li><div>{equation}</div><p>{self.sentence(line.reason)}</p></li>")
        value = derivations.values(derivation, derivations.given(derivation))[0]
        entry = f"entry {[0] * value.ndim}" if value.ndim else "the value"
        error = max(derivations.errors(derivation))
        how_well = f"a {RELATIVE} of {rounding(error)}" if error else "the last bit"
        bound = any(line.equation[0] == "≥" for line in derivation.lines)
        id = f' id="derive-{slug(f"{derivation.rule} {derivation.of}")}" open' * anchors
        return (
            f'<details class="derivation-of"{id}><summary>{self.sentence(derivation.of)}</summary>'
            f'<ol class="steps">{"".join(rows)}</ol><p class="soft">At a random point {entry} is '
            f"{number(value.flat[0], 6)} in {'the first line' if bound else 'every line'}; the "
            f"lines agree to {how_well}.</p></details>"
        )

    # Code.

    def code(self, text):
        """A name of code: a link, if it stands in the book; else perhaps a term."""
        if name := self.known(text):
            return link(name, text)
        if text in self.terms.symbols:
            return f"<code{self.symbol(text)}>{html.escape(text)}</code>"
        if text in self.stems:
            return link(file_id(self.stems[text]), text)
        return f"<code>{html.escape(text)}</code>"

    def symbol(self, name):
        """The attributes of a name: which term it is, if it is one."""
        return "" if name in self.own else self.terms.symbol(name)

    def known(self, text):
        """The anchor of a function or a class that is in the book; None if it is not."""
        names = (text, f"{self.here.stem}.{text}" if self.here else text)
        return next((name for name in names if name in self.parts), None)

    def coloured(self, code):
        """Code with its keywords, strings and comments marked; what it calls is linked, and of its
        names those in the glossary are marked."""

        def marked(found):
            text, kind = html.escape(found[0], quote=False), found.lastgroup
            if kind == "name" and keyword.iskeyword(text):
                kind = "keyword"
            if kind != "name":
                lines = text.split("\n")  # a span in each, so that lines can be parted
                return "\n".join(f'<span class="{kind}">{line}</span>' for line in lines)
            if name := self.known(text):
                return f'<a href="#{name}">{text}</a>'
            term = self.symbol(text) if text in self.terms.in_code else ""
            return f"<span{term}>{text}</span>" if term else text

        return CODE.sub(marked, code)

    def listing(self, code, file="", line=1):
        """Code, and where it stands."""
        where = f"{file}:{line}" if line > 1 else file
        caption = f"<figcaption>{html.escape(where)}</figcaption>" if file else ""
        lines = self.coloured(code).split("\n")
        rows = "".join(f'<span class="code-line">{line}\n</span>' for line in lines)
        return f'<figure class="listing">{caption}<pre><code>{rows}</code></pre></figure>'

    # Numbers.

    def numbers(self, rule):
        """What a rule takes and gives in the traced minibatch, or in another where that does not
        call it; "" if none does."""
        traced = source.traced_with(rule)
        if traced is None:
            return ""
        known = {g.name: g.value for g in traced.trace.gradients}
        known |= {**traced.net.parameters.values, **{n.name: n.value for n in traced.trace.nodes}}
        calls = {}  # what is computed → the results of the call
        for result in traced.results():
            if result.rule == rule:
                of = result.name if isinstance(result, trace.Node) else result.through
                calls.setdefault(of, []).append(result)
        shown = []
        for of, results in calls.items():
            forward = isinstance(results[0], trace.Node)
            incoming = [g.name for g in traced.trace.gradients if g.of == of][-1:]  # or their sum
            given = results[0].parents if forward else incoming
            inputs = [self.array(traced, q, known[q]) for q in given if q in known]
            arrow = ['<p class="arrow" aria-hidden="true">↓</p>'] * bool(inputs)
            shown.append("".join([*inputs, *arrow, *(self.result(traced, r) for r in results)]))
        text = "".join(f"{name} {value} " for name, value in traced.settings.items())
        text = f'<p class="soft">In another model: {text.replace("_", " ")}</p>' if text else ""
        text += shown[0]
        if len(shown) > 1:
            more = f"{len(shown) - 1} more call{'s' * (len(shown) > 2)} in this minibatch"
            text += f"<details><summary>{more}</summary>{'<hr>'.join(shown[1:])}</details>"
        return text

    def result(self, traced, result):
        """An array that was computed; of a gradient, how well finite differences agree."""
        if isinstance(result, trace.Node):
            return self.array(traced, result.name, result.value)
        parts = f"{result.name} = {' + '.join(result.paths)}" if result.paths else result.name
        note = f"= finite differences to a {RELATIVE} of {rounding(result.error)}"
        note = f'<span class="agrees">{note}</span>'
        return self.array(traced, result.name, result.value, parts, note)

    def array(self, traced, name, value, title=None, note=""):
        """An array as a table; of three axes, the second goes on below the first."""
        value = np.asarray(value)
        rows = value.reshape(-1, value.shape[-1] if value.ndim else 1)
        cells = [f"<tr>{''.join(f'<td>{number(v)}</td>' for v in row)}</tr>" for row in rows]
        shape = "×".join(map(str, value.shape)) or "a number"
        at = source.traces().index(traced)
        return (
            f'<figure class="array" data-array="{name}" data-trace="{at}"><figcaption>'
            f'{self.code(title or name)} <span class="shape">{shape}</span>{note}</figcaption>'
            f'<div class="scroll"><table>{"".join(cells)}</table></div></figure>'
        )


def _escaped(text):
    return html.escape(text, quote=False)


def _sides(text):
    """An equation's left-hand side, and the rest with its relation."""
    found = re.search(r" +(?=[=←~≈] )", text)
    if text[0] in "=≥" or not found or _depth(text[: found.start()]):
        return "", text
    return text[: found.start()], text[found.end() :]


def _depth(text):
    """How many brackets are open."""
    return sum(map(text.count, "([{")) - sum(map(text.count, ")]}"))
