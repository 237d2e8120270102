"""`replay`: the state at any moment from the log alone; what it compares, and what it writes again."""

from __future__ import annotations

import json
import shutil
import sqlite3
from pathlib import Path

import pytest

from orchestrator.workspace import Workspace
from tests.kit import Kit, copied, created

pytestmark = pytest.mark.usefixtures("env")


@pytest.fixture(scope="module")
def seeds(tmp_path_factory: pytest.TempPathFactory, env: dict[str, str]) -> tuple[Path, Path]:
    base = tmp_path_factory.mktemp("replay")
    kit = created(base / "place/shop", env, hooks=False)
    kit.do("start", "payment")
    kit.do("start", "login")
    kit.do("next", "payment")
    kit.do("run", "-j", "1")
    kit.do("rollback", "login")
    kit.do("retire", "login")
    copied(base / "place", base / "seed")
    return base / "seed", base / "place"


def test_now_is_what_the_state_files_say(kit: Kit) -> None:
    assert kit.shown("replay", "payment") == {"features": [kit.state("payment")]}
    assert [one["feature"] for one in kit.shown("replay")["features"]] == ["feat-payment", "feat-login"]


def test_every_prefix_of_the_log_is_a_moment(kit: Kit) -> None:
    for event in kit.events():
        features = kit.shown("replay", "--at", f"#{event['id']}")["features"]
        assert all(one["event"]["id"] <= event["id"] for one in features)
        of_event = [one["event"] for one in features if one["feature"] == event["feature"]]
        assert of_event in ([], [{"id": event["id"], "hash": event["hash"]}])


def test_a_checkpoint_and_a_time_are_moments_too(kit: Kit) -> None:
    made = next(one for one in kit.events("checkpoint_created") if one["feature"] == "feat-payment")
    by_id = kit.shown("replay", "payment", "--at", f"#{made['id']}")
    assert kit.shown("replay", "payment", "--at", "checkpoint/payment/1") == by_id
    assert by_id["features"][0]["current_workflow"] == "1"
    assert kit.shown("replay", "--at", "2000-01-01T00:00:00+00:00") == {"features": []}


def test_at_an_unknown_moment_it_is_refused(kit: Kit) -> None:
    assert kit.inside("replay", "--at", "yesterday")[0] == 2
    assert kit.inside("replay", "--at", "checkpoint/payment/99")[0] == 1


def test_a_feature_that_never_was_is_refused(kit: Kit) -> None:
    status, _, err = kit.inside("replay", "nobody")
    assert (status, err) == (1, "orchestrator: there is no feature 'nobody'; known: payment\n")


def test_it_neither_writes_nor_takes_anything_in(kit: Kit) -> None:
    (kit.worktree("payment") / "by-hand.txt").write_text("new\n")
    kit.commit("by hand", cwd=kit.worktree("payment"))
    state = kit.state_file("payment")
    state.write_text(state.read_text().replace('"notes": []', '"owner": "ana", "notes": []'))
    before = kit.digest()
    for words in (("replay",), ("replay", "--json"), ("replay", "--at", "#5"), ("replay", "--check")):
        kit.inside(*words)
    assert kit.digest() == before


# --- check -----------------------------------------------------------------------------------------


def test_the_files_of_a_healthy_repository_are_what_the_log_says(kit: Kit) -> None:
    assert kit.do("replay", "--check") == "the files are what the log says\n"
    assert kit.shown("replay", "payment", "--check")["differences"] == []


def test_each_difference_is_one_line_and_the_status_is_1(kit: Kit) -> None:
    state = json.loads(kit.state_file("payment").read_text())
    kit.state_file("payment").write_text(json.dumps({**state, "status": "paused", "owner": "ana"}))
    (kit.worktree("payment") / ".context/feat-payment_orchestrator-state.json").unlink()
    with sqlite3.connect(kit.root / ".context/orchestrator-events.db") as connection:
        connection.execute("DELETE FROM events WHERE id = 3")
    connection.close()
    name = "feat-payment_orchestrator-state.json"
    rows = [
        f'.context/{name}: status is "paused", the log says "completed"',
        f'.context/{name}: owner is "ana", the log says null',
        f"{kit.worktree('payment')}/.context/{name}: it is missing",
        ".context/orchestrator-events.db: event 3: it is missing",
    ]
    assert kit.inside("replay", "--check") == (
        1,
        "".join(f"{row}\n" for row in rows),
        "orchestrator: 4 differences: the files are not what the log says; orchestrator verify says what to do\n",
    )
    status, out, _ = kit.inside("replay", "--check", "--json")
    assert (status, json.loads(out)["differences"]) == (1, rows)


