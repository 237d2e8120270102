"""`verify`: every fault that was seeded is named and nothing is changed; `--repair` mends what can be mended."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from orchestrator import mending
from orchestrator.assets import HOOKS, hook
from orchestrator.setup.hooks import CALL
from orchestrator.verifying.examine import examine
from orchestrator.workspace import Workspace
from tests.conftest import PROGRAM
from tests.kit import Kit, copied, created, install

pytestmark = pytest.mark.usefixtures("env")

MENDED, STAYS, THEIRS = "mended", "stays", "theirs"  # theirs: a person's to mend, no repair is tried


@pytest.fixture(scope="module")
def seeds(tmp_path_factory: pytest.TempPathFactory, env: dict[str, str]) -> tuple[Path, Path]:
    """Four features: completed, rolled back, after a failed attempt, in the main worktree; and where they were made."""
    base = tmp_path_factory.mktemp("verify")
    kit = created(base / "place/shop", env)
    kit.do("start", "payment")
    kit.do("start", "login")
    kit.do("run", "-j", "1")
    kit.do("rollback", "payment")
    kit.do("start", "search")
    kit.do("next", "search")
    kit.write(".git/fail", "")
    kit.do("next", "search")
    kit.do("start", "main-tree", "--checkout")
    kit.do("next", "main-tree")
    copied(base / "place", base / "seed")
    return base / "seed", base / "place"


def found(kit: Kit) -> dict[str, str]:
    """Return the ids that a look finds, with their severities."""
    return {one.finding.id: one.finding.severity for one in examine(Workspace.find(kit.root))}


# --- faults ----------------------------------------------------------------------------------------


def flip_in_the_middle(one: Kit) -> None:
    lines = one.log.read_bytes().splitlines(keepends=True)
    lines[4] = lines[4].replace(b'"kit"', b'"kid"', 1)
    one.log.write_bytes(b"".join(lines))


def tear_the_end(one: Kit) -> None:
    with one.log.open("ab") as log:
        log.write(b'{"id":')


def cut_the_log(one: Kit) -> None:
    lines = one.log.read_bytes().splitlines(keepends=True)
    one.log.write_bytes(b"".join(lines[:-3]))


def write_the_log_anew(one: Kit) -> None:
    """Forge a fact early in the log and hash all that follows again, as a careful forger would."""
    from orchestrator.log.records import START, Draft, Head, decode, line, place

    head, rows = START, []
    for piece in one.log.read_bytes().splitlines(keepends=True):
        old = decode(piece)
        actor = "person:mallory@example.com" if old.id == 2 else old.actor
        draft = Draft(old.feature, old.event_type, old.workflow, old.phase, actor, bytes(old.payload))
        new = place(draft, head, old.timestamp)
        rows.append(line(new))
        head = Head(new.id, new.hash, head.offset + len(rows[-1]), new.timestamp)
    one.log.write_bytes(b"".join(rows))
    (one.home / "fold.json").unlink()


def write_an_unknown_event(one: Kit) -> None:
    from orchestrator.log.journal import Journal
    from orchestrator.log.records import Draft
    from orchestrator.workspace import now

    with Journal(one.log, now).transaction() as transaction:
        transaction.append([Draft("feat-payment", "feature_teleported", "1", "1", "kit", b"{}")])


def lose_the_log(one: Kit) -> None:
    one.log.unlink()


def lose_the_log_for_good(one: Kit) -> None:
    one.log.unlink()
    (one.context / "orchestrator-events.jsonl").unlink()


def forge_the_fold(one: Kit) -> None:
    from hashlib import sha256

    path = one.home / "fold.json"
    content = path.read_bytes().partition(b"\n")[2].replace(b'"status":"failed"', b'"status":"active"')
    path.write_bytes(sha256(content).hexdigest().encode() + b"\n" + content)


def forge_a_reading(one: Kit) -> None:
    """Phases are struck from how documents were read last, with a checksum that holds."""
    from hashlib import sha256

    path = one.home / "line.json"
    found = json.loads(path.read_bytes().partition(b"\n")[2])
    for document in found["documents"].values():
        document["phases"] = []
    content = json.dumps(found, separators=(",", ":"), ensure_ascii=False).encode()
    path.write_bytes(sha256(content).hexdigest().encode() + b"\n" + content)


def break_the_fold(one: Kit) -> None:
    path = one.home / "fold.json"
    path.write_bytes(path.read_bytes()[:-20])


def lose_the_second_name(one: Kit) -> None:
    (one.context / "orchestrator-events.jsonl").unlink()


def replace_the_second_name(one: Kit) -> None:
    lose_the_second_name(one)
    one.write(".context/orchestrator-events.jsonl", "something else\n")


def lose_sqlite(one: Kit) -> None:
    (one.context / "orchestrator-events.db").unlink()


def edit_sqlite(one: Kit) -> None:
    with sqlite3.connect(one.context / "orchestrator-events.db") as connection:
        connection.execute("UPDATE events SET feature = 'feat-other' WHERE id = 3")
    connection.close()


def break_sqlite(one: Kit) -> None:
    (one.context / "orchestrator-events.db").write_bytes(b"not a database" * 100)


def state(one: Kit, slug: str = "payment") -> Path:
    return one.context / f"feat-{slug}_orchestrator-state.json"


def lose_a_state(one: Kit) -> None:
    state(one).unlink()


def break_a_state(one: Kit) -> None:
    state(one).write_bytes(state(one).read_bytes()[:-30])


def edit_a_state(one: Kit) -> None:
    state(one).write_text(state(one).read_text().replace('"notes": []', '"owner": "ana", "notes": []'))


def edit_the_other_copy(one: Kit) -> None:
    path = one.worktree("login") / ".context/feat-login_orchestrator-state.json"
    path.write_text(path.read_text().replace('"notes": []', '"owner": "ana", "notes": []'))


def bring_an_old_state(one: Kit) -> None:
    from orchestrator.core.state import World, fold
    from orchestrator.log.projections import rendered

    workspace = Workspace.find(one.root)
    feature = one.feature("payment")
    events = [event for event in workspace.events() if event.feature == feature.id][:-1]
    state(one).write_bytes(rendered(fold(World(), events).features[feature.id]))


def bring_a_state_of_another_log(one: Kit) -> None:
    content = json.loads(state(one).read_text())
    content["event"]["hash"] = "0" * 64
    state(one).write_text(json.dumps(content))


def bring_a_newer_state(one: Kit) -> None:
    content = json.loads(state(one).read_text())
    state(one).write_text(json.dumps({**content, "version": 99}))


def bring_an_unknown_state(one: Kit) -> None:
    content = json.loads(state(one).read_text())
    one.git("branch", "feat/older")
    state(one, "older").write_text(json.dumps({**content, "feature": "feat-older", "branch": "feat/older"}))


def lose_a_checkpoint_ref(one: Kit) -> None:
    one.git("update-ref", "-d", "refs/orchestrator/checkpoint/login/2")


def move_a_checkpoint_ref(one: Kit) -> None:
    one.git("update-ref", "refs/orchestrator/checkpoint/login/2", "main")


def lose_a_commit(one: Kit) -> None:
    """The newest commit of a feature, as a bad disk loses it."""
    sha = one.git("rev-parse", "refs/orchestrator/checkpoint/search/2")
    path = one.root / ".git/objects" / sha[:2] / sha[2:]
    path.chmod(0o644)
    path.unlink()


def lose_a_tag(one: Kit) -> None:
    one.git("tag", "-d", "checkpoint/login/4")


def lose_all_tags(one: Kit) -> None:
    one.git("tag", "-d", *one.git("tag", "-l", "checkpoint/login/*").split())


def move_a_tag(one: Kit) -> None:
    one.git("tag", "-f", "checkpoint/login/4", "main")


def make_a_foreign_tag(one: Kit) -> None:
    one.git("tag", "checkpoint/elsewhere/1")


def lose_the_context_ref(one: Kit) -> None:
    one.git("update-ref", "-d", "refs/orchestrator/context/login")


def move_the_context_ref(one: Kit) -> None:
    one.git("update-ref", "refs/orchestrator/context/login", "refs/orchestrator/context/login~1")


def lose_a_snapshot(one: Kit) -> None:
    sha = one.git("rev-parse", "refs/orchestrator/context/login")
    path = one.root / ".git/objects" / sha[:2] / sha[2:]
    path.chmod(0o644)
    path.unlink()


def lose_a_rescue(one: Kit) -> None:
    for name in one.git("for-each-ref", "--format=%(refname)", "refs/orchestrator/rescue/").split():
        one.git("update-ref", "-d", name)


def lose_a_failed_attempt(one: Kit) -> None:
    for name in one.git("for-each-ref", "--format=%(refname)", "refs/orchestrator/attempt/").split():
        one.git("update-ref", "-d", name)


def lose_the_accepted_line(one: Kit) -> None:
    one.git("update-ref", "-d", "refs/orchestrator/line")


def lose_the_branch(one: Kit) -> None:
    one.git("switch", "-q", "--detach", cwd=one.worktree("search"))
    one.git("branch", "-qD", "feat/search")


def cut_a_branch_short(one: Kit) -> None:
    (one.root / ".git/refs/heads/feat/search").write_bytes(b"")


def lose_a_finished_branch(one: Kit) -> None:
    one.git("switch", "-q", "--detach", cwd=one.worktree("login"))
    one.git("branch", "-qD", "feat/login")


def commit_by_hand(one: Kit) -> None:
    worktree = one.worktree("search")
    (worktree / "more.txt").write_text("more\n")
    one.git("add", "-A", cwd=worktree)
    one.git("-c", "core.hooksPath=/dev/null", "commit", "-qm", "by hand", cwd=worktree)


def lose_a_worktree(one: Kit) -> None:
    shutil.rmtree(one.worktree("search"))


def move_a_worktree(one: Kit) -> None:
    one.git("worktree", "move", str(one.worktree("search")), str(one.worktree("elsewhere")))


def clean_the_context(one: Kit) -> None:
    shutil.rmtree(one.worktree("search") / ".context")


def clean_the_main_context(one: Kit) -> None:
    shutil.rmtree(one.context)


def stop_ignoring(one: Kit) -> None:
    (one.root / ".git/info/exclude").write_text("")


def leave_an_index_lock(one: Kit) -> None:
    lock = one.root / ".git/worktrees/search/index.lock"
    lock.touch()
    os.utime(lock, (1, 1))


def cut_an_index_short(one: Kit) -> None:
    index = one.root / ".git/worktrees/search/index"
    index.write_bytes(index.read_bytes()[:40])


def leave_a_half_written_file(one: Kit) -> None:
    os.utime(one.write(".context/.orchestrator-0123456789abcdef", "half"), (1, 1))


def tar(one: Kit, n: int = 1) -> Path:
    return one.context / f"backups/feat-login_backup-{n}.tar.gz"


def lose_a_tar(one: Kit) -> None:
    tar(one, 3).unlink()


def lose_all_tars(one: Kit) -> None:
    shutil.rmtree(one.context / "backups")


def flip_a_bit_in_a_tar(one: Kit) -> None:
    content = bytearray(tar(one).read_bytes())
    content[len(content) // 2] ^= 1
    tar(one).write_bytes(content)


def cut_a_tar(one: Kit) -> None:
    tar(one).write_bytes(tar(one).read_bytes()[:100])


def lose_the_newest_tar(one: Kit) -> None:
    (one.context / "feat-login_backup.tar.gz").unlink()


def replace_the_newest_tar(one: Kit) -> None:
    newest = one.context / "feat-login_backup.tar.gz"
    newest.unlink()
    shutil.copyfile(tar(one), newest)


def kill_an_attempt(one: Kit) -> None:
    from orchestrator.core import decide
    from orchestrator.core.events import PhaseStarted

    workspace = Workspace.find(one.root)
    feature = one.feature("search")
    started = PhaseStarted(ordinal=1, attempt=2, run="0" * 32, worktree=str(one.worktree("search")))
    workspace.record(lambda world: decide.start_phase(world.features[feature.id], started))


def kill_a_rollback(one: Kit) -> None:
    from orchestrator import checkpoints
    from orchestrator.core import decide
    from orchestrator.core.events import RollbackOrdered

    workspace = Workspace.find(one.root)
    feature = one.feature("search")
    point = feature.points[0]
    checkpoints.take_snapshot(workspace, feature, point.commit)
    ordered = RollbackOrdered(
        operation="f" * 32,
        n=point.n,
        commit=point.commit,
        snapshot=point.snapshot,
        old=one.git("rev-parse", "feat/search"),  # type: ignore[arg-type]
        moment=feature.moment,
        worktree=str(one.worktree("search")),
    )
    workspace.record(lambda world: decide.order_rollback(world.features[feature.id], ordered, "kit"))


def lose_a_hook(one: Kit) -> None:
    (one.root / ".git/hooks/post-merge").unlink()


def replace_a_hook(one: Kit) -> None:
    install(one.root / ".git/hooks/post-merge", b"#!/bin/sh\nexit 0\n")


def take_a_hooks_permission(one: Kit) -> None:
    (one.root / ".git/hooks/post-commit").chmod(0o644)


def lose_the_interpreter(one: Kit) -> None:
    install(one.root / ".git/hooks/post-commit", hook("post-commit", "/nowhere/python3"))


def take_an_interpreter_without_the_kit(one: Kit) -> None:
    install(one.root / ".git/hooks/post-commit", hook("post-commit", "/bin/false"))


def edit_a_hook(one: Kit) -> None:
    path = one.root / ".git/hooks/post-commit"
    path.write_bytes(path.read_bytes() + b"# mine\n")


def point_hooks_elsewhere(one: Kit) -> None:
    one.git("config", "core.hooksPath", "/nowhere/hooks")


def switch_all_hooks_off(one: Kit) -> None:
    one.git("config", "core.hooksPath", "/dev/null")


def lead_hooks_nowhere(one: Kit) -> None:
    one.git("config", "core.hooksPath", "")


def leave_hook_trouble(one: Kit) -> None:
    (one.home / "hook-trouble").write_text("post-commit: the disk was full\n")


def break_the_configuration(one: Kit) -> None:
    one.write("orchestrator.toml", "[workflows]\nglobb = 1\n")


def double_a_document(one: Kit) -> None:
    one.write("line/add-feature-2-again.md", TWO_AGAIN)


TWO_AGAIN = "# Again\n\n## Phase 1: Again\n\nAgain.\n"


def remove_the_documents(one: Kit) -> None:
    for path in (one.root / "line").iterdir():
        path.unlink()


def change_the_validation(one: Kit) -> None:
    path = one.root / "orchestrator.toml"
    path.write_text(path.read_text() + '[validate]\ncommand = "true"\n')


def lose_the_agent(one: Kit) -> None:
    path = one.root / "orchestrator.toml"
    path.write_text(path.read_text().replace('"sh", "agent.sh"', '"no-such-agent"'))


def log_the_agent_out(one: Kit) -> None:
    program = one.write(".git/codex", '#!/bin/sh\n[ "$1" = --help ] && echo "  login  log in" && exit 0\nexit 1\n')
    program.chmod(0o755)
    path = one.root / "orchestrator.toml"
    path.write_text(path.read_text().replace('"sh", "agent.sh"', '".git/codex"'))


def lose_the_notifier(one: Kit) -> None:
    path = one.root / "orchestrator.toml"
    path.write_text(path.read_text() + '[notify]\ncommand = ["no-such-notifier"]\n')


def validate_no_workflow(one: Kit) -> None:
    path = one.root / "orchestrator.toml"
    path.write_text(path.read_text() + '[validate.workflows]\n"77" = "true"\n')


def change_a_classified_section(one: Kit) -> None:
    one.do("workflows", "--write")
    path = one.root / "line/add-feature-2-show.md"
    path.write_text(path.read_text() + "\n## GATE 1: Screens\n\nRun `npm test`; it must be green.\n")


def sign_commits(one: Kit) -> None:
    one.git("config", "commit.gpgSign", "true")


def lose_the_identity(one: Kit) -> None:
    one.git("config", "--unset", "user.email")
    one.git("config", "user.useConfigOnly", "true")


def switch_reflogs_off(one: Kit) -> None:
    one.git("config", "core.logAllRefUpdates", "false")


def mirror_to_origin(one: Kit) -> None:
    one.git("config", "remote.origin.mirror", "true")


def keep_a_torn_piece(one: Kit) -> None:
    (one.home / "events.torn-812-0123abcd").write_text('{"id":')


def keep_what_was_set_aside(one: Kit) -> None:
    one.write(".context/feat-payment_orchestrator-state.json.broken-20260101T000000000000", "{")


def lose_the_accepted_tree(one: Kit) -> None:
    sha = one.git("rev-parse", "refs/orchestrator/line^{tree}")
    path = one.root / ".git/objects" / sha[:2] / sha[2:]
    path.chmod(0o644)
    path.unlink()


def leave_an_unrecorded_checkpoint(one: Kit) -> None:
    one.git("update-ref", "refs/orchestrator/checkpoint/login/99", "main")


def remove_the_hooks(one: Kit) -> None:
    shutil.rmtree(one.root / ".git/hooks")


def remove_the_hooks_that_init_wrote(one: Kit) -> None:
    remove_the_hooks(one)
    (one.home / "init.json").write_text("{}")


def configure_no_agent(one: Kit) -> None:
    path = one.root / "orchestrator.toml"
    path.write_text(path.read_text().replace('command = ["sh", "agent.sh"]', ""))


Fault = Callable[[Kit], None]
# The fault, the finding that names it, its severity, and whether `--repair` mends it.
FAULTS: list[tuple[Fault, str, str, str]] = [
    (lose_the_log, "V101", "error", MENDED),
    (lose_the_log_for_good, "V101", "error", STAYS),
    (flip_in_the_middle, "V102", "error", STAYS),
    (tear_the_end, "V103", "warning", MENDED),
    (write_an_unknown_event, "V104", "error", STAYS),
    (cut_the_log, "V105", "error", MENDED),
    (forge_the_fold, "V106", "error", MENDED),
    (break_the_fold, "V107", "note", MENDED),
    (forge_a_reading, "V114", "error", MENDED),
    (lose_the_second_name, "V108", "note", MENDED),
    (replace_the_second_name, "V109", "warning", MENDED),
    (lose_sqlite, "V110", "note", MENDED),
    (edit_sqlite, "V111", "warning", MENDED),
    (break_sqlite, "V111", "warning", MENDED),
    (write_the_log_anew, "V112", "error", STAYS),
    (keep_a_torn_piece, "V113", "note", STAYS),
    (lose_a_state, "V201", "warning", MENDED),
    (break_a_state, "V202", "warning", MENDED),
    (edit_a_state, "V203", "note", MENDED),
    (edit_the_other_copy, "V203", "note", MENDED),
    (bring_an_old_state, "V204", "note", MENDED),
    (bring_a_newer_state, "V205", "error", STAYS),
    (bring_an_unknown_state, "V206", "note", MENDED),
    (bring_a_state_of_another_log, "V207", "warning", MENDED),
    (keep_what_was_set_aside, "V208", "note", STAYS),
    (lose_a_checkpoint_ref, "V301", "error", MENDED),
    (move_a_checkpoint_ref, "V302", "error", MENDED),
    (lose_a_commit, "V303", "error", STAYS),
    (lose_a_tag, "V304", "warning", MENDED),
    (lose_all_tags, "V304", "note", MENDED),
    (move_a_tag, "V305", "warning", MENDED),
    (make_a_foreign_tag, "V306", "note", STAYS),
    (leave_an_unrecorded_checkpoint, "V306", "note", STAYS),
    (lose_the_context_ref, "V307", "error", MENDED),
    (move_the_context_ref, "V308", "error", MENDED),
    (lose_a_snapshot, "V309", "error", STAYS),
    (lose_a_rescue, "V310", "error", MENDED),
    (lose_a_failed_attempt, "V311", "warning", STAYS),
    (lose_the_accepted_line, "V312", "warning", MENDED),
    (lose_the_accepted_tree, "V313", "error", MENDED),
    (lose_the_branch, "V320", "error", STAYS),
    (cut_a_branch_short, "V320", "error", MENDED),
    (lose_a_finished_branch, "V320", "note", STAYS),
    (commit_by_hand, "V321", "note", MENDED),
    (lose_a_worktree, "V401", "warning", STAYS),
    (move_a_worktree, "V402", "note", STAYS),
    (clean_the_context, "V403", "warning", MENDED),
    (clean_the_main_context, "V403", "warning", MENDED),
    (stop_ignoring, "V404", "warning", STAYS),
    (leave_an_index_lock, "V405", "note", STAYS),
    (cut_an_index_short, "V406", "error", STAYS),
    (lose_a_tar, "V501", "warning", MENDED),
    (lose_all_tars, "V501", "warning", MENDED),
    (flip_a_bit_in_a_tar, "V502", "warning", MENDED),
    (cut_a_tar, "V502", "warning", MENDED),
    (lose_the_newest_tar, "V503", "warning", MENDED),
    (replace_the_newest_tar, "V504", "warning", MENDED),
    (kill_an_attempt, "V601", "note", MENDED),
    (kill_a_rollback, "V602", "note", MENDED),
    (leave_a_half_written_file, "V604", "note", STAYS),
    (remove_the_hooks, "V701", "note", THEIRS),
    (remove_the_hooks_that_init_wrote, "V702", "warning", THEIRS),
    (lose_a_hook, "V702", "warning", THEIRS),
    (replace_a_hook, "V702", "warning", THEIRS),
    (take_a_hooks_permission, "V703", "warning", THEIRS),
    (lose_the_interpreter, "V704", "warning", THEIRS),
    (take_an_interpreter_without_the_kit, "V704", "warning", THEIRS),
    (point_hooks_elsewhere, "V705", "warning", THEIRS),
    (leave_hook_trouble, "V706", "warning", MENDED),
    (edit_a_hook, "V707", "note", THEIRS),
    (switch_all_hooks_off, "V709", "note", THEIRS),
    (lead_hooks_nowhere, "V709", "note", THEIRS),
    (break_the_configuration, "V801", "error", STAYS),
    (double_a_document, "V802", "error", THEIRS),
    (remove_the_documents, "V803", "error", THEIRS),
    (change_the_validation, "V804", "note", THEIRS),
    (validate_no_workflow, "V805", "warning", THEIRS),
    (change_a_classified_section, "V806", "warning", THEIRS),
    (lose_the_agent, "V811", "warning", THEIRS),
    (log_the_agent_out, "V812", "warning", THEIRS),
    (configure_no_agent, "V813", "note", THEIRS),
    (lose_the_notifier, "V814", "warning", THEIRS),
    (sign_commits, "V821", "note", THEIRS),
    (lose_the_identity, "V822", "warning", THEIRS),
    (switch_reflogs_off, "V823", "note", THEIRS),
    (mirror_to_origin, "V824", "note", THEIRS),
]
NAMES = [fault[0].__name__ for fault in FAULTS]


@pytest.mark.parametrize(("fault", "id", "severity", "fate"), FAULTS, ids=NAMES)
def test_a_seeded_fault_is_named_changes_nothing_and_is_mended_where_it_can_be(
    kit: Kit, fault: Fault, id: str, severity: str, fate: str
) -> None:
    fault(kit)
    before = kit.digest()

    seen = found(kit)

    assert seen.get(id) == severity, seen
    assert kit.digest() == before
    if fate == THEIRS:
        return
    status, out, err = kit.inside("verify", "--repair", "--json")
    left = {one["id"]: one["severity"] for one in json.loads(out)["findings"]}
    assert (id in left) is (fate == STAYS), (left, out, err)
    assert status == int("error" in left.values()), (left, err)


def test_addresses_without_the_extra_that_sends_to_them_are_named(kit: Kit, monkeypatch: pytest.MonkeyPatch) -> None:
    path = kit.root / "orchestrator.toml"
    path.write_text(path.read_text() + '[notify]\nurls = ["ntfy://topic"]\n')
    monkeypatch.setitem(sys.modules, "apprise", None)  # as if it were not installed
    assert found(kit)["V830"] == "warning"
    monkeypatch.setitem(sys.modules, "apprise", sys)
    assert "V830" not in found(kit)


def test_what_is_mended_and_cannot_be_recorded_is_said_and_the_status_is_one(kit: Kit) -> None:
    lose_the_newest_tar(kit)
    lock = kit.home / "events.jsonl.lock"
    lock.unlink(missing_ok=True)
    lock.mkdir()
    before = kit.log.read_bytes()
    status, out, err = kit.inside("verify", "--repair")
    assert (status, "repaired V503" in out, kit.log.read_bytes()) == (1, True, before)
    assert "not everything could be mended and recorded" in err
    assert f"{lock}: Is a directory; put what lies there out of the way" in err


def test_what_stands_in_the_way_of_a_repair_is_said_and_the_status_is_one(kit: Kit) -> None:
    folder = kit.context / "backups"
    shutil.rmtree(folder)
    folder.write_text("mine\n")
    status, _, err = kit.inside("verify", "--repair")
    assert (status, folder.read_text()) == (1, "mine\n")
    assert "put what lies there out of the way" in err
    assert "not everything could be mended and recorded: V50" in err


@pytest.mark.parametrize("step", ["verifying.repair._mended", "mending.note"])
@pytest.mark.parametrize("then", ["status", "verify --repair"])
def test_what_a_killed_repair_was_about_to_mend_is_told_by_the_next_command_and_recorded_once(
    kit: Kit, step: str, then: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    lose_a_checkpoint_ref(kit)
    (lost,) = (one.finding.where for one in examine(Workspace.find(kit.root)) if one.finding.id == "V301")
    child = os.fork()
    if not child:
        monkeypatch.setattr(f"orchestrator.{step}", lambda *_: os.kill(os.getpid(), signal.SIGKILL))
        kit.inside("verify", "--repair")
        os._exit(0)
    assert os.WTERMSIG(os.waitpid(child, 0)[1]) == signal.SIGKILL

    _, _, said = kit.inside(*then.split())
    assert f"a `verify --repair` that did not come to its end was about to mend {lost}; that is in the log now" in said
    kit.do("verify", "--repair")
    kit.do("status")
    notes = [one["payload"]["note"] for one in kit.events("note_added")]
    assert len([one for one in notes if one.startswith("verify --repair did not come to its end") and lost in one]) == 1
    assert findings(kit) == {"findings": [], "repaired": []}


@pytest.mark.parametrize("name", ["mending.json", "torn.json"])
@pytest.mark.parametrize("content", [b"", b"[]", b'[{"name": "\xff"}]', b'{"a":' + 2000 * b"[", b'[{"by": 1}]'])
def test_what_somebody_else_wrote_beside_the_log_stops_nobody(kit: Kit, name: str, content: bytes) -> None:
    (kit.home / name).write_bytes(content)
    lose_a_checkpoint_ref(kit)
    kit.do("note", "login", "-m", "go on")
    kit.do("verify", "--repair")
    kit.do("note", "login", "-m", "and on")
    assert findings(kit) == {"findings": [], "repaired": []}


# --- healthy repositories --------------------------------------------------------------------------


def findings(kit: Kit, *words: str, where: Path | None = None) -> Any:
    status, out, err = kit.inside("verify", "--json", *words, where=where)
    assert (status, err) == (0, "")
    return json.loads(out)


def test_a_repository_after_runs_failures_and_a_rollback_gives_no_finding_at_all(kit: Kit) -> None:
    assert findings(kit) == {"findings": [], "repaired": []}
    assert kit.do("verify") == "the log holds, and everything else is as it says\n"


def test_repairing_a_healthy_repository_writes_nothing(kit: Kit) -> None:
    kit.do("status")
    before = kit.digest()
    assert findings(kit, "--repair") == {"findings": [], "repaired": []}
    assert kit.digest() == before


def test_it_says_the_same_in_a_linked_worktree_and_in_a_subfolder(kit: Kit) -> None:
    for where in (kit.worktree("search"), kit.root / "line"):
        assert findings(kit, where=where) == {"findings": [], "repaired": []}


def test_an_undone_rollback_and_a_thorough_gc_leave_no_finding(kit: Kit) -> None:
    kit.do("rollback", "payment", "--undo")
    kit.do("run", "-j", "1")
    kit.git("reflog", "expire", "--expire=now", "--all")
    kit.git("gc", "--quiet", "--prune=now")
    kit.git("pack-refs", "--all", "--prune")
    assert findings(kit) == {"findings": [], "repaired": []}


def test_after_a_lost_context_ref_the_next_checkpoint_leads_to_all_snapshots(kit: Kit) -> None:
    lost = kit.git("rev-parse", "refs/orchestrator/context/login")
    kit.git("update-ref", "-d", "refs/orchestrator/context/login")
    kit.git("-C", str(kit.worktree("login")), "commit", "--quiet", "--allow-empty", "-m", "another")
    kit.do("status")
    assert kit.git("rev-parse", "refs/orchestrator/context/login^") == lost
    kit.git("gc", "--quiet", "--prune=now")
    assert findings(kit) == {"findings": [], "repaired": []}


def test_after_a_lost_snapshot_the_older_ones_outlive_the_next_gc(kit: Kit) -> None:
    lose_a_snapshot(kit)
    lost = kit.git("rev-parse", "refs/orchestrator/context/login")
    kit.git("-C", str(kit.worktree("login")), "commit", "--quiet", "--allow-empty", "-m", "another")
    kit.do("status")
    kit.git("reflog", "expire", "--expire=now", "--all")
    kit.git("gc", "--quiet", "--prune=now")
    found = json.loads(kit.inside("verify", "--json")[1])["findings"]
    assert [(one["id"], lost[:12] in one["what"]) for one in found] == [("V309", True)]


def test_without_init_only_the_missing_hooks_are_noted(tmp_path: Path, env: dict[str, str]) -> None:
    kit = created(tmp_path / "shop", env, hooks=False)
    kit.do("start", "payment")
    assert [one["id"] for one in findings(kit)["findings"]] == ["V701"]
    kit.do("run", "-j", "1")
    assert [one["id"] for one in findings(kit)["findings"]] == ["V701"]


@pytest.mark.parametrize("hooks_path", ["/dev/null", ""])
def test_where_git_runs_no_hooks_that_is_the_only_finding(kit: Kit, hooks_path: str) -> None:
    kit.do("init")
    kit.git("config", "core.hooksPath", hooks_path)
    assert [(one["id"], one["severity"]) for one in findings(kit)["findings"]] == [("V709", "note")]


@pytest.mark.parametrize("folder", [".husky/_", "githooks"])
def test_hooks_in_the_tree_that_call_ours_as_init_says_are_no_finding(kit: Kit, folder: str) -> None:
    """`.husky/_` is husky's own folder, whose scripts call those beside it; the other is run by git itself."""
    kit.git("config", "core.hooksPath", folder)
    kit.do("init")
    own = folder.removesuffix("/_")
    (kit.root / own).mkdir()
    for name in HOOKS:
        install(kit.root / folder / name, b'#!/bin/sh\nexec sh -e "$(dirname "$0")/../${0##*/}" "$@"\n')
        kit.write(f"{own}/{name}", f"#!/bin/sh\n{CALL}\n").chmod(0o644 if own == ".husky" else 0o755)
    assert findings(kit)["findings"] == []
    kit.write(f"{own}/post-merge", "#!/bin/sh\nexit 0\n")
    assert [(one["id"], one["where"], one["what"]) for one in findings(kit)["findings"]] == [
        ("V702", str(kit.root / own / "post-merge"), "the hook post-merge does not call the kit")
    ]


