"""Slots: two that are held at once never agree, also across processes, and a dead holder holds nothing."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
from pathlib import Path

from orchestrator.adapters.slots import held, last

HOLD = """
import sys, pathlib
from orchestrator.adapters.slots import held
with held(pathlib.Path(sys.argv[1]), sys.argv[2]) as number:
    print(number, flush=True)
    sys.stdin.read()
"""


def numbers(folder: Path, *names: str) -> list[int]:
    """Hold a slot for each name at once, in this order; return the numbers."""
    with contextlib.ExitStack() as stack:
        return [stack.enter_context(held(folder, name)) for name in names]


def test_those_held_at_once_are_the_lowest_numbers(tmp_path: Path) -> None:
    assert numbers(tmp_path / "slots", "payment", "login", "search") == [0, 1, 2]


def test_a_name_gets_its_last_number_again_where_that_is_free(tmp_path: Path) -> None:
    numbers(tmp_path, "payment", "login", "search")
    assert numbers(tmp_path, "search", "login") == [2, 1]
    assert last(tmp_path, "search") == 2


def test_a_number_that_another_one_has_is_replaced_by_the_lowest_free_one(tmp_path: Path) -> None:
    numbers(tmp_path, "payment")
    numbers(tmp_path, "login")
    assert numbers(tmp_path, "login", "payment", "search") == [0, 1, 2]


def test_a_number_that_nobody_gave_is_not_believed(tmp_path: Path) -> None:
    for text in ("7\n", "-1\n", "many\n", ""):
        (tmp_path / "payment.last").write_text(text)
        assert (last(tmp_path, "payment"), numbers(tmp_path, "payment")) == (None, [0])


def test_a_process_that_was_killed_holds_its_number_no_more(tmp_path: Path) -> None:
    words = [sys.executable, "-c", HOLD, str(tmp_path), "payment"]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout
        assert other.stdout.readline() == "0\n"
        assert numbers(tmp_path, "login") == [1]
        other.send_signal(signal.SIGKILL)
        other.wait()
    assert numbers(tmp_path, "search") == [0]