def test_a_difference_in_a_retired_features_file_is_none(kit: Kit) -> None:
    kit.state_file("login").write_text("{}")
    assert kit.inside("replay", "--check")[0] == 0


def test_the_kept_fold_is_not_asked(kit: Kit) -> None:
    before = kit.shown("replay")
    fold = kit.home / "fold.json"
    content = fold.read_bytes().partition(b"\n")[2].replace(b"completed", b"active", 1)
    from hashlib import sha256

    fold.write_bytes(sha256(content).hexdigest().encode() + b"\n" + content)
    assert kit.shown("replay") == before


# --- write -----------------------------------------------------------------------------------------


def test_states_and_database_come_back_as_they_were(kit: Kit) -> None:
    names = (".context/feat-payment_orchestrator-state.json", ".context/orchestrator-events.jsonl")
    before = {name: (kit.root / name).read_bytes() for name in names}
    events = kit.events()
    shutil.rmtree(kit.context)
    assert kit.do("replay", "--write", "--check") == "the files are what the log says\n"
    assert {name: (kit.root / name).read_bytes() for name in names} == before
    assert kit.events() == events


def test_rows_that_somebody_changed_are_written_again_and_the_file_is_set_aside(kit: Kit) -> None:
    database = kit.root / ".context/orchestrator-events.db"
    with sqlite3.connect(database) as connection:
        connection.execute("UPDATE events SET timestamp = 'never' WHERE id = 2")
    connection.close()
    changed = database.read_bytes()
    kit.do("replay", "--write")
    assert kit.inside("replay", "--check")[0] == 0
    assert [path.read_bytes() for path in kit.context.glob("orchestrator-events.db.aside-*")] == [changed]


def test_an_edit_is_adopted_before_the_files_are_written(kit: Kit) -> None:
    state = json.loads(kit.state_file("payment").read_text())
    kit.state_file("payment").write_text(json.dumps({**state, "owner": "ana"}))
    kit.do("replay", "--write")
    assert kit.state("payment")["owner"] == "ana"
    assert kit.inside("replay", "--check")[0] == 0


def test_writing_the_past_is_wrong_usage(kit: Kit) -> None:
    before = kit.digest()
    status, out, err = kit.inside("replay", "--write", "--at", "#3")
    assert (status, out) == (2, "")
    assert err.startswith("orchestrator: --write makes the files of now; it does not go with --at.")
    assert kit.digest() == before


def test_a_clone_without_a_log_says_so(kit: Kit, tmp_path: Path) -> None:
    kit.git("clone", "--quiet", str(kit.root), str(tmp_path / "clone"))
    clone = Kit(tmp_path / "clone", kit.env)
    for words in (("replay",), ("replay", "--write"), ("replay", "--check")):
        assert clone.do(*words) == "there is no log in this clone: nothing was started here\n"
    assert clone.shown("replay") == {"features": []}
    assert not clone.home.exists()


def test_a_torn_end_that_a_refused_command_set_aside_is_in_the_copies_too(kit: Kit) -> None:
    with kit.log.open("ab") as log:
        log.write(b'{"id":')
    status, _, err = kit.inside("resume", "payment")
    assert (status, err.count("\n")) == (1, 2)
    assert kit.events()[-1]["event_type"] == "log_repaired"
    assert kit.do("replay", "--check") == "the files are what the log says\n"
    kept = Workspace.find(kit.root).kept()
    assert kept is not None
    assert kept.head.id == kit.events()[-1]["id"]
