"""Level 4: a real pre-receive hook in a real bare repository; unapproved work does not reach the protected branch."""

from __future__ import annotations

import subprocess
import zlib
from datetime import timedelta
from pathlib import Path

import pytest

from orchestrator import approval
from orchestrator.adapters.git import Git
from orchestrator.core.events import (
    ApprovalGranted,
    ApprovalRejected,
    Fact,
    FeatureCreated,
    Gate,
    GateReached,
    Place,
)  # fmt: skip
from orchestrator.core.values import FeatureId, Sha
from orchestrator.guarding import Guard, Update
from orchestrator.workspace import now
from tests.conftest import PROGRAM
from tests.kit import copied
from tests.signed import PASSPHRASE, PERSON, Signed, founded, make_key

APPROVALS = "refs/orchestrator/approvals/*"


@pytest.fixture(scope="module")
def seeds(tmp_path_factory: pytest.TempPathFactory, env: dict[str, str]) -> tuple[Path, Path]:
    """A feature at its merge gate, its first gate approved; a server that guards main; and where they were made."""
    base = tmp_path_factory.mktemp("guarded")
    kit = founded(base / "place/shop", env, "payment")
    server = base / "place/server.git"
    kit.git("clone", "--quiet", "--bare", str(kit.root), str(server))
    kit.git("remote", "add", "origin", str(server))
    hook = server / "hooks/pre-receive"
    hook.write_text(f"#!/bin/sh\nexec {PROGRAM} guard --signers {kit.allowed()} --protect main\n")
    hook.chmod(0o755)
    kit.approve()
    kit.do("run", "-j", "1")
    copied(base / "place", base / "seed")
    return base / "seed", base / "place"


@pytest.fixture
def shop(seeds: tuple[Path, Path], env: dict[str, str]) -> Signed:
    source, place = seeds
    copied(source, place)
    return Signed(place / "shop", env)


