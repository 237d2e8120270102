"""The ways in which commits come to be and go. Each is done in a scene and says which commits it put on the branch.

What a way returns are the commits to which the branch was moved, in order: each is to become a checkpoint, once.
A way leaves the worktree clean and on the feature's branch. One that a scene has no room for returns None.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

from tests.git_matrix.scene import BRANCH, REFS, Broken, Scene

Way = Callable[[Scene], list[str] | None]


def commit(scene: Scene) -> list[str]:
    return [scene.commit()]


def several(scene: Scene) -> list[str]:
    return [scene.commit() for _ in range(3)]


def amend(scene: Scene) -> list[str]:
    return [scene.commit(), scene.commit("--amend")]


def no_verify(scene: Scene) -> list[str]:
    return [scene.commit("--no-verify")]


def commit_all(scene: Scene) -> list[str]:
    first = scene.commit(file="all", text=f"{scene.name()}\n")
    scene.write("all", f"{scene.name()}\n")
    scene.git("commit", "--quiet", "-a", "-m", "all")
    return [first, scene.tip]


def no_hooks(scene: Scene) -> list[str]:
    scene.git("-c", "core.hooksPath=/dev/null", "commit", "--quiet", "--allow-empty", "-m", "quiet")
    return [scene.tip]


def plumbing(scene: Scene) -> list[str]:
    made = scene.git("commit-tree", "HEAD^{tree}", "-p", "HEAD", "-m", "plumbing")
    scene.git("update-ref", f"refs/heads/{BRANCH}", made)
    return [made]


# --- merges ------------------------------------------------------------------------------------------


def merge_forward(scene: Scene) -> list[str]:
    scene.git("merge", "--quiet", "--ff-only", scene.side("HEAD", {scene.name(): "a\n"}, {scene.name(): "b\n"}))
    return [scene.tip]


def merge(scene: Scene) -> list[str]:
    side = scene.side("HEAD", {scene.name(): "a\n"}, {scene.name(): "b\n"})
    mine = scene.commit()
    scene.git("merge", "--quiet", "--no-ff", "-m", "merge", side)
    return [mine, scene.tip]


def merge_conflict(scene: Scene) -> list[str]:
    side, mine = _clash(scene)
    scene.git("merge", "--quiet", side, check=1)
    scene.do("status")
    _settle(scene)
    scene.git("commit", "--quiet", "-m", "settled")
    return [mine, scene.tip]


def merge_aborted(scene: Scene) -> list[str]:
    side, mine = _clash(scene)
    scene.git("merge", "--quiet", side, check=1)
    scene.do("status")
    scene.git("merge", "--abort")
    return [mine]


def merge_squash(scene: Scene) -> list[str]:
    side = scene.side("HEAD", {scene.name(): "a\n"}, {scene.name(): "b\n"})
    scene.git("merge", "--quiet", "--squash", side)
    scene.git("commit", "--quiet", "-m", "squashed")
    return [scene.tip]


# --- rebases -------------------------------------------------------------------------------------------


def rebase(scene: Scene) -> list[str]:
    return _rebased(scene, "--merge")


def rebase_apply(scene: Scene) -> list[str]:
    return _rebased(scene, "--apply")


def _rebased(scene: Scene, backend: str) -> list[str]:
    side = scene.side("HEAD", {scene.name(): "a\n"})
    mine = several(scene)
    scene.git("rebase", "--quiet", backend, side)
    return [*mine, scene.tip]


def rebase_by_hand(scene: Scene) -> list[str]:
    """`rebase -i` with a squash and a drop."""
    mine = several(scene)
    editor = "sed -i -e 2s/^pick/squash/ -e 3s/^pick/drop/"
    scene.git("rebase", "--quiet", "-i", "HEAD~3", GIT_SEQUENCE_EDITOR=editor, GIT_EDITOR="true")
    return [*mine, scene.tip]


def rebase_aborted(scene: Scene) -> list[str]:
    side, mine = _clash(scene)
    scene.git("rebase", "--quiet", side, check=1)
    scene.do("status")
    scene.git("rebase", "--abort")
    _same(scene, mine)
    return [mine]


def rebase_conflict(scene: Scene) -> list[str]:
    side, mine = _clash(scene)
    scene.git("rebase", "--quiet", side, check=1)
    _settle(scene)
    scene.git("rebase", "--continue", GIT_EDITOR="true")
    return [mine, scene.tip]


# --- patches and picks -------------------------------------------------------------------------------------


def patches(scene: Scene) -> list[str]:
    old = scene.tip
    scene.git("am", "--quiet", _patches(scene, scene.side("HEAD", {scene.name(): "a\n"}, {scene.name(): "b\n"}), 2))
    return scene.between(old)


def patches_aborted(scene: Scene) -> list[str]:
    """`git am` of two patches: the first applies, the second does not, and all is called off."""
    old, name = scene.commit(), scene.name()
    side = scene.side("HEAD", {scene.name(): "a\n"}, {name: "theirs\n"})
    series = _patches(scene, side, 2)
    mine = scene.commit(file=name, text="mine\n")
    scene.git("am", "--quiet", series, check=128)
    first = scene.tip
    scene.git("am", "--abort")
    _same(scene, mine)
    return [old, mine, first]


def picks(scene: Scene) -> list[str]:
    side = scene.side("HEAD", {scene.name(): "a\n"}, {scene.name(): "b\n"}, {scene.name(): "c\n"})
    mine = scene.commit()
    scene.git("cherry-pick", f"{side}~3..{side}")
    return [mine, *scene.between(mine)]


def pick_conflict(scene: Scene) -> list[str]:
    side, mine = _clash(scene)
    scene.git("cherry-pick", side, check=1)
    scene.do("status")
    _settle(scene)
    scene.git("cherry-pick", "--continue", GIT_EDITOR="true")
    return [mine, scene.tip]


def revert(scene: Scene) -> list[str]:
    mine = scene.commit()
    scene.git("revert", "--no-edit", "HEAD")
    return [mine, scene.tip]


# --- what goes back ------------------------------------------------------------------------------------------


def stash(scene: Scene) -> list[str]:
    mine = scene.commit(file="stashed", text=f"{scene.name()}\n")
    scene.write("stashed", "later\n")
    scene.git("stash", "push", "--quiet")
    scene.do("status")
    scene.git("stash", "pop", "--quiet")
    scene.git("checkout", "--quiet", "--", "stashed")
    return [mine]


def reset_soft(scene: Scene) -> list[str]:
    old, mine = scene.tip, scene.commit()
    scene.git("reset", "--quiet", "--soft", "HEAD~1")
    scene.do("status")
    scene.git("commit", "--quiet", "-m", f"again {scene.name()}")
    return [mine, old, scene.tip]


def reset_hard(scene: Scene) -> list[str]:
    """Back, and forward again: the same commit is no second checkpoint."""
    old, mine = scene.tip, scene.commit()
    scene.git("reset", "--quiet", "--hard", "HEAD~1")
    scene.do("status")
    scene.git("reset", "--quiet", "--hard", mine)
    return [mine, old]


def reset_away(scene: Scene) -> list[str]:
    """Commits that were left before any command of the kit saw them."""
    old = scene.tip
    mine = several(scene)
    scene.git("reset", "--quiet", "--hard", old)
    return [*mine, old]


def rolled_back(scene: Scene) -> list[str]:
    """The kit itself takes the branch back to a rollback point, and forward again."""
    first = scene.commit()
    scene.do("checkpoint", "payment")
    later = several(scene)
    scene.do("rollback", "payment")
    _same(scene, first)
    scene.do("rollback", "payment", "--undo")
    _same(scene, later[-1])
    return [first, *later]


def detached(scene: Scene) -> list[str]:
    scene.git("switch", "--quiet", "--detach")
    scene.commit()
    scene.do("status")
    scene.git("switch", "--quiet", BRANCH)
    return []


# --- the branch itself -----------------------------------------------------------------------------------------


def renamed_and_back(scene: Scene) -> list[str]:
    scene.git("branch", "-m", BRANCH, "side/other")
    mine = scene.commit()
    scene.do("status")
    scene.git("branch", "-m", "side/other", BRANCH)
    return [mine]


def deleted_and_made_again(scene: Scene) -> list[str]:
    """The branch is made again where it was, seen by a command in between."""
    old = scene.tip
    scene.git("switch", "--quiet", "--detach")
    scene.git("branch", "--quiet", "-D", BRANCH)
    scene.do("status")
    scene.git("switch", "--quiet", "-c", BRANCH, old)
    return [old, *several(scene)]


def made_again_elsewhere(scene: Scene) -> list[str]:
    """The branch is made again at an older commit, and nobody looked in between."""
    old = [scene.commit(), scene.commit()][0]
    newer = scene.tip
    scene.recorded()
    scene.git("switch", "--quiet", "--detach", old)
    scene.git("branch", "--quiet", "-D", BRANCH)
    scene.git("switch", "--quiet", "-c", BRANCH)
    return [old, newer, *several(scene)]


def pushed_by_force(scene: Scene) -> list[str]:
    store = _store(scene)
    mine = scene.commit()
    scene.git("push", "--quiet", str(store), f"HEAD:refs/heads/{BRANCH}", check=None)
    other = scene.commit("--amend")
    scene.git("push", "--quiet", "--force", str(store), f"HEAD:refs/heads/{BRANCH}", check=None)
    return [mine, other]


def pushed_into(scene: Scene) -> list[str]:
    """Another worktree's push moves the branch while nobody has it checked out."""
    side = scene.side("HEAD", {scene.name(): "a\n"}, {scene.name(): "b\n"})
    scene.git("switch", "--quiet", "--detach")
    scene.git("push", "--quiet", ".", f"{side}:refs/heads/{BRANCH}")
    scene.git("switch", "--quiet", BRANCH)
    return [scene.tip]


