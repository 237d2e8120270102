"""A branch, its worktree and its index move and come back bit for bit; what stands in the way is refused."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orchestrator.adapters import move
from orchestrator.adapters.git import Git, scrubbed
from orchestrator.adapters.move import Changes, Mover, Rescue, Target
from orchestrator.core.values import Sha
from orchestrator.errors import GitFailed, MoveRefused

BRANCH = "feat/payment"
RESCUE = "refs/orchestrator/rescue/payment/1"
UNDO = "refs/orchestrator/rescue/payment/2"
KILLED = 9

# A file is its content and whether it is executable, a link its target: {"a/b": (b"text", False), "l": "a/b"}
Entry = tuple[bytes, bool] | str
Files = Mapping[str, Entry]


@pytest.fixture(scope="module", autouse=True)
def sealed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Run with no git configuration but the repository's own."""
    home = tmp_path_factory.mktemp("home")
    kept = dict(os.environ)
    os.environ.clear()
    os.environ.update(scrubbed(kept))
    os.environ.update({"HOME": str(home), "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_SYSTEM": "/dev/null"})
    yield
    os.environ.clear()
    os.environ.update(kept)


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory, sealed: None) -> Path:
    """A repository without commits on the feature's branch, to be copied."""
    root = tmp_path_factory.mktemp("seed") / "repo"
    sh("git", "init", "-q", "-b", BRANCH, str(root))
    with (root / ".git" / "config").open("a") as config:
        config.write("[user]\n\tname = P\n\temail = p@example.com\n[gc]\n\tauto = 0\n")
    (root / ".git" / "info" / "exclude").write_text("*.log\nbuild/\n")
    return root


def sh(*command: str, cwd: Path | None = None, stdin: bytes = b"") -> str:
    done = subprocess.run(command, cwd=cwd, input=stdin, capture_output=True, check=True)
    return os.fsdecode(done.stdout).strip()


def lay(root: Path, files: Files) -> None:
    """Make the worktree hold exactly `files`."""
    for child in root.iterdir():
        if child.name != ".git":
            shutil.rmtree(child) if child.is_dir() and not child.is_symlink() else child.unlink()
    for name, entry in files.items():
        put(root / name, entry)


def put(path: Path, entry: Entry) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(entry, str):
        path.symlink_to(entry)
        return
    path.write_bytes(entry[0])
    path.chmod(0o755 if entry[1] else 0o644)


def held(root: Path) -> dict[str, Entry]:
    """Return every file and link of the worktree, but git's own."""
    found: dict[str, Entry] = {}
    for directory, folders, names in os.walk(root):
        if Path(directory) == root:
            folders[:] = [name for name in folders if name != ".git"]
        names = [name for name in names if name != ".git"]
        for name in [*names, *(one for one in folders if Path(directory, one).is_symlink())]:
            path = Path(directory, name)
            found[str(path.relative_to(root))] = entry_at(path)
    return found


def entry_at(path: Path) -> Entry:
    if path.is_symlink():
        return str(path.readlink())
    return path.read_bytes(), bool(path.stat().st_mode & stat.S_IXUSR)


def commit(root: Path, files: Files) -> Sha:
    lay(root, files)
    sh("git", "add", "--all", "--force", cwd=root)
    sh("git", "commit", "-q", "--allow-empty", "-m", "work", cwd=root)
    return Sha(sh("git", "rev-parse", "HEAD", cwd=root))


def whole(root: Path) -> dict[str, Any]:
    """Return all that a rollback and its undo must leave as it was."""
    return {
        "files": held(root),
        "index": sh("git", "ls-files", "--stage", "-z", cwd=root),
        "head": sh("git", "rev-parse", "HEAD", cwd=root),
        "branch": Git(root).branch(),
        "locks": sorted(str(path) for path in (root / ".git").glob("**/*.lock")) if (root / ".git").is_dir() else [],
    }


def go(root: Path, target: Target, ref: str, operation: str = "op") -> Rescue:
    mover = Mover(Git(root), root)
    rescue = mover.rescue(target, operation, ref)
    mover.move(target, rescue, operation)
    return rescue


TARGET: Files = {
    "kept": (b"same\n", False),
    "tool": (b"#!/bin/sh\n", True),
    "text": (b"old\n", False),
    "gone": (b"was here\n", False),
    "notes.log": (b"tracked long ago\n", False),
    "folder": (b"a file once\n", False),
    "deep/er/file": (b"1\n", False),
    "link": "text",
    ".context/kept.md": (b"tracked\n", False),
    ".gitignore": (b"*.then\n", False),
}
TIP: Files = {
    "kept": (b"same\n", False),
    "tool": (b"#!/bin/sh\nexit\n", False),
    "text": (b"new\n", False),
    "folder/inside": (b"now a folder\n", False),
    "deep": (b"now a file\n", False),
    "link": (b"now a file\n", False),
    ".context/kept.md": (b"tracked, changed\n", False),
    ".gitignore": (b"*.now\n", False),
}
STAGED: Files = {
    **TIP,
    "text": (b"staged\n", False),
    "new": (b"staged, new\n", False),
    "both": (b"staged\n", True),
}
DIRTY: Files = {
    **{name: entry for name, entry in STAGED.items() if name != "kept"},
    "text": (b"edited after staging\n", False),
    "both": (b"edited\n", False),
    "untracked/with space": (b"\x00\xff", True),
    "new\nline": (b"odd name\n", False),
    "\udcff\udcfe": (b"not UTF-8\n", False),
    "-dash": (b"", False),
    "to": "nowhere",
    "notes.log": (b"ignored, and in the way\n", False),
    "gone": (b"untracked, and in the way\n", False),
    "other.log": (b"ignored\n", False),
    "build/out": (b"ignored folder\n", False),
    "mine.now": (b"ignored by a line that the target lacks\n", True),
    "left/mine.then": (b"untracked, and ignored by a line of the target\n", True),
    ".context/feat-payment_notes.md": (b"untracked context\n", False),
}
UNTOUCHED = ("other.log", "build/out", "mine.now", "left/mine.then", ".context/feat-payment_notes.md")