def test_hooks_that_the_framework_moved_and_calls_are_no_finding(kit: Kit) -> None:
    hooks = kit.root / ".git/hooks"
    call = [sys.executable, "-I", "-m", "pre_commit", "install", "-t", "post-commit", "-t", "pre-push"]
    subprocess.run(call, cwd=kit.root, env=kit.env, capture_output=True, check=True)
    assert (hooks / "post-commit.legacy").read_bytes() == hook("post-commit", sys.executable)
    assert findings(kit)["findings"] == []
    install(hooks / "post-commit.legacy", hook("post-commit", "/nowhere/python3"))
    assert [(one["id"], one["where"]) for one in findings(kit)["findings"]] == [
        ("V704", str(hooks / "post-commit.legacy"))
    ]


def test_raising_how_many_tags_and_backups_are_kept_is_no_fault(kit: Kit) -> None:
    text = (kit.root / "orchestrator.toml").read_text()
    kit.write("orchestrator.toml", f"{text}[checkpoints]\ntags = 1\n[backups]\nkeep = 1\n")
    kit.do("checkpoint", "login")
    assert findings(kit)["findings"] == []
    kit.write("orchestrator.toml", text)
    assert {(one["id"], one["severity"]) for one in findings(kit)["findings"]} == {("V304", "note")}