def fetched_into(scene: Scene) -> list[str]:
    side = scene.side("HEAD", {scene.name(): "a\n"}, {scene.name(): "b\n"})
    scene.git("switch", "--quiet", "--detach")
    scene.git("fetch", "--quiet", ".", f"{side}:{BRANCH}")
    scene.git("switch", "--quiet", BRANCH)
    return [scene.tip]


def pulled(scene: Scene) -> list[str]:
    """`pull --rebase` brings what others pushed under what is mine."""
    side = scene.side("HEAD", {scene.name(): "a\n"})
    mine = scene.commit()
    scene.git("pull", "--quiet", "--rebase", ".", side)
    return [mine, scene.tip]


# --- housekeeping ------------------------------------------------------------------------------------------------


def pruned(scene: Scene) -> list[str]:
    """Git takes what nothing leads to while a job of the kit writes."""
    made = amend(scene)
    scene.git("prune", "--expire=now")
    return made


def collected(scene: Scene) -> list[str]:
    made = amend(scene)
    scene.recorded()  # a job that writes a ref just then would make git say that it leaves that one unpacked
    scene.git("gc", "--quiet", "--prune=now")
    return made


def packed(scene: Scene) -> list[str]:
    first = scene.commit()
    scene.recorded()  # a job that writes a ref just then would make git say that it leaves that one unpacked
    scene.git("pack-refs", "--all", "--prune")
    return [first, scene.commit()]


