"""Docstrings and other prose of the source, taken apart: paragraphs, equations, facts, and the
formulas inside a sentence.

Read next: source.
"""

import inspect
import re
from typing import NamedTuple

from numvae.book.notation import FUNCTIONS, LABEL, parse

LABELLED = re.compile(rf"(.*?\S) {{2,}}\(({LABEL})\)")
FACT = re.compile(r"(\S(?:\S| (?! ))*?) {2,}(\S.*)")
NAMED = re.compile(r" {4}([a-z]\w*(?:\(.*?\))?|[A-Z]\w+(?:\(.*?\))?) {2,}([^\s=≥].*)")
PATH = re.compile(r"(?:^|\s)(?:Read next|Side path): ([\w/, .]+?)\.?$", re.MULTILINE)


class Block(NamedTuple):
    """A part of a docstring.

    text        a paragraph
    equations   lines (equation, label); "" where it has none
    names       lines (name, what it is), such as a list of files
    facts       lines (Shapes or Why or …, text)
    list        sentences
    drawing     text to be left as it is
    """

    kind: str
    content: object


def blocks(docstring):
    """The parts of a docstring, in its order; not where "Read next" leads to."""
    text = PATH.sub("", inspect.cleandoc(docstring or ""))
    text = re.sub(r"\. (Shapes  )", r".\n\n\1", text)
    found = []
    for lines in _paragraphs(text):
        kind = _kind(lines)
        if kind == "facts":
            content = _pairs(lines)
            if found and found[-1].kind == "facts":
                content = found.pop().content + content
        elif kind == "names":
            content = _pairs([line.removeprefix("    ") for line in lines])
        elif kind == "equations":
            text, colon, equation = lines[0].partition(": ")
            if colon and not text.startswith(" "):  # a sentence, and then the equation
                found.append(Block("text", text + ":"))
                lines = [equation, *lines[1:]]
            content = [_labelled(line.strip()) for line in lines]
        elif kind == "list":
            items = "\n".join(lines).removeprefix("- ").split("\n- ")
            content = [" ".join(item.split()) for item in items]
        else:
            content = "\n".join(lines) if kind == "drawing" else " ".join(map(str.strip, lines))
        found.append(Block(kind, content))
    return found


def _paragraphs(text):
    """Lines that belong together: blank lines part them, and so do facts, equations and prose."""
    group = []
    for line in text.splitlines():
        kind = _kind_of_line(line, group)
        if group and kind != "same":
            yield group
            group = []
        if kind:
            group.append(line)
    if group:
        yield group


def _kind_of_line(line, group):
    """None for a blank line, "same" for one that goes on, else that of what begins."""
    if not line.strip():
        return None
    if not group:
        return "new"
    inside, before = line.startswith("    "), group[0].startswith("    ")
    if _is_facts(group):
        width = _width(group[0])
        return "same" if not line[:width].strip() or line[width - 1 : width] == " " else "new"
    if LABELLED.fullmatch(group[0]) and not before:
        return "new"
    if _is_facts([line]) and not inside:
        return "new"
    if line.startswith("- ") and not group[0].startswith("- "):
        return "new"
    return "same" if inside == before or group[0].startswith("- ") else "new"


def _kind(lines):
    if _is_facts(lines):
        return "facts"
    if lines[0].startswith("- "):
        return "list"
    if not lines[0].startswith("    "):
        return "equations" if LABELLED.fullmatch(lines[0]) else "text"
    if any("──" in line for line in lines):
        return "drawing"
    named = [NAMED.fullmatch(line) or line.startswith(" " * 8) for line in lines]
    if all(named) and not any(map(LABELLED.fullmatch, lines)):
        return "names"
    return "equations"


def _is_facts(lines):
    first = lines[0]
    if first.startswith(" ") or not (found := FACT.fullmatch(first)):
        return False
    return not LABELLED.fullmatch(first) and found[2][0] != "="


def _width(line):
    return FACT.fullmatch(line).start(2)


def _pairs(lines):
    """(key, text) of lines in two columns; what has no key goes on."""
    width, pairs = _width(lines[0]), []
    for line in lines:
        key, text = line[:width].strip(), line[width:].strip()
        if key and line[width - 1] != " ":  # a key that is wider than the others
            key, text = FACT.fullmatch(line).groups()
        if key:
            pairs.append((key, text))
        else:
            pairs[-1] = pairs[-1][0], f"{pairs[-1][1]} {text}".strip()
    return pairs


