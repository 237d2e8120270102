"""A notification reaches a real program and a real service, and its failure is one line."""

from __future__ import annotations

import http.server
import json
import os
import select
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestrator.adapters.notify import notify

ROOT = Path(__file__).parents[2]


@pytest.fixture
def notifier(tmp_path: Path) -> Path:
    """A program that writes down its arguments, one a line."""
    program = tmp_path / "notifier"
    program.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" >{tmp_path}/said\n')
    program.chmod(0o755)
    return program


def test_title_and_text_are_appended_without_a_shell(notifier: Path) -> None:
    assert notify([str(notifier), "--urgent"], "2 gates wait", "$(id) `id`; 'x'") is None
    assert notifier.with_name("said").read_text() == "--urgent\n2 gates wait\n$(id) `id`; 'x'\n"


def test_agents_words_are_neither_options_nor_escapes(notifier: Path) -> None:
    assert notify([str(notifier)], "--exec=x", "\x1b[31mred\x00") is None
    assert notifier.with_name("said").read_text() == " --exec=x\nred\n"


def test_nothing_configured_notifies_nobody() -> None:
    assert notify([], "title", "text") is None


@pytest.mark.parametrize(
    ("command", "why"),
    [
        (["no-such-notifier"], "no-such-notifier did not notify: No such file or directory"),
        (["sh", "-c", "exit 3"], "sh did not notify: exit status 3"),
        (["sh", "-c", "echo 'no bus' >&2; echo more >&2; exit 1"], "sh did not notify: no bus"),
    ],
)
def test_a_failure_is_one_line(command: list[str], why: str) -> None:
    assert notify(command, "title", "text") == why


def test_a_text_too_long_for_an_argument_is_a_failure_and_no_exception() -> None:
    assert notify(["true"], "title", "x" * 3_000_000) == "true did not notify: Argument list too long"


def test_a_program_that_hangs_is_ended_with_its_children(tmp_path: Path) -> None:
    fifo = tmp_path / "held"
    os.mkfifo(fifo)
    held = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    script = f"exec 9>{fifo}; printf x >&9; sleep 600 & wait"
    assert notify(["sh", "-c", script], "title", "text", limit=0.3) == "sh did not notify within 0.3 seconds"
    assert os.read(held, 9) == b"x"
    assert select.select([held], [], [], 5)[0]  # at its end: nobody holds the other side any more
    assert os.read(held, 9) == b""
    os.close(held)


def test_a_missing_extra_is_said_and_the_program_runs_all_the_same(notifier: Path) -> None:
    script = (
        "import sys; sys.path.insert(0, ''); sys.modules['apprise'] = None\n"
        "from orchestrator.adapters.notify import notify\n"
        f"print(notify([{str(notifier)!r}], 'title', 'text', urls=['ntfy://topic']))"
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
    assert notify([], "2 gates wait", "payment", urls=urls) == "not sent: [notify] urls, number 2"
    assert [(one["title"], one["message"]) for one in service.sent] == [("2 gates wait", "payment")]
