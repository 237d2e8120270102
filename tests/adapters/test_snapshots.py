"""A feature's context files become commits and come back; nobody else's are touched."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orchestrator.adapters import snapshots
from orchestrator.adapters.git import Git, scrubbed
from orchestrator.adapters.snapshots import Content, Owner, Restored
from orchestrator.core.values import Sha, Slug
from orchestrator.errors import GitFailed, MoveRefused

SLUGS = frozenset({Slug("pay"), Slug("pay-later"), Slug("pay.v2")})


@pytest.fixture(scope="module", autouse=True)
def sealed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    kept = dict(os.environ)
    os.environ.clear()
    os.environ.update(scrubbed(kept))
    home = str(tmp_path_factory.mktemp("home"))
    os.environ.update({"HOME": home, "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_SYSTEM": "/dev/null"})
    yield
    os.environ.clear()
    os.environ.update(kept)


def sh(*command: str, cwd: Path) -> str:
    return os.fsdecode(subprocess.run(command, cwd=cwd, capture_output=True, check=True).stdout).strip()


class Place:
    """A repository with a `.context/` and one commit."""

    def __init__(self, root: Path, *, whole: bool = False) -> None:
        self.root = root
        self.context = root / ".context"
        self.git = Git(root)
        self.owner = Owner(directory=self.context, slug=Slug("pay"), whole=whole, slugs=SLUGS)
        self.index = root / ".git" / "orchestrator" / "index" / "pay"
        self.checkpoint = self.git.commit_tree(Sha(sh("git", "mktree", cwd=root)), [], "work\n")

    def put(self, name: str, content: bytes, *, mode: int = 0o644) -> Path:
        path = self.context / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        path.chmod(mode)
        return path

    def take(self, earlier: snapshots.Earlier = tuple) -> Sha:
        return snapshots.snapshot(self.git, self.owner, self.checkpoint, "position 1\n", self.index, earlier).commit

    def held(self, commit: Sha) -> dict[str, bytes]:
        return {one.name: one.content for one in snapshots.contents(self.git, commit)}

    def on_disk(self) -> dict[str, bytes]:
        paths = (path for path in self.context.rglob("*") if path.is_file() and not path.is_symlink())
        return {str(path.relative_to(self.context)): path.read_bytes() for path in paths}


@pytest.fixture
def place(tmp_path: Path) -> Place:
    sh("git", "init", "-q", cwd=tmp_path)
    return Place(tmp_path)


MINE = (
    "feat-pay_notes.md",
    "feat-pay_shots/one.png",
    "feat-pay_with space",
    "feat-pay_new\nline",
    "feat-pay_\udcff",
)
NOT_MINE = (
    "feat-pay-later_notes.md",
    "feat-pay.v2_notes.md",
    "feat-paying_notes.md",
    "shared.md",
    "orchestrator-events.jsonl",
    "orchestrator-events.db",
    "orchestrator-events.db-journal",
    "feat-pay_orchestrator-state.json",
    "feat-pay_orchestrator-state.json.bad-0123",
    "feat-pay_backup.tar.gz",
    "backups/feat-pay_backup-1.tar.gz",
    ".orchestrator-0123456789abcdef",
    "feat-pay_shots/.orchestrator-0123456789abcdef",
    "feat-pay_repo/.git/config",
)


def test_a_feature_owns_the_files_that_bear_its_name_and_none_of_the_kits(place: Place) -> None:
    for name in (*MINE, *NOT_MINE):
        place.put(name, b"x")
    assert snapshots.owned(place.owner) == sorted(MINE)


def test_a_linked_worktrees_context_belongs_whole_to_its_feature(place: Place) -> None:
    for name in (*MINE, *NOT_MINE):
        place.put(name, b"x")
    whole = Owner(directory=place.context, slug=Slug("pay"), whole=True, slugs=SLUGS)
    others = ("feat-pay-later_notes.md", "feat-pay.v2_notes.md", "feat-paying_notes.md", "shared.md")
    assert snapshots.owned(whole) == sorted((*MINE, *others))


def test_symbolic_links_and_fifos_are_neither_recorded_nor_followed(place: Place) -> None:
    place.put("feat-pay_notes.md", b"x")
    (place.context / "feat-pay_link").symlink_to("/etc/passwd")
    (place.context / "feat-pay_folder").symlink_to("/etc")
    os.mkfifo(place.context / "feat-pay_fifo")
    assert snapshots.owned(place.owner) == ["feat-pay_notes.md"]


def test_a_snapshot_holds_the_bytes_as_they_are_whatever_attributes_and_ignore_rules_say(place: Place) -> None:
    (place.root / ".gitignore").write_text(".context/\n")
    (place.root / ".gitattributes").write_text("* text eol=lf\n")
    sh("git", "config", "core.autocrlf", "true", cwd=place.root)
    files = {name: b"mixed\r\nline\nends\x00\xff" + os.fsencode(name) for name in MINE}
    for name, content in files.items():
        place.put(name, content)
    assert place.held(place.take()) == files


def test_a_snapshots_parents_are_the_one_before_and_the_checkpoint(place: Place) -> None:
    place.put("feat-pay_notes.md", b"1")
    first = snapshots.snapshot(place.git, place.owner, place.checkpoint, "first\n", place.index)
    place.put("feat-pay_more.md", b"2", mode=0o755)
    second = snapshots.snapshot(place.git, place.owner, place.checkpoint, "second\n", place.index)
    shown = sh("git", "log", "--format=%s %an", "--first-parent", snapshots.ref(Slug("pay")), cwd=place.root)
    assert shown.split("\n") == ["second orchestrator", "first orchestrator", "context of pay orchestrator"]
    parents = sh("git", "rev-parse", f"{second.commit}^1", f"{second.commit}^2", f"{first.commit}^2", cwd=place.root)
    assert parents.split() == [first.commit, place.checkpoint, place.checkpoint]
    assert (first.files, second.files, snapshots.count(place.git, second.commit)) == (1, 2, 2)
    assert place.git.ref(snapshots.ref(Slug("pay"))) == second.commit


def test_a_snapshot_that_git_lost_keeps_nobody_from_taking_the_next(place: Place) -> None:
    place.put("feat-pay_notes.md", b"first")
    lost = place.take()
    (place.root / ".git/objects" / lost[:2] / lost[2:]).unlink()
    place.put("feat-pay_notes.md", b"second")
    taken = place.take()
    root, checkpoint = sh("git", "rev-list", "--parents", "-1", taken, cwd=place.root).split()[1:]
    assert (place.held(taken), place.held(Sha(root))) == ({"feat-pay_notes.md": b"second"}, {})
    assert checkpoint == place.checkpoint


def test_behind_a_snapshot_that_git_lost_the_next_leads_to_those_that_are_left(place: Place) -> None:
    taken = []
    for text in (b"first", b"second", b"third", b"fourth"):
        place.put("feat-pay_notes.md", text)
        taken.append(place.take())
    for lost in taken[2:]:
        (place.root / ".git/objects" / lost[:2] / lost[2:]).unlink()
    last = place.take(earlier=lambda: reversed(taken))
    sh("git", "gc", "--quiet", "--prune=now", cwd=place.root)
    assert sh("git", "rev-parse", f"{last}^", cwd=place.root) == taken[1]
    assert [place.held(one)["feat-pay_notes.md"] for one in (*taken[:2], last)] == [b"first", b"second", b"fourth"]


OBJECTS = {"commit": "{0}", "tree": "{0}^{{tree}}", "blob": "{0}:feat-pay_a", "before": "{0}^"}


def without(place: Place, name: str) -> str:
    """Take one object of the newest snapshot away and return its name."""
    tip = sh("git", "rev-parse", snapshots.ref(Slug("pay")), cwd=place.root)
    sha = sh("git", "rev-parse", name.format(tip), cwd=place.root)
    (place.root / ".git/objects" / sha[:2] / sha[2:]).unlink()
    return sha


class Pruned(Git):
    """git behind whose moves of the ref, as often as `times`, an object is gone: a prune that had looked before."""

    def __init__(self, place: Place, name: str, times: int) -> None:
        super().__init__(place.root)
        self.place, self.name, self.times = place, name, times

    def run(self, *arguments: str, **options: Any) -> subprocess.CompletedProcess[bytes]:
        done = super().run(*arguments, **options)
        if "update-ref" in arguments and self.times:
            self.times -= 1
            without(self.place, self.name)
        return done


@pytest.mark.parametrize("name", OBJECTS.values(), ids=OBJECTS)
@pytest.mark.parametrize("is_first", [True, False])
def test_what_a_gc_takes_while_it_is_being_written_is_written_again(place: Place, name: str, is_first: bool) -> None:
    """`git gc --prune=now` takes what no ref led to when it looked, and takes it after the ref was moved."""
    place.put("feat-pay_a", b"1")
    taken = [] if is_first else [place.take()]
    place.put("feat-pay_a", b"2")
    place.git = Pruned(place, name, 1)
    last = place.take(earlier=lambda: taken)
    assert place.held(last) == {"feat-pay_a": b"2"}
    assert "missing" not in sh("git", "fsck", "--connectivity-only", cwd=place.root)
    sh("git", "gc", "--quiet", cwd=place.root)


def test_a_snapshot_that_git_loses_every_time_is_refused_and_the_ref_stays(place: Place) -> None:
    place.put("feat-pay_a", b"1")
    first = place.take()
    place.put("feat-pay_a", b"2")
    quick, place.git = place.git, Pruned(place, OBJECTS["blob"], 3)
    with pytest.raises(GitFailed, match="git lost the context of pay as it was kept"):
        place.take(earlier=lambda: [first])
    assert quick.ref(snapshots.ref(Slug("pay"))) == first


@pytest.mark.parametrize("name", OBJECTS.values(), ids=OBJECTS)
def test_behind_a_snapshot_of_which_something_is_gone_the_next_is_whole(place: Place, name: str) -> None:
    """Its file is as it was: what is remembered of it does not stand for what git holds."""
    place.put("feat-pay_a", b"1")
    first = place.take()
    place.put("feat-pay_b", b"2")
    taken = [place.take(), first]
    without(place, name)
    place.put("feat-pay_c", b"3")
    last = place.take(earlier=lambda: taken)
    assert place.held(last) == {"feat-pay_a": b"1", "feat-pay_b": b"2", "feat-pay_c": b"3"}


def test_an_empty_or_missing_context_is_a_snapshot_of_no_files(place: Place) -> None:
    taken = snapshots.snapshot(place.git, place.owner, place.checkpoint, "none\n", place.index)
    assert (taken.files, place.held(taken.commit)) == (0, {})


def test_an_edit_that_keeps_size_and_modification_time_is_seen(place: Place) -> None:
    path = place.put("feat-pay_notes.md", b"one")
    place.take()
    status = path.stat()
    path.write_bytes(b"two")
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert place.held(place.take()) == {"feat-pay_notes.md": b"two"}


@pytest.mark.parametrize("damage", ["index", "memory", "both", "empty index", "foreign index", "stale lock"])
def test_a_lost_or_torn_index_costs_time_and_nothing_else(place: Place, damage: str) -> None:
    place.put("feat-pay_a", b"1")
    place.put("feat-pay_b", b"2")
    place.take()
    memory = place.index.with_name("pay.seen")
    (place.context / "feat-pay_b").unlink()
    match damage:
        case "index":
            place.index.unlink()
        case "memory":
            memory.write_bytes(memory.read_bytes()[:20])
        case "both":
            place.index.unlink()
            memory.unlink()
        case "empty index":
            place.index.write_bytes(b"")
        case "foreign index":
            place.index.write_bytes(b"DIRC" + b"\0" * 60)
        case _:
            place.index.with_name("pay.lock").touch()
    place.put("feat-pay_c", b"3")
    assert place.held(place.take()) == {"feat-pay_a": b"1", "feat-pay_c": b"3"}


def test_a_kill_between_index_and_memory_leaves_no_file_that_is_not_there(place: Place) -> None:
    place.put("feat-pay_a", b"1")
    place.take()
    memory = place.index.with_name("pay.seen")
    earlier = memory.read_bytes()
    place.put("feat-pay_b", b"2")
    place.take()
    memory.write_bytes(earlier)  # as a kill after the index was written leaves it
    (place.context / "feat-pay_b").unlink()
    assert place.held(place.take()) == {"feat-pay_a": b"1"}


def test_a_file_that_becomes_a_folder_and_back_is_followed(place: Place) -> None:
    path = place.put("feat-pay_x", b"file")
    first = place.take()
    path.unlink()
    place.put("feat-pay_x/inside", b"folder")
    second = place.take()
    snapshots.restore(place.git, place.owner, first)
    third = place.take()
    snapshots.restore(place.git, place.owner, second)
    assert (place.held(second), place.held(third)) == ({"feat-pay_x/inside": b"folder"}, {"feat-pay_x": b"file"})
    assert place.on_disk() == {"feat-pay_x/inside": b"folder"}


def test_processes_that_snapshot_at_once_all_leave_a_commit(place: Place) -> None:
    for number in range(30):
        place.put(f"feat-pay_{number}", str(number).encode())
    children = [os.fork() or leave(place) for _ in range(4)]
    codes = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
    listed = sh("git", "rev-list", "--first-parent", "--count", snapshots.ref(Slug("pay")), cwd=place.root)
    assert (codes, listed) == ([0, 0, 0, 0], "5")
    assert len(place.held(place.take())) == 30


def leave(place: Place) -> int:
    try:
        place.take()
        os._exit(0)
    finally:
        os._exit(1)


def test_a_ref_that_somebody_holds_stops_the_snapshot_and_stays(place: Place) -> None:
    place.put("feat-pay_a", b"1")
    first = place.take()
    place.put("feat-pay_a", b"2")
    name = snapshots.ref(Slug("pay"))
    pipe = subprocess.PIPE
    with subprocess.Popen(["git", "update-ref", "--stdin"], cwd=place.root, stdin=pipe, stdout=pipe, text=True) as git:
        assert git.stdin is not None
        assert git.stdout is not None
        git.stdin.write(f"start\nupdate {name} {first}\nprepare\n")
        git.stdin.flush()
        assert [git.stdout.readline() for _ in range(2)] == ["start: ok\n", "prepare: ok\n"]
        with pytest.raises(GitFailed, match="update-ref"):
            place.take()
    assert place.git.ref(snapshots.ref(Slug("pay"))) == first


def test_a_ref_that_somebody_moves_meanwhile_stops_the_snapshot(place: Place) -> None:
    place.put("feat-pay_a", b"1")
    first = place.take()
    place.put("feat-pay_a", b"2")
    name, other = snapshots.ref(Slug("pay")), place.git.commit_tree(Sha(sh("git", "mktree", cwd=place.root)), [], "o\n")

    class Raced(Git):
        """git after whose look at the ref somebody else is quicker."""

        def run(self, *arguments: str, **options: Any) -> subprocess.CompletedProcess[bytes]:
            done = super().run(*arguments, **options)
            if arguments[0] == "rev-parse" and any(name in one for one in arguments):
                sh("git", "update-ref", name, other, cwd=place.root)
            return done

    quick, place.git = place.git, Raced(place.root)
    with pytest.raises(GitFailed, match="update-ref"):
        place.take()
    assert (quick.ref(name), first != other) == (other, True)


# --- the way back ---------------------------------------------------------------------------------


def test_a_restore_writes_what_differs_removes_what_came_since_and_touches_nothing_else(place: Place) -> None:
    kept = place.put("feat-pay_kept", b"same")
    place.put("feat-pay_changed", b"old")
    place.put("feat-pay_tool", b"x", mode=0o755)
    place.put("feat-pay_deep/er/gone", b"back")
    for name in NOT_MINE:
        place.put(name, b"not mine")
    first = place.take()
    place.put("feat-pay_changed", b"new", mode=0o600)
    place.put("feat-pay_tool", b"x", mode=0o644)
    (place.context / "feat-pay_deep/er/gone").unlink()
    place.put("feat-pay_extra/one", b"came since")
    for name in NOT_MINE:
        place.put(name, b"not mine, changed")
    place.take()
    inode = kept.stat().st_ino
    done = snapshots.restore(place.git, place.owner, first)
    written = ("feat-pay_changed", "feat-pay_deep/er/gone", "feat-pay_tool")
    assert done == Restored(written=written, removed=("feat-pay_extra/one",))
    mine = {
        "feat-pay_kept": b"same",
        "feat-pay_changed": b"old",
        "feat-pay_tool": b"x",
        "feat-pay_deep/er/gone": b"back",
    }
    assert place.on_disk() == {**mine, **dict.fromkeys(NOT_MINE, b"not mine, changed")}
    modes = [(place.context / name).stat().st_mode & 0o777 for name in ("feat-pay_changed", "feat-pay_tool")]
    assert (modes, kept.stat().st_ino) == ([0o600, 0o755], inode)
    assert not (place.context / "feat-pay_extra").exists()


def test_a_whole_context_that_was_deleted_comes_back(place: Place) -> None:
    files = {name: os.fsencode(name) for name in MINE}
    for name, content in files.items():
        place.put(name, content)
    commit = place.take()
    for path in sorted(place.context.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    place.context.rmdir()
    snapshots.restore(place.git, place.owner, commit)
    assert place.on_disk() == files


def test_a_file_that_is_in_no_snapshot_is_never_replaced_and_never_removed(place: Place) -> None:
    place.put("feat-pay_notes", b"old")
    first = place.take()
    place.put("feat-pay_notes", b"newer")
    place.take()
    place.put("feat-pay_notes", b"in no snapshot")
    place.put("feat-pay_unknown", b"in no snapshot either")
    before = place.on_disk()
    with pytest.raises(MoveRefused, match="changed since the newest snapshot"):
        snapshots.restore(place.git, place.owner, first)
    assert place.on_disk() == before
    place.put("feat-pay_notes", b"newer")
    snapshots.restore(place.git, place.owner, first)
    assert place.on_disk() == {"feat-pay_notes": b"old", "feat-pay_unknown": b"in no snapshot either"}


@pytest.mark.parametrize("name", ["feat-pay_x", "feat-pay_x/y", "feat-pay_x/y/z"])
def test_a_symbolic_link_in_the_way_stops_the_restore_before_anything_changes(
    place: Place, tmp_path: Path, name: str
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    place.put("feat-pay_a", b"old")
    place.put(name, b"old")
    first = place.take()
    (place.context / name).unlink()
    for folder in (place.context / name).relative_to(place.context).parents:
        if str(folder) != ".":
            (place.context / folder).rmdir()
    (place.context / "feat-pay_x").symlink_to(outside)
    place.put("feat-pay_a", b"new")
    place.take()
    with pytest.raises(MoveRefused, match="in the way"):
        snapshots.restore(place.git, place.owner, first)
    assert (place.on_disk(), list(outside.iterdir())) == ({"feat-pay_a": b"new"}, [])


def test_a_context_folder_that_became_a_link_is_not_written_through(place: Place, tmp_path: Path) -> None:
    place.put("feat-pay_a", b"1")
    commit = place.take()
    (place.context / "feat-pay_a").unlink()
    place.context.rmdir()
    outside = tmp_path / "outside"
    outside.mkdir()
    place.context.symlink_to(outside)
    with pytest.raises(MoveRefused, match="symbolic link"):
        snapshots.restore(place.git, place.owner, commit)
    assert list(outside.iterdir()) == []


FORGED = {
    "a link": ("120000", "feat-pay_link"),
    "a submodule": ("160000", "feat-pay_sub"),
    "another feature's file": ("100644", "feat-pay-later_notes.md"),
    "a shared file": ("100644", "shared.md"),
    "the log": ("100644", "orchestrator-events.jsonl"),
    "a state": ("100644", "feat-pay_orchestrator-state.json"),
    "a backup": ("100644", "feat-pay_backup.tar.gz"),
}


@pytest.mark.parametrize("kind", FORGED)
def test_a_snapshot_with_an_entry_that_is_no_context_file_of_the_feature_is_refused(place: Place, kind: str) -> None:
    mode, name = FORGED[kind]
    place.put("feat-pay_a", b"1")
    place.take()
    sha = place.checkpoint if mode == "160000" else place.git.write_blob(b"/etc/passwd")
    tree = Sha(
        place.git.text("mktree", stdin=f"{mode} {'commit' if mode == '160000' else 'blob'} {sha}\t{name}\n".encode())
    )
    with pytest.raises(MoveRefused, match=name):
        snapshots.restore(place.git, place.owner, place.git.commit_tree(tree, [], "forged\n"))
    assert place.on_disk() == {"feat-pay_a": b"1"}


def test_a_snapshot_with_a_name_that_leads_out_is_refused(place: Place) -> None:
    place.put("feat-pay_a", b"1")
    place.take()
    raw = b"100644 ..\0" + bytes.fromhex(place.git.write_blob(b"evil"))
    command = ("hash-object", "-t", "tree", "-w", "--literally", "--stdin")
    tree = Sha(place.git.text(*command, stdin=raw))
    with pytest.raises(MoveRefused, match=r"'\.\.'"):
        snapshots.restore(place.git, place.owner, place.git.commit_tree(tree, [], "forged\n"))
    assert place.on_disk() == {"feat-pay_a": b"1"}


def test_a_sha256_repository_works_alike(tmp_path: Path) -> None:
    sh("git", "init", "-q", "--object-format=sha256", cwd=tmp_path)
    place = Place(tmp_path)
    place.put("feat-pay_a", b"1")
    first = place.take()
    place.put("feat-pay_a", b"2")
    place.take()
    assert snapshots.restore(place.git, place.owner, first) == Restored(written=("feat-pay_a",), removed=())


def test_files_are_written_whole_from_elsewhere_too(place: Place) -> None:
    snapshots.replace(place.context, [Content(name="feat-pay_x/y", is_executable=True, content=b"1")])
    assert (place.on_disk(), (place.context / "feat-pay_x/y").stat().st_mode & 0o100) == (
        {"feat-pay_x/y": b"1"},
        0o100,
    )


NAMES = st.sampled_from(["a", "b", "c/d", "c/e", "c/f/g", "h i", "\udcff", "n\nl"]).map("feat-pay_{}".format)
FILES = st.dictionaries(NAMES, st.binary(max_size=5), max_size=6)


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(states=st.lists(FILES, min_size=2, max_size=3))
def test_any_state_of_the_context_comes_back(
    tmp_path_factory: pytest.TempPathFactory, states: list[dict[str, bytes]]
) -> None:
    root = tmp_path_factory.mktemp("repo")
    sh("git", "init", "-q", cwd=root)
    place = Place(root)
    taken = []
    for files in states:
        for name in snapshots.owned(place.owner):
            (place.context / name).unlink()
        for name, content in files.items():
            place.put(name, content)
        taken.append(place.take())
        assert place.held(taken[-1]) == files
    for files, commit in zip(states, taken, strict=True):
        snapshots.restore(place.git, place.owner, commit, place.index)
        place.take()
        assert place.on_disk() == files


def test_a_restore_reads_again_what_changed_since_the_index_was_written(place: Place) -> None:
    place.put("feat-pay_a", b"1")
    first = place.take()
    place.put("feat-pay_a", b"2")
    place.take()
    place.put("feat-pay_a", b"3")
    with pytest.raises(MoveRefused, match="changed since"):
        snapshots.restore(place.git, place.owner, first, place.index)
    assert place.on_disk() == {"feat-pay_a": b"3"}


def test_a_file_that_goes_away_while_it_is_read_is_left_out(place: Place) -> None:
    place.put("feat-pay_a", b"1")
    fleeting = place.put("feat-pay_b", b"2")

    class Late(Git):
        """git before which somebody else is quicker."""

        def run(self, *arguments: str, **options: Any) -> subprocess.CompletedProcess[bytes]:
            if "hash-object" in arguments:
                fleeting.unlink(missing_ok=True)
            return super().run(*arguments, **options)

    taken = snapshots.snapshot(Late(place.root), place.owner, place.checkpoint, "1\n", place.index)
    assert place.held(taken.commit) == {"feat-pay_a": b"1"}
