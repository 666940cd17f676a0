import os
import signal
import threading

import pytest

from numvae.training.interrupt import HANGUP, Interrupt, deliver

BOTH = (signal.SIGINT, signal.SIGTERM)
each_signal = pytest.mark.parametrize("number", BOTH, ids=lambda number: number.name)


@pytest.fixture(autouse=True)
def handlers():
    """Python's own handlers, which a test must leave; those of the test run come back after it.

    A run in the background of a shell, for one, has Ctrl-C ignored.
    """
    found = {number: signal.getsignal(number) for number in BOTH}
    before = {signal.SIGINT: signal.default_int_handler, signal.SIGTERM: signal.SIG_DFL}
    for number, handler in before.items():
        signal.signal(number, handler)
    yield before
    after = {number: signal.getsignal(number) for number in BOTH}
    for number, handler in found.items():
        signal.signal(number, handler)
    assert after == before, "a handler was left behind"


def test_without_a_signal_nothing_happens():
    with Interrupt() as interrupt:
        assert interrupt.asked() is None
    assert interrupt.asked() is None


@each_signal
@pytest.mark.parametrize("send", [signal.raise_signal, lambda n: os.kill(os.getpid(), n)])
def test_a_signal_is_a_request_and_the_block_goes_on(number, send):
    went_on = False
    with Interrupt() as interrupt:
        send(number)
        went_on = True
    assert went_on and interrupt.asked() is number


def test_a_signal_from_another_thread_is_a_request_too():
    with Interrupt() as interrupt:
        sender = threading.Thread(target=lambda: os.kill(os.getpid(), signal.SIGINT))
        sender.start()
        sender.join()
    assert interrupt.asked() is signal.SIGINT


def test_a_second_signal_acts_at_once():
    with pytest.raises(KeyboardInterrupt), Interrupt() as interrupt:
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)
        pytest.fail("the second Ctrl-C did nothing")
    assert interrupt.asked() is signal.SIGINT


def test_sigterm_that_comes_again_is_still_a_request_and_outweighs_control_c():
    with Interrupt() as interrupt:
        signal.raise_signal(signal.SIGTERM)
        signal.raise_signal(signal.SIGTERM)
        signal.raise_signal(signal.SIGINT)
    assert interrupt.asked() is signal.SIGTERM


def test_a_signal_that_is_delivered_is_taken_by_the_program(handlers):
    with pytest.raises(KeyboardInterrupt, match="^a sentence$"):
        deliver(signal.SIGINT, "a sentence")
    got = []
    signal.signal(signal.SIGTERM, lambda *_: got.append(True))
    deliver(signal.SIGTERM, "a sentence")
    assert got == [True]
    signal.signal(signal.SIGTERM, handlers[signal.SIGTERM])


def test_an_error_in_the_block_after_a_signal_is_followed_by_the_signal():
    with pytest.raises(KeyboardInterrupt) as caught, Interrupt():
        signal.raise_signal(signal.SIGINT)
        raise ValueError
    assert type(caught.value.__context__) is ValueError


@pytest.mark.parametrize("handler", [signal.SIG_IGN, None])
def test_what_is_ignored_or_is_not_pythons_is_left_alone(handler, handlers, monkeypatch):
    if handler is None:  # as `getsignal` says of a handler that it does not know
        monkeypatch.setattr(signal, "getsignal", lambda number: None)
    else:
        for number in BOTH:
            signal.signal(number, handler)
    with monkeypatch.context() as patched:
        patched.setattr(signal, "signal", lambda *_: pytest.fail("a handler was set"))
        with Interrupt() as interrupt:
            pass
    assert interrupt.asked() is None
    for number in BOTH:
        signal.signal(number, handlers[number])
    monkeypatch.undo()


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="there is no SIGHUP here")
def test_a_closed_terminal_is_a_request_where_that_is_wanted():
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    with Interrupt(HANGUP) as interrupt:
        signal.raise_signal(signal.SIGHUP)
        signal.raise_signal(signal.SIGHUP)  # of the system, and of the shell
    assert interrupt.asked() is signal.SIGHUP
    assert signal.signal(signal.SIGHUP, before) is signal.SIG_DFL


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_an_error_in_the_block_comes_through_and_the_handlers_come_back(error, handlers):
    with pytest.raises(error), Interrupt():
        raise error
    assert {number: signal.getsignal(number) for number in BOTH} == handlers


def test_handlers_of_the_callers_own_come_back(handlers):
    def mine(*_):
        got.append(True)

    got = []
    signal.signal(signal.SIGINT, mine)
    with Interrupt() as interrupt:
        signal.raise_signal(signal.SIGINT)
        assert interrupt.asked() is signal.SIGINT and not got
    assert signal.getsignal(signal.SIGINT) is mine
    signal.raise_signal(signal.SIGINT)
    assert got == [True]
    signal.signal(signal.SIGINT, handlers[signal.SIGINT])


def test_inside_another_the_inner_takes_the_request():
    with Interrupt() as outer:
        with Interrupt() as inner:
            signal.raise_signal(signal.SIGTERM)
        assert inner.asked() is signal.SIGTERM and outer.asked() is None


def test_it_can_be_used_again():
    interrupt = Interrupt()
    with interrupt:
        signal.raise_signal(signal.SIGINT)
    with interrupt:
        assert interrupt.asked() is None


def test_in_another_thread_it_changes_nothing(handlers):
    def work():
        with Interrupt() as interrupt:
            found.append(interrupt.asked())
            found.append({number: signal.getsignal(number) for number in BOTH})

    found = []
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert found == [None, handlers]
