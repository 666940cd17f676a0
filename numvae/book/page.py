"""The book as one HTML file: to be opened, sent, printed and kept. It asks nothing of the network.
"""

import functools
import html
import inspect
import keyword
import re
import textwrap
from importlib import resources

import numpy as np

from numvae.book import source
from numvae.book.docstrings import blocks, spans
from numvae.book.mathml import math
from numvae.book.notation import LABEL
from numvae.lessons import bugs, consequences, derivations, trace
from numvae.lessons.derivation_steps import DERIVATIONS

CODE = re.compile(
    r"""(?P<comment>\#[^\n]*)|(?P<string>[fr]?(\"{3}.*?\"{3}|"[^"\n]*"|'[^'\n]*'))
    |(?P<name>[^\W\d]\w*(?:\.[^\W\d]\w*)*)|(?P<other>[<>&])""",
    re.VERBOSE | re.DOTALL,
)
WIDE = 36  # characters of an equation that fit on a phone; a longer one may be broken
PAGE = "autoencoder.Autoencoder"


def page(root, curves):
    """The text of the page.

    root    the folder of the checkout, whose README and scripts are in the book
    curves  {name of a bug: (Curve with it, Curve without it)}, as `consequences.compare` has them
    """
    writer = _Writer(root, curves)
    sections = writer.sections()
    parts = {
        "style": _file("book.css"),
        "script": _file("book.js"),
        "contents": writer.contents(),
        "sections": "\n".join(sections),
        "terms": "".join(writer.terms.meanings()),
    }
    first, *rest = _file("book.html").split("{{")
    return first + "".join(parts[name] + text for name, text in (s.split("}}", 1) for s in rest))


class _Terms:
    """The glossary, and which of its terms have been met so far."""

    def __init__(self, terms):
        self.terms, self.met, self.new = terms, set(), []
        self.symbols, words = {}, {}
        self.in_code = set()  # names that code has too
        for i, term in enumerate(terms):
            self.in_code |= {*re.findall("`(.*?)`", term.names)}
            for form in term.names.replace("`", "").split(", "):
                self.symbols[form] = i
                if form.isupper() and len(form) > 1:
                    self.symbols[form.lower()] = i
                    self.in_code.add(form.lower())
                if len(form) > 2:
                    words[form.lower()] = i
                if form == "KL divergence":
                    words["kl"] = self.symbols["KL"] = self.symbols["kl"] = i
        self.words = words
        longest_first = sorted(words, key=len, reverse=True)
        self.pattern = re.compile(
            rf"(?<![\w-])({'|'.join(map(re.escape, longest_first))})(s?)(?![\w-])", re.IGNORECASE
        )

    def id(self, i):
        return "term-" + _slug(self.terms[i].names.replace("`", ""))

    def meet(self, i):
        """Note that a term occurs here."""
        if i not in self.met:
            self.met.add(i)
            self.new.append(i)

    def mark_symbol(self, name):
        """The attributes of a name in an equation."""
        i = self.symbols.get(name)
        if i is None:
            return ""
        self.meet(i)
        return f' data-t="{i}"'

    def mark_words(self, text):
        """Prose, escaped, each of its terms as a link to what it means."""

        def link(found):
            i = self.words[found[1].lower()]
            self.meet(i)
            return f'<a class="term" data-t="{i}" href="#{self.id(i)}">{found[0]}</a>'

        return self.pattern.sub(link, html.escape(text, quote=False))

    def meanings(self):
        """For the script: what each term means, in order."""
        for term in self.terms:
            yield f"<li>{_names(term)}: {_plain(term.meaning)}</li>"