def test_a_clone_without_a_log_says_so_and_ends_well(kit: Kit, tmp_path: Path) -> None:
    kit.git("clone", "--quiet", str(kit.root), str(tmp_path / "clone"))
    clone = Kit(tmp_path / "clone", kit.env)
    for words in ((), ("--repair",)):
        found = findings(clone, *words)
        assert [(one["id"], one["severity"], one["what"]) for one in found["findings"]] == [
            ("V100", "note", "there is no log in this clone: nothing was started here")
        ]
    assert not clone.home.exists()
    assert not clone.context.exists()


def test_a_clone_that_was_set_up_and_not_used_lost_no_log(kit: Kit, tmp_path: Path) -> None:
    kit.git("clone", "--quiet", str(kit.root), str(tmp_path / "clone"))
    clone = Kit(tmp_path / "clone", kit.env)
    clone.write(".context/feat-mine_orchestrator-state.json", '{"feature": "feat-mine"}')
    clone.do("init")
    (clone.home / "drain").write_text("1\n")
    assert [one["id"] for one in findings(clone)["findings"]] == ["V100"]
    assert clone.do("verify") == (
        f"note     V100  {clone.log}: there is no log in this clone: nothing was started here\n"
        "               next: orchestrator start NAME\n"
    )
    clone.write(".context/feat-mine_orchestrator-state.json", '{"feature": "feat-mine", "event": {"id": 1}}')
    assert found(clone) == {"V101": "error"}


