"""Tells a person, through a program or a service of their choice; never raises, waits ten seconds at most."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import threading
from collections.abc import Sequence
from contextlib import suppress
from importlib import import_module
from typing import IO

from orchestrator.adapters.agent import plain

LIMIT = 10.0  # seconds


def notify(
    command: Sequence[str], title: str, text: str, *, urls: Sequence[str] = (), limit: float = LIMIT
) -> str | None:
    """Run `command` with title and text appended, and send both to `urls`; return what failed, in one line.

    Each has `limit` seconds. `urls` are Apprise's and need the extra `notify`; they hold tokens, so that a
    failure names them by number only.
    """
    heading, body = _word(title), _word(text)
    failures = [
        _run(command, heading, body, limit) if command else None,
        _send(urls, heading, body, limit) if urls else None,
    ]
    return "; ".join(one for one in failures if one) or None


def _word(text: str) -> str:
    """Return `text` as one argument that no program takes for an option: agents have a say in it."""
    clean = plain(text)
    return f" {clean}" if clean.startswith("-") else clean


def _run(command: Sequence[str], title: str, text: str, limit: float) -> str | None:
    try:
        with tempfile.TemporaryFile() as said:  # a pipe would be waited on while a grandchild holds it
            code = _status([*command, title, text], said, limit)
            said.seek(0)
            reason = plain(said.read(4096).decode(errors="replace")).strip().split("\n")[0]
    except (OSError, ValueError) as error:
        return f"{command[0]} did not notify: {getattr(error, 'strerror', None) or error}"
    if code is None:
        return f"{command[0]} did not notify within {limit:g} seconds"
    return f"{command[0]} did not notify: {reason or f'exit status {code}'}" if code else None


def _status(command: Sequence[str], stderr: IO[bytes], limit: float) -> int | None:
    """Return a program's exit status, or None after `limit` seconds, when it was ended."""
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=stderr, start_new_session=True
    ) as child:
        try:
            return child.wait(limit)
        except subprocess.TimeoutExpired:
            os.killpg(child.pid, signal.SIGKILL)  # with what it started: the group is its own
            return None


def _send(urls: Sequence[str], title: str, text: str, limit: float) -> str | None:
    try:
        apprise = import_module("apprise")  # late: 150 ms, and an extra that may be missing
    except ImportError:
        return "notifications by URL need the extra: install orchestrator[notify]"
    sent: list[int] = []

    def send_all() -> None:
        for number, url in enumerate(urls, 1):
            with suppress(Exception):  # a service's own code; what is not in `sent` is reported
                service = apprise.Apprise()
                if service.add(url) and service.notify(title=title, body=text or title):
                    sent.append(number)

    # A daemon thread: a service that does not answer must not hold the command.
    sender = threading.Thread(target=send_all, daemon=True)
    sender.start()
    sender.join(limit)
    failed = [str(number) for number in range(1, len(urls) + 1) if number not in sent]
    return f"not sent: [notify] urls, number {', '.join(failed)}" if failed else None
