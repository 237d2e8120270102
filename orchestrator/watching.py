"""`status --watch`: draws the dashboard again as the log grows. Decides nothing and records nothing."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import sys
import termios
import threading
import time
import tty
from collections.abc import Iterator
from typing import Any

from orchestrator import dashboard, documents, render, runner
from orchestrator.board import Line, View, board
from orchestrator.errors import BadConfiguration, BrokenLog, GitFailed, WrongUsage
from orchestrator.workspace import Workspace, now

_TICK = 0.2  # seconds between two looks at log, keyboard and size
_END = "\x04"  # of the keyboard: its terminal is gone
_LONGEST = 1.0  # seconds that a drawing stands: ages, locks and working trees change beside the log


def refuse_without_a_terminal() -> None:
    """Raise WrongUsage where there is no terminal that a person looks at and that can be drawn anew."""
    is_drawn = sys.stdin.isatty() and os.environ.get("TERM", "dumb") not in ("dumb", "")
    if not (render.is_person() and is_drawn):
        raise WrongUsage("--watch draws on a terminal, and this is none that a person looks at", "leave it out")


def watch(workspace: Workspace) -> None:
    """Show the dashboard until Ctrl-C, `q` or a closed terminal; then the terminal is as it was."""
    from rich.console import Console

    console = Console(highlight=False, markup=False, emoji=False)
    stop = threading.Event()
    with runner.stopping(stop), _suspending() as suspended, _keys() as keys, console.screen():
        drawn: tuple[Any, ...] = ()
        at = 0.0
        while not stop.is_set():
            look = (os.get_terminal_size(sys.stdout.fileno()), _look(workspace))
            if look != drawn or time.monotonic() - at >= _LONGEST:
                drawn, at = look, time.monotonic()
                _draw(console, workspace, look[0])
            if keys(_TICK) in ("q", _END):
                return
            if suspended.is_set():
                _suspend(console, suspended)
                drawn = ()


def _look(workspace: Workspace) -> tuple[int, int]:
    """Return what changes with each event that anybody records."""
    with contextlib.suppress(OSError):
        found = workspace.log.stat()
        return found.st_size, found.st_mtime_ns
    return 0, 0


def _draw(console: Any, workspace: Workspace, size: os.terminal_size) -> None:
    from rich.control import Control
    from rich.screen import Screen
    from rich.text import Text

    console.size = (size.columns, size.lines)
    lines = _lines(workspace, size)
    shown = Text("\n", no_wrap=True, overflow="crop", end="").join(map(dashboard.styled, lines))
    console.print(Control.home(), Screen(shown), sep="", end="")  # in one write


def _lines(workspace: Workspace, size: os.terminal_size) -> list[Line]:
    """Return the dashboard; what cannot be read this moment is said in its place, and looked at again."""
    try:
        return board(_view(workspace), size.columns, size.lines)
    except (BrokenLog, GitFailed, BadConfiguration, OSError) as error:
        said = View(present=now(), rows=(), title=workspace.main.name, foot=(f"not to be read this moment: {error}",))
        return board(said, size.columns, size.lines)


def _view(workspace: Workspace) -> View:
    world = workspace.load()
    _take_the_line(workspace)
    features = [one for one in world.features.values() if not one.retired]
    seen = dashboard.sight(workspace, world, None)
    return dashboard.view(workspace, world, features, seen)


def _take_the_line(workspace: Workspace) -> None:
    """Let the line be read again where documents or configuration changed; accepts nothing."""
    with contextlib.suppress(BadConfiguration):
        if workspace.effective.source == documents.source(workspace.main):
            return
    workspace.forget_line()


# --- the terminal ----------------------------------------------------------------------------------


@contextlib.contextmanager
def _keys() -> Iterator[Any]:
    """Let keys be read one by one without being shown; gives what waits for one, at most so many seconds."""
    keyboard = sys.stdin.fileno()
    before = termios.tcgetattr(keyboard)

    def pressed(seconds: float) -> str:
        ready, _, _ = select.select([keyboard], [], [], seconds)
        return (os.read(keyboard, 1).decode("ascii", "replace") or _END) if ready else ""

    try:
        tty.setcbreak(keyboard, termios.TCSANOW)
        yield pressed
    finally:
        termios.tcsetattr(keyboard, termios.TCSADRAIN, before)


@contextlib.contextmanager
def _suspending() -> Iterator[threading.Event]:
    """Note Ctrl-Z rather than stop at once, on a screen that is not the shell's."""
    asked = threading.Event()
    before = signal.signal(signal.SIGTSTP, lambda number, frame: asked.set())
    try:
        yield asked
    finally:
        signal.signal(signal.SIGTSTP, before)


def _suspend(console: Any, asked: threading.Event) -> None:
    """Give the terminal back, stop, and take it again when the shell lets this go on."""
    keyboard = sys.stdin.fileno()
    mode = termios.tcgetattr(keyboard)
    console.set_alt_screen(False)
    console.show_cursor(True)
    mode[3] |= termios.ECHO | termios.ICANON
    termios.tcsetattr(keyboard, termios.TCSADRAIN, mode)
    os.kill(os.getpid(), signal.SIGSTOP)
    asked.clear()
    tty.setcbreak(keyboard, termios.TCSANOW)
    console.set_alt_screen(True)
    console.show_cursor(False)
