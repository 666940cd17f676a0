"""Equations as MathML, which every current browser draws by itself.

Read next: latex.
"""

import html

from numvae.book.notation import (
    HAT,
    PRIME,
    Cases,
    Fenced,
    Fraction,
    Gap,
    Root,
    Row,
    Script,
    Symbol,
    parse,
    without_brackets,
)

SIGNS = {"~": "∼"}  # what MathML calls it
ATTRIBUTES = {
    "prefix": ' form="prefix"',
    "postfix": ' form="postfix"',
    "operator": ' form="infix"',
    "sum": ' form="infix"',
    "relation": ' form="infix"',
    "bar": ' form="infix" stretchy="false" lspace="0.08em" rspace="0.08em"',
    "big": ' movablelimits="true"',
    "bracket": ' stretchy="false"',
    "upright": ' mathvariant="normal"',
}
TAGS = {"number": "mn", "half": "mn", "upright": "mi", "word": "mtext", "label": "mtext"}


HALVES = {"½": "<mn>1</mn><mn>2</mn>", "⅓": "<mn>1</mn><mn>3</mn>"}


def math(text, mark=lambda name: "", display=False, broken=False):
    """An equation as a <math> element; in a sentence, fractions are written in the line.

    mark(name)  more attributes for the element of a name
    broken      as several elements, between which a line may end
    """
    style, tree = ' displaystyle="true"' * display, parse(text)
    pieces = _pieces(tree.items) if broken else [tree]
    said = [html.escape(text), *[""] * (len(pieces) - 1)]  # for a search
    return " ".join(
        f'<math{style} alttext="{q}">{element(piece, mark, display)}</math>'
        for q, piece in zip(said, pieces)
    )


def _pieces(items):
    """Rows that begin with a relation or a sign, or after a comma; in brackets, too, if nothing
    between them is higher than a line."""
    rows = [[]]
    for item in _opened(items):
        match item:
            case Symbol(_, "relation") | Symbol("+" | "−", "operator") if rows[-1]:
                rows.append([item])
            case Symbol(",", "separator") | Row((Symbol(",", "separator"), *_)):
                rows[-1].append(item)
                rows.append([])
            case Gap() if not rows[-1]:
                pass
            case _:
                rows[-1].append(item)
    return [Row(tuple(row)) for row in rows if row]


def _opened(items):
    """The same, with brackets around a sum as single signs."""
    for item in items:
        match item:
            case Fenced(left, Row(inside), right) if all(map(_is_low, inside)):
                yield Symbol(left, "bracket")
                yield from inside
                yield Symbol(right, "bracket")
            case _:
                yield item


def _is_low(item):
    """Whether something is as high as a line: no fraction, root or case."""
    return isinstance(item, Symbol | Gap) or isinstance(item, Script) and _is_low(item.base)


def element(tree, mark, bars):
    """A tree as one MathML element; bars: whether fractions have a bar."""

    def draw(tree, bars=bars):
        match tree:
            case Symbol(text, "half") if bars:
                return f"<mfrac>{HALVES[text]}</mfrac>"
            case Symbol(text, "name"):
                return _name(text, mark(text))
            case Symbol(text, kind):
                tag, space = TAGS.get(kind, "mo"), "&nbsp;" * (kind in ("word", "label"))
                said = html.escape(SIGNS.get(text, text))
                return f"<{tag}{ATTRIBUTES.get(kind, '')}>{space}{said}{space}</{tag}>"
            case Row(items) if len(items) == 1:
                return draw(items[0])
            case Row(items):
                items = _with_needed_brackets(items) if bars else items
                return f"<mrow>{''.join(draw(item, bars) for item in items)}</mrow>"
            case Gap(wide):
                return f'<mspace width="{"1.2em" if wide else "0.2em"}"/>'
            case Fraction(above, below) if bars:
                return (
                    f"<mfrac>{''.join(draw(without_brackets(q)) for q in (above, below))}</mfrac>"
                )
            case Fraction(above, below):
                slash = '<mo form="infix" lspace="0.1em" rspace="0.1em">/</mo>'
                return f"<mrow>{draw(above, bars)}{slash}{draw(below, bars)}</mrow>"
            case Root(inside):
                return f"<msqrt>{draw(without_brackets(inside), bars)}</msqrt>"
            case Fenced(left, inside, right):
                return f"<mrow><mo>{left}</mo>{draw(inside, bars)}<mo>{right}</mo></mrow>"
            case Cases(rows):
                cells = (f"<mtr><mtd>{draw(a)}</mtd><mtd>{draw(b)}</mtd></mtr>" for a, b in rows)
                return f'<mtable class="cases">{"".join(cells)}</mtable>'
            case Script(base, index, power):
                parts = [draw(base, bars)]
                parts += [draw(without_brackets(q), False) for q in (index, power) if q]
                sides = "sub" * (index is not None) + "sup" * (power is not None)
                if isinstance(base, Symbol) and base.kind == "big" and base.text != "∫":
                    sides = sides.replace("sub", "under").replace("sup", "over")
                return f"<m{sides}>{''.join(parts)}</m{sides}>"
        raise TypeError(tree)

    return draw(tree)


def _with_needed_brackets(items):
    """(1/B) as a factor needs none, as its bar holds it together."""
    for i, item in enumerate(items):
        before, after = items[i - 1] if i else Gap(False), (*items, Gap(False))[i + 1]
        apart = isinstance(before, Gap) or isinstance(before, Symbol) and before.kind != "name"
        match item:
            case Fenced("(", Row((Fraction() as fraction,)), ")") if apart:
                yield fraction if isinstance(after, Gap) else item
            case _:
                yield item


def _name(text, marked):
    """Single letters are slanted; dx is an upright d and x; hats and primes stand above."""
    bare, n_primes = text.rstrip(PRIME), text.count(PRIME)
    hat = '<mo stretchy="false">^</mo>' * bare.endswith(HAT)
    bare = bare.removesuffix(HAT)
    d = "<mi>d</mi>" * (len(bare) == 2 and bare[0] == "d")
    letter = html.escape(bare.removeprefix("d") if d else bare)
    slanted = ' class="i"' * (len(letter) == 1)
    name = f"<mi{slanted}>{letter}</mi>"
    name = f"<mover>{name}{hat}</mover>" if hat else name
    primes = f'<mo class="prime">{PRIME}</mo>' * n_primes
    if not (d or hat or primes):
        return f"<mi{slanted}{marked}>{letter}</mi>"
    return f"<mrow{marked}>{d}{name}{primes}</mrow>"