def dirty(root: Path) -> Sha:
    """Build the worktree in which everything is dirty at once; return the commit to move to."""
    target = commit(root, TARGET)
    commit(root, TIP)
    lay(root, STAGED)
    sh("git", "add", "--all", "--force", cwd=root)
    lay(root, DIRTY)
    return target


@pytest.fixture(scope="module")
def scene(empty: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Sha]:
    """The dirty worktree, to be copied, and its target."""
    root = tmp_path_factory.mktemp("scene") / "repo"
    shutil.copytree(empty, root, symlinks=True)
    return root, dirty(root)


@pytest.fixture
def place(scene: tuple[Path, Sha], tmp_path: Path) -> tuple[Path, Target]:
    root = tmp_path / "repo"
    shutil.copytree(scene[0], root, symlinks=True)
    return root, Target(branch=BRANCH, commit=scene[1])


def test_a_move_brings_files_index_and_branch_to_the_target(place: tuple[Path, Target]) -> None:
    root, target = place
    go(root, target, RESCUE)
    expected = {**TARGET, **{name: DIRTY[name] for name in UNTOUCHED}}
    assert held(root) == expected
    assert sh("git", "status", "--porcelain", "--", ".", ":!.context/feat-payment_notes.md", cwd=root) == "?? mine.now"
    assert sh("git", "rev-parse", BRANCH, cwd=root) == target.commit


def test_the_undo_brings_everything_back_bit_for_bit(place: tuple[Path, Target]) -> None:
    root, target = place
    before = whole(root)
    rescue = go(root, target, RESCUE)
    go(root, rescue.target(BRANCH), UNDO, "undo")
    assert whole(root) == before


def test_an_undo_can_itself_be_undone(place: tuple[Path, Target]) -> None:
    root, target = place
    rescue = go(root, target, RESCUE)
    put(root / "afterthought", (b"written after the rollback\n", False))
    moved = whole(root)
    second = go(root, rescue.target(BRANCH), UNDO, "undo")
    go(root, second.target(BRANCH), f"{UNDO}3", "redo")
    assert whole(root) == moved


@pytest.mark.parametrize(
    "recipe",
    [
        (("git", "reset", "-q", "--hard"), ("git", "clean", "-fdxq")),
        (("git", "stash", "-q", "--include-untracked"), ("git", "stash", "pop", "-q")),
        (("git", "stash", "-q", "--include-untracked"), ("git", "stash", "pop", "-q", "--index")),
    ],
    ids=["reset and clean", "stash", "stash with its index"],
)
def test_the_scene_tells_naive_recipes_from_a_lossless_one(
    place: tuple[Path, Target], recipe: tuple[tuple[str, ...], ...]
) -> None:
    root, target = place
    before, tip = whole(root), sh("git", "rev-parse", "HEAD", cwd=root)
    subprocess.run(recipe[0], cwd=root, capture_output=True, check=False)
    subprocess.run(("git", "reset", "-q", "--hard", target.commit), cwd=root, capture_output=True, check=False)
    subprocess.run(("git", "reset", "-q", "--hard", tip), cwd=root, capture_output=True, check=False)
    subprocess.run(recipe[1], cwd=root, capture_output=True, check=False)
    assert whole(root) != before


def ruled(empty: Path, tmp_path: Path) -> tuple[Path, Target, Target]:
    """A branch whose second commit ignores *.ign; return it, the place before that commit and the one after."""
    root = tmp_path / "repo"
    shutil.copytree(empty, root, symlinks=True)
    without = Target(branch=BRANCH, commit=commit(root, {"text": (b"1\n", False)}))
    ruling = commit(root, {"text": (b"2\n", False), ".gitignore": (b"*.ign\n", False)})
    return root, without, Target(branch=BRANCH, commit=ruling)


IGNORED: Files = {"keep.ign": (b"ig\n", True), "new/folder/keep.ign": (b"", False), "link.ign": "nowhere"}


def stamps(root: Path) -> dict[str, tuple[int, int, int]]:
    """Return what changes of a file when it is written again, for those that a rule ignores."""
    found = {name: (root / name).lstat() for name in IGNORED}
    return {name: (one.st_ino, one.st_mtime_ns, one.st_ctime_ns) for name, one in found.items()}


def test_files_ignored_by_a_line_of_the_way_back_are_not_touched_by_rollback_and_undo(
    empty: Path, tmp_path: Path
) -> None:
    root, without, _ = ruled(empty, tmp_path)
    for name, entry in IGNORED.items():
        put(root / name, entry)
    before, written = whole(root), stamps(root)
    rescue = go(root, without, RESCUE)
    assert held(root) == {"text": (b"1\n", False), **IGNORED}
    go(root, rescue.target(BRANCH), UNDO, "undo")
    assert (whole(root), stamps(root)) == (before, written)