def _labelled(line):
    found = LABELLED.fullmatch(line)
    return found.groups() if found else (line, "")


# Formulas inside a sentence.

SIGNS = r"_^²³½⅓ᵀ⁻¹₀₁₂⌊⌋∂∇Σ∫√·=≥≤≈←∝∞∈‖+−/~<>̂′α-ωΑ-Ω"
CERTAIN = re.compile(
    rf"[{SIGNS.replace('/', '')}]|[(\[|][a-z]\|[a-z][)\]|]|\d\w*/\w|\b[A-Za-zℓ]\([a-z]\)|\b[NUpq]\("
    rf"|\bE\[|\b(?:{'|'.join(FUNCTIONS)})\(|\bx!"
)
POSSIBLE = re.compile(rf"[\w()\[\]{{}}|.,;…:!?{SIGNS}]*")
NAMES = FUNCTIONS | {"ELBO", "KL", "eps", "ess", "floor", "kl", "logits", "logvar", "mu", "nll"}
NAMES |= {"rate", "se"}
IDENTIFIER = re.compile(
    r"(?!d?(log|logvar|mu|kl)_|free_bits)[a-z]{2,}(_[a-z]{2,})+"
)  # loss_and_grad
REFERENCE = rf"\({LABEL}(?:, {LABEL})*\)|\b[A-Z]\d{{1,2}}\b(?!\()"


def spans(text):
    """(kind, text) of what a sentence is made of: text, code, math, label."""
    found = []
    for part in re.split(rf"(`[^`]+`|{REFERENCE})", text):
        if part.startswith("`"):
            found.append(("code", part.strip("`")))
        elif re.fullmatch(REFERENCE, part):
            found.append(("label", part))
        else:
            found += _formulas(part)
    return found


def _formulas(text):
    """A sentence, with what is a formula in it parted from what is not: of words that may belong to
    one, as many as can be read as one."""
    words, found, i = re.findall(r"\s*\S+|\s+$", text), [], 0
    while i < len(words):
        stop = i
        while stop < len(words) and _may_be(words[stop].strip()):
            stop += 1
        for end in range(stop, i, -1):
            phrase = "".join(words[i:end])
            body = phrase.strip().rstrip(".,;:?")
            before, _, after = phrase.partition(body or phrase)
            if _is_formula(body, after.strip() or "".join(words[end : end + 1]).strip()):
                kind = "code" if IDENTIFIER.fullmatch(body) else "math"
                found += [("text", before), (kind, body), ("text", after)]
                i = end
                break
        else:
            found.append(("text", words[i]))
            i += 1
    return _joined(found)


def _may_be(word):
    """Whether a word may be a part of a formula."""
    letters = re.findall(r"[A-Za-z]+", re.sub(r"_\w+", "", word))
    names = ({q, q.removeprefix("d")} for q in letters)  # dx, dlogvar
    known = all(min(map(len, q)) < 2 or q & NAMES for q in names) or CERTAIN.search(word)
    if re.search(r"\w=\w", word):  # Python
        return False
    return bool(word) and bool(POSSIBLE.fullmatch(word)) and bool(known)


def _is_formula(text, following):
    """Whether some words, all of which may be a part of one, are a formula: not "a", "I", "(1)".

    following   the mark or the word after them
    """
    outside, n = text, 1
    while n:
        outside, n = re.subn(r"\([^()]*\)|\[[^][]*\]|\{[^{}]*\}", "", outside)
    if not text or re.search(r"[=+−/~<>·,;:≥≤←∝(]$|^[=…]|^\W*$", text):
        return False
    if re.search(r"[.;:] ", outside) or ", " in outside and not re.search(r" where |…", outside):
        return False
    *before, last = text.split()
    goes_on = following in ("has", "is", "may") or following[:1] in (*".,;:?",)
    goes_on |= bool(before) and before[-1] in (*"=+−/·", *FUNCTIONS)
    if last == "a" and not goes_on:  # an article, and not the letter as in tanh a
        return False
    if not (CERTAIN.search(text) or re.fullmatch(r"[a-zB-HJ-Z]( a)?", text)):
        return False
    try:
        parse(text)
    except (ValueError, IndexError):
        return False
    return True


def _joined(spans):
    """The same, without empty ones, and text after text joined."""
    found = []
    for kind, text in spans:
        if found and kind == found[-1][0] == "text":
            found[-1] = kind, found[-1][1] + text
        elif text:
            found.append((kind, text))
    return found
