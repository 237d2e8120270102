"""`status` as a person sees it: on a real terminal, drawn by an emulation of one, at two widths and live."""

from __future__ import annotations

import shutil
import signal
import termios
import time
from collections.abc import Callable
from pathlib import Path

import pexpect
import pyte
import pytest

from tests.conftest import PROGRAM, Repo, environment

PATIENCE = 20.0  # seconds


class Terminal:
    """A program on a terminal of so many columns and lines, and what the terminal shows."""

    def __init__(self, repo: Repo, *words: str, columns: int, lines: int, **env: str) -> None:
        kept = {name: value for name, value in repo.env.items() if name not in ("COLUMNS", "LINES")}
        self._screen = pyte.Screen(columns, lines)
        self._stream = pyte.ByteStream(self._screen)
        self._child = pexpect.spawn(
            str(PROGRAM), list(words), cwd=repo.root, env={**kept, "TERM": "xterm-256color", **env},
            timeout=PATIENCE, dimensions=(lines, columns),
        )  # fmt: skip
        self.written = b""
        self.before = self.left = termios.tcgetattr(self._child.child_fd)[:4]

    def until(self, holds: Callable[[str], bool]) -> str:
        """Return what is shown as soon as that holds; fails where it never does."""
        last = time.monotonic() + PATIENCE
        while not holds(self.shown):
            assert time.monotonic() < last, self.shown
            try:
                self._feed(self._child.read_nonblocking(65536, 0.2))
            except pexpect.TIMEOUT:
                continue
        return self.shown

    def ended(self) -> str:
        """Return what is shown when the program has ended."""
        while True:
            try:
                self._feed(self._child.read_nonblocking(65536, PATIENCE))
            except pexpect.EOF:
                self.left = termios.tcgetattr(self._child.child_fd)[:4]
                self._child.close()
                return self.shown

    def _feed(self, piece: bytes) -> None:
        self.written += piece
        self._stream.feed(piece)

    @property
    def shown(self) -> str:
        return "\n".join(one.rstrip() for one in self._screen.display).rstrip()

    @property
    def status(self) -> tuple[int | None, int | None]:
        """The exit status, and the signal that ended it."""
        return self._child.exitstatus, self._child.signalstatus

    def resize(self, columns: int, lines: int) -> None:
        self._screen.resize(lines, columns)
        self._child.setwinsize(lines, columns)

    def press(self, key: str) -> None:
        self._child.send(key)

    def signal(self, number: int) -> None:
        self._child.kill(number)


@pytest.fixture(scope="module")
def five(seed: Path, tmp_path_factory: pytest.TempPathFactory) -> Repo:
    """A repository with five features: two at gates, one parked, one that waits for another, one ready."""
    top = tmp_path_factory.mktemp("five")
    shutil.copytree(seed, top / "shop", symlinks=True)
    repo = Repo(top / "shop", environment(top))
    repo.script("search-1-1", "exit 75\n")
    for name in ("payment", "search", "landing"):
        repo.run("start", name)
    repo.run("start", "refund", "--after", "payment")
    repo.run("run", check=10)
    repo.run("start", "magic-link")
    return repo


@pytest.mark.parametrize("columns", [80, 200])
def test_the_dashboard_fits_a_terminal_and_names_what_waits_first(five: Repo, columns: int) -> None:
    shown = Terminal(five, "status", columns=columns, lines=24).ended().splitlines()
    assert shown[0].startswith("shop: 2 wait for you, 1 failed or parked, 1 ready, 1 waiting")
    assert shown[2] == "Waiting for you, the longest first"
    assert [one.split()[:2] for one in shown[3:5]] == [["?", "payment"], ["?", "landing"]]
    assert shown[6].split()[:4] == ["FEATURE", "LINE", "STATUS", "AT"]
    assert shown[7].split()[:5] == ["?", "payment", "█▓░", "1/3", "paused"]
    assert shown[-1] == "now: 2 wait for a person: orchestrator approve; 1 can run: orchestrator run"
    assert ("WHY" in shown[6]) == (columns == 200)
    assert any(one.startswith("! search") for one in shown)


