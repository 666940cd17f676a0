"""The book as one HTML file: to be opened, sent, printed and kept. It needs no network."""

import html
import json
import re
import textwrap
from importlib import resources

from numvae.book import curves as pictures
from numvae.book import source, touch
from numvae.book.notation import LABEL
from numvae.book.setting import Setting
from numvae.book.terms import Terms
from numvae.book.text import by_number, count, file_id, link, number
from numvae.lessons import bugs, pixel, trace
from numvae.lessons.derivation_steps import DERIVATIONS

MODEL = "autoencoder.Autoencoder"
LOSS_AND_GRAD = trace.Autoencoder.loss_and_grad.__doc__


def page(root, curves):
    """The text of the page.

    root    the folder of the checkout, whose README and scripts are in the book
    curves  {name of a bug: (Curve with it, Curve without it)}, as `consequences.compare` has them
    """
    writer = Writer(root, curves)
    sections = writer.sections()
    parts = {
        "style": _file("book.css"),
        "script": _file("book.js"),
        "contents": writer.contents(),
        "sections": "\n".join(sections),
        "terms": writer.meanings(),
        "example": writer.code("ELBO"),
    }
    return re.sub(r"{{(\w+)}}", lambda found: parts[found[1]], _file("book.html"))


class Writer(Setting):
    """Writes the sections in the order of the page."""

    def __init__(self, root, curves):
        self.order = source.reading_order()
        files = [name for path, aside in self.order.items() for name in (path, *aside)]
        super().__init__(Terms(source.glossary(root)), {name: source.read(name) for name in files})
        self.root, self.curves, self.exercises = root, curves, source.exercises(root)
        self.titles = []  # (group, anchor, title) of each section

    def sections(self):
        """All of them, in order."""
        first, *path = self.order
        rules = [name for name in path if name.startswith("rules")]
        layers = [name for name in path if name.startswith("network")]
        aside = [name for names in self.order.values() for name in names]
        return [
            self.introduction(first),
            self.smallest(),
            *(self.file("Rules", name) for name in rules),
            *(self.file("Layers", name) for name in layers),
            self.loss_and_grad(),
            self.touch(),
            self.one_pixel(),
            self.practice(),
            self.gallery(),
            *(self.file("Side paths", name) for name in aside),
            self.glossary(),
        ]

    def section(self, group, anchor, title, body, where=""):
        """A section with its heading, and the words that are new in it."""
        self.titles.append((group, anchor, title))
        new, self.terms.new = self.terms.new, []
        rows = "".join(
            f'<dt id="{self.terms.id(i)}"><dfn>{self.terms.name(i)}</dfn></dt>'
            f"<dd>{self.sentence(self.terms.terms[i].meaning, terms=False)}</dd>"
            for i in new
        )
        words = (
            f'<aside class="new{" wide" * (len(new) < 7)}" aria-label="New words"><details open>'
            f"<summary>New words</summary><dl>{rows}</dl></details></aside>"
        )
        return (
            f'<section id="{anchor}" aria-label="{html.escape(title)}"><header>'
            f'<p class="where">{where or group}</p><h2>{_title(title)}</h2></header>\n'
            f"{words * bool(new)}{body}\n</section>"
        )

    def contents(self):
        """The list of the sections that have been written, in groups."""
        groups = {}
        for group, anchor, title in self.titles:
            item = f'<li><a href="#{anchor}">{_title(title)}</a></li>'
            groups.setdefault(group, []).append(item)
        return "".join(f"<p>{g}</p><ol>{''.join(items)}</ol>" for g, items in groups.items())

    def meanings(self):
        """For the script: name and meaning of each term."""
        return "".join(
            f"<dt>{self.terms.name(i)}</dt><dd>{self.sentence(term.meaning, terms=False)}</dd>"
            for i, term in enumerate(self.terms.terms)
        )

    # The path.

    def introduction(self, name):
        self.here = self.files[name]
        text = self.prose(self.here.docstring, without=["names"])
        body = f'<div class="prose">{text}</div>'
        return self.section("Start", file_id(name), "What a VAE is", body, f"numvae/{name}.py")

    def smallest(self):
        self.here = None
        text = (self.root / "scripts" / "minimal.py").read_text(encoding="utf-8")
        _, docstring, code = text.split('"""', 2)
        body = f'<div class="prose">{self.prose(docstring)}</div>{self.listing(code.strip())}'
        title = f"A whole VAE in {len(text.splitlines())} lines"
        return self.section("Start", "minimal", title, body, "scripts/minimal.py")

    def file(self, group, name):
        """What a file's opening says, then each of its functions and classes; those that the traced
        minibatch does not run are folded."""
        self.here = file = self.files[name]
        self.place(file.stem)
        write = self.rule if name.startswith("rules") else self.layer
        parts = [part for part in file.parts if part.name != MODEL]
        run = [part for part in parts if part.name in source.run()]
        run = run if run or name == source.LAST else parts
        body, waiting = [f'<div class="prose">{self.prose(file.docstring)}</div>'], []
        for part in (*parts, None):
            if part not in run and part:
                waiting.append(part)
                continue
            if waiting:
                names = ", ".join(f"<code>{q.name.partition('.')[2]}</code>" for q in waiting)
                inside = "\n".join(map(write, waiting))
                summary = f"<summary>Can wait: {names}</summary>"
                body.append(f'<details class="wait">{summary}{inside}</details>')
                waiting = []
            if part:
                body.append(write(part))
        title = name.partition("/")[0] if file.stem == "__init__" else file.stem
        return self.section(group, file_id(name), title, "\n".join(body), f"numvae/{name}.py")

    def rule(self, part):
        """A rule in three columns: its derivation, its code, its numbers."""
        self.place(part.name)
        text, equations, facts = self.taken_apart(part.docstring)
        why = [f"<p><b>Why</b> {self.sentence(text)}</p>" for key, text in facts if key == "Why"]
        derived = [self.derivation(d) for d in DERIVATIONS if d.rule == part.name]
        code = self.listing(part.code, f"numvae/rules/{self.here.stem}.py", part.line)
        code += self.facts([pair for pair in facts if pair[0] != "Why"])
        code += "".join(map(_to_exercise, self.exercises_on(part.name)))
        columns = [
            ("derivation", "Derivation", equations + "".join(why + derived)),
            ("code", "Code", code),
            ("numbers", "Numbers", self.numbers(part.name)),
        ]
        columns = [
            f'<div class="{kind}"><h4>{title}</h4><div class="stay">{content}</div></div>'
            for kind, title, content in columns
            if content
        ]
        stem, _, name = part.name.partition(".")
        return (
            f'<article class="rule" id="{part.name}"><h3><a href="#{part.name}"><code><span>{stem}.'
            f'</span>{name}</code></a></h3>{text}<div class="columns of-{len(columns)}">'
            f"{''.join(columns)}</div></article>"
        )

    def layer(self, part):
        """A class or a function of the layers: what it is, and its code."""
        self.place(part.name)
        text, equations, facts = self.taken_apart(part.docstring)
        code = self.listing(part.code, f"numvae/network/{self.here.stem}.py", part.line)
        name = part.name.partition(".")[2]
        return (
            f'<article class="layer" id="{part.name}"><h3>{link(part.name, name)}</h3>'
            f'<div class="columns"><div>{text}{equations}{self.facts(facts)}</div>'
            f'<div class="code">{code}</div></div></article>'
        )

    # The forward and the backward pass, line by line.

    def loss_and_grad(self):
        self.here = self.files[source.LAST]
        self.place("loss_and_grad")
        model = self.parts[MODEL]
        text, equations, facts = self.taken_apart(LOSS_AND_GRAD)
        head = re.search(r"    def loss_and_grad\(.*?\):\n", model.code, re.DOTALL)[0]
        head = textwrap.dedent(head).rstrip()
        lines = [self.line(line) for line in source.lines()]
        body = (
            f'<div class="prose">{text}{equations}<p>Each line opens: its equations with their '
            "derivations, its numbers, its exercises, and the bugs that people plant there.</p>"
            '</div><p class="buttons"><button type="button" data-all="lines" aria-pressed="false">'
            f'Open all lines</button></p><div class="lines" id="lines"><pre><code>'
            f"{self.coloured(head)}</code></pre>{''.join(lines)}</div>"
            '<details class="wait"><summary>Can wait: the arguments, and the whole class '
            f'<code>Autoencoder</code></summary>{self.facts(facts)}<article class="layer" '
            f'id="{MODEL}">{self.listing(model.code, f"numvae/{source.LAST}.py", model.line)}'
            "</article></details>"
        )
        title = "loss_and_grad"
        return self.section("Forward and backward", title, title, body, f"numvae/{source.LAST}.py")

    def line(self, line):
        """A line of the code, which opens what there is to know of it."""
        self.place("loss_and_grad")
        code = self.coloured(line.text.removeprefix("    "))
        if not (panel := self.panel(line)):
            return f"<pre><code>{code or ' '}</code></pre>"
        labels = {label for rule in self.called(line) for label in self.labels(rule)}
        chips = [f'<span class="chip">{label}</span>' for label in sorted(labels, key=by_number)]
        for n, what, kind in (
            (len(self.exercises_at(line)), "exercise", "do"),
            (len(line.bugs), "bug", "warn"),
        ):
            chips += [f'<span class="chip {kind}">{count(n, what)}</span>'] * bool(n)
        return (
            f'<details class="line" id="line-{line.number}"><summary><code>{code}</code>'
            f'<span class="chips">{"".join(chips)}</span></summary>'
            f'<div class="panel">{panel}</div></details>'
        )

    def panel(self, line):
        """Equations, derivations, numbers, exercises and bugs of a line."""
        rules, equations = self.called(line), ""
        for rule in rules:
            self.place(rule)
            _, lines, _ = self.taken_apart(self.parts[rule].docstring, anchors=False)
            equations += f"<p>{link(rule)}</p>{lines}"
        if others := [link(rule) for rule in line.rules if rule not in rules]:
            equations += f'<p class="soft">In other models: {", ".join(others)}</p>'
        sums = [self.derivation(d) for d in _sums(line)]
        derived = [self.derivation(d, anchors=False) for d in DERIVATIONS if d.rule in rules]
        self.place("loss_and_grad")
        traced = source.traces()[0]
        results = [self.result(traced, r) for r in traced.results() if r.line == line.number]
        exercises = map(_to_exercise, self.exercises_at(line))
        planted = [self.bug(bug, anchors=False) for bug in line.bugs]
        sections = [
            ("formulas", "Equations", equations),
            ("derived", "Derivations", "".join(sums + derived)),
            ("numbers", "Numbers", "".join(results)),
            ("across", "Exercises", "".join(exercises)),
            ("across bugs", "Bugs that people plant here", "".join(planted)),
        ]
        return "".join(
            f'<section class="{kind}"><h4>{title}</h4>{content}</section>'
            for kind, title, content in sections
            if content
        )

    def called(self, line):
        """The rules that the traced minibatch calls in a line."""
        results = source.traces()[0].results()
        called = {result.rule for result in results if result.line == line.number}
        return [rule for rule in line.rules if rule in called]

    def labels(self, rule):
        """Those of the equations of a rule."""
        return re.findall(rf" {{2,}}\(({LABEL})\)$", self.parts[rule].docstring, re.MULTILINE)

    def touch(self):
        title, fragment = "The backward pass to touch", touch.fragment()
        return self.section("Forward and backward", "to-touch", title, fragment)

    # Exercises and bugs.

    def exercises_on(self, *rules):
        return [exercise for exercise in self.exercises if exercise.about in rules]

    def exercises_at(self, line):
        """Those on the rules that a line calls, or on the sum that it is."""
        return self.exercises_on(*line.rules, *(d.rule for d in _sums(line)))

    def one_pixel(self):
        """The first exercise: numbers to be typed in."""
        self.here, values = None, pixel.values()
        self.place("one_pixel")
        text = "".join(f"<p>{self.sentence(q)}</p>" for q in pixel.SETTING.split("\n\n"))
        given = [f"{self.math(name)} = {number(v, 1)}" for name, v in pixel.MODEL.items()]
        items, data = [], []
        for question in pixel.QUESTIONS:
            wrong = [[pixel.compute(code, values), text] for code, text in question.wrong]
            data.append({"value": values[question.name], "wrong": wrong})
            items.append(
                f"<li><label><b>{self.math(question.name)}</b> <span>{self.sentence(question.what)}"
                '</span><input inputmode="text" autocomplete="off"></label> <output></output>'
                f"<details><summary>Formula</summary>{self.sentence(question.formula)}</details>"
                "</li>"
            )
            if question is pixel.FORWARD[-1]:
                items.append("<li>Now back: the derivative of the loss in each of these.</li>")
        body = (
            f'<div class="prose">{text}<p class="given">{", ".join(given)}</p><p>Compute each '
            f'number to three digits, and type it in.</p></div><ol class="pixel">{"".join(items)}'
            f'</ol><script id="pixel-data" type="application/json">{json.dumps(data)}</script>'
        )
        return self.section("Practice", "one-pixel", "One pixel by hand", body)

    def practice(self):
        items = []
        for exercise in self.exercises:
            self.place(exercise.about or exercise.name)
            hints = "".join(
                f"<details><summary>{which}</summary><p>{self.sentence(hint)}</p></details>"
                for which, hint in zip(("Hint", "Second hint"), exercise.hints)
            )
            about = f"; on {link(exercise.about)}" if exercise.about else ""
            items.append(
                f'<li id="{exercise.id}"><h3>{_named(exercise)}</h3>'
                f"<p>{self.sentence(exercise.title)}</p>{hints}"
                f'<p class="soft"><code>scripts/exercises/{exercise.stem}.py</code>{about}</p></li>'
            )
        first = self.exercises[0].stem
        body = (
            '<div class="prose"><p>Each exercise is a short file with one function body missing. '
            "Copy the folder and write in the copy. Running a file says whether the function is "
            "right and, if not, which known mistake it looks like; running the folder says what is "
            "done and what comes next:</p><pre><code>"
            f"cp -r scripts/exercises exercises\npython exercises/{first}.py\npython exercises"
            f'</code></pre></div><ol class="exercises">{"".join(items)}</ol>'
        )
        return self.section("Practice", "exercises", "Write it yourself", body)

    def gallery(self):
        self.here = None
        body = (
            '<div class="prose"><p>While this page was made, a small model was trained with each '
            "bug and without it, from the same seed. <b>Says</b> is the ELBO that the program "
            "reports; <b>is</b> is that of what it has learned, on held-out data, by the right "
            "code. In brackets stand the same numbers without the bug. Higher is better. "
            f"{pictures.LEGEND}</p></div>"
        )
        for kind in dict.fromkeys(bug.kind for bug in bugs.BUGS):
            items = [self.bug(bug) for bug in bugs.BUGS if bug.kind == kind]
            body += f'<h3>{html.escape(kind)}</h3><div class="bugs">{"".join(items)}</div>'
        return self.section("Practice", "bugs", "What a bug does", body)

    def bug(self, bug, anchors=True):
        """A bug: what it does to the loss, which check sees it, and its code."""
        self.place(_replaced(bug))
        anchor, name = f"bug-{bugs.BUGS.index(bug) + 1}", self.sentence(bug.name, terms=False)
        title = name if anchors else f'<a href="#{anchor}">{name}</a>'
        id = f' id="{anchor}"' * anchors
        measured = pictures.measured(*self.curves[bug.name]) if bug.name in self.curves else ""
        caught = html.escape(bugs.outcome(bug.caught) + f"; {bug.found}" * bool(bug.found))
        code = "\n\n\n".join(source.code_of(replacement) for *_, replacement in bug.patches)
        return (
            f'<div class="bug"{id}><h5>{title}</h5>{measured}<p class="soft">'
            f"{caught[0].upper()}{caught[1:]}.</p><details><summary>Its code</summary>"
            f"{self.listing(code)}</details></div>"
        )

    # The end.

    def glossary(self):
        rows = []
        for i, term in enumerate(self.terms.terms):
            name, anchor = self.terms.name(i), self.terms.id(i)
            met = i in self.terms.met
            name = f'<a href="#{anchor}">{name}</a>' if met else f'<dfn id="{anchor}">{name}</dfn>'
            places = [
                f'<a href="#{file_id(place)}">{place}.py</a>'
                if place in self.files
                else f"{place}.py"
                for place in term.places
            ]
            meaning = self.sentence(term.meaning, terms=False)
            rows.append(f"<tr><th>{name}</th><td>{meaning}</td><td>{', '.join(places)}</td></tr>")
        labels = {label for rule in self.parts for label in self.labels(rule)}
        labels |= {*re.findall(rf"\(({LABEL})\)$", LOSS_AND_GRAD, re.MULTILINE)}
        links = [f'<a href="#{label}">{label}</a>' for label in sorted(labels, key=by_number)]
        body = (
            '<table class="glossary"><thead><tr><th>term or symbol</th><th>meaning</th>'
            f"<th>defined in</th></tr></thead><tbody>{''.join(rows)}</tbody></table>"
            f'<h3>Equations</h3><p class="labels">{" ".join(links)}</p>'
        )
        return self.section("Reference", "glossary", "Words, symbols, equations", body)


def _sums(line):
    """The derivations of what a line adds up."""
    sums = [d for d in DERIVATIONS if d.rule == "loss_and_grad"]
    return [d for d in sums if d.lines[-1].code in line.text]


def _replaced(bug):
    """The name of what a bug takes the place of, as its file and the rules call it."""
    where, name, _ = bug.patches[0]
    return f"{where.__name__.rpartition('.')[2]}.{name}"


def _to_exercise(exercise):
    return f'<p><a class="chip do" href="#{exercise.id}">{_named(exercise)}</a></p>'


def _named(exercise):
    return html.escape(f"Exercise {exercise.number}: {exercise.name}")


def _title(title):
    return f"<code>{title}</code>" if re.fullmatch(r"[a-z_]+", title) else html.escape(title)


def _file(name):
    return resources.files(__package__).joinpath(name).read_text(encoding="utf-8")
