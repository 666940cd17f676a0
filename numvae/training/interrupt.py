"""Ctrl-C and SIGTERM as a request, so that a step is never cut in half."""

import signal
import threading


class Interrupt:
    """Inside `with Interrupt() as interrupt:` the two signals only set `interrupt.signal`.

    The loop looks at it after each step. A second Ctrl-C acts at once, as ever. Outside the main
    thread, where Python cannot take signals, nothing is changed.
    """

    def __enter__(self):
        self.signal, self.before = None, {}
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self.before[number] = signal.signal(number, self._note)
        return self

    def __exit__(self, *_):
        for number, handler in self.before.items():
            signal.signal(number, handler)

    def asked(self, engine):
        """The signal that this or any other rank of the engine was sent, or None."""
        number = engine.largest(self.signal or 0)
        return signal.Signals(number) if number else None

    def _note(self, number, frame):
        self.signal = signal.Signals(number)
        signal.signal(number, self.before[number])
