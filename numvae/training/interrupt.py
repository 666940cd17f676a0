"""Ctrl-C and SIGTERM as a request, so that a step is never cut in half."""

import signal
import threading


class Interrupt:
    """Inside `with Interrupt() as interrupt:` the two signals are only noted.

    The loop calls `asked` after each step. A second Ctrl-C interrupts immediately. Outside the main
    thread, where Python cannot take signals, nothing is changed.
    """

    def __enter__(self):
        self.signal, self.handlers = None, {}
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self.handlers[number] = signal.signal(number, self._note)
        return self

    def __exit__(self, *_):
        for number, handler in self.handlers.items():
            signal.signal(number, handler)

    def asked(self):
        """The signal that this process was sent, or None."""
        return self.signal

    def _note(self, number, frame):
        self.signal = signal.Signals(number)
        signal.signal(number, self.handlers[number])