class _Writer:
    """Writes the sections in the order of the page."""

    def __init__(self, root, curves):
        self.root, self.curves = root, curves
        self.exercises = source.exercises(root)
        self.terms = _Terms(source.glossary(root))
        self.order = source.reading_order()
        files = [name for path, aside in self.order.items() for name in (path, *aside)]
        self.files = {name: source.read(name) for name in files}
        self.stems = {file.stem: name for name, file in self.files.items()}
        self.parts = {part.name for file in self.files.values() for part in file.parts}
        self.here = None  # the File that is being written
        self.titles = []  # (group, id, title) of each section

    # The whole.

    def sections(self):
        path, aside = list(self.order), [n for names in self.order.values() for n in names]
        made = [
            self.introduction(),
            self.smallest(),
            *(self.file("Rules", name) for name in path[1:] if name.startswith("rules")),
            *(self.file("Layers", name) for name in path if name.startswith("network")),
            self.the_page(),
            self.touch(),
            self.practice(),
            self.gallery(),
            *(self.file("Side paths", name) for name in aside),
            self.glossary(),
        ]
        return [section for section in made if section]

    def section(self, group, id, title, body, eyebrow=""):
        """A section with its heading, the terms that are new in it, and the ways on."""
        self.titles.append((group, id, title))
        new, self.terms.new = self.terms.new, []
        aside = ""
        if new:
            rows = "".join(self.definition(i) for i in new)
            wide = "" if len(new) > 6 else " wide"
            aside = (
                f'<aside class="new{wide}" aria-label="New words"><details open>'
                f"<summary>New words</summary><dl>{rows}</dl></details></aside>"
            )
        top = f'<p class="eyebrow">{eyebrow or group}</p><h2>{_code_title(title)}</h2>'
        return (
            f'<section id="{id}" aria-label="{html.escape(title)}">\n<header>{top}</header>\n'
            f"{aside}\n{body}\n</section>"
        )

    def definition(self, i):
        term = self.terms.terms[i]
        return (
            f'<dt id="{self.terms.id(i)}"><dfn>{_names(term)}</dfn></dt>'
            f"<dd>{self.sentence(term.meaning, terms=False)}</dd>"
        )

    def contents(self):
        lines, group = [], None
        for its_group, id, title in self.titles:
            if its_group != group:
                lines.append("</ol>" * bool(group) + f"<h3>{its_group}</h3><ol>")
                group = its_group
            lines.append(f'<li><a href="#{id}">{_code_title(title)}</a></li>')
        return "".join(lines) + "</ol>"

    # The sections.

    def introduction(self):
        name = next(iter(self.order))
        self.here = self.files[name]
        return self.section(
            "Start",
            _id(name),
            "What a VAE is",
            f'<div class="prose">{self.prose(self.here.docstring, ("names",))}</div>',
            f"numvae/{name}.py",
        )

    def smallest(self):
        text = (self.root / "scripts" / "minimal.py").read_text(encoding="utf-8")
        _, docstring, code = text.split('"""', 2)
        self.here = None
        body = (
            f'<div class="prose">{self.prose(docstring)}</div>'
            f"{self.listing(code.strip(), 'scripts/minimal.py')}"
        )
        title = f"A whole VAE in {len(text.splitlines())} lines"
        return self.section("Start", "minimal", title, body, "scripts/minimal.py")

    def file(self, group, name):
        """A file of the package: what its opening says, then each of its functions or classes; in
        one fold those that the traced minibatch does not reach."""
        self.here = file = self.files[name]
        write = self.rule if name.startswith("rules") else self.layer
        lead = f'<div class="prose">{self.prose(file.docstring)}</div>'
        parts = [part for part in file.parts if part.name != PAGE]
        open_ones = [part for part in parts if part.name in _reached()] or parts
        if name in self.order and name == source.LAST:
            open_ones = []
        body, waiting = [], []
        for part in parts:
            if part in open_ones:
                body += self.fold(waiting, write) + [write(part)]
                waiting = []
            else:
                waiting.append(part)
        body += self.fold(waiting, write)
        title = file.stem if file.stem != "__init__" else name.partition("/")[0]
        return self.section(group, _id(name), title, lead + "\n".join(body), f"numvae/{name}.py")

    def fold(self, parts, write):
        if not parts:
            return []
        names = ", ".join(f"<code>{part.name.partition('.')[2]}</code>" for part in parts)
        inside = "\n".join(map(write, parts))
        return [f'<details class="wait"><summary>Can wait: {names}</summary>{inside}</details>']

    def rule(self, part):
        """A rule in three columns: its derivation, its code, its numbers."""
        stem, _, name = part.name.partition(".")
        text, equations, facts = self.taken_apart(part.docstring)
        why = [(key, value) for key, value in facts if key == "Why"]
        facts = [pair for pair in facts if pair[0] != "Why"]
        derived = [self.derivation(d) for d in DERIVATIONS if d.rule == part.name]
        reason = "".join(f'<p class="why"><b>Why</b> {self.sentence(t)}</p>' for _, t in why)
        left = f'{equations}{reason}{"".join(derived)}'
        middle = self.listing(part.code, f"numvae/rules/{stem}.py", part.line)
        middle += self.facts(facts) + self.asked_by(part.name)
        columns = [("derivation", "Derivation", left), ("code", "Code", middle)]
        if numbers := self.numbers(part.name):
            columns.append(("numbers", "Numbers", numbers))
        columns = [column for column in columns if column[2]]
        body = "".join(
            f'<div class="{kind}"><h4>{title}</h4><div class="stay">{content}</div></div>'
            for kind, title, content in columns
        )
        return (
            f'<article class="rule" id="{part.name}"><h3><a href="#{part.name}">'
            f"<code><span>{stem}.</span>{name}</code></a></h3>{text}"
            f'<div class="columns of-{len(columns)}">{body}</div></article>'
        )

    def layer(self, part):
        """A class or a function of numvae/network: what it is, and its code."""
        stem, _, name = part.name.partition(".")
        text, equations, facts = self.taken_apart(part.docstring)
        name_of_file = f"numvae/network/{stem}.py"
        return (
            f'<article class="layer" id="{part.name}"><h3><a href="#{part.name}"><code>{name}'
            f'</code></a></h3><div class="columns"><div>{text}{equations}{self.facts(facts)}</div>'
            f'<div class="code">{self.listing(part.code, name_of_file, part.line)}</div>'
            "</div></article>"
        )

    def asked_by(self, rule):
        """The exercises on a rule."""
        links = [self.exercise_link(e) for e in self.exercises if e.rules[:1] == (rule,)]
        return f'<p class="ask">{" ".join(links)}</p>' if links else ""

    @staticmethod
    def exercise_link(exercise):
        number, _, name = exercise.stem.partition("_")
        return f'<a class="chip do" href="#exercise-{number}">Exercise {int(number)}: {name}</a>'

    # loss_and_grad.

    def the_page(self):
        self.here = self.files[source.LAST]
        (model,) = (part for part in self.here.parts if part.name == PAGE)
        docstring = trace.Autoencoder.loss_and_grad.__doc__
        text, equations, facts = self.taken_apart(docstring)
        lines = [self.line(line) for line in source.lines()]
        signature = _signature(model.code)
        body = (
            f'<div class="prose">{text}{equations}<p>Each line opens: its equations and derivations, '
            "its exercise, its numbers, and the bugs that people plant there.</p></div>"
            '<p class="buttons"><button type="button" data-all="page-lines" aria-pressed="false">'
            "Open all lines</button></p>"
            f'<div class="page-code" id="page-lines"><pre><code>{self.coloured(signature)}</code>'
            f"</pre>{''.join(lines)}</div>"
            f'<details class="wait"><summary>Its arguments, and the whole class '
            f"<code>Autoencoder</code></summary>{self.facts(facts)}"
            f'<article class="layer" id="{PAGE}">'
            f"{self.listing(model.code, f'numvae/{source.LAST}.py', model.line)}</article></details>"
        )
        return self.section("The page", "loss_and_grad", "loss_and_grad", body, "The page")

    def line(self, line):
        """A line of the page, which opens what there is to know of it."""
        code = self.coloured(line.text)
        panel = self.panel(line)
        if not panel:
            return f"<pre><code>{code or ' '}</code></pre>"
        labels = sorted({label for rule in self.reached(line) for label in _labels(rule)}, key=_order)
        chips = "".join(f'<span class="chip">{label}</span>' for label in labels)
        exercises = self.exercises_of(line)
        chips += f'<span class="chip do">{len(exercises)} to do</span>' * bool(exercises)
        chips += f'<span class="chip warn">{_count(len(line.bugs), "bug")}</span>' * bool(line.bugs)
        return (
            f'<details class="line" id="line-{line.number}"><summary><code>{code}</code>'
            f'<span class="chips">{chips}</span></summary><div class="panel">{panel}</div></details>'
        )

    def reached(self, line):
        """The rules that the traced minibatch calls in a line."""
        default = source.traces()[0].trace
        called = {(call.rule, call.line) for call in (*default.nodes, *default.gradients)}
        return [rule for rule in line.rules if (rule, line.number) in called]

    def exercises_of(self, line):
        return [e for e in self.exercises if e.rules[:1] and e.rules[0] in line.rules]

    def panel(self, line):
        rules = self.reached(line)
        parts = {part.name: part for file in self.files.values() for part in file.parts}
        equations = ""
        for rule in rules:
            _, lines, _ = self.taken_apart(parts[rule].docstring, anchors=False)
            equations += f'<p><a href="#{rule}"><code>{rule}</code></a></p>{lines}'
        others = [rule for rule in line.rules if rule not in rules and rule in parts]
        if others:
            links = ", ".join(f'<a href="#{rule}"><code>{rule}</code></a>' for rule in others)
            equations += f'<p class="soft">In other models: {links}</p>'
        derived = [d for d in DERIVATIONS if d.rule in rules or _is_sum_of(d, line.text)]
        steps = "".join(self.derivation(d, anchors=d.rule == "loss_and_grad") for d in derived)
        default = source.traces()[0]
        numbers = [
            self.array(default, call.name, call.value, call)
            for call in (*default.trace.nodes, *default.trace.gradients)
            if call.line == line.number
        ]
        todo = "".join(f"<p>{self.exercise_link(e)}</p>" for e in self.exercises_of(line))
        planted = "".join(self.bug(bug, anchors=False) for bug in line.bugs)
        bugs_here = f"{_count(len(line.bugs), 'bug')} that people plant here"
        columns = [
            ("formulas", "Equations", equations),
            ("steps-of", "Derivation", steps),
            ("numbers", "Numbers", "".join(numbers)),
            ("across", "Exercise", todo),
            ("across bugs", bugs_here, planted),
        ]
        return "".join(
            f'<section class="{kind}"><h4>{title}</h4>{content}</section>'
            for kind, title, content in columns
            if content
        )

    def touch(self):
        try:
            from numvae.book import touch
        except ImportError:
            return ""
        return self.section("The page", "touch", "The backward pass to touch", touch.fragment())

    # Practice.

    def practice(self):
        rows = []
        for exercise in self.exercises:
            number, _, name = exercise.stem.partition("_")
            links = " ".join(f'<a href="#{rule}"><code>{rule}</code></a>' for rule in exercise.rules[:1])
            hint = f"<details><summary>Hint</summary><p>{self.sentence(exercise.hint)}</p></details>"
            rows.append(
                f'<li id="exercise-{number}"><h3><code>{name}</code></h3>'
                f"<p>{self.sentence(exercise.title)}</p>{hint * bool(exercise.hint)}"
                f'<p class="soft"><code>scripts/exercises/{exercise.stem}.py</code>; '
                f"the answer: {links}</p></li>"
            )
        body = (
            '<div class="prose"><p>Each exercise is a short file with one function body missing. Copy '
            "the folder and write in the copy; running a file says whether the function is right and, "
            "if not, which known mistake it looks like:</p>"
            "<pre><code>cp -r scripts/exercises exercises\n"
            f"python exercises/{self.exercises[0].stem}.py</code></pre></div>"
            f'<ol class="exercises">{"".join(rows)}</ol>'
        )
        return self.section("Practice", "exercises", "Write it yourself", body)

    def gallery(self):
        groups = []
        for kind in dict.fromkeys(bug.kind for bug in bugs.BUGS):
            items = "".join(self.bug(bug) for bug in bugs.BUGS if bug.kind == kind)
            groups.append(f'<h3>{html.escape(kind)}</h3><div class="bugs">{items}</div>')
        body = (
            '<div class="prose"><p>A small model was trained with each bug and without it, while this '
            "page was made, from the same seed. <b>Says</b> is the ELBO that the program reports; "
            "<b>is</b> is that of what it has learned, on held-out data, computed by the right code. "
            f"In brackets stand the same numbers without the bug. {LEGEND}</p></div>"
            + "".join(groups)
        )
        return self.section("Practice", "bugs", "What a bug does", body)

    def bug(self, bug, anchors=True):
        """A planted bug: what it does to the loss, and its code."""
        number = bugs.BUGS.index(bug)
        codes = "\n\n".join(_function(replacement) for *_, replacement in bug.patches)
        found = f", {bug.found}" if bug.found else ""
        said, drawn = "", ""
        if bug.name in self.curves:
            curve, truth = self.curves[bug.name]
            last = [consequences._last(c) for c in _ends(curve, truth)]
            says, right_says, is_, right_is = (text.replace("-", "−") for text in last)
            said = (
                f"<p><b>says</b> {says} ({right_says}), <b>is</b> {is_} ({right_is}): "
                f"{html.escape(consequences.verdict(curve, truth))}.</p>"
            )
            drawn = sparkline(curve, truth)
        id = f' id="bug-{number}"' * anchors
        title = html.escape(bug.name)
        title = title if anchors else f'<a href="#bug-{number}">{title}</a>'
        checks = html.escape(bugs.outcome(bug.caught))
        return (
            f'<div class="bug"{id}><h5>{title}</h5>{drawn}<div>{said}'
            f'<p class="soft">{checks[0].upper()}{checks[1:]}{html.escape(found)}.</p>'
            f"<details><summary>Its code</summary>{self.listing(codes, '')}</details></div></div>"
        )

    def glossary(self):
        rows = []
        for i, term in enumerate(self.terms.terms):
            if i in self.terms.met:
                name = f'<a href="#{self.terms.id(i)}">{_names(term)}</a>'
            else:
                name = f'<dfn id="{self.terms.id(i)}">{_names(term)}</dfn>'
            places = ", ".join(
                f'<a href="#{_id(p)}">{p}.py</a>' if p in self.files else f"{p}.py"
                for p in term.places
            )
            meaning = self.sentence(term.meaning, terms=False)
            rows.append(f"<tr><th>{name}</th><td>{meaning}</td><td>{places}</td></tr>")
        labels = [
            f'<a href="#{label}">{label}</a>' for label in sorted(self.labels(), key=_order)
        ]
        body = (
            '<table class="glossary"><thead><tr><th>term or symbol</th><th>meaning</th><th>defined in'
            f"</th></tr></thead><tbody>{''.join(rows)}</tbody></table>"
            f'<h3>Equations</h3><p class="labels">{" ".join(labels)}</p>'
        )
        return self.section("Reference", "glossary", "Words, symbols, equations", body)

    def labels(self):
        """All labels of the equations in the book."""
        texts = [part.docstring for file in self.files.values() for part in file.parts]
        texts += [trace.Autoencoder.loss_and_grad.__doc__]
        return {label for text in texts for label in re.findall(rf" {{2,}}\(({LABEL})\)$", text, re.M)}

    # Text, equations, code, numbers.

    def taken_apart(self, docstring, anchors=True):
        """(text, equations, facts) of a docstring: two pieces of HTML, and pairs."""
        text, equations, facts = "", "", []
        for kind, content in blocks(docstring):
            if kind == "equations":
                equations += self.equations(content, anchors)
            elif kind == "facts":
                facts += content
            elif equations:  # what follows an equation belongs to it
                equations += self.block(kind, content)
            else:
                text += self.block(kind, content)
        return text, equations, facts

    def prose(self, docstring, without=()):
        """A docstring as it stands, but for some kinds of blocks."""
        kept = [block for block in blocks(docstring) if block.kind not in without]
        return "".join(self.block(*block) for block in kept)

    def block(self, kind, content):
        if kind == "text":
            return f"<p>{self.sentence(content)}</p>"
        if kind == "equations":
            return self.equations(content)
        if kind == "list":
            return f"<ul>{''.join(f'<li>{self.sentence(text)}</li>' for text in content)}</ul>"
        if kind == "facts":
            return self.facts(content)
        if kind == "drawing":
            return f'<pre class="drawing">{html.escape(content)}</pre>'
        rows = "".join(f"<dt>{self.code(a)}</dt><dd>{self.sentence(b)}</dd>" for a, b in content)
        return f'<dl class="names">{rows}</dl>'

    def facts(self, pairs):
        """Shapes, Units, Source: as they stand; arguments and Why as sentences."""
        rows = "".join(
            f"<dt>{html.escape(key)}</dt><dd{' class=shapes' * (key == 'Shapes')}>"
            f"{html.escape(text) if key in ('Shapes', 'Units', 'Source') else self.sentence(text)}</dd>"
            for key, text in pairs
        )
        return f'<dl class="facts">{rows}</dl>' if rows else ""

    def sentence(self, text, terms=True):
        """Prose with its formulas set, its terms and labels linked."""
        mark = self.terms.mark_words if terms else functools.partial(html.escape, quote=False)
        drawn = {
            "text": mark,
            "code": self.code,
            "math": lambda text: self.breakable(text, False, terms),
            "label": _references,
        }
        return "".join(drawn[kind](part) for kind, part in spans(text))

    def math(self, text, display=False, terms=True):
        mark = self.terms.mark_symbol if terms else lambda name: ""
        made = math(text, mark, display)
        return re.sub(rf"\({LABEL}(?:, {LABEL})*\)", lambda found: _references(found[0]), made)

    def equations(self, lines, anchors=True):
        """Equations in rows: what is left and right of the first relation, and the label."""
        rows = []
        for text, label in lines:
            end = text[-1] if text[-1] in ".," else ""
            text = text.removesuffix(end)
            left, right = _sides(text)
            id = f' id="{label}"' if label and anchors else ""
            tag = f'<a class="label" href="#{label}">({label})</a>' if label else ""
            rows.append(
                f'<div class="row"{id}><span class="left">{self.math(left) if left else ""}</span>'
                f'<span class="right">{self.breakable(right)}{end}</span>{tag}</div>'
            )
        return f'<div class="equations">{"".join(rows)}</div>'

    def breakable(self, text, display=True, terms=True):
        """A long equation is several elements, between which a line may end."""
        pieces = [text] if len(text) <= WIDE else _pieces(text)
        return " ".join(self.math(piece, display, terms) for piece in pieces)

    def derivation(self, derivation, anchors=True):
        """Line by line, the reason beside each."""
        rows = []
        for line in derivation.lines:
            if line is derivation.lines[-1] and line.equation == f"= {line.code}":
                equation = f"= <code>{html.escape(line.code)}</code>"
            else:
                equation = self.breakable(line.equation)
            rows.append(f"<li><div>{equation}</div><p>{self.sentence(line.reason)}</p></li>")
        names = derivations.given(derivation)
        value = derivations.values(derivation, names)[0]
        agree = max(derivations.errors(derivation))
        entry = f"entry {[0] * value.ndim}" if value.ndim else "the value"
        id = f' id="derive-{_slug(f"{derivation.rule} {derivation.of}")}"' * anchors
        return (
            f'<details class="derivation-of"{id} {"open" * anchors}><summary>{self.sentence(derivation.of)}'
            f'</summary><ol class="steps">{"".join(rows)}</ol><p class="soft">At a random point {entry} is '
            f"{_number(value.flat[0], 6)} in "
            f"{'the first line' if any(q.equation[0] == '≥' for q in derivation.lines) else 'every line'}; "
            f"{f'they agree to {agree:.0e}' if agree else 'they agree to the last bit'}.</p></details>"
        )

    def code(self, text):
        """A word of code: a link, where it names something in the book; else perhaps a term."""
        shown = f"<code>{html.escape(text)}</code>"
        stem = self.here.stem if self.here else ""
        for name in (text, f"{stem}.{text}"):
            if name in self.parts:
                return f'<a href="#{name}">{shown}</a>'
        if text in self.terms.symbols:
            return shown.replace("<code", f"<code{self.terms.mark_symbol(text)}")
        if text in self.stems:
            return f'<a href="#{_id(self.stems[text])}">{shown}</a>'
        return shown

    def listing(self, code, file, line=1):
        where = f'<figcaption>{html.escape(file)}{f":{line}" if line > 1 else ""}</figcaption>' if file else ""
        return (
            f'<figure class="listing">{where}<pre tabindex="0"><code>{self.coloured(code)}</code>'
            "</pre></figure>"
        )

    def coloured(self, code):
        """Code with its keywords, strings and comments marked; what it calls is linked, and of its
        names those in the glossary are marked."""

        def marked(found):
            text = html.escape(found[0], quote=False)
            if found.lastgroup != "name":
                return f'<span class="{found.lastgroup}">{text}</span>'
            if keyword.iskeyword(text):
                return f'<span class="keyword">{text}</span>'
            stem = self.here.stem if self.here else ""
            for name in (text, f"{stem}.{text}"):
                if name in self.parts:
                    return f'<a href="#{name}">{text}</a>'
            symbol = self.terms.mark_symbol(text) if text in self.terms.in_code else ""
            return f"<span{symbol}>{text}</span>" if symbol else text

        return re.sub(CODE, marked, code) if code else ""

    def numbers(self, rule):
        """What the rule takes and gives in the traced minibatch."""
        traced = source.traced_with(rule)
        if traced is None:
            return ""
        nodes = {node.name: node.value for node in traced.trace.nodes}
        nodes |= traced.net.parameters.values
        nodes |= {g.name: g.value for g in traced.trace.gradients}
        calls = {}
        for call in (*traced.trace.nodes, *traced.trace.gradients):
            if call.rule == rule:
                key = call.name if isinstance(call, trace.Node) else call.through
                calls.setdefault(key, []).append(call)
        shown = []
        for key, results in calls.items():
            first = results[0]
            given = first.parents if isinstance(first, trace.Node) else (trace._d(key),)
            inside = "".join(
                self.array(traced, name, nodes[name]) for name in given if name in nodes
            )
            arrow = '<p class="arrow" aria-hidden="true">↓</p>' * bool(inside)
            inside += arrow + "".join(self.array(traced, c.name, c.value, c) for c in results)
            shown.append(inside)
        first, *others = shown
        if others:
            what = _count(len(others), "more call")
            first += f"<details><summary>{what} in this minibatch</summary>{'<hr>'.join(others)}</details>"
        settings = " ".join(f"{k} {v}" for k, v in traced.settings.items())
        model = f'<p class="soft">In another model: {html.escape(settings)}.</p>' if settings else ""
        return model + first

    def array(self, traced, name, value, call=None):
        """An array as a table, and of a gradient how well it agrees with finite differences."""
        number = source.traces().index(traced)
        value = np.asarray(value)
        rows = value.reshape(-1, value.shape[-1]) if value.ndim else value.reshape(1, 1)
        cells = "".join(f"<tr>{''.join(f'<td>{_number(v)}</td>' for v in row)}</tr>" for row in rows)
        shape = "×".join(map(str, value.shape)) or "a number"
        note = ""
        if isinstance(call, trace.Gradient):
            note = f'<span class="agrees">= finite differences, to {call.error:.0e}</span>'
            if call.paths:
                name_shown = f"{name} = {' + '.join(call.paths)}"
                return self.table(number, name, name_shown, shape, cells, note)
        return self.table(number, name, name, shape, cells, note)

    def table(self, number, name, shown, shape, cells, note):
        return (
            f'<figure class="array" data-array="{name}" data-trace="{number}"><figcaption>'
            f'{self.code(shown)} <span class="shape">{shape}</span>{note}</figcaption>'
            f'<div class="scroll"><table>{cells}</table></div></figure>'
        )


