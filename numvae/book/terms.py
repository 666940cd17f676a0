"""The glossary, and where each of its words and symbols first occurs.

Read next: setting.
"""

import html
import re

from numvae.book.text import slug

# Words that have another meaning, too, which no place decides.
AMBIGUOUS = {"code", "step"}


class Terms:
    """The terms of a glossary, as the text of a page meets them one after the other.

    met, new    the numbers of those that have occurred so far, and since `new` was last emptied
    """

    def __init__(self, terms):
        self.terms, self.met, self.new = terms, set(), []
        forms = {form: i for i, term in enumerate(terms) for form in forms_of(term)}
        acronyms = {form.split()[0]: i for form, i in forms.items()}
        short = {form: i for form, i in acronyms.items() if form.isupper() and len(form) > 1}
        self.symbols = {**{form.lower(): i for form, i in short.items()}, **short, **forms}
        self.in_code = {name for term in terms for name in re.findall("`(.*?)`", term.names)}
        self.in_code |= {form.lower() for form in short}
        self.words = {form.lower(): i for form, i in {**short, **forms}.items() if len(form) > 1}
        self.words = {word: i for word, i in self.words.items() if word not in AMBIGUOUS}
        longest_first = sorted(self.words, key=len, reverse=True)
        any_of_them = "|".join(map(re.escape, longest_first))
        self.pattern = re.compile(rf"(?<![\w-])({any_of_them})(s?)(?![\w-])", re.IGNORECASE)

    def id(self, i):
        """The anchor of a term."""
        return f"term-{slug(self.terms[i].names)}"

    def name(self, i):
        """A term as HTML."""
        return re.sub("`(.*?)`", r"<code>\1</code>", html.escape(self.terms[i].names, quote=False))

    def symbol(self, name):
        """The attributes of a name in an equation or in code: which term it is, if it is one."""
        i = self.symbols.get(name)
        if i is None:
            return ""
        self._meet(i)
        return f' data-t="{i}"'

    def marked(self, text, but=()):
        """Prose as HTML, each term in it a link to what it means, but for some symbols."""

        def link(found):
            if found[0] in but:
                return found[0]
            i = self.words[found[1].lower()]
            self._meet(i)
            return f'<a class="term" data-t="{i}" href="#{self.id(i)}">{found[0]}</a>'

        return self.pattern.sub(link, html.escape(text, quote=False))

    def _meet(self, i):
        if i not in self.met:
            self.met.add(i)
            self.new.append(i)


def forms_of(term):
    """The words and symbols of a term: "μ, σ, `mu`" → μ, σ, mu."""
    return term.names.replace("`", "").split(", ")