def push(shop: Signed, *refs: str) -> str:
    """Push as the agent does; return what the server said, nothing where it took it."""
    done = subprocess.run(
        ["git", "push", "--quiet", "origin", *refs],
        cwd=shop.root,
        env=shop.env,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stderr if done.returncode else ""


def on_the_server(shop: Signed, ref: str = "main") -> str:
    return shop.git("rev-parse", ref, cwd=shop.root.parent / "server.git")


def merged(shop: Signed, *words: str) -> str:
    shop.git("merge", "--quiet", "--no-ff", "-m", "merge payment", "feat/payment", *words)
    return shop.git("rev-parse", "main")


def test_a_merge_passes_once_every_gate_is_approved_and_signed(shop: Signed) -> None:
    tip = merged(shop)
    shop.do("publish")
    refused = push(shop, "main")
    assert "no signed approval of 2 GATE 2: Merge is for" in refused
    assert shop.approve() == []
    assert "2 signed approvals are on origin" in shop.do("publish")
    assert push(shop, "main") == ""
    assert on_the_server(shop) == tip


def test_the_approvals_may_come_in_the_same_push(shop: Signed) -> None:
    shop.approve()
    shop.do("publish", "--local")
    tip = merged(shop)
    assert "no signed approval" in push(shop, "main")
    assert push(shop, "main", f"{APPROVALS}:{APPROVALS}") == ""
    assert on_the_server(shop) == tip


def test_a_squash_of_work_that_was_never_pushed_and_a_fast_forward_pass(shop: Signed) -> None:
    shop.approve()
    shop.do("publish")
    shop.git("merge", "--quiet", "--squash", "feat/payment")
    tip = shop.commit("payment, squashed")
    assert push(shop, "main") == ""
    assert on_the_server(shop) == tip
    before = shop.git("rev-parse", "main~")
    shop.git("update-ref", "refs/heads/main", before, cwd=shop.root.parent / "server.git")
    assert push(shop, "feat/payment:main") == ""
    assert on_the_server(shop) == shop.git("rev-parse", "feat/payment")


def test_a_commit_after_the_approval_is_refused(shop: Signed) -> None:
    shop.approve()
    shop.do("publish")
    shop.write_in("payment", "late.txt", "late\n")
    merged(shop)
    assert "no signed approval of 2 GATE 2: Merge is for" in push(shop, "main")


def test_a_merge_that_holds_more_than_its_two_sides_is_refused(shop: Signed) -> None:
    shop.approve()
    shop.do("publish")
    shop.git("merge", "--quiet", "--no-ff", "--no-commit", "feat/payment")
    shop.write("smuggled.txt", "more\n")
    shop.commit("merge payment")
    assert "the merge holds more than its two sides" in push(shop, "main")


def test_work_behind_the_approved_merge_is_refused(shop: Signed) -> None:
    shop.approve()
    shop.do("publish")
    merged(shop)
    shop.write("after.txt", "more\n")
    shop.commit("one more")
    refused = push(shop, "main")
    assert "no signed approval" in refused
    shop.git("reset", "--quiet", "--hard", "HEAD~")
    assert push(shop, "main") == ""


def test_an_earlier_gate_without_an_approval_is_named(shop: Signed) -> None:
    shop.approve()
    made = shop.do("publish", "--local").splitlines()
    first = next(row.split()[1] for row in made if _gates(shop, row.split()[2]) == ["GATE 1: Screens"])
    shop.git("update-ref", "-d", first)
    merged(shop)
    refused = push(shop, "main", f"{APPROVALS}:{APPROVALS}")
    assert "feat-payment lacks a signed approval of 1 GATE 1: Screens" in refused


def test_approvals_by_a_key_that_the_server_does_not_know_do_not_count(shop: Signed) -> None:
    shop.approve()
    shop.do("publish")
    shop.allowed(make_key(shop.root.parent / "other"))
    merged(shop)
    refused = push(shop, "main")
    assert "its signature is by no key that may sign" in refused


def test_a_forged_log_publishes_nothing_that_the_guard_believes(shop: Signed) -> None:
    """The agent begins the log anew with a signer of its own: verify here believes it, the server does not."""
    own = make_key(shop.root.parent / "own", PASSPHRASE)
    text = shop.stated("payment")
    shop.forge(*_signed_by(shop, text, own), of="payment")
    shop.do("publish")
    merged(shop)
    assert "no signed approval" in push(shop, "main")


def test_rebased_work_asks_for_its_gates_anew(shop: Signed) -> None:
    shop.approve()
    shop.do("publish")
    shop.git("commit", "--quiet", "--amend", "-m", "another", cwd=shop.worktree("payment"))
    merged(shop)
    assert "no signed approval" in push(shop, "main")


def test_the_line_of_the_protected_branch_decides_and_not_the_one_that_is_pushed(shop: Signed) -> None:
    text = (shop.root / "orchestrator.toml").read_text()
    shop.write("orchestrator.toml", text.replace('"signed"', '"terminal"'))
    shop.write("line/add-feature-2-ship.md", "# Ship it\n\n## Phase 1: Pack\n\nPack it.\n")
    shop.commit("no gates any more")
    assert "no signed approval" in push(shop, "main")


def test_the_protected_branch_is_neither_deleted_nor_rewritten_and_others_are_free(shop: Signed) -> None:
    assert "is protected and is not deleted" in push(shop, ":main")
    shop.git("commit", "--quiet", "--amend", "--allow-empty", "-m", "another beginning")
    assert "does not follow from" in push(shop, "+main")
    assert push(shop, "feat/payment") == ""


def test_an_approval_that_was_taken_back_is_taken_from_the_server_too(shop: Signed) -> None:
    shop.approve()
    shop.do("publish")
    _take_back(shop)
    shop.do("publish")
    merged(shop)
    assert "no signed approval of 2 GATE 2: Merge is for" in push(shop, "main")


def test_as_a_command_in_ci_it_compares_two_commits(shop: Signed) -> None:
    base = shop.git("rev-parse", "main")
    merged(shop)
    words = ("guard", "--signers", str(shop.allowed()), "--base", base, "--head", "refs/heads/main")
    status, _, err = shop.inside(*words)
    assert (status, "no signed approval of 2 GATE 2: Merge is for" in err) == (1, True)
    shop.approve()
    shop.do("publish", "--local")
    assert shop.inside(*words)[0] == 0


def test_an_approval_stands_for_half_a_year_and_no_longer(shop: Signed) -> None:
    shop.approve()
    shop.do("publish", "--local")
    update = Update(ref="refs/heads/main", old=Sha(shop.git("rev-parse", "main")), new=Sha(merged(shop)))
    said = [
        Guard(Git(shop.root), ["main"], shop.allowed().read_text(), now() + timedelta(days=days)).check([update])
        for days in (179, 181)
    ]
    assert said[0] == []
    assert "no signed approval of 2 GATE 2: Merge is for" in said[1][0]


@pytest.mark.parametrize(("glob", "is_refused"), [("release/*", True), ("releases/*", False), ("*", True)])
def test_protected_branches_may_be_named_by_a_glob(shop: Signed, glob: str, is_refused: bool) -> None:
    tip = Sha(merged(shop))
    update = Update(ref="refs/heads/release/1", old=Sha(shop.git("rev-parse", "main~")), new=tip)
    assert bool(Guard(Git(shop.root), [glob], shop.allowed().read_text(), now()).check([update])) == is_refused


def test_what_lies_before_a_features_beginning_and_was_never_shown_is_refused(shop: Signed) -> None:
    shop.write("evil.txt", "evil\n")
    shop.commit("before the start")
    shop.do("start", "landing")
    for _ in range(2):
        shop.do("run", "-j", "1")
        assert shop.approve("landing") == []
    shop.do("publish")
    assert "is neither there nor was shown at a signed gate" in push(shop, "feat/landing:main")


def test_a_feature_that_began_on_approved_work_passes_with_it(shop: Signed) -> None:
    shop.approve()
    merged(shop)
    shop.do("start", "landing")
    for _ in range(2):
        shop.do("run", "-j", "1")
        assert shop.approve("landing") == []
    shop.do("publish")
    assert push(shop, "feat/landing:main") == ""


def test_a_commit_behind_a_signed_gate_is_shown_at_the_next_one_whatever_was_decided_between(shop: Signed) -> None:
    waits = shop.features()["payment"].gate
    assert waits is not None
    shop.write_in("payment", "late.txt", "late\n")
    shop.do("status")
    other = Gate(key="reported r", type="human", trigger="?", heading="h", reported=True)
    tip, place = shop.features()["payment"].tip, shop.features()["payment"].place
    shop.forge(
        ApprovalRejected(ordinal=1, gate=waits.gate, why="no", place=place),
        GateReached(ordinal=1, gate=other),
        ApprovalGranted(ordinal=1, gate=other, door="terminal", commit=tip, next=place),
        GateReached(ordinal=1, gate=waits.gate, commit=tip),
        of="payment",
    )
    assert "late.txt" in shop.inside("approve", "--show", "payment")[1]


def test_what_a_merge_of_main_undid_of_it_is_shown_and_else_refused(shop: Signed) -> None:
    server, tree = shop.root.parent / "server.git", shop.worktree("payment")
    shop.write("login.txt", "check the password\n")
    shop.commit("a fix")
    shop.git("fetch", "-q", str(shop.root), "main:main", cwd=server)
    shop.git("merge", "-q", "-s", "ours", "-m", "merge main", "main", cwd=tree)
    shop.do("status")
    assert "+0 -1        login.txt" in shop.inside("approve", "--show", "payment")[1]
    shop.git("update-ref", "refs/heads/main", "main~")  # what the agent may do before the person looks
    shop.git("read-tree", "--reset", "-u", "main")
    assert shop.approve() == []
    shop.do("publish")
    assert "no signed approval" in push(shop, "feat/payment:main")
    beginning = shop.git("rev-parse", "main")
    odd = shop.git("commit-tree", "-p", beginning, "-p", "feat/payment", "-m", "merge", "feat/payment^{tree}")
    assert "was merged the wrong way round" in push(shop, f"{odd}:refs/heads/main")


def test_what_git_holds_under_a_false_name_is_not_offered_to_be_signed(shop: Signed) -> None:
    shop.write_in("payment", "evil.txt", "let everybody in\n")
    shop.do("status")
    names = [shop.git("rev-parse", f"feat/payment{one}^{{tree}}") for one in ("", "~")]
    false, true = (shop.root / f".git/objects/{one[:2]}/{one[2:]}" for one in names)
    false.chmod(0o644)
    false.write_bytes(true.read_bytes())
    _, shown, said = shop.inside("approve", "--show", "payment")
    assert "evil.txt" not in shown
    assert "git holds something else of payment than its names say; it is not offered" in said


def test_a_beginning_that_git_holds_under_a_false_name_is_not_offered_to_be_signed(shop: Signed) -> None:
    base = shop.features()["payment"].signed[-1]
    shop.write_in("payment", "evil.txt", "let everybody in\n")
    shop.do("status")
    names = [shop.git("rev-parse", f"{one}^{{tree}}") for one in (base, "feat/payment")]
    false, true = (shop.root / f".git/objects/{one[:2]}/{one[2:]}" for one in names)
    false.chmod(0o644)
    false.write_bytes(true.read_bytes())
    assert "it is not offered" in shop.inside("approve", "--show", "payment")[2]


@pytest.mark.parametrize("lie", [b"", b"a remark\n"])
def test_a_file_that_git_holds_under_a_false_name_is_not_offered_to_be_signed(shop: Signed, lie: bytes) -> None:
    shop.write_in("payment", "evil.sh", "let everybody in\n")
    shop.do("status")
    name = shop.git("rev-parse", "feat/payment:evil.sh")
    path = shop.root / f".git/objects/{name[:2]}/{name[2:]}"
    path.chmod(0o644)
    path.write_bytes(zlib.compress(b"blob %d\0" % len(lie) + lie))
    _, shown, said = shop.inside("approve", "--show", "payment")
    assert "evil.sh" not in shown
    assert "it is not offered" in said


def test_the_size_of_a_change_is_shown_whatever_attributes_and_configuration_say(shop: Signed) -> None:
    shop.write_in("payment", "long.txt", "a row\n" * 500)
    shop.do("status")
    shop.write(".git/info/attributes", "*.txt -diff\n")
    shop.git("config", "core.bigFileThreshold", "1")
    assert "+500 -0      long.txt" in shop.inside("approve", "--show", "payment")[1]


@pytest.mark.parametrize("how", ["twice", "unsorted"])
def test_a_tree_that_git_would_not_have_written_is_not_offered_to_be_signed(shop: Signed, how: str) -> None:
    rows = shop.git("ls-tree", "feat/payment").splitlines()
    parts = [(row.split()[0].lstrip("0"), row.split()[2], row.split("\t")[1]) for row in rows]
    parts = [parts[0], *parts] if how == "twice" else [*parts[1:], parts[0]]
    content = b"".join(f"{mode} {name}\0".encode() + bytes.fromhex(sha) for mode, sha, name in parts)
    odd = shop.root.parent / "odd"
    odd.write_bytes(content)
    tree = shop.git("hash-object", "-w", "-t", "tree", "--literally", str(odd))
    tip = shop.git("commit-tree", "-p", "feat/payment", "-m", "odd", tree)
    shop.git("reset", "--quiet", "--soft", tip, cwd=shop.worktree("payment"))
    shop.do("status")
    assert "it is not offered" in shop.inside("approve", "--show", "payment")[2]


def test_a_beginning_that_is_the_name_of_something_else_is_no_beginning(shop: Signed) -> None:
    shop.git("branch", "feat/new", "main")
    tip = shop.git("commit-tree", "-p", "main", "-m", "evil", shop.git("rev-parse", "feat/payment^{tree}"))
    shop.git("update-ref", "refs/heads/feat/new", tip)
    shop.git("tag", "seen", tip)
    created = FeatureCreated(branch="feat/new", commit=Sha("refs/tags/seen"), place=Place("1", 1, "1"))
    shop.workspace().record(lambda world: [Fact(created, FeatureId("feat-new"), "1", "1", "kit")])
    shop.do("run", "-j", "1")
    assert "from where they count is not known any more" in shop.inside("approve", "--show", "new")[1]


def test_a_submodule_that_a_file_hides_is_shown(shop: Signed) -> None:
    tree = shop.worktree("payment")
    shop.git("update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},lib", cwd=tree)
    shop.git("commit", "-q", "-m", "lib", cwd=tree)
    shop.write(".gitmodules", '[submodule "lib"]\n\tpath = lib\n\turl = x\n\tignore = all\n')
    shop.do("status")
    assert "+1 -0        lib" in shop.inside("approve", "--show", "payment")[1]


def _swallowing(shop: Signed, which: str) -> str:
    """Let a second feature take in a commit of the first one without its content; both are signed as shown."""
    first = shop.git("rev-parse", which or str(shop.features()["payment"].signed[-1]))
    shop.git("checkout", "--quiet", first, "--", ".", cwd=shop.worktree("payment"))  # else git cannot merge it later
    shop.write_in("payment", "door.txt", "let in whom check.txt has let through\n")
    shop.do("status")
    shop.do("start", "search")
    shop.do("run", "-j", "1")
    assert shop.approve("search") == []
    shop.git("merge", "--quiet", "-s", "ours", "-m", "tidy", first, cwd=shop.worktree("search"))
    shop.do("run", "-j", "1")
    assert shop.approve("payment", "search") == []
    shop.do("publish")
    shop.git("checkout", "--quiet", "main")
    return shop.git("rev-parse", "feat/payment")


@pytest.mark.parametrize("which", ["feat/payment~", ""])  # the last one, or the one that was shown at its first gate
@pytest.mark.parametrize("order", [("payment", "search"), ("search", "payment")])
def test_what_one_feature_swallowed_of_another_does_not_land_unseen(
    shop: Signed, order: tuple[str, str], which: str
) -> None:
    _swallowing(shop, which)
    said = ""
    for name in order:
        shop.git("merge", "--quiet", "--no-ff", "-m", f"merge {name}", f"feat/{name}")
        said += push(shop, "main") if order[0] == "search" else ""
    said += push(shop, "main")
    assert "neither there nor was shown at a signed gate" in said or "no signed approval" in said


def test_a_merge_has_the_branch_as_its_first_parent_also_where_both_sides_are_approved(shop: Signed) -> None:
    tips = [shop.git("rev-parse", "feat/payment")]
    shop.do("start", "search")
    for _ in range(2):
        shop.do("run", "-j", "1")
        assert shop.approve() == []
    tips.append(shop.git("rev-parse", "feat/search"))
    shop.do("publish")
    assert push(shop, f"{tips[0]}:refs/heads/main") == ""
    tree = shop.git("merge-tree", "--write-tree", "--no-messages", *tips)
    odd, plain = (
        shop.git("commit-tree", "-p", one, "-p", other, "-m", "merge", tree) for one, other in (tips[::-1], tips)
    )
    assert "was merged the wrong way round" in push(shop, f"{odd}:refs/heads/main")
    assert push(shop, f"{plain}:refs/heads/main") == ""


def test_in_ci_what_is_pushed_is_checked_whatever_the_branch_is_called(shop: Signed) -> None:
    base, tip = shop.git("rev-parse", "main"), merged(shop)
    words = ("--signers", str(shop.allowed()), "--base", base, "--head", tip)
    for glob in ("v[0-9]*", "release-[ab]", "main"):
        assert "no signed approval of 2 GATE 2: Merge is for" in shop.inside("guard", "--protect", glob, *words)[2]


def test_a_push_to_the_branch_that_a_protected_name_stands_for_is_one_to_it(shop: Signed) -> None:
    server = shop.root.parent / "server.git"
    shop.git("update-ref", "refs/heads/trunk", "main", cwd=server)
    shop.git("symbolic-ref", "refs/heads/main", "refs/heads/trunk", cwd=server)
    merged(shop)
    assert "no signed approval of 2 GATE 2: Merge is for" in push(shop, "main:trunk")


def test_attributes_that_lie_about_have_no_say_in_what_a_merge_holds(shop: Signed) -> None:
    shop.write_in("payment", "same.txt", "theirs\n")
    shop.do("status")
    assert shop.approve() == []
    shop.do("publish", "--local")
    shop.write("same.txt", "ours\n")
    base = shop.commit("ours")
    shop.write(".gitattributes", "*.txt merge=union\n")
    merged(shop)
    words = ("guard", "--signers", str(shop.allowed()), "--base", base, "--head", "refs/heads/main")
    status, _, err = shop.inside(*words)
    assert (status, "the merge holds more than its two sides" in err) == (1, True), err


def test_a_line_without_signed_gates_is_refused_because_nothing_could_be_checked(shop: Signed) -> None:
    server = shop.root.parent / "server.git"
    shop.write("orchestrator.toml", (shop.root / "orchestrator.toml").read_text().replace('"signed"', '"terminal"'))
    bare = shop.commit("no signatures")
    shop.git("fetch", "--quiet", str(shop.root), f"{bare}:refs/heads/main", "--force", cwd=server)
    shop.commit("more")
    assert "no gate of its line asks for a signature" in push(shop, "main")


def test_the_name_of_a_commit_in_ci_is_not_to_be_taken_for_a_tag(shop: Signed) -> None:
    merged(shop)
    shop.git("tag", "origin/main")
    status, _, err = shop.inside("guard", "--signers", str(shop.allowed()), "--base", "origin/main", "--head", "HEAD")
    assert (status, "may mean a tag" in err) == (1, True)


def test_what_was_sent_back_is_published_no_longer(shop: Signed) -> None:
    shop.approve()
    shop.do("publish")
    shop.do("run", "-j", "1")
    shop.do("rollback", "payment", "--to", "1")
    assert "no signed approval to publish" in shop.do("publish")
    assert shop.git("for-each-ref", APPROVALS[:-1], cwd=shop.root.parent / "server.git") == ""


def test_what_was_taken_back_of_one_feature_is_not_vouched_for_by_another_of_the_same_sitting(shop: Signed) -> None:
    shop.do("start", "search")
    shop.do("run", "-j", "1")
    assert shop.approve("search") == []
    shop.do("run", "-j", "1")
    assert shop.approve("payment", "search") == []
    shop.do("publish")
    approval.take_back(shop.workspace(), [FeatureId("feat-payment")], f"person:{PERSON}")
    shop.do("publish")
    assert "no signed approval" in push(shop, "feat/payment:main")
    assert push(shop, "feat/search:main") == ""


def test_what_counts_as_the_main_branchs_is_listed_wherever_head_was_set_to(shop: Signed) -> None:
    shop.write_in("payment", "evil.txt", "let everybody in\n")
    evil = shop.git("rev-parse", "feat/payment")
    shop.write_in("payment", "nice.txt", "nice\n")
    shop.git("update-ref", "--no-deref", "HEAD", evil)
    shop.do("status")
    _, shown, _ = shop.inside("approve", "--show", "payment")
    assert "not counted, came with the main branch where HEAD is: " in shown
    assert "+1 -0        evil.txt" in shown


def test_the_approvals_of_another_clone_stay_where_they_are(shop: Signed) -> None:
    shop.approve()
    shop.do("publish")
    other = shop.root.parent / "other"
    shop.git("clone", "--quiet", str(shop.root.parent / "server.git"), str(other))
    shop.git("fetch", "--quiet", "origin", f"+{APPROVALS}:{APPROVALS}", cwd=other)
    status, out, _ = shop.inside("publish", where=other)
    assert (status, "no signed approval to publish" in out) == (0, True)
    assert len(shop.git("for-each-ref", APPROVALS[:-1], cwd=shop.root.parent / "server.git").splitlines()) == 2


def test_on_a_disk_that_ignores_case_a_name_in_other_letters_is_the_protected_one(shop: Signed) -> None:
    server = shop.root.parent / "server.git"
    for ignores in ("true", "false"):
        shop.git("config", "core.ignorecase", ignores, cwd=server)
        assert ("main is protected" in push(shop, "feat/payment:MAIN").casefold()) == (ignores == "true")


def test_a_push_to_a_name_that_stands_for_the_protected_branch_is_one_to_it(shop: Signed) -> None:
    shop.git("symbolic-ref", "refs/heads/master", "refs/heads/main", cwd=shop.root.parent / "server.git")
    merged(shop)
    assert "no signed approval" in push(shop, "main:master")


def test_a_line_that_is_a_link_on_the_protected_branch_is_refused(shop: Signed) -> None:
    server = shop.root.parent / "server.git"
    document = shop.root / "line/add-feature-2-ship.md"
    document.rename(shop.root / "ship.md")
    document.symlink_to("../ship.md")
    tip = shop.commit("a link")
    shop.git("fetch", "--quiet", str(shop.root), f"{tip}:refs/heads/main", "--force", cwd=server)
    shop.commit("more")
    assert "line/add-feature-2-ship.md is no plain file there" in push(shop, "main")


def test_what_carries_no_statement_stops_nobody(shop: Signed) -> None:
    shop.approve()
    shop.do("publish")
    tree = shop.git("rev-parse", "main^{tree}")
    commit = shop.git("rev-parse", "main")
    odd = subprocess.run(
        ["git", "mktree", "--missing"], input=f"160000 commit {commit}\tstatement.json\n040000 tree {tree}\tx\n",
        cwd=shop.root, env=shop.env, capture_output=True, text=True, check=True,
    ).stdout.strip()  # fmt: skip
    carrier = shop.git("commit-tree", odd, "-m", "junk")
    assert push(shop, f"{carrier}:refs/orchestrator/approvals/payment/junk") == ""
    tip = merged(shop)
    assert push(shop, "main") == ""
    assert on_the_server(shop) == tip


def test_a_commit_that_changes_nothing_is_no_squash_of_approved_work(shop: Signed) -> None:
    shop.approve()
    shop.do("publish")
    merged(shop)
    assert push(shop, "main") == ""
    shop.git("commit", "--quiet", "--allow-empty", "-m", "[release] deploy to production")
    assert "no signed approval" in push(shop, "main")


def test_who_may_write_the_servers_list_of_signers_lets_anything_pass(shop: Signed) -> None:
    """The known bypass of level 4 that docs/gates.md names."""
    own = make_key(shop.root.parent / "own", PASSPHRASE)
    text = shop.stated("payment")
    shop.forge(*_signed_by(shop, text, own), of="payment")
    shop.do("publish")
    tip = merged(shop)
    assert "no signed approval" in push(shop, "main")
    shop.allowed(shop.key, own)
    assert push(shop, "main") == ""
    assert on_the_server(shop) == tip


def _gates(shop: Signed, commit: str) -> list[str]:
    from orchestrator.core import statement

    text = shop.git("cat-file", "blob", f"{commit}:statement.json")
    return [one.bound.gate for one in statement.read(text).items]


def _signed_by(shop: Signed, text: str, key: Path) -> tuple[object, ...]:
    from orchestrator.core.events import SittingHeld

    held = SittingHeld(statement=text, door="terminal", signature=shop.sign(text, key), signer=PERSON)
    return held, shop.granted("payment", text)


def _take_back(shop: Signed) -> None:
    from orchestrator import approval

    approval.take_back(shop.workspace(), [], f"person:{PERSON}")