LEGEND = (
    '<span class="legend"><svg viewBox="0 0 24 8" aria-hidden="true"><path class="with" d="M0 4H24"/>'
    "</svg> with the bug, "
    '<svg viewBox="0 0 24 8" aria-hidden="true"><path class="without" d="M0 4H24"/></svg> without; '
    "solid what it says, dotted what it is. Higher is better.</span>"
)


def sparkline(curve, truth):
    """The bounds of two trainings, with a bug and without, as a small picture."""
    width, height = 200, 70
    right = np.concatenate([truth.reported, truth.evaluated[1:]])
    low, high = right.min(), right.max()
    room = 1.5 * (high - low)
    wrong = np.concatenate([curve.reported, curve.evaluated[1:]])
    wrong = wrong[np.isfinite(wrong)]
    if len(wrong):
        low = max(min(low, wrong.min()), low - room)
        high = min(max(high, wrong.max()), high + room)

    def path(kind, values, first):
        points = []
        for i, value in enumerate(values, start=first):
            if np.isfinite(value):
                y = height - 3 - (height - 6) * (np.clip(value, low, high) - low) / (high - low)
                points.append(f"{3 + (width - 6) * i / consequences.EPOCHS:.0f} {y:.1f}")
        return f'<path class="{kind}" d="M{"L".join(points)}"/>' if len(points) > 1 else ""

    paths = (
        path("without dotted", truth.evaluated[1:], 1)
        + path("without", truth.reported, 1)
        + path("with dotted", curve.evaluated[1:], 1)
        + path("with", curve.reported, 1)
    )
    return (
        f'<svg class="spark" viewBox="0 0 {width} {height}" role="img" aria-label="ELBO over '
        f'{consequences.EPOCHS} epochs: {html.escape(consequences.verdict(curve, truth))}">'
        f"{paths}</svg>"
    )