def test_a_log_that_is_tracked_does_not_make_a_clone_a_broken_repository(kit: Kit, tmp_path: Path) -> None:
    kit.git("add", "--force", ".context/orchestrator-events.jsonl")
    kit.git("-c", "core.hooksPath=/dev/null", "commit", "--quiet", "-m", "the log, too")
    kit.git("clone", "--quiet", str(kit.root), str(tmp_path / "clone"))
    assert [one["id"] for one in findings(Kit(tmp_path / "clone", kit.env))["findings"]] == ["V100"]


def test_beside_a_run_nothing_but_notes_is_found(tmp_path: Path, env: dict[str, str]) -> None:
    kit = created(tmp_path / "shop", env)
    kit.do("start", "payment")
    kit.do("start", "login")
    seen: dict[str, str] = {}
    with subprocess.Popen([PROGRAM, "run", "-j", "1"], cwd=kit.root, env=kit.env, stdout=subprocess.DEVNULL) as run:
        while run.poll() is None:
            seen |= found(kit)
    assert run.returncode == 11
    assert set(seen.values()) <= {"note"}, seen
    assert found(kit) == {}


# --- what is said ----------------------------------------------------------------------------------


def test_an_error_is_shown_with_its_next_step_and_ends_in_status_1(kit: Kit) -> None:
    move_a_checkpoint_ref(kit)
    name, main = "refs/orchestrator/checkpoint/login/2", kit.git("rev-parse", "main")
    what = f"{name}: it leads to {main[:12]}, recorded was {kit.git('rev-parse', 'checkpoint/login/2')[:12]}"
    status, out, err = kit.inside("verify")
    assert (status, out, err) == (
        1,
        f"error    V302  {what}\n               next: `orchestrator verify --repair` mends it\n1 error\n",
        f"orchestrator: 1 error: V302 {what}; `orchestrator verify --repair` mends it\n",
    )


