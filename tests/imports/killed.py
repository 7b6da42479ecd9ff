"""A command line that is killed while it works, as far on as a test wants it."""

import os
import signal
import subprocess
import sys

from tests.conftest import ROOT

DOOMED = """
import io, signal, sys
from api.cli.main import main

_, awaited, *arguments = sys.argv

class Told(io.TextIOBase):
    def write(self, text):
        if awaited in text:
            signal.setitimer(signal.ITIMER_PROF, 0.02)
        return sys.__stderr__.write(text)

sys.argv[1:] = arguments
sys.stderr = Told()
main()
"""
"""Dies of its own time on the processor, in the middle of what follows the line.

Whoever reads the line and then kills may come too late on a busy machine.
"""


def killed_after(awaited: str, arguments: list[str]) -> None:
    """Run `kontaktlog …` in a process that ends at once, without a last word, after a line."""
    done = subprocess.run(
        [sys.executable, "-c", DOOMED, awaited, *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        check=False,
    )
    assert done.returncode == -signal.SIGPROF, done.stderr.decode()
