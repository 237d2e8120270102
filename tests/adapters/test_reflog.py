"""The reflog of a branch, as git leaves it when something went wrong."""

from __future__ import annotations

from pathlib import Path

from orchestrator.adapters import reflog

ONE, TWO, THREE = "1" * 40, "2" * 40, "3" * 40


def row(old: str, new: str) -> str:
    return f"{old} {new} A Person <person@example.com> 1700000000 +0000\tcommit: work\n"


def test_half_an_entry_and_the_one_that_was_written_behind_it_are_none(tmp_path: Path) -> None:
    path = reflog.path(tmp_path, "feat/payment")
    path.parent.mkdir(parents=True)
    whole = row(ONE, TWO)
    path.write_text(whole + row(TWO, THREE)[:40] + row(TWO, THREE) + row(THREE, ONE))
    found = reflog.read(tmp_path, "feat/payment", "")
    assert [(one.old, one.new) for one in found.entries] == [(ONE, TWO), (THREE, ONE)]