def test_untracked_files_that_the_target_ignores_are_not_touched_but_kept_in_the_rescue(
    empty: Path, tmp_path: Path
) -> None:
    root, without, ruling = ruled(empty, tmp_path)
    go(root, without, RESCUE)
    for name, entry in {**IGNORED, "other": (b"goes\n", False)}.items():
        put(root / name, entry)
    before, written = whole(root), stamps(root)
    rescue = go(root, ruling, UNDO, "again")
    assert held(root) == {"text": (b"2\n", False), ".gitignore": (b"*.ign\n", False), **IGNORED}
    (root / "keep.ign").unlink()
    go(root, rescue.target(BRANCH), f"{UNDO}3", "undo")
    assert whole(root) == before
    assert {**stamps(root), "keep.ign": ()} == {**written, "keep.ign": ()}


def test_what_the_target_ignores_makes_way_where_the_target_writes(empty: Path, tmp_path: Path) -> None:
    root = tmp_path / "repo"
    shutil.copytree(empty, root, symlinks=True)
    files: Files = {".gitignore": (b"x\ny\n", False), "x/inside": (b"folder\n", False), "file": (b"1\n", False)}
    target = Target(branch=BRANCH, commit=commit(root, files))
    commit(root, {})
    put(root / "x", (b"a file where a folder comes\n", False))
    put(root / "file" / "y", (b"a folder where a file comes\n", False))
    before = whole(root)
    rescue = go(root, target, RESCUE)
    assert held(root) == files
    go(root, rescue.target(BRANCH), UNDO, "undo")
    assert whole(root) == before


@pytest.mark.parametrize("stage", ["compared", "read-tree", "worktree", "committed", "index"])
@pytest.mark.parametrize("is_ruling", [False, True], ids=["a line goes", "a line comes"])
def test_stopped_at_any_stage_a_move_across_an_ignore_line_goes_on_and_touches_no_ignored_file(
    empty: Path, tmp_path: Path, stage: str, is_ruling: bool
) -> None:
    root, without, ruling = ruled(empty, tmp_path)
    target = ruling if is_ruling else without
    if is_ruling:
        go(root, without, UNDO, "first")
    for name, entry in IGNORED.items():
        put(root / name, entry)
    before, written = whole(root), stamps(root)

    def stop() -> None:
        raise InterruptedError

    with pytest.raises(InterruptedError):
        meddle(root, target, stage, stop)
    rescue = go(root, target, RESCUE)
    assert (stamps(root), whole(root)["head"]) == (written, target.commit)
    go(root, rescue.target(BRANCH), f"{UNDO}3", "undo")
    assert (whole(root), stamps(root)) == (before, written)


def test_a_linked_worktree_moves_and_comes_back_and_the_main_one_stays(place: tuple[Path, Target]) -> None:
    main, target = place
    sh("git", "switch", "-q", "--force", "--detach", target.commit, cwd=main)
    linked = main.parent / "linked"
    sh("git", "worktree", "add", "-q", str(linked), BRANCH, cwd=main)
    lay_beside_git(linked, DIRTY)
    before, untouched = whole(linked), whole(main)
    rescue = go(linked, target, RESCUE)
    assert held(linked) == {**TARGET, **{name: DIRTY[name] for name in UNTOUCHED}}
    go(linked, rescue.target(BRANCH), UNDO, "undo")
    assert (whole(linked), whole(main)) == (before, untouched)


def lay_beside_git(root: Path, files: Files) -> None:
    pointer = (root / ".git").read_bytes()
    lay(root, files)
    (root / ".git").write_bytes(pointer)


def test_a_branch_that_is_not_checked_out_moves_alone(place: tuple[Path, Target]) -> None:
    root, target = place
    sh("git", "switch", "-q", "--force", "-c", "elsewhere", cwd=root)
    tip = sh("git", "rev-parse", BRANCH, cwd=root)
    before = whole(root)
    mover = Mover(Git(root), None)
    rescue = mover.rescue(target, "op", RESCUE)
    mover.move(target, rescue, "op")
    assert (whole(root), sh("git", "rev-parse", BRANCH, cwd=root), rescue.old) == (before, target.commit, tip)


def test_a_branch_that_was_made_to_lead_to_another_one_moves_without_it(place: tuple[Path, Target]) -> None:
    root, target = place
    git, tip = Git(root), sh("git", "rev-parse", BRANCH, cwd=root)
    sh("git", "branch", "other", cwd=root)
    (root / ".git/refs/heads" / BRANCH).write_text("ref: refs/heads/other\n")
    mover = Mover(git, root)
    mover.move(target, mover.rescue(target, "op", RESCUE), "op")
    assert (git.ref(f"refs/heads/{BRANCH}"), git.ref("refs/heads/other")) == (target.commit, tip)
    (root / ".git/refs/heads/third").write_text("ref: refs/heads/other\n")
    git.update_refs([f"update refs/heads/third {target.commit} {tip}"])
    assert (git.ref("refs/heads/third"), git.ref("refs/heads/other")) == (target.commit, tip)


def test_a_worktree_without_an_index_file_comes_back(place: tuple[Path, Target]) -> None:
    root, target = place
    (root / ".git" / "index").unlink()
    before = whole(root)
    rescue = go(root, target, RESCUE)
    go(root, rescue.target(BRANCH), UNDO, "undo")
    assert whole(root) == before


