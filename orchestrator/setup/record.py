"""What init wrote, by digest, in `<git common dir>/orchestrator/init.json`. Never touches what it names.

It is on the disk before the first of its effects, so that an init or a removal that died can be called again.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import msgspec

from orchestrator.adapters.durable import said_in_one_line, write_durably
from orchestrator.adapters.git import Repository
from orchestrator.adapters.lock import try_lock
from orchestrator.core.values import Value
from orchestrator.errors import Busy, Refusal

NATIVE = "native"
FRAMEWORK = "pre-commit"
_GIT = "git:"


class Inserted(Value):
    """Texts put into a file of the user's; `is_created`: there was no such file."""

    texts: tuple[str, ...]
    is_created: bool = False


class Hooked(Value):
    """A git hook of ours; `is_chained`: the one that was there before lies beside it."""

    digests: tuple[str, ...]
    is_chained: bool = False


class Record(Value):
    """What init wrote, by name (see `Places`). Digests: every text that the kit ever wrote there."""

    version: int = 1
    choice: str = NATIVE
    written: dict[str, tuple[str, ...]] = {}
    inserted: dict[str, Inserted] = {}
    hooks: dict[str, Hooked] = {}
    stages: tuple[str, ...] = ()  # whose hook the pre-commit framework installed for us
    folders: tuple[str, ...] = ()  # made by init
    agents: tuple[str, ...] = ()  # the clients that were asked for


class Places:
    """Where a name of the record lies: `git:` is below the git common dir, all else below the main worktree."""

    def __init__(self, repository: Repository) -> None:
        self.main = repository.main
        self.common = repository.common_dir
        self.home = repository.common_dir / "orchestrator"
        self.file = self.home / "init.json"

    def path(self, name: str) -> Path:
        """Return the path of a name; an absolute one is its own."""
        return self.common / name.removeprefix(_GIT) if name.startswith(_GIT) else self.main / name

    def name(self, path: Path) -> str:
        """Return the name of a path."""
        if path.is_relative_to(self.common):
            return f"{_GIT}{path.relative_to(self.common).as_posix()}"
        return path.relative_to(self.main).as_posix() if path.is_relative_to(self.main) else str(path)

    def shown(self, name: str) -> str:
        """Return a name as people know it: relative to the main worktree where it lies inside."""
        path = self.path(name)
        return str(path.relative_to(self.main)) if path.is_relative_to(self.main) else str(path)


def digest(content: bytes) -> str:
    """Return the sha256 by which a file's content is known again."""
    return sha256(content).hexdigest()


def found(path: Path) -> bytes | None:
    """Return a file's bytes, None where there is none; raises Refusal where it cannot be read."""
    try:
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except IsADirectoryError as error:
        raise a_folder(path) from error
    except OSError as error:
        raise Refusal(f"{path}: {error.strerror}", "make it readable, then call the same command again") from error


def a_folder(path: Path) -> Refusal:
    """Return what is said of a folder where a file is wanted."""
    return Refusal(f"{path} is a folder, and init writes a file of that name", "move it out of the way")


def read(places: Places) -> Record | None:
    """Return what init wrote here, None where it never did. Raises Refusal for a record that cannot be read."""
    content = found(places.file)
    if content is None:
        return None
    try:
        return msgspec.json.decode(content, type=Record)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        hint = "move it away; init then takes what it finds for yours, and writes what is missing"
        raise Refusal(f"{places.file} cannot be read: {error}", hint) from error


def write(places: Places, record: Record) -> None:
    """Keep the record, durably; nothing is written where it says so already. Raises NotRecorded."""
    content = msgspec.json.format(msgspec.json.encode(record), indent=2) + b"\n"
    if found(places.file) == content:
        return
    with said_in_one_line(places.home):
        places.home.mkdir(exist_ok=True)
    write_durably(places.file, content)


@contextlib.contextmanager
def alone(places: Places) -> Iterator[None]:
    """Hold the git common dir itself, so that no lock file is left behind. Raises Busy."""
    with said_in_one_line(places.common):
        descriptor = os.open(places.common, os.O_RDONLY | os.O_CLOEXEC)
    try:
        with said_in_one_line(places.common):
            is_ours = try_lock(descriptor, fcntl.LOCK_EX)
        if not is_ours:
            raise Busy("another `orchestrator init` is at work in this repository", "call it again when it is done")
        yield
    finally:
        os.close(descriptor)
