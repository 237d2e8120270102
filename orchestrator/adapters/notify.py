"""Tells a person, by a program, a service or the terminal; never raises, waits ten seconds at most in all."""

from __future__ import annotations

import os
import re
import select
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from importlib import import_module
from typing import IO, Any

from orchestrator.adapters.agent import plain
from orchestrator.core.values import Value

LIMIT = 10.0  # seconds
_TERMINAL = "/dev/tty"
_MOMENT = 1.0  # seconds for a terminal that takes nothing: it was stopped
_LONGEST = 400  # characters on a terminal
_ADDRESS = re.compile(r"[A-Za-z][\w.+-]*://\S+")  # an Apprise URL holds a token


class Ways(Value):
    """The ways that are configured. Each has a name: `command`, `url 1`, `url 2`, ..., `terminal`."""

    command: tuple[str, ...] = ()
    urls: tuple[str, ...] = ()
    terminal: tuple[str, ...] = ()  # bell, osc9

    @property
    def names(self) -> tuple[str, ...]:
        program, terminal = ["command"] if self.command else [], ["terminal"] if self.terminal else []
        return (*program, *self.addresses, *terminal)

    @property
    def addresses(self) -> dict[str, str]:
        """The urls by their names."""
        return {f"url {number}": url for number, url in enumerate(self.urls, 1)}


def notify(
    ways: Ways, title: str, text: str, *, only: Collection[str] | None = None, limit: float = LIMIT
) -> dict[str, str]:
    """Tell title and text by all ways, or by those that `only` names; return what failed by way, a line each.

    The program gets both as its last arguments. Services need the extra `notify`; their addresses hold
    tokens, so that a failure names them by number only. All of it together has `limit` seconds.
    """
    names = [one for one in ways.names if only is None or one in only]
    heading, body = _word(title), _word(text)
    end = time.monotonic() + limit
    urls = {name: url for name, url in ways.addresses.items() if name in names}
    sending = Sending(urls, heading, body) if urls else None
    failures: dict[str, str | None] = {}
    if "terminal" in names:
        failures["terminal"] = _ring(ways.terminal, plain(text), is_alone=len(ways.names) == 1)
    if "command" in names:
        failures["command"] = _run(ways.command, heading, body, max(0.0, end - time.monotonic()), limit)
    if sending is not None:
        failures |= sending.failures(max(0.0, end - time.monotonic()))
    return {name: why for name in names if (why := failures.get(name))}


def _word(text: str) -> str:
    """Return `text` as one argument that no program takes for an option: agents have a say in it."""
    clean = plain(text)
    return f" {clean}" if clean.startswith("-") else clean


# --- a program ------------------------------------------------------------------------------------


def _run(command: Sequence[str], title: str, text: str, seconds: float, limit: float) -> str | None:
    try:
        with tempfile.TemporaryFile() as said:  # a pipe would be waited on while a grandchild holds it
            code = _status([*command, title, text], said, seconds)
            said.seek(0)
            reason = plain(said.read(4096).decode(errors="replace")).strip().split("\n")[0]
    except (OSError, ValueError) as error:
        return f"{command[0]} did not notify: {getattr(error, 'strerror', None) or error}"
    if code is None:
        return f"{command[0]} did not notify within {limit:g} seconds"
    reason = _ADDRESS.sub("(an address)", reason)
    return f"{command[0]} did not notify: {reason or f'exit status {code}'}" if code else None


def _status(command: Sequence[str], stderr: IO[bytes], seconds: float) -> int | None:
    """Return a program's exit status, or None after `seconds`, when it was ended."""
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=stderr, start_new_session=True
    ) as child:
        try:
            return child.wait(seconds)
        except subprocess.TimeoutExpired:
            os.killpg(child.pid, signal.SIGKILL)  # with what it started: the group is its own
            return None


# --- services -------------------------------------------------------------------------------------


class Sending:
    """One message on its way to several services, each by a thread of its own: none holds another up."""

    def __init__(self, urls: Mapping[str, str], title: str, text: str) -> None:
        self._names = tuple(urls)
        self._sent: list[str] = []
        self._threads: list[threading.Thread] = []
        self._missing = False
        try:
            apprise = import_module("apprise")  # late: 150 ms, and an extra that may be missing
        except ImportError:
            self._missing = True
            return
        for name, url in urls.items():
            with suppress(Exception):  # a service's own code; what is not in `_sent` is reported
                service = apprise.Apprise()
                if service.add(url):
                    self._start(name, service, title, text)

    def _start(self, name: str, service: Any, title: str, text: str) -> None:
        def send() -> None:
            with suppress(Exception):
                if service.notify(title=title, body=text or title):
                    self._sent.append(name)

        # A daemon thread: a service that does not answer must not hold the command.
        thread = threading.Thread(target=send, daemon=True)
        thread.start()
        self._threads.append(thread)

    def failures(self, seconds: float) -> dict[str, str]:
        """Wait up to `seconds` for the services; return what failed, by name."""
        if self._missing:
            return dict.fromkeys(self._names, "notifications by URL need the extra: install orchestrator[notify]")
        end = time.monotonic() + seconds
        for thread in self._threads:
            thread.join(max(0.0, end - time.monotonic()))
        failed = [name for name in self._names if name not in self._sent]
        return {name: f"not sent: [notify] urls, number {name.removeprefix('url ')}" for name in failed}


# --- the terminal ---------------------------------------------------------------------------------


def _ring(words: Sequence[str], text: str, is_alone: bool) -> str | None:
    """Ring, and show `text`, on the terminal that the command was typed at, wherever its output goes."""
    try:
        terminal = os.open(_TERMINAL, os.O_WRONLY | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return "there is no terminal to ring" if is_alone else None
    shown = "".join(one for one in "; ".join(text.split("\n")) if one.isprintable())[:_LONGEST]
    codes = {"bell": "\a", "osc9": f"\033]9;{shown}\a"}
    # Where a terminal is set so (tostop), a job in the background is stopped for writing, but not with this blocked.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTTOU})
    try:
        return _write(terminal, "".join(codes[word] for word in words).encode(errors="replace"))
    except OSError as error:
        return f"the terminal did not ring: {error.strerror}"
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        os.close(terminal)


def _write(terminal: int, content: bytes) -> str | None:
    """Write all of it: half a sequence would swallow what is shown after it."""
    end = time.monotonic() + _MOMENT
    while content:
        if not select.select([], [terminal], [], max(0.0, end - time.monotonic()))[1]:
            return "the terminal takes nothing now"
        content = content[os.write(terminal, content) :]
    return None