def test_an_edit_as_young_and_as_long_as_the_index_is_seen(empty: Path, tmp_path: Path) -> None:
    root = tmp_path / "repo"
    shutil.copytree(empty, root, symlinks=True)
    sh("git", "config", "core.trustctime", "false", cwd=root)
    target = commit(root, {"text": (b"one\n", False)})
    commit(root, {"text": (b"two\n", False)})
    os.utime(root / "text", (1_000_000_000, 1_000_000_000))
    sh("git", "update-index", "--refresh", cwd=root)
    (root / "text").write_bytes(b"usr\n")
    for place in (root / "text", root / ".git" / "index"):
        os.utime(place, (1_000_000_000, 1_000_000_000))
    rescue = go(root, Target(branch=BRANCH, commit=target), RESCUE)
    assert Git(root).blob(f"{rescue.commit}:text") == b"usr\n"


def test_the_rescue_lists_what_only_it_holds(place: tuple[Path, Target]) -> None:
    root, target = place
    rescue = go(root, target, RESCUE)
    listed = move.rescued(Git(root), rescue)
    changed = {"text", "both", "kept", "new", "gone", "notes.log", "to", "-dash"}
    assert set(listed) == {*changed, "left/mine.then", "untracked/with space", "new\nline", "\udcff\udcfe"}


def test_what_a_rescue_ref_holds_can_be_loaded_again(place: tuple[Path, Target]) -> None:
    root, target = place
    rescue = go(root, target, RESCUE)
    assert move.load(Git(root), RESCUE) == rescue
    assert move.load(Git(root), UNDO) is None


def test_looking_ahead_names_commits_files_and_uncommitted_work_and_changes_nothing(
    place: tuple[Path, Target],
) -> None:
    root, target = place
    before = whole(root)
    tip = sh("git", "rev-parse", "HEAD", cwd=root)
    found = move.changes(Git(root), root, BRANCH, target.commit)
    files = (
        "M .context/kept.md",
        "M .gitignore",
        "D deep",
        "A deep/er/file",
        "A folder",
        "D folder/inside",
        "A gone",
        "T link",
    )
    assert found == Changes(
        commits=(f"{tip} work",),
        files=(*files, "A notes.log", "M text", "M tool"),
        uncommitted=found.uncommitted,
    )
    assert {"MM text", " D kept", "?? untracked/with space"} < set(found.uncommitted)
    assert whole(root) == before


# --- killed anywhere ------------------------------------------------------------------------------


class _Counter:
    """Ends the process, as kill -9 would, at the n-th step."""

    def __init__(self, fatal: int) -> None:
        self.count = 0
        self._fatal = fatal

    def __call__(self, _: object) -> None:
        self.count += 1
        if self.count == self._fatal:
            os._exit(KILLED)


class _MortalGit(Git):
    """git that counts a step before each call."""

    def __init__(self, directory: Path, counter: _Counter) -> None:
        super().__init__(directory)
        self._counter = counter

    def run(self, *arguments: str, **options: Any) -> subprocess.CompletedProcess[bytes]:
        self._counter(arguments)
        return super().run(*arguments, **options)


def steps(root: Path, target: Target, fatal: int) -> int:
    """Do the move in this process; return how many steps it took."""
    counter = _Counter(fatal)
    mover = Mover(_MortalGit(root, counter), root, step=counter)
    mover.move(target, mover.rescue(target, "op", RESCUE), "op")
    return counter.count


def killed_at(root: Path, target: Target, fatal: int) -> bool:
    """Do the move in a child process that dies at a step; tell whether it came so far."""
    child = os.fork()
    if child == 0:
        try:
            steps(root, target, fatal)
        finally:
            os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == KILLED


def test_killed_at_any_step_the_same_move_again_ends_it_and_nothing_is_lost(
    scene: tuple[Path, Sha], tmp_path: Path
) -> None:
    target = Target(branch=BRANCH, commit=scene[1])
    before = whole(scene[0])
    counted = tmp_path / "counted"
    shutil.copytree(scene[0], counted, symlinks=True)
    last = steps(counted, target, fatal=0)
    moved = whole(counted)
    for fatal in range(1, last + 1, 2):
        root = tmp_path / str(fatal)
        shutil.copytree(scene[0], root, symlinks=True)
        assert killed_at(root, target, fatal)
        rescue = go(root, target, RESCUE)
        assert (fatal, whole(root)) == (fatal, moved)
        go(root, rescue.target(BRANCH), UNDO, "undo")
        assert (fatal, whole(root)) == (fatal, before)
        shutil.rmtree(root)


# --- killed while git writes files ----------------------------------------------------------------

NAMES = (
    "a",
    "a/b",
    "a/b/c",
    "d/x",
    "d/y",
    "n\nl",
    "\udcff",
    "-x",
    "i.log",
    "build/o",
    "build",
    ".context/k",
    "t z",
)
ENTRIES = st.one_of(
    st.tuples(st.sampled_from([b"", b"one\n", b"two\n", b"one\ntwo\n", b"\r\n\x00\xff"]), st.booleans()),
    st.sampled_from(["a", "nowhere", "d"]),
)
TREES = st.dictionaries(st.sampled_from(NAMES), ENTRIES, max_size=8).map(
    lambda files: {name: entry for name, entry in files.items() if not is_below_a_file(name, files)}
)


def is_below_a_file(name: str, files: Files) -> bool:
    return any(name.startswith(f"{other}/") for other in files)