def expired(scene: Scene) -> list[str]:
    """All reflogs are emptied after a command of the kit; then it goes on."""
    first = amend(scene)
    scene.recorded()
    scene.git("reflog", "expire", "--expire=now", "--all")
    scene.git("gc", "--quiet", "--prune=now")
    return [*first, *several(scene)]


def expired_unseen(scene: Scene) -> list[str]:
    """All reflogs are emptied before any command of the kit: the tip is all that git still tells."""
    if os.environ.get("ORCHESTRATOR_HOOKS") != "off":
        return []
    several(scene)
    scene.git("reflog", "expire", "--expire=now", "--all")
    return [scene.tip]


def worktree_moved(scene: Scene) -> list[str] | None:
    if scene.place == scene.root:
        return None
    first, elsewhere = scene.commit(), scene.place.with_name("moved")
    home, scene.place = scene.place, elsewhere
    scene.git("worktree", "move", str(home), str(elsewhere), where=scene.root)
    second = scene.commit()
    scene.do("status")
    scene.git("worktree", "move", str(elsewhere), str(home), where=scene.root)
    scene.place = home
    return [first, second]


def worktree_pruned(scene: Scene) -> list[str] | None:
    if scene.place == scene.root:
        return None
    first = scene.commit()
    shutil.rmtree(scene.place)
    scene.do("status", where=scene.root)
    scene.git("worktree", "prune", where=scene.root)
    scene.do("status", where=scene.root)
    scene.git("worktree", "add", "--quiet", str(scene.place), BRANCH, where=scene.root)
    return [first, scene.commit()]


