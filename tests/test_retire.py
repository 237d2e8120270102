"""`retire`: what a finished feature leaves behind, what it takes along, and what keeps it from going."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.kit import Kit, copied, created

pytestmark = pytest.mark.usefixtures("env")

KEPT = "retired; branch feat/payment and its checkpoints' refs stay"


@pytest.fixture(scope="module")
def seeds(tmp_path_factory: pytest.TempPathFactory, env: dict[str, str]) -> tuple[Path, Path]:
    base = tmp_path_factory.mktemp("retire")
    kit = created(base / "place/shop", env, hooks=False)
    kit.do("start", "payment")
    kit.do("run", "-j", "1")
    kit.do("start", "login")
    kit.do("start", "here", "--checkout")
    copied(base / "place", base / "seed")
    return base / "seed", base / "place"


def tags(kit: Kit, slug: str) -> list[str]:
    return kit.git("tag", "--list", f"checkpoint/{slug}/*").split()


def verified(kit: Kit) -> list[str]:
    return [one["id"] for one in kit.shown("verify")["findings"]]


def test_worktree_and_tags_go_branch_and_refs_stay(kit: Kit) -> None:
    worktree, tip = kit.worktree("payment"), kit.git("rev-parse", "feat/payment")
    refs = kit.git("for-each-ref", "refs/orchestrator/checkpoint/payment")
    assert kit.do("retire", "payment") == (
        f"payment: the worktree {worktree} is removed\npayment: 5 tags are deleted\npayment: {KEPT}\n"
    )
    assert (worktree.exists(), tags(kit, "payment")) == (False, [])
    assert kit.git("rev-parse", "feat/payment") == tip
    assert kit.git("for-each-ref", "refs/orchestrator/checkpoint/payment") == refs
    assert kit.feature("payment").retired
    assert verified(kit) == ["V701"]  # no hooks are installed here, and nothing else is to be said


def test_the_last_snapshot_holds_the_context_as_it_was(kit: Kit) -> None:
    context = kit.worktree("payment") / ".context"
    (context / "feat-payment_temp-memory.md").write_text("written after the last commit\n")
    kit.do("retire", "payment")
    snapshot = kit.events("feature_retired")[0]["payload"]["snapshot"]
    assert snapshot == kit.git("rev-parse", "refs/orchestrator/context/payment")
    assert kit.git("show", f"{snapshot}:feat-payment_temp-memory.md") == "written after the last commit"


def test_an_open_feature_is_refused_and_nothing_changes(kit: Kit) -> None:
    before = kit.git("for-each-ref"), kit.events()
    status, out, err = kit.inside("retire", "login")
    assert (status, out, err) == (
        1,
        "",
        "orchestrator: login is active; only a completed or failed feature retires; orchestrator status login\n",
    )
    assert (kit.git("for-each-ref"), kit.events()) == before


def test_a_dirty_worktree_is_refused_and_its_files_are_named(kit: Kit) -> None:
    worktree = kit.worktree("payment")
    (worktree / "new.txt").write_text("not committed\n")
    (worktree / "agent.sh").write_text("changed\n")
    before = kit.git("for-each-ref"), kit.events()
    status, out, err = kit.inside("retire", "payment")
    assert (status, out) == (1, "")
    said = f"orchestrator: the worktree {worktree} has uncommitted changes: agent.sh, new.txt"
    assert err == f"{said}; commit them or move them elsewhere, then call it again\n"
    assert (kit.git("for-each-ref"), kit.events()) == before
    assert (worktree / "new.txt").read_text() == "not committed\n"


def test_what_git_ignores_is_moved_and_not_deleted(kit: Kit) -> None:
    worktree = kit.worktree("payment")
    exclude = kit.root / ".git/info/exclude"
    exclude.write_text(exclude.read_text() + ".env\nnode_modules/\n")
    (worktree / ".env").write_text("KEY=1\n")
    (worktree / "node_modules/left-pad").mkdir(parents=True)
    (worktree / "node_modules/left-pad/index.js").write_text("pad\n")
    kept = worktree.with_name("payment.retired")
    assert f"payment: what git ignores in it is kept in {kept}\n" in kit.do("retire", "payment")
    files = {str(path.relative_to(kept)): path.read_text() for path in kept.rglob("*") if path.is_file()}
    assert files == {".env": "KEY=1\n", "node_modules/left-pad/index.js": "pad\n"}


def test_a_copy_of_what_lies_in_the_main_worktree_just_so_is_not_kept_twice(kit: Kit) -> None:
    worktree = kit.worktree("payment")
    kit.write(".git/info/exclude", ".context/\n.env*\n")
    for name, text in ((".env", "KEY=1\n"), (".env.test", "KEY=mine\n")):
        kit.write(name, "KEY=1\n")
        (worktree / name).write_text(text)
    kit.do("retire", "payment")
    kept = worktree.with_name("payment.retired")
    assert {path.name: path.read_text() for path in kept.iterdir()} == {".env.test": "KEY=mine\n"}


def test_context_that_no_snapshot_holds_is_moved_too(kit: Kit) -> None:
    worktree = kit.worktree("payment")
    name = "feat-payment_orchestrator-state.json.broken-20260101T000000000000"
    (worktree / ".context" / name).write_text("{ half")
    kit.do("retire", "payment")
    assert (worktree.with_name("payment.retired") / ".context" / name).read_text() == "{ half"


def test_a_commit_that_is_found_nowhere_else_becomes_a_checkpoint_first(kit: Kit) -> None:
    worktree = kit.worktree("payment")
    (worktree / "late.txt").write_text("late\n")
    commit = kit.commit("after the end", cwd=worktree)
    kit.do("retire", "payment")
    assert commit in kit.git("for-each-ref", "--format=%(objectname)", "refs/orchestrator/checkpoint/payment").split()


def test_a_tag_that_leads_elsewhere_stays_and_is_named(kit: Kit) -> None:
    kit.git("tag", "--force", "checkpoint/payment/2", "main")
    kit.git("tag", "checkpoint/payment/mine", "main")
    out = kit.do("retire", "payment")
    assert tags(kit, "payment") == ["checkpoint/payment/2", "checkpoint/payment/mine"]
    assert "payment: refs/tags/checkpoint/payment/2 is no checkpoint's and stays\n" in out
    assert "payment: 4 tags are deleted\n" in out


def test_a_locked_worktree_is_refused_before_anything_is_moved(kit: Kit) -> None:
    kit.git("worktree", "lock", str(kit.worktree("payment")))
    status, _, err = kit.inside("retire", "payment")
    assert status == 1
    assert f"git does not remove the worktree {kit.worktree('payment')}: it is locked" in err
    assert tags(kit, "payment") != []


def test_in_the_main_worktree_nothing_is_removed_but_the_tags(kit: Kit) -> None:
    for _ in range(3):
        kit.do("next", "here")
    before = sorted(kit.root.iterdir())
    assert kit.do("retire", "here") == (
        "here: 5 tags are deleted\nhere: retired; branch feat/here and its checkpoints' refs stay\n"
    )
    assert sorted(kit.root.iterdir()) == before
    assert kit.git("branch", "--show-current") == "feat/here"


def test_a_branch_that_was_deleted_after_its_merge_is_no_hindrance(kit: Kit) -> None:
    tip = kit.git("rev-parse", "feat/payment")
    kit.git("worktree", "remove", str(kit.worktree("payment")))
    kit.git("branch", "-D", "feat/payment")
    kit.do("retire", "payment")
    retired = kit.events("feature_retired")[0]["payload"]
    assert retired["commit"] == tip
    assert kit.git("ls-tree", "--name-only", retired["snapshot"]) != ""


def test_twice_is_refused(kit: Kit) -> None:
    kit.do("retire", "payment")
    assert kit.inside("retire", "payment") == (
        1, "", "orchestrator: payment is retired already; orchestrator log payment\n",
    )  # fmt: skip


def test_a_failed_feature_retires_and_is_none_of_the_dashboards_any_more(kit: Kit) -> None:
    kit.do("next", "login")
    kit.do("rollback", "login")
    kit.do("retire", "login")
    assert "login" not in kit.do("status")
    assert kit.inside("replay", "--check")[0] == 0


def test_a_last_commit_that_only_the_branch_holds_is_refused(kit: Kit) -> None:
    tip = kit.git("rev-parse", "feat/payment")
    for name in kit.git(
        "for-each-ref", f"--points-at={tip}", "--format=%(refname)", "refs/orchestrator/checkpoint"
    ).split():
        kit.git("update-ref", "-d", name)
    status, _, err = kit.inside("retire", "payment")
    assert (status, kit.worktree("payment").is_dir()) == (1, True)
    assert err == (
        f"orchestrator: commit {tip[:12]} of feat/payment is in no other branch, remote or checkpoint; "
        "merge or push it, or make a checkpoint: orchestrator checkpoint payment\n"
    )
    kit.git("branch", "merged", tip)
    assert kit.inside("retire", "payment")[0] == 0


def begin(kit: Kit, snapshot: str | None = None) -> Path:
    """Leave what `retire` writes down before git removes the worktree of payment; return git's folder for that."""
    own = kit.root / ".git/worktrees/payment"
    mark = kit.root / ".git/orchestrator/retiring/payment"
    mark.parent.mkdir()
    begun = {"branch": "feat/payment", "path": str(kit.worktree("payment")), "git_dir": str(own), "snapshot": snapshot}
    mark.write_text(json.dumps(begun))
    return own


