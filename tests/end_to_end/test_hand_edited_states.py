"""Whatever somebody writes into a state file is adopted or refused in a line, and the log and the state agree after it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from orchestrator.core.state import World, fold
from orchestrator.workspace import Workspace
from tests.kit import Kit, copied, created

pytestmark = pytest.mark.usefixtures("env")

# What the file holds, with `STATE` for the state as the kit wrote it: a key's value, or the whole text.
VALUES: dict[str, str] = {
    "a number beyond 64 bits": '"points": 123456789012345678901234567890',
    "attempts beyond 64 bits": '"attempts": {"1": 123456789012345678901234567890}',
    "attempts that are true": '"attempts": {"1": true}',
    "attempts below nothing": '"attempts": {"1": -1}',
    "half an attempt": '"attempts": {"1": 0.5}',
    "no number": '"points": NaN',
    "more than any number": '"points": 1e999',
    "half a character": r'"owner": "\ud800"',
    "half a character in a note": r'"notes": [{"timestamp": "2026-01-01T00:00:00+00:00", "note": "\udfff"}]',
    "half a character as a key": r'"\ud800": 1',
    "a zero byte": r'"owner": "a\u0000b"',
    "escapes": r'"owner": "\u001b[2Jx"',
    "a newline in the status": r'"status": "active\n"',
    "an unknown status": '"status": "done"',
    "a status that is a list": '"status": ["active"]',
    "a key twice": '"status": "paused", "status": "active"',
    "notes that are text": '"notes": "seen"',
    "notes of numbers": '"notes": [1, 2]',
    "a note without a time": '"notes": [{"note": "x"}]',
    "a gate that is text": '"gate": "none"',
    "a gate of another type": '"gate": {"type": "none", "trigger": "x"}',
    "a gate that was approved": '"gate": {"type": "human", "trigger": "x", "approved_at": "2026-01-01T00:00:00+00:00"}',
    "no time": '"paused_until": "tomorrow"',
    "a time in year 0": '"paused_until": "0000-00-00"',
    "a place that is not in the line": '"current_workflow": "99"',
    "a workflow that is a number": '"current_workflow": 2',
    "a workflow that leads out": '"current_workflow": "../../etc/passwd"',
    "a phase that is a number": '"current_phase": 2',
    "another feature": '"feature": "feat-landing"',
    "another branch": '"branch": "main"',
    "a branch that is an option": '"branch": "--upload-pack=x"',
    "an event of the future": '"event": {"id": 999999, "hash": "x"}',
    "an event that is text": '"event": "last"',
    "an event below nothing": '"event": {"id": -5, "hash": null}',
    "a version that is text": '"version": "1"',
    "a newer version": '"version": 2',
    "a version beyond 64 bits": '"version": 123456789012345678901234567890',
    "workflows that are a table": '"workflows_completed": {"1": true}',
    "workflows of tables": '"workflows_completed": [{"1": 1}]',
    "a thousand workflows": f'"workflows_completed": {json.dumps([str(n) for n in range(1000)])}',
    "rollback points of others": '"rollback_points": [{"n": 1, "commit": "0000"}]',
    "a hundred thousand brackets": f'"owner": {"[" * 100_000}{"]" * 100_000}',
    "a megabyte of text": f'"owner": "{"x" * 1_000_000}"',
}
TEXTS: dict[str, bytes] = {
    "nothing": b"",
    "a zero byte": b"\0",
    "no object": b"[]",
    "null": b"null",
    "half of it": b'{"feature": "feat-pay',
    "another encoding": "{}".encode("utf-16"),
    "a mark before it": b"\xef\xbb\xbf{}",
    "bytes that are no text": b'{"feature": "\xff"}',
    "a conflict of git's": b"<<<<<<< HEAD\n{}\n=======\n{}\n>>>>>>> main\n",
    "brackets without end": b"[" * 200_000,
}


@pytest.fixture(scope="module")
def seeds(tmp_path_factory: pytest.TempPathFactory, env: dict[str, str]) -> tuple[Path, Path]:
    """A feature that was started, not more; and where it was made."""
    base = tmp_path_factory.mktemp("edited")
    kit = created(base / "place/shop", env, hooks=False)
    kit.do("start", "payment")
    kit.do("status")
    copied(base / "place", base / "seed")
    return base / "seed", base / "place"


def edited(kit: Kit, content: bytes) -> None:
    """Write a state file, and see that the next command adopts or refuses it, and that the one after has no news."""
    path, before = kit.state_file("payment"), kit.log.read_bytes()
    path.write_bytes(content)
    assert "this is a bug" not in kit.inside("verify")[2]
    status, _, err = kit.inside("note", "payment", "after the edit")
    assert "this is a bug" not in err, err
    assert kit.log.read_bytes().startswith(before)
    assert not set("\x1b\0") & set(err)
    if status != 0:  # refused whole: the file is left as it is for a person to look at
        assert (err.count("\n"), path.read_bytes()) == (1, content), err
        return
    workspace = Workspace.find(kit.root)
    assert fold(World(), workspace.events()) == workspace.world
    assert json.loads(path.read_bytes())["notes"][-1]["note"] == "after the edit"
    assert (kit.feature("payment").branch, kit.feature("payment").gate) == ("feat/payment", None)
    log = kit.log.read_bytes()
    status, _, err = kit.inside("status")
    assert (status, err, kit.log.read_bytes()) == (0, "", log)
    assert kit.inside("replay", "--check")[0] == 0


@pytest.mark.parametrize("what", VALUES)
def test_any_value_that_somebody_writes_is_adopted_or_refused_in_a_line(kit: Kit, what: str) -> None:
    whole = kit.state_file("payment").read_text().rstrip().removesuffix("}").rstrip()
    edited(kit, f"{whole},\n  {VALUES[what]}\n}}\n".encode())


@pytest.mark.parametrize("what", TEXTS)
def test_any_text_that_is_no_state_is_set_aside_and_the_state_made_again(kit: Kit, what: str) -> None:
    edited(kit, TEXTS[what])
    aside = list(kit.context.glob("feat-payment_orchestrator-state.json.broken-*"))
    assert [path.read_bytes() for path in aside] == [TEXTS[what]]


@pytest.mark.parametrize("what", TEXTS)
def test_any_text_that_is_no_state_of_a_feature_that_nobody_knows_is_named_and_left_alone(kit: Kit, what: str) -> None:
    path = kit.state_file("search")
    path.write_bytes(TEXTS[what])
    status, _, err = kit.inside("status")
    assert (status, path.read_bytes()) == (0, TEXTS[what])
    assert err.startswith(f"orchestrator: {path}: not imported, left alone: ")
    assert err.count("\n") == 1


def test_the_same_edit_in_both_places_is_adopted_once(kit: Kit) -> None:
    kit.do("next", "payment")
    places = (kit.state_file("payment"), kit.worktree("payment") / ".context/feat-payment_orchestrator-state.json")
    for path in places:
        path.write_text(json.dumps({**json.loads(path.read_text()), "owner": "ana"}))
    kit.do("status")
    assert [one["payload"]["changes"] for one in kit.events("state_edited")] == [{"owner": [None, "ana"]}]
    assert places[0].read_bytes() == places[1].read_bytes()
    assert list(kit.context.glob("*.conflict-*")) == []


def test_what_an_edit_by_way_of_another_file_left_behind_is_no_state(kit: Kit) -> None:
    kit.write(".context/feat-payment_orchestrator-state.json.tmp", '{"feature": "feat-pay')
    kit.write(".context/tmp", "")
    before = kit.log.read_bytes()
    assert kit.inside("status")[2] == ""
    assert kit.log.read_bytes() == before
