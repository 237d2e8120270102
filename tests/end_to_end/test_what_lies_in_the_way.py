"""Where a file of the kit's is something else, a command says so in a line: no traceback, and nothing is waited for."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.kit import Kit, copied, created

pytestmark = pytest.mark.usefixtures("env")

HOME, CONTEXT, OWN = ".git/orchestrator", ".context", "../shop.worktrees/payment/.context"
PLACES = (
    f"{HOME}/events.jsonl", f"{HOME}/events.jsonl.lock", f"{HOME}/fold.json", f"{HOME}/checkpoints.lock", f"{HOME}/locks",
    f"{HOME}/locks/payment.lock", f"{HOME}/locks/payment.lock.holder", f"{HOME}/index", f"{HOME}/index/payment",
    f"{HOME}/index/payment.seen", f"{HOME}/index/payment.guard", f"{HOME}/output", f"{HOME}/output/payment.agent.log",
    f"{HOME}/drain", f"{HOME}/hook-trouble", f"{HOME}/init.json", HOME, f"{CONTEXT}/orchestrator-events.jsonl",
    f"{CONTEXT}/orchestrator-events.db", f"{CONTEXT}/feat-payment_orchestrator-state.json",
    f"{CONTEXT}/feat-payment_backup.tar.gz", f"{CONTEXT}/backups", f"{CONTEXT}/backups/feat-payment_backup-1.tar.gz",
    CONTEXT, "orchestrator.toml", "line/add-feature-1-make.md", OWN, f"{OWN}/feat-payment_orchestrator-state.json",
    f"{OWN}/feat-payment_attempts.log", f"{OWN}/feat-payment_temp-memory.md",
    f"{HOME}/torn.json", f"{HOME}/torn.json", f"{HOME}/mending.json", f"{HOME}/mending.json", f"{HOME}/locks/repair",
)  # fmt: skip
COMMANDS = (("status",), ("checkpoint", "payment"), ("next", "payment"), ("verify", "--repair"))


@pytest.fixture(scope="module")
def seeds(tmp_path_factory: pytest.TempPathFactory, env: dict[str, str]) -> tuple[Path, Path]:
    """A feature after its first workflow; and where it was made."""
    base = tmp_path_factory.mktemp("way")
    kit = created(base / "place/shop", env, hooks=False)
    kit.do("start", "payment")
    kit.do("next", "payment")
    copied(base / "place", base / "seed")
    return base / "seed", base / "place"


def fifo(path: Path) -> None:
    os.mkfifo(path)


def folder(path: Path) -> None:
    path.mkdir()
    (path / "inside").write_text("mine\n")


def replaced(kit: Kit, place: str, thing: Callable[[Path], None]) -> Path:
    path = kit.root / place
    if path.is_dir():
        shutil.rmtree(path)
    path.unlink(missing_ok=True)
    path.parent.mkdir(exist_ok=True)
    thing(path)
    return path


class Waited(BaseException):
    """Somebody waits for what never comes."""


@contextlib.contextmanager
def alarmed(seconds: float) -> Iterator[None]:
    """Raise Waited where the main thread hangs in a call for so long that it can only be a fifo."""

    def wake(*_: object) -> None:
        raise Waited

    before = signal.signal(signal.SIGALRM, wake)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@pytest.mark.parametrize(("place", "thing"), [(one, (folder, fifo)[at % 2]) for at, one in enumerate(PLACES)])
def test_no_command_ends_in_a_traceback_or_waits_for_ever(
    seeds: tuple[Path, Path], env: dict[str, str], place: str, thing: Callable[[Path], None]
) -> None:
    copied(*seeds)
    kit = Kit(seeds[1] / "shop", env)
    replaced(kit, place, thing)
    for words in COMMANDS:
        with alarmed(10):
            status, _, err = kit.inside(*words)
        assert "this is a bug" not in err, (words, err)
        assert status == 0 or err.count("\n") >= 1, words


def test_what_stood_in_the_way_is_gone_and_the_command_goes_on(seeds: tuple[Path, Path], env: dict[str, str]) -> None:
    copied(*seeds)
    kit = Kit(seeds[1] / "shop", env)
    log = kit.log.read_bytes()
    path = replaced(kit, f"{HOME}/locks", fifo)
    status, out, err = kit.inside("checkpoint", "payment")
    assert (status, out) == (1, "")
    assert (
        err
        == f"orchestrator: {path}: File exists; put what lies there out of the way, then call the same command again\n"
    )
    assert kit.log.read_bytes() == log
    path.unlink()
    assert kit.inside("checkpoint", "payment")[0] == 0
