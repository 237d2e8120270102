"""How documents were read last, kept beside the log: to read them anew takes longer than all else in most commands.

A cache, never truth: a reading is found by the digest of all that it depended on, and `workflows` and `verify` read
anew.
"""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import msgspec

from orchestrator import core
from orchestrator.adapters.durable import write_atomically
from orchestrator.core.line import Document


class _Kept(msgspec.Struct, frozen=True):
    """The readings by the digest of what was read, without the texts; `rules`: by which rules they were made."""

    rules: str
    documents: dict[str, Document]


class Readings:
    """The readings kept in the file `path`; what is broken there, or of other rules, is made again.

    Where they are not believed, all is read anew, to be compared.
    """

    def __init__(self, path: Path, *, are_believed: bool = True) -> None:
        self._path = path
        self._rules = _rules()
        self._kept = self._taken()
        self._believed = self._kept if are_believed else {}
        self._used: dict[str, Document] = {}

    def document(self, depended_on: bytes, text: str, read: Callable[[], Document]) -> Document:
        """Return the kept reading of `text` for exactly this, or the one that `read` returns."""
        key = sha256(depended_on).hexdigest()
        kept = self._used.get(key) or self._believed.get(key)
        found = read() if kept is None else msgspec.structs.replace(kept, text=text)
        self._used[key] = found
        return found

    def keep(self) -> None:
        """Keep what was asked for since, and nothing older. Raises NotRecorded."""
        if self._used.keys() == self._kept.keys():
            return
        documents = {key: msgspec.structs.replace(one, text="") for key, one in self._used.items()}
        content = msgspec.json.encode(_Kept(rules=self._rules, documents=documents))
        write_atomically(self._path, sha256(content).hexdigest().encode() + b"\n" + content, 0o600)
        self._kept = self._believed = documents

    def differing(self) -> list[str]:
        """Return the files that were read anew and are not read as it was kept."""
        return [
            one.file
            for key, one in self._used.items()
            if key in self._kept and self._kept[key] != msgspec.structs.replace(one, text="")
        ]

    def _taken(self) -> dict[str, Document]:
        try:
            checksum, _, content = self._path.read_bytes().partition(b"\n")
        except OSError:
            return {}
        if sha256(content).hexdigest().encode() != checksum:
            return {}
        try:
            found = msgspec.json.decode(content, type=_Kept)
        except msgspec.MsgspecError:
            return {}  # another version wrote it
        return found.documents if found.rules == self._rules else {}


def _rules() -> str:
    """Return what tells the rules of this installation from those of another, or of a changed one."""
    folder = Path(core.__file__).parent
    looks = [(one.name, one.stat().st_size, one.stat().st_mtime_ns) for one in sorted(folder.glob("*.py"))]
    return sha256(repr(looks).encode()).hexdigest()