def _ends(curve, truth):
    return curve.reported, truth.reported, curve.evaluated, truth.evaluated


@functools.cache
def _reached():
    """The functions and classes whose code the traced minibatch runs."""
    first, *_ = source.traces()
    codes = {code for line in source.called_at((first,)).values() for code in line}
    return {part.name for code in codes if (part := source.part_of(code))}


def _sides(text):
    """An equation's left-hand side, and the rest with its relation."""
    found = re.search(r" +(?=[=←~≈] )", text)
    if text[0] in "=≥" or not found or _depth(text[: found.start()]):
        return "", text
    return text[: found.start()], text[found.end() :]


def _pieces(text):
    """A long equation in pieces, each of which begins with a relation or a sign outside brackets."""
    places = [0]
    for found in re.finditer(r" (?=[=≥←~≈+−] )|(?<=,) +", text):
        if found.start() and _depth(text[: found.start()]) == 0 and not _in_cases(text):
            places.append(found.end())
    return [text[a:b].strip() for a, b in zip(places, [*places[1:], len(text)])]


def _in_cases(text):
    return " where " in text and (", else" in text or text.count(" where ") > 1)


def _depth(text):
    return sum(text.count(q) for q in "([{") - sum(text.count(q) for q in ")]}")


def _is_sum_of(derivation, line):
    return derivation.rule == "loss_and_grad" and derivation.lines[-1].code in line