class Scene:
    """A copied repository per example."""

    def __init__(self, empty: Path, target: Files, tip: Files, staged: Files, disk: Files) -> None:
        self.folder = Path(tempfile.mkdtemp())
        self.root = self.folder / "repo"
        shutil.copytree(empty, self.root, symlinks=True)
        self.target = Target(branch=BRANCH, commit=commit(self.root, target))
        if tip != target:
            commit(self.root, tip)
        if staged != tip:
            lay(self.root, staged)
            sh("git", "add", "--all", "--force", cwd=self.root)
        lay(self.root, disk)

    def __enter__(self) -> Scene:
        return self

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self.folder)


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(target=TREES, tip=TREES, staged=TREES, disk=TREES, ruled=st.sets(st.sampled_from(range(4))))
def test_any_dirty_tree_survives_a_move_and_its_undo(
    empty: Path, target: Files, tip: Files, staged: Files, disk: Files, ruled: set[int]
) -> None:
    line: Files = {".gitignore": (b"*.ign\n", False)}
    trees = (target, tip, staged, {**disk, **PRECIOUS})
    target, tip, staged, disk = ({**tree, **line} if place in ruled else tree for place, tree in enumerate(trees))
    with Scene(empty, target, tip, staged, disk) as scene:
        before = whole(scene.root)
        rescue = go(scene.root, scene.target, RESCUE)
        assert {name: entry for name, entry in held(scene.root).items() if name in target} == target
        assert set(held(scene.root)) - set(target) <= {name for name in disk if is_left_alone(name)}
        assert sh("git", "diff", "HEAD", "--name-only", cwd=scene.root) == ""
        ignored = PRECIOUS if {0, 3} & ruled else {}
        assert {name: entry for name, entry in held(scene.root).items() if name in PRECIOUS} == ignored
        go(scene.root, rescue.target(BRANCH), UNDO, "undo")
        assert whole(scene.root) == before


PRECIOUS: Files = {"k.ign": (b"ignored where a line says so\n", True), "e/k.ign": "nowhere"}


def is_left_alone(name: str) -> bool:
    return name.endswith((".log", ".ign")) or name.startswith((".context/", "build"))


@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(target=TREES, disk=TREES, data=st.data())
def test_a_move_killed_while_git_writes_files_is_ended_and_undone_whole(
    empty: Path, target: Files, disk: Files, data: st.DataObject
) -> None:
    with Scene(empty, target, {}, {}, disk) as scene:
        before = whole(scene.root)
        Mover(Git(scene.root), scene.root).rescue(scene.target, "op", RESCUE)
        for name, entry in target.items():
            if data.draw(st.booleans()):
                tear(scene.root, name, entry, data.draw(st.booleans()))
        rescue = go(scene.root, scene.target, RESCUE)
        assert {name: entry for name, entry in held(scene.root).items() if name in target} == target
        go(scene.root, rescue.target(BRANCH), UNDO, "undo")
        assert whole(scene.root) == before


def tear(root: Path, name: str, entry: Entry, is_half: bool) -> None:
    """Write one file as git's checkout does, whole or only its beginning."""
    path = root / name
    for place in (
        root,
        *reversed([one for one in path.parents if one.is_relative_to(root) and one != root]),
        path,
    ):
        if place != root and (place.is_symlink() or place.is_file()):
            place.unlink()
    if path.is_dir():
        shutil.rmtree(path)
    half = entry if isinstance(entry, str) or not is_half else (entry[0][:2], entry[1])
    put(path, half)


INTENDED = ("new\nline", "\udcff\udcfe", "-dash", "to", "untracked/with space", "left/mine.then")


def intend(root: Path) -> dict[str, Any]:
    """Tell git that files are to be added, change one's kind after that and delete another; return what is there."""
    sh("git", "add", "--intent-to-add", "--force", "--", *INTENDED, cwd=root)
    (root / "untracked/with space").chmod(0o644)
    (root / "new\nline").unlink()
    found = whole(root)
    assert found["index"].count("e69de29bb2d1d6434b8b29ae775ad8c2e48c5391") == len(INTENDED)
    return found


def test_what_is_only_intended_to_be_added_is_so_again_after_the_undo(place: tuple[Path, Target]) -> None:
    root, target = place
    before = intend(root)
    rescue = go(root, target, RESCUE)
    assert move.load(Git(root), RESCUE) == rescue
    go(root, rescue.target(BRANCH), UNDO, "undo")
    assert whole(root) == before


def test_killed_at_any_step_what_was_intended_to_be_added_is_not_forgotten(
    place: tuple[Path, Target], tmp_path: Path
) -> None:
    root, target = place
    before = intend(root)
    counted = tmp_path / "counted"
    shutil.copytree(root, counted, symlinks=True)
    for fatal in range(2, steps(counted, target, fatal=0) + 1, 5):
        again = tmp_path / str(fatal)
        shutil.copytree(root, again, symlinks=True)
        assert killed_at(again, target, fatal)
        rescue = go(again, target, RESCUE)
        go(again, rescue.target(BRANCH), UNDO, "undo")
        assert (fatal, whole(again)) == (fatal, before)


def test_what_somebody_writes_after_the_kill_is_in_the_rescue_too(place: tuple[Path, Target]) -> None:
    root, target = place
    Mover(Git(root), root).rescue(target, "op", RESCUE)
    (root / "text").write_bytes(b"written between kill and recovery\n")
    put(root / "brand new", (b"this too\n", False))
    before = whole(root)
    rescue = go(root, target, RESCUE)
    go(root, rescue.target(BRANCH), UNDO, "undo")
    assert whole(root) == {**before, "locks": []}


