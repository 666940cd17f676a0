from numvae.text import printable, reason, short


def test_what_a_terminal_would_obey_is_left_out():
    assert printable("a\x1b[31m b\n\x07\x9b\u202e\ud800\0é±") == "a[31m bé±"


def test_a_value_is_shown_in_a_hundred_characters():
    assert short([1, "\x1b"]) == r"[1, '\x1b']"
    assert short([1] * 10**5) == "[" + "1, " * 32 + "1,…" and len(short("x" * 10**5)) == 100


def test_the_reason_of_an_error_is_one_line():
    assert reason(ValueError("a\n  b\x1b")) == "a b" and reason(OSError()) == "OSError"


def test_a_reason_is_one_line_of_some_length():
    assert reason(ValueError("a\n  b\x1b")) == "a b"
    assert reason(ValueError()) == "ValueError"
    assert reason(ValueError("x" * 300)) == "x" * 300
    assert reason(ValueError("x" * 301)) == "x" * 299 + "…"
