"""A notification reaches a real program and a real service, and its failure is one line."""

from __future__ import annotations

import http.server
import json
import os
import select
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pexpect
import pytest

from orchestrator.adapters.notify import Ways, notify

ROOT = Path(__file__).parents[2]


@pytest.fixture
def notifier(tmp_path: Path) -> Path:
    """A program that writes down its arguments, one a line."""
    program = tmp_path / "notifier"
    program.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" >{tmp_path}/said\n')
    program.chmod(0o755)
    return program


def test_title_and_text_are_appended_without_a_shell(notifier: Path) -> None:
    assert notify(Ways(command=(str(notifier), "--urgent")), "2 gates wait", "$(id) `id`; 'x'") == {}
    assert notifier.with_name("said").read_text() == "--urgent\n2 gates wait\n$(id) `id`; 'x'\n"


def test_agents_words_are_neither_options_nor_escapes(notifier: Path) -> None:
    assert notify(Ways(command=(str(notifier),)), "--exec=x", "\x1b[31mred\x00") == {}
    assert notifier.with_name("said").read_text() == " --exec=x\nred\n"


def test_nothing_configured_notifies_nobody() -> None:
    assert notify(Ways(), "title", "text") == {}


@pytest.mark.parametrize(
    ("command", "why"),
    [
        (("no-such-notifier",), "no-such-notifier did not notify: No such file or directory"),
        (("sh", "-c", "exit 3"), "sh did not notify: exit status 3"),
        (("sh", "-c", "echo 'no bus' >&2; echo more >&2; exit 1"), "sh did not notify: no bus"),
        (("sh", "-c", "echo 'bad tgram://T0KEN/1' >&2; exit 1"), "sh did not notify: bad (an address)"),
    ],
)
def test_a_failure_is_one_line_and_holds_no_address(command: tuple[str, ...], why: str) -> None:
    assert notify(Ways(command=command), "title", "text") == {"command": why}


def test_a_text_too_long_for_an_argument_is_a_failure_and_no_exception() -> None:
    found = notify(Ways(command=("true",)), "title", "x" * 3_000_000)
    assert found == {"command": "true did not notify: Argument list too long"}


def test_a_program_that_hangs_is_ended_with_its_children(tmp_path: Path) -> None:
    fifo = tmp_path / "held"
    os.mkfifo(fifo)
    held = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    script = f"exec 9>{fifo}; printf x >&9; sleep 600 & wait"
    ways = Ways(command=("sh", "-c", script))
    assert notify(ways, "title", "text", limit=0.3) == {"command": "sh did not notify within 0.3 seconds"}
    assert os.read(held, 9) == b"x"
    assert select.select([held], [], [], 5)[0]  # at its end: nobody holds the other side any more
    assert os.read(held, 9) == b""
    os.close(held)


def test_a_missing_extra_is_said_and_the_program_runs_all_the_same(notifier: Path) -> None:
    script = (
        "import sys; sys.path.insert(0, ''); sys.modules['apprise'] = None\n"
        "from orchestrator.adapters.notify import Ways, notify\n"
        f"print(notify(Ways(({str(notifier)!r},), ('ntfy://topic',)), 'title', 'text')['url 1'])"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == (
        "notifications by URL need the extra: install orchestrator[notify]\n", "",
    )  # fmt: skip
    assert notifier.with_name("said").read_text() == "title\ntext\n"


class Service(http.server.HTTPServer):
    """A service on the loopback that keeps what it is sent."""

    def __init__(self) -> None:
        self.sent: list[dict[str, str]] = []
        super().__init__(("127.0.0.1", 0), Desk)


class Desk(http.server.BaseHTTPRequestHandler):
    server: Service

    def do_POST(self) -> None:
        self.server.sent.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(200)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Print nothing."""


@pytest.fixture
def service() -> Iterator[Service]:
    pytest.importorskip("apprise", reason="the extra `notify` is not installed")
    with Service() as made:
        thread = threading.Thread(target=made.serve_forever, args=[0.01])
        thread.start()
        yield made
        made.shutdown()
        thread.join()


def test_a_service_is_told_and_one_that_failed_is_named_without_its_secret(service: Service) -> None:
    urls = [f"json://127.0.0.1:{service.server_port}/", "no-such-service://token"]
    ways = Ways(urls=(urls[0], urls[1]))
    assert notify(ways, "2 gates wait", "payment") == {"url 2": "not sent: [notify] urls, number 2"}
    assert [(one["title"], one["message"]) for one in service.sent] == [("2 gates wait", "payment")]


def test_only_the_ways_that_are_named_are_used(service: Service, notifier: Path) -> None:
    ways = Ways(command=(str(notifier),), urls=(f"json://127.0.0.1:{service.server_port}/", "no-such-service://token"))
    assert list(notify(ways, "title", "text", only=["url 2", "command"])) == ["url 2"]
    assert (notifier.with_name("said").exists(), service.sent) == (True, [])


def test_all_ways_together_have_one_limit(tmp_path: Path) -> None:
    """A service that never answers, and a program that hangs."""
    pytest.importorskip("apprise", reason="the extra `notify` is not installed")
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        urls = (f"json://127.0.0.1:{deaf.getsockname()[1]}/", f"json://127.0.0.1:{deaf.getsockname()[1]}/")
        began = time.monotonic()
        found = notify(Ways(command=("sleep", "600"), urls=urls), "title", "text", limit=0.5)
        assert (list(found), time.monotonic() - began < 3) == (["command", "url 1", "url 2"], True)


def ring(words: str, text: str) -> str:
    """Ring in a process whose terminal is not where its output goes; return what the terminal showed."""
    script = (
        "from orchestrator.adapters.notify import Ways, notify\n"
        f"print(notify(Ways(terminal={tuple(words.split())!r}), 'title', {text!r}))"
    )
    child = pexpect.spawn("sh", ["-c", 'exec "$0" "$@" | cat >/dev/null', sys.executable, "-c", script], cwd=ROOT)
    child.expect(pexpect.EOF)
    return bytes(child.before or b"").decode()


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        ("bell", "\a"),
        ("osc9", "\x1b]9;1 gate waits: payment 2a; parked: x\a"),
        ("bell osc9", "\a\x1b]9;1 gate waits: payment 2a; parked: x\a"),
    ],
)
def test_the_terminal_rings_and_shows_the_text_without_controls_wherever_the_output_goes(
    words: str, shown: str
) -> None:
    assert ring(words, "1 gate waits: payment 2a\nparked: \x1b[2J\x07\x9b\tx") == shown


def test_a_missing_terminal_is_a_failure_only_where_nothing_else_tells(notifier: Path) -> None:
    script = (
        "from orchestrator.adapters.notify import Ways, notify\n"
        "print(notify(Ways(terminal=('bell',)), 'title', 'text'))\n"
        f"print(notify(Ways(command=({str(notifier)!r},), terminal=('bell',)), 'title', 'text'))"
    )
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, start_new_session=True)
    assert done.stdout == "{'terminal': 'there is no terminal to ring'}\n{}\n"