def test_locks_of_the_killed_try_that_hold_the_beginning_of_our_value_are_taken_away(
    place: tuple[Path, Target],
) -> None:
    root, target = place
    Mover(Git(root), root).rescue(target, "op", RESCUE)
    (root / ".git" / "refs" / "heads" / f"{BRANCH}.lock").write_text(target.commit[:7])
    (root / ".git" / "HEAD.lock").touch()
    (root / ".git" / "orchestrator.index.lock").touch()
    go(root, target, RESCUE)
    assert (whole(root)["locks"], whole(root)["head"]) == ([], target.commit)


# --- somebody writes meanwhile --------------------------------------------------------------------


def meddle(root: Path, target: Target, at: str, deed: Callable[[], object]) -> None:
    mover = Mover(Git(root), root, step=lambda name: deed() if name == at else None)
    mover.move(target, mover.rescue(target, "op", RESCUE), "op")


@pytest.mark.parametrize(
    ("name", "content"),
    [("text", b"written meanwhile\n"), ("gone", b"too\n"), ("deep", b"too\n"), ("notes.log", b"ignored\n")],
)
def test_a_file_written_after_the_rescue_stops_the_move_before_anything_changes(
    place: tuple[Path, Target], name: str, content: bytes
) -> None:
    root, target = place
    tip = sh("git", "rev-parse", "HEAD", cwd=root)
    with pytest.raises(MoveRefused, match=r"changed|came"):
        meddle(root, target, "prepared", lambda: (root / name).write_bytes(content))
    assert held(root) == {**DIRTY, name: (content, held(root)[name][1])}
    assert sh("git", "rev-parse", BRANCH, cwd=root) == tip
    rescue = go(root, target, RESCUE)
    assert Git(root).blob(f"{rescue.commit}:{name}") == content


def test_an_ignored_file_that_comes_where_the_target_writes_stops_the_move(empty: Path, tmp_path: Path) -> None:
    root = tmp_path / "repo"
    shutil.copytree(empty, root, symlinks=True)
    target = Target(branch=BRANCH, commit=commit(root, {"out.log": (b"tracked\n", False)}))
    commit(root, {"text": (b"x\n", False)})
    with pytest.raises(MoveRefused, match=r"'out\.log' came"):
        meddle(root, target, "prepared", lambda: (root / "out.log").write_bytes(b"precious\n"))
    assert (root / "out.log").read_bytes() == b"precious\n"


@pytest.mark.parametrize(
    "command", [("git", "commit", "-qam", "meanwhile"), ("git", "update-ref", f"refs/heads/{BRANCH}", "HEAD^")]
)
def test_nobody_commits_or_moves_the_branch_meanwhile(place: tuple[Path, Target], command: tuple[str, ...]) -> None:
    root, target = place
    codes: list[int] = []
    run = lambda: codes.append(subprocess.run(command, cwd=root, capture_output=True, check=False).returncode)  # noqa: E731
    meddle(root, target, "prepared", run)
    assert (codes, sh("git", "rev-parse", BRANCH, cwd=root)) == ([128], target.commit)


def test_a_branch_that_moved_after_the_rescue_is_left_where_it_is(place: tuple[Path, Target]) -> None:
    root, target = place
    other = sh("git", "commit-tree", "HEAD^{tree}", "-p", "HEAD", "-m", "other", cwd=root)
    with pytest.raises(MoveRefused, match="has moved"):
        meddle(root, target, "rescued", lambda: sh("git", "update-ref", f"refs/heads/{BRANCH}", other, cwd=root))
    with pytest.raises(MoveRefused, match="has moved on"):
        go(root, target, RESCUE)
    assert (held(root), sh("git", "rev-parse", BRANCH, cwd=root), whole(root)["locks"]) == (DIRTY, other, [])


def test_a_branch_that_moves_between_the_look_and_the_lock_is_left_where_it_is(place: tuple[Path, Target]) -> None:
    root, target = place
    other = sh("git", "commit-tree", "HEAD^{tree}", "-p", "HEAD", "-m", "other", cwd=root)
    rescue = Mover(Git(root), root).rescue(target, "op", RESCUE)

    class Raced(Git):
        """git after whose look at the branch somebody else is quicker."""

        def run(self, *arguments: str, **options: Any) -> subprocess.CompletedProcess[bytes]:
            done = super().run(*arguments, **options)
            if f"refs/heads/{BRANCH}" in arguments:
                sh("git", "update-ref", f"refs/heads/{BRANCH}", other, cwd=root)
            return done

    with pytest.raises(GitFailed, match=r"update-ref: .*expected"):
        Mover(Raced(root), root).move(target, rescue, "op")
    assert (held(root), sh("git", "rev-parse", BRANCH, cwd=root)) == (DIRTY, other)


def test_an_index_that_git_has_locked_is_never_taken(place: tuple[Path, Target]) -> None:
    root, target = place
    (root / ".git" / "index.lock").touch()
    with pytest.raises(MoveRefused, match=r"index\.lock"):
        go(root, target, RESCUE)
    Mover(Git(root), root).release("op")
    assert (root / ".git" / "index.lock").exists()


def test_a_lock_of_another_operation_stays(place: tuple[Path, Target]) -> None:
    root, target = place
    Mover(Git(root), root).rescue(target, "first", RESCUE)
    with pytest.raises(MoveRefused, match="first"):
        go(root, target, UNDO, "second")
    Mover(Git(root), root).release("second")
    assert (root / ".git" / "index.lock").exists()


def test_an_aborted_move_frees_the_index_and_leaves_the_files(place: tuple[Path, Target]) -> None:
    root, target = place
    before = whole(root)
    mover = Mover(Git(root), root)
    mover.rescue(target, "op", RESCUE)
    mover.release("op")
    assert whole(root) == before


