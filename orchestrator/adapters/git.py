"""The only room that runs git: every call names its directory, with the caller's git environment scrubbed.

Own calls run no hooks, no file-system monitor, take no optional locks, and write durably.
"""

from __future__ import annotations

import hashlib
import os
import shlex
import subprocess
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

from msgspec.structs import replace

from orchestrator.core.values import Sha, Value
from orchestrator.errors import GitFailed, NoRepository

KIT_NAME = "orchestrator"
KIT_EMAIL = "orchestrator@localhost"
KIT_IDENTITY = {
    f"GIT_{role}_{part}": value
    for role in ("AUTHOR", "COMMITTER")
    for part, value in (("NAME", KIT_NAME), ("EMAIL", KIT_EMAIL))
}
_HARDENED = (
    "-c", "core.hooksPath=/dev/null",
    "-c", "core.fsmonitor=false",
    "-c", "core.fsync=committed,reference",
    "-c", "core.quotePath=false",
    "-c", "commit.gpgSign=false",
    "-c", "tag.gpgSign=false",
    "-c", "gc.auto=0",
    "-c", "maintenance.auto=false",
)  # fmt: skip
_OWN_REFS = ("refs/orchestrator/", "refs/tags/checkpoint/")
_REF_WRITERS = frozenset({"update-ref", "branch", "tag", "fetch", "pull", "remote", "gc", "pack-refs", "maintenance"})
_INDEX_HEAD = 12  # bytes
_BLOCK = 4096  # bytes; a file takes whole ones
_PAUSES = (0.02, 0.1, 0.3)  # seconds
# Kept: how git reaches a remote, and where tests and users seal its configuration.
_KEPT = frozenset({
    "GIT_SSH", "GIT_SSH_COMMAND", "GIT_ASKPASS", "GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM", "GIT_CONFIG_NOSYSTEM",
})  # fmt: skip


def scrubbed(environment: Mapping[str, str]) -> dict[str, str]:
    """Return `environment` without what would lead git to another repository, index or date."""
    return {name: value for name, value in environment.items() if not name.startswith("GIT_") or name in _KEPT}


class Worktree(Value):
    """One entry of `git worktree list`: `branch` is a short name, None when detached or bare."""

    path: Path
    head: Sha | None
    branch: str | None
    is_bare: bool
    is_prunable: bool


