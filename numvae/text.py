"""Text from files and from the web, made fit for a sentence."""


def printable(text):
    """The text without control characters, which a terminal would obey, and what else has no
    glyph."""
    return "".join(filter(str.isprintable, text))


def short(value):
    """The repr of a value, at most 100 characters of it."""
    text = repr(value)
    return text if len(text) <= 100 else f"{text[:99]}…"


def reason(error):
    """What an exception says, in one line of at most 300 characters."""
    text = printable(" ".join(str(error).split())) or type(error).__name__
    return text if len(text) <= 300 else f"{text[:299]}…"


def listed(names, most=4):
    """At most so many of some names: a, b, c, d and 3 more."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(map(printable, names[:most])) + more