def test_without_colours_the_same_words_are_shown(five: Repo) -> None:
    coloured = Terminal(five, "status", columns=80, lines=24)
    bare = Terminal(five, "status", columns=80, lines=24, NO_COLOR="1")
    assert [one.split()[:5] for one in coloured.ended().splitlines()[6:8]] == [
        one.split()[:5] for one in bare.ended().splitlines()[6:8]
    ]
    assert b"\x1b[1;33m" in coloured.written
    assert b"\x1b[1;33m" not in bare.written


def test_a_terminal_that_knows_no_such_characters_gets_others(five: Repo) -> None:
    shown = Terminal(five, "status", columns=80, lines=24, PYTHONIOENCODING="ascii", LC_ALL="C").ended()
    assert "#>. 1/3" in shown
    assert "\\u" not in shown


def test_watching_shows_what_another_process_does_follows_the_size_and_ends_with_0(five: Repo) -> None:
    before = len(five.events())
    terminal = Terminal(five, "status", "--watch", columns=80, lines=24)
    terminal.until(lambda shown: "now: 2 wait for a person" in shown)
    assert len(five.events()) == before
    five.run("pause", "magic-link")
    terminal.until(lambda shown: "1 paused" in shown and "1 ready" not in shown)
    five.run("resume", "magic-link")
    terminal.resize(200, 50)
    turn = "ready: its turn comes with the next step"
    wide = terminal.until(lambda shown: "WHY" in shown and turn in shown and shown.endswith("orchestrator run"))
    assert wide.startswith("shop: 2 wait for you")
    terminal.press("\x03")
    terminal.ended()
    assert terminal.status == (0, None)
    assert terminal.left == terminal.before
    assert terminal.written.count(b"\x1b[?1049h") == terminal.written.count(b"\x1b[?1049l") == 1
    assert terminal.written.rstrip().endswith(b"\x1b[?25h")


@pytest.mark.parametrize("end", ["q", "term"])
def test_watching_ends_as_well_by_a_key_or_a_signal(five: Repo, end: str) -> None:
    terminal = Terminal(five, "status", "--watch", columns=80, lines=24)
    terminal.until(lambda shown: "now: " in shown)
    if end == "q":
        terminal.press("q")
    else:
        terminal.signal(signal.SIGTERM)
    terminal.ended()
    assert terminal.status == (0, None)
    assert b"\x1b[?1049l" in terminal.written


def test_watching_needs_a_terminal_and_no_other_words(five: Repo) -> None:
    assert five.refused("status", "--watch", status=2).startswith("--watch draws on a terminal, and this is none")
    assert five.refused("status", "payment", "--watch", status=2).startswith("--watch shows all features as they are")
    agent = Terminal(five, "status", "--watch", columns=80, lines=24, CLAUDECODE="1")
    assert "--watch draws on a terminal" in " ".join(agent.ended().split())


def test_a_feature_has_its_timeline_and_why_says_who_comes_before_it(five: Repo) -> None:
    story = five.run("status", "payment")
    for told in ("started, branch feat/payment", "1/1 attempt 1: Write  passed", "waits at GATE 1: Screens  now"):
        assert told in story
    assert "its branch" not in five.run("status", "--why", "refund")
    assert "payment: waits at GATE 1: Screens since " in five.run("status", "--why", "refund")
    assert "parked (the agent says it is not its fault" in five.run("status", "search")


def test_the_past_is_drawn_as_it_was(five: Repo) -> None:
    started = five.events("feature_created")
    shown = Terminal(five, "status", "--at", f"#{started[1]['id']}", columns=80, lines=24).ended().splitlines()
    assert shown[0].startswith(f"shop as it was at #{started[1]['id']}: ")
    assert [one.split()[0] for one in shown if one.endswith("0/3  active   1 1  -") or " 0/3 " in one] == [
        "payment",
        "search",
    ]
    assert not any(one.startswith("now:") for one in shown)