# --- hooks in hooks, and the environment ---------------------------------------------------------------------------


def inside_a_hook(scene: Scene) -> list[str] | None:
    """The user's own hook commits on the branch, and in another repository, while git runs it."""
    folder = scene.place / (scene.hook_folder or "")
    hook, other = folder / "post-checkout", scene.top / "bystander"
    if hook.exists() or not folder.is_dir():
        return None
    hook.write_text(
        '#!/bin/sh\n[ -z "$IN_A_HOOK" ] || exit 0\nIN_A_HOOK=1\nexport IN_A_HOOK\n'
        "git -c user.name=A -c user.email=a@example.com commit --quiet --allow-empty -m inner\n"
        f'unset $(git rev-parse --local-env-vars)\ncd "{other}" && git rev-parse --verify HEAD >/dev/null\n'
    )
    hook.chmod(0o755)
    old = scene.tip
    scene.git("switch", "--quiet", "--detach")
    scene.git("switch", "--quiet", BRANCH)
    hook.unlink()
    inner = scene.between(old)
    return [*inner, scene.commit()]


def led_by_the_environment(scene: Scene) -> list[str]:
    """GIT_DIR, GIT_WORK_TREE and GIT_INDEX_FILE lead git here from another repository."""
    git_dir = scene.git("rev-parse", "--absolute-git-dir")
    scene.write("led", f"{scene.name()}\n")
    env = {"GIT_DIR": git_dir, "GIT_WORK_TREE": str(scene.place), "GIT_INDEX_FILE": f"{git_dir}/index"}
    other = scene.top / "bystander"
    scene.git("add", "led", where=scene.place, **env)
    scene.git("commit", "--quiet", "-m", "led", where=other, **env)
    return [scene.tip]


def led_away(scene: Scene) -> list[str]:
    """The kit's own commands are called with GIT_DIR and friends that lead to another repository."""
    from tests.git_matrix.scene import environment

    mine = scene.commit()
    other = scene.top / "bystander"
    with environment(
        GIT_DIR=str(other / ".git"), GIT_WORK_TREE=str(other), GIT_INDEX_FILE=str(other / ".git/index"),
        GIT_COMMON_DIR=str(other / ".git"), GIT_OBJECT_DIRECTORY=str(other / ".git/objects"),
        GIT_NAMESPACE="elsewhere", GIT_PREFIX="nowhere/", GIT_CEILING_DIRECTORIES=str(scene.top),
    ):  # fmt: skip
        scene.do("status")
    return [mine]


# --- what the kit keeps, moved by hand -------------------------------------------------------------------------------


