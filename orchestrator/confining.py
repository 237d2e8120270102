"""The sandbox of a step: what its agent may write to, who cannot have one, and what is put back after it. Runs nothing.

The kernel holds writes (Landlock, through `adapters/warden.py`); reading and the network stay open.
"""

from __future__ import annotations

import os
import shutil
import stat
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec

from orchestrator import attempts, worktrees
from orchestrator.adapters import warden
from orchestrator.adapters.agent import end_leftovers
from orchestrator.adapters.durable import content_of, write_atomically, write_durably
from orchestrator.adapters.git import Git
from orchestrator.core.state import Feature
from orchestrator.core.values import Value
from orchestrator.errors import AgentFault, BadConfiguration, GitFailed, Refusal
from orchestrator.workspace import Workspace

# By these a process asks another one, outside, to do something for it.
_DOORS = (
    "SSH_AUTH_SOCK", "SSH_AGENT_PID", "GPG_AGENT_INFO", "TMUX", "TMUX_PANE", "STY", "DBUS_SESSION_BUS_ADDRESS",
    "DOCKER_HOST", "KUBECONFIG", "WAYLAND_DISPLAY", "DISPLAY", "XDG_RUNTIME_DIR",
)  # fmt: skip
_DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/tty")
_QUIET = {"gc.auto": "0", "maintenance.auto": "false"}  # git's own housekeeping needs more than is allowed
_LINKS = ("commondir", "gitdir", "config.worktree", worktrees.FURNISHED)


class Room(Value):
    """What one program is given: the paths that it may write to, and its environment."""

    writable: tuple[str, ...] | None  # None: it is in no sandbox
    environment: dict[str, str]


def enter(workspace: Workspace, wanted: bool | None, version: Callable[[], int] = warden.landlock) -> None:
    """Have the steps of this command run in a sandbox: as `wanted`, else as `[run] sandbox` says.

    `version` is that of the kernel's Landlock.

    Raises Refusal where this system cannot hold what is promised, BadConfiguration for a path that would undo it.
    """
    workspace.sandbox = workspace.configuration.run.sandbox if wanted is None else wanted
    if not workspace.sandbox:
        return
    found = version()
    if found < warden.HOLDS_WRITES:
        has = f"has version {found}" if found else "has none"
        raise Refusal(
            f"there is no sandbox here: it takes Linux' Landlock, version {warden.HOLDS_WRITES}, and this kernel {has}",
            "Linux 6.2 or newer has it; without a sandbox: --no-sandbox",
        )
    if (workspace.repository.common_dir / "reftable").exists():
        raise Refusal("there is no sandbox here: the repository keeps its refs in tables, all branches in one place")
    _extra(workspace)
    if found < warden.HOLDS_SIGNALS:
        workspace.notices.append(
            f"the sandbox holds writes only: signals and abstract sockets need Linux 6.12 (Landlock {found} here)"
        )


def is_wanted(workspace: Workspace) -> bool:
    """Tell whether steps run in a sandbox: in this command, or in the next one that says nothing else."""
    if workspace.sandbox is not None:
        return workspace.sandbox
    try:
        return workspace.configuration.run.sandbox
    except BadConfiguration:
        return False  # that is said once, not of each feature


def unfit(workspace: Workspace, feature: Feature, *, merges: bool, place: Path | None) -> str:
    """Return why a step cannot run in a sandbox, or an empty string."""
    if merges:
        return "it merges, and in a sandbox nothing can be merged into the main worktree; --no-sandbox runs it"
    if place == workspace.main:
        return "it runs in the main worktree, beside all that a sandbox keeps from it; --no-sandbox runs it"
    if "/" not in feature.branch:
        return f"its branch {feature.branch} lies beside all others, in no folder of its own; --no-sandbox runs it"
    return ""


def refuse_unfit(workspace: Workspace, feature: Feature) -> None:
    """Raise Refusal where the next step of a feature cannot run at all, or not in the sandbox that is wanted."""
    step = attempts.step_of(workspace, feature)
    if not workspace.sandbox:
        return
    found = worktrees.find(workspace, feature.branch)
    why = unfit(workspace, feature, merges=step.merges, place=found.path if found else None)
    if why:
        raise Refusal(f"{feature.slug} cannot run in a sandbox: {why}")
    nested = _nested(workspace, feature, found.path) if found else ""
    if nested:
        raise Refusal(f"{feature.slug} cannot run in a sandbox: {_obeyed(nested)}")


@contextmanager
def room(
    workspace: Workspace,
    feature: Feature,
    worktree: Path,
    run: str,
    environment: Mapping[str, str],
    state: Sequence[str] = (),
) -> Iterator[Room]:
    """Yield what a program of a step is given; `state` are the paths where it keeps its own things (`~/.claude`).

    In a sandbox: look afterwards what it left for git to obey.

    Raises AgentFault where it did: what leads git from the worktree to the repository is put back before.
    """
    try:
        if workspace.sandbox:
            with _confined(workspace, feature, worktree, run, environment, state) as found:
                yield found
        else:
            try:
                yield Room(None, dict(environment))
            finally:
                worktrees.clear_pipes(workspace, feature, worktree)
    finally:
        worktrees.clear_context(workspace, feature)


