"""Where the kit cannot work it says so in a line; a commit succeeds all the same, and nothing of ours is printed."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.conftest import sealed
from tests.git_matrix.hooks import MANAGERS
from tests.git_matrix.product import Case, bystander, staged
from tests.git_matrix.scene import BRANCH, Scene, _git, environment, populated
from tests.git_matrix.ways import _clash

Stage = Callable[..., Scene]


@pytest.fixture
def top(tmp_path: Path) -> Iterator[Path]:
    """An empty folder, and this process in the environment of a person at a plain machine."""
    settings = tmp_path / "gitconfig"
    settings.write_text("[user]\n\tname = A Person\n\temail = person@example.com\n")
    with sealed(tmp_path), environment(GIT_CONFIG_GLOBAL=str(settings)):
        yield tmp_path


@pytest.fixture
def stage(top: Path) -> Stage:
    """Make a scene of the matrix: a shape, hooks, and how they work."""

    def made(shape: str = "plain", hooks: str = "none", mode: str = "off") -> Scene:
        os.environ["ORCHESTRATOR_HOOKS"] = mode
        return staged(Case(shape, hooks, mode, ()), top)

    return made


def refused(scene: Scene, *words: str, where: Path | None = None) -> str:
    """Call a command of the kit that is refused in one line, and return the line."""
    status, out, err = scene.kit(*words, where=where)
    assert (status, out, err.count("\n")) == (1, "", 1), (status, out, err)
    return err


# --- where no worktree is, or no path that can be kept --------------------------------------------------------


def test_a_bare_repository_and_a_worktree_of_one_are_refused_and_commit_as_ever(top: Path) -> None:
    populated(top / "shop")
    _git(top, "clone", "--quiet", "--bare", str(top / "shop"), str(top / "bare.git"))
    scene = Scene(top, top / "bare.git")
    _git(scene.root, "worktree", "add", "--quiet", "-b", BRANCH, str(top / "mine"))
    before = sorted((top / "bare.git").rglob("*"))
    for command in ("status", "init"):
        assert "is a bare repository, without files to work on" in refused(scene, command)
        assert "a bare repository has none: use an ordinary clone" in refused(scene, command, where=top / "mine")
    assert sorted((top / "bare.git").rglob("*")) == before
    scene.place = top / "mine"
    assert scene.commit() == _git(scene.root, "rev-parse", BRANCH)


def test_before_the_first_commit_init_works_start_is_refused_and_the_commit_succeeds(top: Path) -> None:
    _git(top, "init", "--quiet", "--initial-branch=main", "shop")
    scene = Scene(top, top / "shop")
    scene.do("init")
    assert refused(scene, "start", "payment").startswith("orchestrator: the repository has no commit yet; ")
    assert scene.git("commit", "--quiet", "--allow-empty", "-m", "first") == ""
    scene.do("start", "payment")


@pytest.mark.parametrize(("name", "mode"), [(b"new\nline", "wait"), (b"no\xffutf8", "detach"), (b"trailing\n", "wait")])
def test_a_repository_moved_to_a_path_that_cannot_be_kept_commits_and_nothing_is_lost(
    stage: Stage, top: Path, name: bytes, mode: str
) -> None:
    scene = stage("plain", "native", mode)
    home, scene.root = scene.root, top / os.fsdecode(name)
    home.rename(scene.root)
    scene.place = scene.root
    made = [scene.commit(), scene.commit()]
    assert "holds a newline or bytes that are no UTF-8; move it to a plain path" in refused(scene, "status")
    scene.root.rename(home)
    scene.root = scene.place = home
    assert scene.recorded() == made


def test_where_git_trusts_no_other_owner_the_kit_says_so_in_a_line(stage: Stage) -> None:
    if os.getuid() != 0:
        pytest.skip("only root gives files to another user")
    scene = stage()
    subprocess.run(["chown", "-R", "65534", str(scene.root)], check=True)
    assert refused(scene, "status") == (
        f"orchestrator: git refuses {scene.root}: it belongs to another user; see `git help config`, safe.directory\n"
    )


# --- what is not felt -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("hooks", "mode"), [("native", "wait"), ("native", "detach"), ("a simple hook", "detach"), ("husky", "wait")]
)
def test_git_says_the_same_byte_for_byte_with_and_without_the_kit(stage: Stage, hooks: str, mode: str) -> None:
    scene = stage("plain", hooks, mode)
    assert _said(scene) == _said(scene, ORCHESTRATOR_HOOKS="off")
    assert len(scene.recorded()) >= 6


def _said(scene: Scene, **env: str) -> list[str]:
    """Return what git prints at a commit, an amend and a merge, on both streams; names that change are left out."""
    file = f"merged-{scene.name()}"
    words = [
        ("commit", "--allow-empty", "-m", "one"),
        ("commit", "--amend", "--allow-empty", "-m", "two"),
        ("merge", "--no-ff", "-m", "merged", scene.side("HEAD", {file: "merged\n"})),
    ]
    said = []
    for one in words:
        done = subprocess.run(
            ["git", *one], cwd=scene.place, env={**os.environ, **env}, capture_output=True, text=True, check=True
        )
        text = f"{done.stdout}|{done.stderr}".replace(_git(scene.place, "rev-parse", "--short", "HEAD"), "COMMIT")
        said.append("\n".join(row for row in text.replace(file, "FILE").splitlines() if not row.startswith(" Date:")))
    return said


def test_hooks_for_all_repositories_do_nothing_in_one_that_has_no_kit(stage: Stage, top: Path) -> None:
    scene = stage("plain", "hooksPath global", "wait")
    populated(top / "other")
    before = {one for one in (top / "other/.git").rglob("*") if "objects" not in one.parts}
    assert scene.git("commit", "--quiet", "--allow-empty", "-m", "theirs", where=top / "other") == ""
    after = {one for one in (top / "other/.git").rglob("*") if "objects" not in one.parts}
    assert {one.name for one in after - before} <= {"COMMIT_EDITMSG"}
    assert not (top / "other/.context").exists()


@pytest.mark.parametrize("hooks", sorted(set(MANAGERS) - {"none", "native", "pre-commit, then init"}))
def test_the_users_own_hook_still_stops_a_commit(stage: Stage, hooks: str) -> None:
    scene = stage("plain", hooks, "detach")
    known = scene.recorded()
    if "pre-commit" in hooks:
        scene.write(
            ".pre-commit-config.yaml",
            (scene.place / ".pre-commit-config.yaml").read_text().replace('"true"', '"false"'),
        )
    else:
        folder = scene.place / (scene.hook_folder or "")
        folder.mkdir(exist_ok=True)
        (folder / "pre-commit").write_text("#!/bin/sh\nexit 1\n")
        (folder / "pre-commit").chmod(0o755)
    scene.git("add", "--all")
    scene.git("commit", "--quiet", "-m", "stopped", check=1)
    assert scene.recorded() == known


# --- operations in progress -------------------------------------------------------------------------------------

STOPPED = {
    "merge": ("merge", "{side}"),
    "rebase": ("rebase", "{side}"),
    "rebase --apply": ("rebase", "--apply", "{side}"),
    "cherry-pick": ("cherry-pick", "{side}"),
    "revert": ("revert", "--no-edit", "HEAD~1"),
    "am": ("am", "{patch}"),
    "bisect": ("bisect", "start"),
}


@pytest.mark.parametrize("what", sorted(STOPPED))
def test_a_rollback_in_the_middle_of_something_is_refused_and_afterwards_it_works(stage: Stage, what: str) -> None:
    scene = stage()
    start = scene.commit(file="clash", text="old\n")
    scene.do("checkpoint", "payment")
    side, _ = _clash(scene)
    last = scene.commit(file="clash", text="newest\n")
    patch = scene.top / "patch"
    patch.write_text(scene.git("format-patch", "--stdout", "-1", side) + "\n")
    scene.git(*(word.format(side=side, patch=patch) for word in STOPPED[what]), check=None)
    before = scene.git("status"), (scene.place / "clash").read_bytes()
    said = refused(scene, "rollback", "payment")
    assert "is in progress in" in said or "in the middle of a rebase" in said, said
    scene.do("status")
    assert (scene.git("status"), (scene.place / "clash").read_bytes()) == before
    word = what.split()[0]
    scene.git(word, "reset" if word == "bisect" else "--abort")
    assert scene.tip == last
    scene.do("rollback", "payment")
    assert (scene.tip, (scene.place / "clash").read_bytes()) == (start, b"old\n")
    scene.do("rollback", "payment", "--undo")
    assert (scene.tip, (scene.place / "clash").read_bytes()) == (last, b"newest\n")


def test_a_branch_that_another_worktree_is_rebasing_is_not_rolled_back(stage: Stage) -> None:
    scene = stage("linked worktree")
    scene.commit()
    scene.do("checkpoint", "payment")
    side, last = _clash(scene)
    scene.git("rebase", side, check=1)
    assert "is in the middle of a rebase" in refused(scene, "rollback", "payment", where=scene.root)
    assert _git(scene.root, "rev-parse", BRANCH) == last
    scene.git("rebase", "--abort")
    scene.do("rollback", "payment", where=scene.root)


# --- locks and a broken index -----------------------------------------------------------------------------------


def test_an_index_lock_that_stays_stops_the_rollback_alone(stage: Stage) -> None:
    scene = stage()
    scene.commit()
    scene.do("checkpoint", "payment")
    last = scene.commit()
    lock = scene.root / ".git/index.lock"
    lock.touch()
    assert "index.lock" in refused(scene, "rollback", "payment")
    quiet = scene.git("commit-tree", "HEAD^{tree}", "-p", "HEAD", "-m", "beside")
    scene.git("update-ref", f"refs/heads/{BRANCH}", quiet)
    assert scene.recorded()[-2:] == [last, quiet]
    assert lock.exists()
    lock.unlink()
    scene.do("rollback", "payment")


@pytest.mark.parametrize("lock", [f"refs/heads/{BRANCH}.lock", "HEAD.lock"])
def test_a_lock_of_the_branch_that_stays_stops_the_rollback_and_loses_nothing(stage: Stage, lock: str) -> None:
    scene = stage()
    scene.commit()
    scene.do("checkpoint", "payment")
    last = scene.commit()
    scene.write("mine", "not committed\n")
    (scene.root / ".git" / lock).touch()
    scene.kit("rollback", "payment")
    assert scene.recorded()[-1] == last or scene.tip != last
    (scene.root / ".git" / lock).unlink(missing_ok=True)
    scene.kit("status")
    if scene.tip == last:
        assert (scene.place / "mine").read_text() == "not committed\n"
        scene.do("rollback", "payment")
    scene.do("rollback", "payment", "--undo")
    assert (scene.tip, (scene.place / "mine").read_text()) == (last, "not committed\n")


@pytest.mark.parametrize("size", [0, 40])
def test_an_index_that_was_cut_short_is_named_and_stops_the_rollback_alone(stage: Stage, size: int) -> None:
    scene = stage()
    first = scene.commit()
    scene.do("checkpoint", "payment")
    last = scene.commit(file="kept", text="kept\n")
    scene.write("mine", "not committed\n")
    index = scene.root / ".git/index"
    index.write_bytes(index.read_bytes()[:size])
    assert scene.recorded()[-1] == last
    assert refused(scene, "rollback", "payment") == (
        f"orchestrator: git cannot read the index of {scene.root}; `orchestrator verify` names the way out\n"
    )
    (found,) = [one for one in scene.findings() if one["id"] == "V406"]
    assert (found["where"], "`git read-tree HEAD`" in found["next"]) == (str(index), True)
    index.rename(scene.top / "aside")
    _git(scene.root, "read-tree", "HEAD")
    scene.do("rollback", "payment")
    assert scene.tip == first
    scene.do("rollback", "payment", "--undo")
    assert (scene.tip, scene.recorded()[-1]) == (last, last)
    assert [(scene.place / one).read_text() for one in ("kept", "mine")] == ["kept\n", "not committed\n"]


def test_a_bystander_is_one_that_the_kit_would_write_to(top: Path) -> None:
    bystander(top / "bystander")
    scene = Scene(top, top / "bystander")
    scene.others = [top / "bystander"]
    before = scene.strangers()
    scene.do("status")
    assert scene.strangers() != before