def tag_deleted(scene: Scene) -> list[str]:
    return _by_hand(
        scene, lambda name: scene.git("tag", "-d", name.removeprefix("refs/tags/")), "refs/tags/checkpoint/payment"
    )


def tag_moved(scene: Scene) -> list[str]:
    return _by_hand(scene, lambda name: scene.git("update-ref", name, "HEAD~1"), "refs/tags/checkpoint/payment")


def ref_deleted(scene: Scene) -> list[str]:
    return _by_hand(scene, lambda name: scene.git("update-ref", "-d", name), REFS)


def ref_moved(scene: Scene) -> list[str]:
    return _by_hand(scene, lambda name: scene.git("update-ref", name, "HEAD~1"), REFS)


def ref_deleted_and_back(scene: Scene) -> list[str]:
    """The branch goes back to a checkpoint whose ref was deleted: it is no second one."""
    first = scene.commit()
    number = scene.numbers()[-1]
    second = scene.commit()
    scene.recorded()
    scene.git("update-ref", "-d", f"{REFS}/{number}")
    scene.git("reset", "--quiet", "--hard", first)
    scene.recorded()
    scene.do("verify", "--repair")
    return [first, second]


def _by_hand(scene: Scene, change: Callable[[str], str], below: str) -> list[str]:
    """Change the newest checkpoint's ref or tag, go on, and have `verify` name it and put it back."""
    first = scene.commit()
    number = scene.numbers()[-1]
    name = f"{below}/{number}"
    change(name)
    second = scene.commit()
    scene.recorded()
    found = scene.kit("verify")[1]
    if name.removeprefix("refs/tags/") not in found:
        raise Broken(f"verify does not name {name}:\n{found}")
    scene.do("verify", "--repair")
    held = scene.git("rev-parse", name)
    if held != first:
        raise Broken(f"{name} holds {held} after the repair, not {first}")
    return [first, second]


WAYS: dict[str, Way] = {
    one.__name__.replace("_", " "): one
    for one in (
        commit, several, amend, no_verify, commit_all, no_hooks, plumbing,
        merge_forward, merge, merge_conflict, merge_aborted, merge_squash,
        rebase, rebase_apply, rebase_by_hand, rebase_aborted, rebase_conflict,
        patches, patches_aborted, picks, pick_conflict, revert,
        stash, reset_soft, reset_hard, reset_away, rolled_back, detached,
        renamed_and_back, deleted_and_made_again, made_again_elsewhere, pushed_by_force, pushed_into, fetched_into, pulled,
        pruned, collected, packed, expired, expired_unseen, worktree_moved, worktree_pruned,
        inside_a_hook, led_by_the_environment, led_away,
        tag_deleted, tag_moved, ref_deleted, ref_moved, ref_deleted_and_back,
    )
}  # fmt: skip


def _clash(scene: Scene) -> tuple[str, str]:
    """Return a branch and a commit of ours that write the same file differently."""
    name = "clash"
    side = scene.side("HEAD", {name: f"theirs {scene.name()}\n"})
    return side, scene.commit(file=name, text=f"mine {scene.name()}\n")


def _settle(scene: Scene) -> None:
    scene.write("clash", f"settled {scene.name()}\n")
    scene.git("add", "clash")


def _patches(scene: Scene, side: str, count: int) -> str:
    path = scene.top / f"patches-{scene.name()}"
    path.write_text(scene.git("format-patch", "--stdout", f"-{count}", side) + "\n")
    return str(path)


def _same(scene: Scene, commit: str) -> None:
    if scene.tip != commit:
        raise Broken(f"the branch is at {scene.tip}, not {commit}")


def _store(scene: Scene) -> Path:
    store = scene.top / "store.git"
    if not store.exists():
        kind = scene.git("rev-parse", "--show-object-format")
        scene.git("init", "--quiet", "--bare", f"--object-format={kind}", str(store))
        scene.git("-C", str(store), "config", "receive.shallowUpdate", "true")
    return store