def test_a_rescue_ref_serves_one_operation(place: tuple[Path, Target]) -> None:
    root, target = place
    go(root, target, RESCUE)
    with pytest.raises(MoveRefused, match="another operation"):
        go(root, target, RESCUE, "second")


def test_a_rescue_that_does_not_read_back_stops_the_move_before_anything_changes(place: tuple[Path, Target]) -> None:
    root, target = place
    tip = sh("git", "rev-parse", BRANCH, cwd=root)

    def lose(stage: str) -> None:
        """Lose the only copy of an untracked file but the file itself, as a bad disk does."""
        if stage == "snapshot":
            sha = sh("git", "hash-object", "gone", cwd=root)
            (root / ".git/objects" / sha[:2] / sha[2:]).unlink()

    with pytest.raises(GitFailed, match="rev-list"):
        Mover(Git(root), root, lose).rescue(target, "op", RESCUE)
    assert (held(root), sh("git", "rev-parse", BRANCH, cwd=root)) == (DIRTY, tip)
    assert Git(root).ref(RESCUE) is None


def test_moving_without_a_rescue_is_refused(place: tuple[Path, Target]) -> None:
    root, target = place
    mover = Mover(Git(root), root)
    rescue = mover.rescue(target, "op", RESCUE)
    mover.release("op")
    with pytest.raises(MoveRefused, match="not locked"):
        mover.move(target, rescue, "op")
    assert held(root) == DIRTY


# --- what is refused ------------------------------------------------------------------------------


def refused(root: Path, target: Target, worktree: Path | None, **options: bool) -> str:
    """Return why a move is refused; everything stays as it is."""
    before = whole(root)
    with pytest.raises(MoveRefused) as caught:
        move.check(Git(root), worktree, target.branch, target.commit, **options)
    assert whole(root) == before
    return str(caught.value)


def test_a_dirty_tree_alone_is_no_reason_to_refuse(place: tuple[Path, Target]) -> None:
    root, target = place
    move.check(Git(root), root, BRANCH, target.commit)
    assert held(root) == DIRTY


def test_pushed_commits_are_refused(place: tuple[Path, Target]) -> None:
    root, target = place
    sh("git", "update-ref", "refs/remotes/origin/feat/payment", "HEAD", cwd=root)
    assert "are pushed" in refused(root, target, root)


def test_commits_merged_into_a_base_branch_are_refused_but_a_copy_is_no_merge(place: tuple[Path, Target]) -> None:
    root, target = place
    sh("git", "branch", "backup", cwd=root)
    move.check(Git(root), root, BRANCH, target.commit)
    sh("git", "branch", "main", cwd=root)
    assert refused(root, target, root) == f"commits of {BRANCH} after {target.commit[:12]} are merged into main"


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("MERGE_HEAD", "merge"),
        ("CHERRY_PICK_HEAD", "cherry-pick"),
        ("REVERT_HEAD", "revert"),
        ("BISECT_LOG", "bisect"),
    ],
)
def test_an_operation_in_progress_is_refused(place: tuple[Path, Target], name: str, what: str) -> None:
    root, target = place
    (root / ".git" / name).write_text(f"{target.commit}\n")
    assert refused(root, target, root) == f"a {what} is in progress in {root}"


def test_an_unmerged_index_is_refused(place: tuple[Path, Target]) -> None:
    root, target = place
    blob = sh("git", "hash-object", "-w", "--stdin", cwd=root, stdin=b"theirs\n")
    sh("git", "update-index", "--index-info", cwd=root, stdin=f"100644 {blob} 3\tconflict\n".encode())
    assert "unmerged" in refused(root, target, root)


def test_a_sparse_checkout_is_refused(place: tuple[Path, Target]) -> None:
    root, target = place
    sh("git", "config", "core.sparseCheckout", "true", cwd=root)
    assert "sparse" in refused(root, target, root)


@pytest.mark.parametrize("flag", ["--assume-unchanged", "--skip-worktree"])
def test_a_file_that_git_is_told_not_to_look_at_is_refused(place: tuple[Path, Target], flag: str) -> None:
    root, target = place
    sh("git", "update-index", flag, "tool", cwd=root)
    assert "not to look at 'tool'" in refused(root, target, root)


def test_a_locked_index_is_refused(place: tuple[Path, Target]) -> None:
    root, target = place
    (root / ".git" / "index.lock").touch()
    assert "index.lock" in refused(root, target, root)


def test_more_untracked_bytes_than_the_limit_are_refused(place: tuple[Path, Target]) -> None:
    root, target = place
    with (root / "huge").open("wb") as file:
        file.truncate(move.UNTRACKED_LIMIT + 1)
    with pytest.raises(MoveRefused, match="untracked, more than 200 MB"):
        move.check(Git(root), root, BRANCH, target.commit)
    with pytest.raises(MoveRefused, match="untracked, more than 200 MB"):
        go(root, target, RESCUE)
    assert not (root / ".git" / "index.lock").exists()


def test_a_repository_in_the_way_is_refused_and_one_beside_is_left_alone(place: tuple[Path, Target]) -> None:
    root, target = place
    sh("git", "init", "-q", str(root / "vendor"))
    put(root / "vendor" / "mine", (b"not yours\n", False))
    move.check(Git(root), root, BRANCH, target.commit)
    (root / "deep").unlink()
    sh("git", "init", "-q", str(root / "deep"))
    assert "a repository of its own is in the way" in refused(root, target, root)
    with pytest.raises(MoveRefused, match="in the way"):
        go(root, target, RESCUE)
    shutil.rmtree(root / "deep")
    go(root, target, RESCUE)
    assert ((root / "vendor" / "mine").read_bytes(), (root / "vendor" / ".git").is_dir()) == (b"not yours\n", True)