class Git:
    """git in one directory. Every method is one git process, unless it says otherwise."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._environment = {
            **scrubbed(os.environ),
            "GIT_OPTIONAL_LOCKS": "0",
            "LC_ALL": "C",
            "GIT_TERMINAL_PROMPT": "0",
        }

    def at(self, directory: Path) -> Git:
        """Return git in another directory."""
        return Git(directory)

    def moved(self, directory: Path) -> Git:
        """Return git in another directory with the same environment, whatever was added to it."""
        other = Git(directory)
        other._environment = dict(self._environment)
        return other

    def within(self, environment: Mapping[str, str]) -> Git:
        """Return git in the same directory with more in its environment."""
        other = Git(self.directory)
        other._environment = {**self._environment, **environment}
        return other

    def unaltered(self) -> Git:
        """Return git that shows objects as they are, whatever replacements, grafts and the commit graph say of them."""
        believed = {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "core.commitGraph", "GIT_CONFIG_VALUE_0": "false"}
        return self.within({"GIT_NO_REPLACE_OBJECTS": "1", "GIT_GRAFT_FILE": os.devnull, **believed})

    def run(
        self,
        *arguments: str,
        stdin: bytes = b"",
        environment: Mapping[str, str] | None = None,
        accept: Collection[int] = (0,),
    ) -> subprocess.CompletedProcess[bytes]:
        """Run git and return its exit status and output; raise GitFailed for a status not in `accept`."""
        command = ["git", *_HARDENED, *arguments]
        env = {**self._environment, **(environment or {})}
        try:
            done = subprocess.run(command, cwd=self.directory, input=stdin, env=env, capture_output=True, check=False)
        except FileNotFoundError as error:
            if self.directory.is_dir():
                raise GitFailed("git is not installed", "install git 2.34 or newer") from error
            raise GitFailed(f"{self.directory} is gone") from error
        except ValueError as error:  # a name that no program can be given: it holds a NUL
            raise GitFailed(f"git {arguments[0]} in {self.directory}: {error}") from error
        if done.returncode not in accept:
            said = done.stderr.decode(errors="replace").strip().splitlines()
            # What follows is advice, as to remove a file that only the first line names.
            fatal = [row for row in said if row.startswith("fatal:")]
            reason = [*fatal, *said[-1:], f"exit status {done.returncode}"][0]
            raise GitFailed(f"git {' '.join(arguments[:3])} in {self.directory}: {reason}", code=done.returncode)
        return done

    def text(self, *arguments: str, environment: Mapping[str, str] | None = None, stdin: bytes = b"") -> str:
        """Run git and return its output without the last newline, undecodable bytes kept by surrogates."""
        return os.fsdecode(self.run(*arguments, environment=environment, stdin=stdin).stdout).removesuffix("\n")

    def lines(self, *arguments: str) -> list[str]:
        """Run git and return its output's lines; a name may hold what other programs break lines at."""
        text = self.text(*arguments)
        return text.split("\n") if text else []

    def names(self, *arguments: str, environment: Mapping[str, str] | None = None) -> list[str]:
        """Run a git command that prints NUL-separated paths (`-z`) and return them."""
        output = os.fsdecode(self.run(*arguments, environment=environment).stdout)
        return [name for name in output.split("\0") if name]

    def holds(self, *arguments: str) -> bool:
        """Run git for its yes (0) or no (1); raise GitFailed for anything else."""
        return self.run(*arguments, accept=(0, 1)).returncode == 0

    # --- what is where -------------------------------------------------------------------------

    def commit(self, name: str) -> Sha | None:
        """Return the commit that `name` leads to, or None."""
        done = self.run(
            "rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}", accept=(0, 1, 128)
        )
        return Sha(done.stdout.decode().strip()) if done.returncode == 0 else None

    def ref(self, name: str) -> Sha | None:
        """Return what the full ref `name` holds, or None."""
        done = self.run("rev-parse", "--verify", "--quiet", "--end-of-options", name, accept=(0, 1, 128))
        return Sha(done.stdout.decode().strip()) if done.returncode == 0 else None

    def refs(self, *patterns: str) -> dict[str, Sha]:
        """Return every ref below `patterns` and what it holds."""
        rows = self.lines("for-each-ref", "--format=%(objectname) %(refname)", *patterns)
        return {name: Sha(sha) for sha, name in (row.split(" ", 1) for row in rows)}

    def branch(self) -> str | None:
        """Return the short name of the branch checked out here, None when detached."""
        done = self.run("symbolic-ref", "--quiet", "--short", "HEAD", accept=(0, 1))
        return os.fsdecode(done.stdout).strip() or None

    def leads_to(self, one: Sha, other: Sha) -> bool:
        """Tell whether one commit is an ancestor of another, or that one; False where git holds one of them not."""
        return self.run("merge-base", "--is-ancestor", one, other, accept=(0, 1, 128)).returncode == 0

    def meetings(self, one: Sha, other: Sha) -> list[Sha]:
        """Return the best common ancestors of two commits; none where they have nothing in common."""
        done = self.run("merge-base", "--all", one, other, accept=(0, 1))
        return [Sha(row) for row in done.stdout.decode().split()]

    def is_ancestor(self, ancestor: Sha, of: Sha) -> bool:
        """Tell whether one commit leads to another; unknown (a shallow clone) raises GitFailed."""
        return self.holds("merge-base", "--is-ancestor", ancestor, of)

    def worktrees(self) -> list[Worktree]:
        """Return the main worktree, first, and every linked one."""
        listed = self._patiently("worktree", "list", "--porcelain", "-z")
        blocks = os.fsdecode(listed.stdout).split("\0\0")
        rows = [_worktree(block.split("\0")) for block in blocks if block.strip("\0")]
        first = rows[0]
        if not first.is_bare:  # git names where the git directory lies, which may be elsewhere
            inside = first.path / ".git"
            rows[0] = replace(first, path=main_of(inside if inside.exists() else first.path) or first.path)
        return rows

    def _patiently(self, *arguments: str) -> subprocess.CompletedProcess[bytes]:
        """Run git, again where it tripped over a worktree that another process was just making."""
        for pause in _PAUSES:
            try:
                return self.run(*arguments)
            except GitFailed:
                time.sleep(pause)
        try:
            return self.run(*arguments)
        except GitFailed as error:
            hint = "a worktree in .git/worktrees may be half made; `orchestrator status` sets a feature's aside"
            raise GitFailed(str(error), hint, code=error.code) from error

    def config(self, key: str) -> str | None:
        """Return a configuration value, or None."""
        done = self.run("config", "--get", key, accept=(0, 1))
        return os.fsdecode(done.stdout).strip() if done.returncode == 0 else None

    def checkout_size(self, name: str) -> int:
        """Return how many bytes the files of a commit take when they are checked out, in whole blocks.

        0 where git cannot tell without fetching them (a partial clone), or writes only some (a sparse checkout).
        """
        unknown = r"^(extensions\.partialclone|remote\..*\.promisor|core\.sparsecheckout)$"
        if self.holds("config", "--get-regexp", unknown):
            return 0
        rows = self.names("ls-tree", "-r", "-l", "-z", name)
        sizes = (row.partition("\t")[0].split()[-1] for row in rows)  # `-` for a submodule
        return sum(-(-int(size) // _BLOCK) * _BLOCK for size in sizes if size.isdigit())

    # --- what is written -----------------------------------------------------------------------

    def update_refs(self, commands: Sequence[str], message: str = "orchestrator") -> None:
        """Apply `update-ref --stdin` commands (`update REF NEW OLD`, ...) in one transaction, all or none.

        A ref that somebody made lead to another one is replaced: that other one is not the kit's to move.
        """
        if not commands:
            return
        own = [name for row in commands if (name := row.split(" ")[1]).startswith(_OWN_REFS)]
        stdin = ("\n".join(commands) + "\n").encode()
        self._freed(own, "update-ref", "--no-deref", "-m", message, "--stdin", stdin=stdin)

    def make_branch(self, branch: str, commit: Sha, message: str) -> None:
        """Make a branch that is not there; a lock of it that a killed git left, and nobody holds, goes first."""
        name = f"refs/heads/{branch}"
        self._freed([name], "update-ref", "--create-reflog", "-m", message, name, commit, "")

    def _freed(self, names: Collection[str], *arguments: str, stdin: bytes = b"") -> None:
        """Run git, again where locks of these refs that a killed git left were in its way and could be taken away."""
        try:
            self.run(*arguments, stdin=stdin)
        except GitFailed:
            if not self._clear_locks(names):
                raise
            self.run(*arguments, stdin=stdin)

    def _clear_locks(self, names: Collection[str]) -> bool:
        """Take away what a killed git left: locks of these refs, and of the packed ones, that nobody holds.

        Another git could not have made them anew meanwhile: they are in its way, too.
        """
        common = Path(self.text("rev-parse", "--path-format=absolute", "--git-common-dir"))
        own = [f"{name}.lock" for name in names]
        locks = [lock for lock in (common / name for name in (*own, "packed-refs.lock")) if lock.exists()]
        if not locks or _is_anyone_writing_refs(common):
            return False
        for lock in locks:
            lock.unlink(missing_ok=True)
        return True

    def write_blob(self, content: bytes) -> Sha:
        """Store `content` and return its object name."""
        return Sha(self.text("hash-object", "-w", "--stdin", stdin=content))

    def blob(self, name: str) -> bytes:
        """Return the bytes of a blob (`REV:PATH` or an object name)."""
        return self.run("cat-file", "blob", name).stdout

    def commit_tree(self, tree: Sha, parents: Sequence[Sha], message: str) -> Sha:
        """Write a commit by the kit's own identity and return it."""
        arguments = [word for parent in parents for word in ("-p", parent)]
        return Sha(self.text("commit-tree", tree, *arguments, environment=KIT_IDENTITY, stdin=message.encode()))

    def add_worktree(self, path: Path, branch: str) -> None:
        """Make a linked worktree of `branch`, with the user's hooks off.

        A lock of the branch that a killed git left here, and nobody holds, goes first.
        """
        self._freed([f"refs/heads/{branch}"], "worktree", "add", "--quiet", str(path), branch)

    def commit_all(self, message: str, sign: bool = False) -> tuple[int, str]:
        """Commit all that is not ignored, with the user's identity and hooks; return git's status and what was said.

        The user's own commit hooks run; this kit's stand back. Raises GitFailed where files cannot be staged.
        """
        self.run("add", "--all", "--", ":/")
        words = () if sign else ("-c", "commit.gpgSign=false")
        environment = {**self._environment, "ORCHESTRATOR_HOOKS": "off"}
        done = subprocess.run(
            ["git", *words, "commit", "--quiet", "--file=-"],
            cwd=self.directory,
            env=environment,
            input=message.encode(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        )
        return done.returncode, done.stdout.decode(errors="replace")

    def commit_all_words(self, message: str, sign: bool = False) -> str:
        """Return the shell command that does what `commit_all` does, for one who runs it in a room of its own."""
        words = () if sign else ("-c", "commit.gpgSign=false")
        add = shlex.join(["git", *_HARDENED, "add", "--all", "--", ":/"])
        commit = shlex.join(["git", *words, "commit", "--quiet", f"--message={message}"])
        return f"{add} || exit 128; ORCHESTRATOR_HOOKS=off exec {commit}"

    def dirt(self) -> list[str]:
        """Return the paths with uncommitted changes, untracked ones too, ignored ones not."""
        rows = self.names("status", "--porcelain", "-z", "--no-renames", "--untracked-files=normal")
        return [row[3:] for row in rows]

    def has_staged(self) -> bool:
        """Tell whether the index differs from HEAD."""
        return not self.holds("diff-index", "--cached", "--quiet", "HEAD")

    def has_readable_index(self) -> bool:
        """Tell whether the index here is whole by its own checksum, which git does not look at; none is whole, too."""
        try:
            content = Path(self.text("rev-parse", "--path-format=absolute", "--git-path", "index")).read_bytes()
        except FileNotFoundError:
            return True
        return any(_ends_in(content, kind) for kind in ("sha1", "sha256"))

    def tree_of_worktree(self, index: Path) -> Sha:
        """Write all that is not ignored as a tree and return it; `index` is a private index, reused between calls."""
        environment = {"GIT_INDEX_FILE": str(index)}
        try:
            self.run("add", "--all", "--", ":/", environment=environment)
        except GitFailed:
            lock = index.with_name(f"{index.name}.lock")
            if not lock.exists() or _is_in_use(index):
                raise
            lock.unlink(missing_ok=True)  # a killed git's
            self.run("add", "--all", "--", ":/", environment=environment)
        return Sha(self.text("write-tree", environment=environment))


def _ends_in(content: bytes, kind: str) -> bool:
    """Tell whether an index ends in its checksum of a kind, or in the zeros of `index.skipHash`."""
    digest = hashlib.new(kind, usedforsecurity=False)
    size = digest.digest_size
    digest.update(content[:-size])
    return len(content) >= _INDEX_HEAD + size and content[-size:] in (digest.digest(), bytes(size))


def _is_anyone_writing_refs(common: Path) -> bool:
    """Tell whether a git that writes refs lives in a repository; one that is about to end is waited for."""
    if not _writes_refs(common):
        return False
    for pause in _PAUSES:
        time.sleep(pause)
        if not _writes_refs(common):
            return False
    return True


def _writes_refs(common: Path) -> bool:
    links = (link.read_text(errors="surrogateescape").strip() for link in common.glob("worktrees/*/gitdir"))
    places = [common.parent, *(Path(link).parent for link in links if link)]
    return any(
        not _REF_WRITERS.isdisjoint(one.words) and any(one.cwd.is_relative_to(place) for place in places)
        for one in at_work()
    )


def _is_in_use(index: Path) -> bool:
    return any(one.index == str(index) for one in at_work())


class AtWork(Value):
    """A git process: what it was called with, where, and which index and worktree its environment names."""

    words: tuple[str, ...]
    cwd: Path
    index: str
    worktree: str


def at_work() -> Iterator[AtWork]:
    """Give the git processes that live now; those of other users are not seen."""
    import psutil  # only where a lock is in the way

    for process in psutil.process_iter():
        try:
            words = tuple(process.cmdline())
            if words and Path(words[0]).name == "git":
                named = process.environ()
                index, worktree = named.get("GIT_INDEX_FILE", ""), named.get("GIT_WORK_TREE", "")
                yield AtWork(words=words, cwd=Path(process.cwd()), index=index, worktree=worktree)
        except (psutil.Error, OSError):
            continue  # it ended meanwhile, or is somebody else's


def _worktree(lines: Sequence[str]) -> Worktree:
    facts = dict(line.partition(" ")[::2] for line in lines if line)
    branch = facts.get("branch")
    return Worktree(
        path=Path(facts["worktree"]),
        head=Sha(facts["HEAD"]) if "HEAD" in facts else None,
        branch=branch.removeprefix("refs/heads/") if branch else None,
        is_bare="bare" in facts,
        is_prunable="prunable" in facts,
    )


MAIN = Path("orchestrator", "main")  # in a git directory that lies apart from its worktree: where that is


def main_of(common_dir: Path) -> Path | None:
    """Return the main worktree of a repository by its common git directory; None where nothing says it.

    A submodule's is in its configuration, as any may be; one made with --separate-git-dir was written down by the
    kit itself.
    """
    configured = Git(common_dir).config("core.worktree") if _may_be_elsewhere(common_dir) else None
    if configured:
        return (common_dir / configured).resolve()
    if common_dir.name == ".git":
        return common_dir.parent
    try:
        return Path((common_dir / MAIN).read_text(encoding="utf-8").rstrip("\n"))
    except FileNotFoundError:
        return None


def _may_be_elsewhere(common_dir: Path) -> bool:
    """Tell by a look, without a process, whether the configuration may name another worktree."""
    if common_dir.name != ".git":
        return True
    files = (common_dir / "config", common_dir / "config.worktree")
    texts = [file.read_bytes().lower() for file in files if file.is_file()]
    return any(b"worktree" in text or b"include" in text for text in texts)


class Repository(Value):
    """Where a repository's parts lie. All paths absolute, symbolic links resolved by git."""

    common_dir: Path  # shared by all worktrees
    git_dir: Path  # of the worktree where the command was called
    here: Path  # top of the worktree where the command was called
    main: Path  # top of the main worktree


def discover(start: Path) -> Repository:
    """Find the repository around `start` (one or two git processes).

    Raises NoRepository outside of one and in a bare one without a worktree.
    """
    git = Git(start)
    asked = ("rev-parse", "--path-format=absolute", "--is-bare-repository", "--is-inside-work-tree",
             "--git-common-dir", "--absolute-git-dir")  # fmt: skip
    done = git.run(*asked, accept=(0, 128))
    if done.returncode != 0:
        reason = os.fsdecode(done.stderr).strip()
        if "dubious ownership" in reason:
            raise NoRepository(
                f"git refuses {start}: it belongs to another user", "see `git help config`, safe.directory"
            )
        raise NoRepository(
            f"{start} is not inside a git repository", "run it inside your repository, or `git init` first"
        )
    rows = os.fsdecode(done.stdout).splitlines()
    if len(rows) != 4 or any("\udc80" <= one <= "\udcff" for row in rows for one in row):
        raise NoRepository(
            f"the path of the repository around {str(start)!r} holds a newline or bytes that are no UTF-8",
            "move it to a plain path",
        )
    bare, inside, common, git_dir = rows
    if inside != "true":
        what = "a bare repository" if bare == "true" else "the inside of a .git directory"
        raise NoRepository(f"{start} is {what}, without files to work on", "run it in a worktree of the repository")
    here = Path(git.text("rev-parse", "--show-toplevel"))
    main = here if common == git_dir else main_of(Path(common))
    if main is None:
        raise NoRepository(
            f"the main worktree of {common} is not known",
            "a bare repository has none: use an ordinary clone; else call orchestrator in the main worktree once",
        )
    return Repository(common_dir=Path(common), git_dir=Path(git_dir), here=here, main=main)