@pytest.mark.parametrize("gone", [("agent.sh",), (".git", "agent.sh", ".context/feat-payment_decisions.md")])
def test_a_removal_that_was_killed_half_way_is_ended_by_the_same_command(kit: Kit, gone: tuple[str, ...]) -> None:
    snapshot = kit.git("rev-parse", "refs/orchestrator/context/payment")
    own = begin(kit, snapshot)
    for name in gone:
        (kit.worktree("payment") / name).unlink()
    assert kit.do("retire", "payment").endswith(f"payment: {KEPT}\n")
    assert not kit.worktree("payment").exists()
    assert not own.exists()
    last = kit.git("ls-tree", "-r", "--name-only", "refs/orchestrator/context/payment")
    assert last == kit.git("ls-tree", "-r", "--name-only", snapshot)


def test_what_came_after_a_killed_removal_still_keeps_the_worktree(kit: Kit) -> None:
    begin(kit)
    (kit.worktree("payment") / "agent.sh").unlink()
    mine = kit.worktree("payment") / "mine.txt"
    mine.write_text("mine\n")
    status, _, err = kit.inside("retire", "payment")
    assert (status, "has uncommitted changes: mine.txt;" in err) == (1, True), err
    assert mine.read_text() == "mine\n"


@pytest.mark.parametrize("gone", [(), ("HEAD", "gitdir")])
def test_a_removal_killed_when_only_gits_list_was_left_is_ended(kit: Kit, gone: tuple[str, ...]) -> None:
    own = begin(kit)
    shutil.rmtree(kit.worktree("payment"))
    for name in gone:
        (own / name).unlink()
    assert kit.do("retire", "payment").endswith(f"payment: {KEPT}\n")
    assert not own.exists()


def test_what_git_left_of_a_worktree_that_it_forgot_is_moved_beside_it(kit: Kit) -> None:
    shutil.rmtree(begin(kit))
    (kit.worktree("payment") / "mine.txt").write_text("mine\n")
    out = kit.do("retire", "payment")
    aside = kit.worktree("payment").with_name("payment.retired")
    assert f"what git did not remove of {kit.worktree('payment')} is kept in {aside}\n" in out
    assert (aside / "mine.txt").read_text() == "mine\n"
