"""How far a run is and when it will end: a line that moves on a terminal, plain lines elsewhere."""

import sys
import time


class Progress:
    """Shows a run of `epochs` epochs over `n_examples` examples, of which `finished` are done.

    On a terminal the last line is redrawn ten times a second at the most; elsewhere (a log file)
    a plain line is written for about twenty epochs of the run, evenly spread.
    """

    def __init__(self, epochs, n_examples, finished=0, file=None, quiet=False):
        self.epochs, self.n_examples, self.quiet = epochs, n_examples, quiet
        self.file = file or sys.stdout
        self.live = self.file.isatty() and not quiet
        self.start, self.drawn = time.monotonic(), 0.0
        self.first = self.finished = finished
        self.text = ""

    def step(self, seen):
        """After a step: `seen` examples of the current epoch are done."""
        now = time.monotonic()
        if self.live and now - self.drawn > 0.1:
            self.drawn = now
            done = self.done(self.finished + seen / self.n_examples)
            bar = ("█" * round(20 * done)).ljust(20, "·")
            self.file.write(
                f"\r  {bar} epoch {self.finished + 1}/{self.epochs}  {self.text}"
                f"  {self.remaining(done)}\033[K"
            )
            self.file.flush()

    def epoch(self, row):
        """After an epoch: `row` is its line of the history."""
        self.finished = row["epoch"]
        parts = [f"ELBO {row['train_elbo']:.1f}"]
        if "valid_elbo" in row:
            parts.append(f"held-out {row['valid_elbo']:.1f}")
            parts.append(f"(nll {row['valid_nll']:.1f} + KL {row['valid_kl']:.1f})")
        self.text = "  ".join(parts)
        if self.live or self.quiet:
            return
        every = -(-self.epochs // 20)
        if self.finished % every == 0 or self.finished in (1, self.epochs):
            width = len(str(self.epochs))
            remaining = self.remaining(self.done(self.finished))
            print(
                f"  epoch {self.finished:>{width}}/{self.epochs}  {self.text}  {remaining}",
                file=self.file,
                flush=True,
            )

    def wipe(self):
        """Take the live line away, for work that has a result of its own to show."""
        if self.live:
            self.file.write("\r\033[K")

    def close(self):
        """After the last epoch: leave the summary line standing."""
        if self.live:
            took = duration(time.monotonic() - self.start)
            print(f"\r  {self.finished} epochs in {took}  {self.text}\033[K", file=self.file)

    def done(self, epochs):
        """The part (0 … 1) of this sitting's work that is done when so many epochs are."""
        return (epochs - self.first) / max(1, self.epochs - self.first)

    def remaining(self, done):
        """The time that is left, if the rest goes as the part `done` (0 … 1) has gone."""
        took = time.monotonic() - self.start
        return f"{duration(took * (1 - done) / done)} left" if done < 1 else f"{duration(took)}"


def duration(seconds):
    """Seconds as a person says them: 8 s, 3 min 05 s, 2 h 10 min."""
    seconds = round(seconds)
    if seconds < 60:
        return f"{seconds} s"
    if seconds < 3600:
        return f"{seconds // 60} min {seconds % 60:02d} s"
    return f"{seconds // 3600} h {seconds % 3600 // 60:02d} min"