def test_submodules_that_differ_are_refused(place: tuple[Path, Target]) -> None:
    root, target = place
    sh("git", "update-index", "--add", "--cacheinfo", f"160000,{target.commit},sub", cwd=root)
    (root / "sub").mkdir()
    with pytest.raises(MoveRefused, match="submodules differ"):
        go(root, target, RESCUE)
    sh("git", "commit", "-qm", "with a submodule", cwd=root)
    assert "submodules differ" in refused(root, target, root)


def test_a_branch_in_the_middle_of_another_worktrees_rebase_is_refused(place: tuple[Path, Target]) -> None:
    root, target = place
    sh("git", "checkout", "-q", "--force", "--detach", target.commit, cwd=root)
    other = root / ".git" / "worktrees" / "other" / "rebase-merge"
    other.mkdir(parents=True)
    (other / "head-name").write_text(f"refs/heads/{BRANCH}\n")
    assert "in the middle of a rebase" in refused(root, target, None)


def test_a_branch_in_two_worktrees_is_refused(place: tuple[Path, Target]) -> None:
    root, target = place
    sh("git", "worktree", "add", "-q", "--force", str(root.parent / "second"), BRANCH, cwd=root)
    assert "is checked out in" in refused(root, target, root)


def test_a_worktree_that_holds_something_else_is_refused(place: tuple[Path, Target]) -> None:
    root, target = place
    assert "is checked out in" in refused(root, target, None)
    sh("git", "checkout", "-q", "--force", "--detach", cwd=root)
    assert "is not checked out in" in refused(root, target, root)


def test_a_worktree_that_is_gone_leaves_only_the_branch_to_move(place: tuple[Path, Target]) -> None:
    root, target = place
    sh("git", "checkout", "-q", "--force", "--detach", target.commit, cwd=root)
    linked = root.parent / "linked"
    sh("git", "worktree", "add", "-q", str(linked), BRANCH, cwd=root)
    shutil.rmtree(linked)
    move.check(Git(root), None, BRANCH, target.commit)
    assert "is not there" in refused(root, target, linked)


@pytest.mark.parametrize("sha", ["0" * 39 + "1", "HEAD"])
def test_a_target_that_is_no_commit_here_is_refused(place: tuple[Path, Target], sha: str) -> None:
    root, _ = place
    assert "is not in this repository" in refused(root, Target(branch=BRANCH, commit=Sha(sha)), root)


def test_a_target_on_another_line_of_history_is_refused(place: tuple[Path, Target]) -> None:
    root, _ = place
    other = Sha(sh("git", "commit-tree", "HEAD^{tree}", "-m", "unrelated", cwd=root))
    assert "gone different ways" in refused(root, Target(branch=BRANCH, commit=other), root)


def test_a_branch_that_is_gone_is_refused(place: tuple[Path, Target]) -> None:
    root, target = place
    assert refused(root, Target(branch="feat/none", commit=target.commit), root) == "there is no branch feat/none"


# --- line endings and filters ---------------------------------------------------------------------


def converting(empty: Path, tmp_path: Path, attributes: bytes, content: bytes) -> tuple[Path, Target]:
    root = tmp_path / "repo"
    shutil.copytree(empty, root, symlinks=True)
    rules: Files = {".gitattributes": (attributes, False)}
    target = Target(branch=BRANCH, commit=commit(root, {**rules, "text": (b"old\r\n", False)}))
    commit(root, {**rules, "text": (b"new\r\n", False)})
    (root / "text").write_bytes(content)
    return root, target


def test_line_endings_that_come_back_as_they_are_move_and_come_back(empty: Path, tmp_path: Path) -> None:
    root, target = converting(empty, tmp_path, b"*.txt text\ntext eol=crlf\n", b"edited\r\nagain\r\n")
    before = whole(root)
    rescue = go(root, target, RESCUE)
    assert (root / "text").read_bytes() == b"old\r\n"
    go(root, rescue.target(BRANCH), UNDO, "undo")
    assert whole(root) == before


@pytest.mark.parametrize("attributes", [b"text eol=crlf\n", b"* text=auto eol=crlf\n", b"text ident eol=crlf\n"])
def test_line_endings_that_would_not_come_back_are_refused(empty: Path, tmp_path: Path, attributes: bytes) -> None:
    root, target = converting(empty, tmp_path, attributes, b"mixed\nendings\r\n")
    before = whole(root)
    with pytest.raises(MoveRefused, match=r"'text' .* would not come back as it is"):
        go(root, target, RESCUE)
    assert whole(root) == before


def test_a_file_that_git_cannot_remove_is_noticed_and_the_branch_stays(empty: Path, tmp_path: Path) -> None:
    root = tmp_path / "repo"
    shutil.copytree(empty, root, symlinks=True)
    target = Target(branch=BRANCH, commit=commit(root, {"text": (b"1\n", False)}))
    tip = commit(root, {"text": (b"2\n", False), "more": (b"new\n", False)})

    def come_back() -> None:
        (root / "more").write_bytes(b"new\n")

    with pytest.raises(GitFailed, match=r"'more' .* could not be brought"):
        meddle(root, target, "read-tree", come_back)
    assert sh("git", "rev-parse", BRANCH, cwd=root) == tip
    go(root, target, RESCUE)
    assert held(root) == {"text": (b"1\n", False)}
