"""Ctrl-C and SIGTERM as a request, so that a step is never cut in half."""

import signal

HANGUP = getattr(signal, "SIGHUP", signal.SIGTERM)  # a closed terminal; Windows has none


class Interrupt:
    """Inside `with Interrupt() as interrupt:` Ctrl-C, SIGTERM and `more` are only noted.

    The loop calls `asked` after each step. Whoever opened the block puts its state in order inside,
    and then has the program take the signal (`deliver`), or ends it. A second Ctrl-C interrupts
    immediately.

    Left alone is a signal that the program ignores, or whose handler is not Python's, which could
    not bring it back; and all of them outside the main thread, where Python cannot take signals.
    """

    def __init__(self, *more):
        self.numbers = {signal.SIGINT, signal.SIGTERM, *more}

    def __enter__(self):
        self.signal, self.handlers = None, {}
        found = {number: signal.getsignal(number) for number in self.numbers}
        for number, handler in found.items():
            if handler not in (None, signal.SIG_IGN):
                self.handlers[number] = handler
                try:
                    signal.signal(number, self._note)
                except ValueError:  # not the main thread
                    del self.handlers[number]
        return self

    def __exit__(self, error, *_):
        for number, handler in self.handlers.items():
            signal.signal(number, handler)
        if self.signal and error not in (None, KeyboardInterrupt):  # nobody will deliver it
            signal.raise_signal(self.signal)

    def asked(self):
        """The signal that this process was sent, or None."""
        return self.signal

    def _note(self, number, frame):
        self.signal = signal.Signals(max(number, self.signal or number))  # SIGTERM outweighs Ctrl-C
        if number == signal.SIGINT:
            signal.signal(number, self.handlers[number])


def deliver(number, sentence):
    """Have the program take a signal that was noted, by its own handler or by the default, which
    is to end. A KeyboardInterrupt of that brings the sentence.
    """
    try:
        signal.raise_signal(number)
    except KeyboardInterrupt:
        raise KeyboardInterrupt(sentence) from None