@functools.cache
def _labels(rule):
    part = next(p for f in source.rule_files() for p in source.read(f).parts if p.name == rule)
    return re.findall(rf" {{2,}}\(({LABEL})\)$", part.docstring, re.MULTILINE)


def _order(label):
    return label[0], int(label[1:])


def _references(text):
    """Labels, in brackets or not, as links."""
    return re.sub(LABEL, lambda found: f'<a class="ref" href="#{found[0]}">{found[0]}</a>', text)


def _signature(code):
    """The head of loss_and_grad."""
    return re.search(r"    def loss_and_grad\(.*?\):\n", code, re.DOTALL)[0].rstrip()


def _function(replacement):
    """The code of a wrong function, as it stands in bugs.py; without its decorator."""
    lines = textwrap.dedent(inspect.getsource(replacement)).splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith("def "))
    return re.sub(r'    """.*?"""\n', "", "\n".join(lines[start:]), flags=re.DOTALL)


def _number(value, digits=4):
    value = float(value)
    text = f"{value:.0f}" if value == round(value) and abs(value) < 1e6 else f"{value:.{digits}f}"
    return text.replace("-", "−")


def _count(n, what):
    return f"{n} {what}{'s' * (n != 1)}"


def _names(term):
    return re.sub("`(.*?)`", r"<code>\1</code>", html.escape(term.names, quote=False))


def _plain(text):
    return re.sub("`(.*?)`", r"<code>\1</code>", html.escape(text, quote=False))


def _code_title(title):
    return f"<code>{title}</code>" if re.fullmatch(r"[a-z_]+", title) else html.escape(title)


def _slug(text):
    return re.sub(r"[^\w]+", "-", text.lower()).strip("-")


def _id(file):
    """The anchor of a file."""
    return _slug(file.replace("__init__", "start"))


def _file(name):
    return resources.files(__package__).joinpath(name).read_text(encoding="utf-8")