def test_who_works_on_a_feature_is_noted_and_its_attempt_not_called_interrupted(kit: Kit) -> None:
    from orchestrator import perform

    kill_an_attempt(kit)
    workspace = Workspace.find(kit.root, "orchestrator run")
    with perform.locked(workspace, kit.feature("search").id):
        assert found(kit) == {"V110": "note", "V603": "note"}
        assert kit.inside("verify", "--repair")[0] == 0
        assert kit.feature("search").attempt is not None


def test_an_agent_inside_a_run_may_look_but_not_repair(kit: Kit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORCHESTRATOR_RUN_ID", "0" * 32)
    assert kit.inside("verify")[0] == 0
    status, out, err = kit.inside("verify", "--repair")
    assert (status, out) == (1, "")
    assert err.startswith("orchestrator: verify --repair is not called from inside a run")


def test_a_ref_whose_name_is_no_text_is_shown_with_its_bytes(kit: Kit) -> None:
    kit.git("pack-refs", "--all")
    packed = kit.root / ".git/packed-refs"
    packed.write_bytes(packed.read_bytes().replace(b"refs/tags/checkpoint/login/4", b"refs/tags/checkpoint/log\xb9n/4"))
    where = [one["where"] for one in json.loads(kit.inside("verify", "--json")[1])["findings"]]
    assert [one for one in where if "\\xb9" in one] != []
    assert "\\xb9" in kit.inside("verify")[1]


def test_control_characters_in_what_is_shown_are_stripped(kit: Kit) -> None:
    (kit.home / "hook-trouble").write_text("post-commit: \x1b[2Jgone\n")
    assert "\x1b" not in kit.do("verify")


# --- what a repair leaves --------------------------------------------------------------------------


def test_what_a_moved_ref_held_is_kept_under_another_name(kit: Kit) -> None:
    move_a_tag(kit)
    wanted = kit.git("rev-parse", "refs/orchestrator/checkpoint/login/4")
    strange = kit.git("rev-parse", "main")
    assert kit.inside("verify", "--repair")[0] == 0
    assert kit.git("rev-parse", "refs/tags/checkpoint/login/4") == wanted
    assert kit.git("rev-parse", f"refs/orchestrator/aside/tags/checkpoint/login/4/{strange}") == strange


def test_a_repair_is_recorded_as_a_note_of_the_feature(kit: Kit) -> None:
    lose_a_checkpoint_ref(kit)
    repaired = findings(kit, "--repair")["repaired"]
    name = "refs/orchestrator/checkpoint/login/2"
    done = f"leads to {kit.git('rev-parse', 'checkpoint/login/2')[:12]} again"
    assert repaired == [{"id": "V301", "where": name, "what": done}]
    assert kit.feature("login").notes[-1].note == f"verify --repair: {name}: {done} (repair {mending.own()})"
    assert found(kit) == {}


def test_a_tar_made_again_holds_what_was_written_and_the_damaged_one_is_set_aside(kit: Kit) -> None:
    whole = tar(kit).read_bytes()
    flip_a_bit_in_a_tar(kit)
    damaged = tar(kit).read_bytes()
    assert kit.inside("verify", "--repair")[0] == 0
    assert tar(kit).read_bytes() == whole
    aside = list(tar(kit).parent.glob("*.aside-*"))
    assert [path.read_bytes() for path in aside] == [damaged]


def test_a_tar_of_the_same_files_packed_otherwise_is_whole(kit: Kit) -> None:
    subprocess.run(
        ["sh", "-c", f"gzip -dc {tar(kit)} | gzip -1 >{tar(kit)}.new && mv {tar(kit)}.new {tar(kit)}"], check=True
    )
    assert found(kit) == {}


def test_context_files_come_back_from_the_newest_snapshot_that_holds_any_never_over_a_file(kit: Kit) -> None:
    context = kit.worktree("search") / ".context"
    kit.do("checkpoint", "search")
    notes = {path.name: path.read_bytes() for path in context.glob("feat-search_*") if "state.json" not in path.name}
    clean_the_context(kit)
    kit.do("checkpoint", "search")  # an empty snapshot is the newest now
    context.mkdir(exist_ok=True)
    (context / "feat-search_attempts.log").write_text("begun anew\n")
    assert kit.inside("verify", "--repair")[0] == 0
    after = {path.name: path.read_bytes() for path in context.glob("feat-search_*") if "state.json" not in path.name}
    assert after == {**notes, "feat-search_attempts.log": b"begun anew\n"}


def test_context_files_that_a_rollback_took_away_are_not_missed_and_those_it_put_back_are(kit: Kit) -> None:
    bring_an_unknown_state(kit)
    kit.do("set", "older", "workflow", "2")
    kit.do("resume", "older")
    kit.do("next", "older")
    kit.do("rollback", "older")
    assert [path.name for path in (kit.worktree("older") / ".context").glob("*.md")] == []
    assert found(kit) == {}
    kit.do("rollback", "older", "--undo")
    shutil.rmtree(kit.worktree("older") / ".context")
    kit.do("status")
    assert found(kit) == {"V403": "warning"}
    kit.do("verify", "--repair")
    assert [path.name for path in (kit.worktree("older") / ".context").glob("*.md")] == ["feat-older_decisions.md"]


def test_a_log_that_lost_its_name_is_the_very_same_file_again(kit: Kit) -> None:
    inode, content = kit.log.stat().st_ino, kit.log.read_bytes()
    lose_the_log(kit)
    assert kit.inside("verify", "--repair")[0] == 0
    assert (kit.log.stat().st_ino, kit.log.read_bytes()[: len(content)]) == (inode, content)


def test_an_interrupted_rollback_is_ended(kit: Kit) -> None:
    kill_a_rollback(kit)
    goal = kit.feature("search").ordered
    assert goal is not None
    assert kit.inside("verify", "--repair")[0] == 0
    assert kit.git("rev-parse", "feat/search") == goal.commit
    assert (kit.feature("search").ordered, kit.feature("search").status) == (None, "failed")


def test_a_torn_end_is_set_aside_and_recorded(kit: Kit) -> None:
    tear_the_end(kit)
    assert kit.inside("verify", "--repair")[0] == 0
    repaired = kit.events("log_repaired")
    assert [(kit.home / one["payload"]["aside"]).read_text() for one in repaired] == ['{"id":']


def test_nothing_is_written_after_a_break_in_the_middle(kit: Kit) -> None:
    flip_in_the_middle(kit)
    before = kit.digest()
    status, out, _ = kit.inside("verify", "--repair", "--json")
    assert (status, json.loads(out)["repaired"]) == (1, [])
    assert json.loads(out)["findings"][0]["where"].startswith(f"{kit.log}, line 5, byte ")
    assert kit.digest() == before


def test_that_the_log_was_cut_is_recorded_in_what_is_left_of_it(kit: Kit) -> None:
    last = kit.events()[-1]
    cut_the_log(kit)
    fold = (kit.home / "fold.json").read_bytes()
    repaired = json.loads(kit.inside("verify", "--repair", "--json")[1])["repaired"]
    assert "V105" in [one["id"] for one in repaired]
    notes = [one["payload"]["note"] for one in kit.events("note_added") if one["feature"] is None]
    assert [note.startswith("verify --repair: ") and str(kit.log) in note for note in notes] == [True]
    assert [path.read_bytes() for path in kit.home.glob("fold.json.aside-*")] == [fold]
    assert last["hash"] not in [one["hash"] for one in kit.events()]