@contextmanager
def _confined(
    workspace: Workspace,
    feature: Feature,
    worktree: Path,
    run: str,
    environment: Mapping[str, str],
    state: Sequence[str],
) -> Iterator[Room]:
    temporary = temporary_folder(run)
    try:
        temporary.mkdir(mode=0o700)
        paths = (*_own(workspace, feature, worktree), str(temporary), *_DEVICES, *_extra(workspace, state))
        seal = _seal(workspace, feature, worktree, run)
    except OSError as error:
        raise AgentFault(f"the sandbox cannot be set up: {error}") from error
    try:
        yield Room(paths, _cleaned(environment, temporary))
    finally:
        worktrees.clear_pipes(workspace, feature, worktree)
        changed = _put_back(workspace, feature, seal)
        clear(run)
    if changed:
        raise AgentFault(f"the agent changed {', '.join(changed)}, by which git or the kit goes; it is put back")
    nested = _nested(workspace, feature, worktree)
    if nested:
        raise AgentFault(_obeyed(nested))


def temporary_folder(run: str) -> Path:
    """Return where the programs of an attempt put what is temporary."""
    return Path(tempfile.gettempdir()).resolve() / f"orchestrator-{run}"


def clear(run: str) -> None:
    """Remove the temporary folder of an attempt, folders that were made read-only, too."""
    top = temporary_folder(run)
    for folder, names, _ in os.walk(top):
        for path in (Path(folder, name) for name in names):
            if not path.is_symlink():
                with suppress(OSError):
                    path.chmod(0o700)
    shutil.rmtree(top, ignore_errors=True)


# --- what may be written to ----------------------------------------------------------------------


def _own(workspace: Workspace, feature: Feature, worktree: Path) -> list[str]:
    """Return what a commit in a linked worktree writes to; its branch's folder is made where git packed it away."""
    folders = _folders(workspace, feature)
    for one in folders:
        one.mkdir(parents=True, exist_ok=True)
    objects = workspace.repository.common_dir / "objects"
    return [str(path.resolve()) for path in (worktree, worktrees.git_dir(worktree), objects, *folders)]


def _folders(workspace: Workspace, feature: Feature) -> list[Path]:
    """Return where git keeps a feature's branch and what became of it, with the other branches of that folder."""
    common = workspace.repository.common_dir
    folder = f"refs/heads/{feature.branch.rpartition('/')[0]}"
    return [common / folder, common / "logs" / folder]


def _extra(workspace: Workspace, state: Sequence[str] = ()) -> list[str]:
    """Return what `[run] writable` and a client's `state` add, as far as it exists.

    Raises BadConfiguration for what would undo the sandbox.
    """
    names = (*workspace.configuration.run.writable, *state)
    wanted = [(one, Path(one).expanduser().resolve()) for one in names]
    home = Path.home()
    inside = [
        workspace.main, workspace.repository.common_dir, worktrees.root(workspace),
        Path(__file__).parent, Path(sys.prefix),
    ]  # fmt: skip
    above = [*inside, home / ".gitconfig", home / ".config/git", home / ".ssh"]
    for name, path in wanted:
        found = next((one for one in above if one.resolve().is_relative_to(path)), None)
        found = found or next((one for one in inside if path.is_relative_to(one.resolve())), None)
        if found is not None:
            raise BadConfiguration(
                f"orchestrator.toml: run.writable: {name!r} would let an agent write to {found}", "name another folder"
            )
    paths = {path for _, path in wanted if path.exists()}
    return sorted(str(path) for path in paths if not any(one in paths for one in path.parents))


def _cleaned(environment: Mapping[str, str], temporary: Path) -> dict[str, str]:
    kept = {name: value for name, value in environment.items() if name not in _DOORS}
    count = int(kept.get("GIT_CONFIG_COUNT", "0"))
    for number, (key, value) in enumerate(_QUIET.items(), count):
        kept |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
    kept["GIT_CONFIG_COUNT"] = str(count + len(_QUIET))
    return {**kept, **dict.fromkeys(("TMPDIR", "TMP", "TEMP"), str(temporary))}


# --- what is put back ----------------------------------------------------------------------------


class _Seal(Value):
    """How it was before a program was let in; on the disk until it is over and all was looked at."""

    run: str
    worktree: str
    files: dict[str, bytes | None]  # None: no such file
    folders: tuple[str, ...] = ()  # where git writes and reads for the worktree
    odd: tuple[str, ...] = ()  # what was in them, and is neither a file nor a folder
    heads: dict[str, str] = {}  # what they must hold for git to know the worktree at all


def put_back_left(workspace: Workspace, feature: Feature) -> None:
    """Put back what a program changed that the kit did not survive, before git runs there; the lock is held."""
    seal = _read(_seal_file(workspace, feature))
    if seal is not None:
        end_leftovers(seal.run)
        _put_back(workspace, feature, seal)


def sealed(workspace: Workspace) -> frozenset[Path]:
    """Return the worktrees that a program in a sandbox is in, or was when the kit was killed: git obeys its files."""
    found = map(_read, (workspace.home / "sealed").glob("*.json"))
    return frozenset(Path(one.worktree) for one in found if one is not None)


def _read(path: Path) -> _Seal | None:
    try:
        return msgspec.json.decode(content_of(path), type=_Seal)
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
        return None


def _seal_file(workspace: Workspace, feature: Feature) -> Path:
    return workspace.home / "sealed" / f"{feature.slug}.json"


def _seal(workspace: Workspace, feature: Feature, worktree: Path, run: str) -> _Seal:
    """Return the files that lead git from a worktree to its repository, and the kit's own beside, as they are now."""
    own = worktrees.git_dir(worktree)
    paths = (worktree / ".git", *(own / name for name in _LINKS))
    folders = (str(own.resolve()), *(str(one.resolve()) for one in _folders(workspace, feature)))
    name = f"refs/heads/{feature.branch}"
    branch = {str(workspace.repository.common_dir.resolve() / name): f"{workspace.git.ref(name)}\n"}
    seal = _Seal(
        run=run,
        worktree=str(worktree),
        files={str(path): _content(path) for path in paths},
        folders=folders,
        odd=tuple(str(one) for one in _odd(folders)),
        heads={str(own.resolve() / "HEAD"): f"ref: {name}\n", **branch},
    )
    file = _seal_file(workspace, feature)
    file.parent.mkdir(exist_ok=True)
    write_durably(file, msgspec.json.encode(seal))
    return seal


def _content(path: Path) -> bytes | None:
    """Return a plain file's bytes, None for anything else."""
    try:
        return path.read_bytes() if path.is_file() and not path.is_symlink() else None
    except OSError:
        return None


def _put_back(workspace: Workspace, feature: Feature, seal: _Seal) -> list[str]:
    """Put what changed back as it was; what is there instead is kept in the kit's folder. Return the names."""
    changed = []
    files = ((Path(name), content) for name, content in seal.files.items() if Path(name).parent.is_dir())
    for path, content in files:
        is_there = os.path.lexists(path)
        if _content(path) == content and is_there == (content is not None):
            continue
        changed.append(path.name)
        if is_there:
            worktrees.put_aside(workspace, feature, path)
        if content is not None:
            write_atomically(path, content)
    for path in [one for one in _odd(seal.folders) if str(one) not in seal.odd]:
        changed.append(path.name)
        worktrees.put_aside(workspace, feature, path)
        if str(path) in seal.heads:
            write_atomically(path, seal.heads[str(path)].encode())
        if path.name == "index":
            workspace.git.at(Path(seal.worktree)).run("read-tree", "HEAD")
    _seal_file(workspace, feature).unlink(missing_ok=True)
    return changed


def _odd(folders: Sequence[str]) -> list[Path]:
    """Return what is neither a file nor a folder: git outside would write past a link, and wait for a fifo."""
    found = [Path(top, name) for one in folders for top, below, files in os.walk(one) for name in (*below, *files)]
    return [path for path in found if not (stat.S_ISREG(mode := path.lstat().st_mode) or stat.S_ISDIR(mode))]


def _nested(workspace: Workspace, feature: Feature, worktree: Path) -> str:
    """Return a repository that lies inside the worktree where git would look into it, or an empty string.

    Only lists are read here: to compare such an entry git runs itself inside of it, by the configuration there.
    """
    if not worktrees.is_there(worktree):
        return ""
    git = workspace.git.at(worktree)
    try:
        return next(
            (name for name in _entries(git, attempts.private_index(workspace, feature)) if _is_nested(worktree / name)),
            "",
        )
    except GitFailed:
        return ""  # git cannot read its index here, so that it compares nothing either


def _entries(git: Git, private: Path) -> Iterator[str]:
    """Yield the paths that git takes for repositories, in its index, in the kit's own and untracked."""
    indexes: Sequence[dict[str, str] | None] = (None, {"GIT_INDEX_FILE": str(private)})
    for environment in indexes:
        for row in git.names("ls-files", "--stage", "-z", environment=environment):
            mode, _, name = row.partition(" ")
            if mode == "160000":
                yield name.partition("\t")[2]
    yield from (one for one in git.names("ls-files", "--others", "--exclude-standard", "-z") if one.endswith("/"))


def _obeyed(nested: str) -> str:
    return (
        f"there is a repository of its own in {nested}, whose configuration git would obey outside of the sandbox; "
        "look at it and move it away"
    )


def _is_nested(path: Path) -> bool:
    return os.path.lexists(path / ".git")
