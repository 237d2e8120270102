"""What init wants, as values: files, edits of the user's files, hooks, and what a person is to know."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain

from orchestrator.core.values import Value
from orchestrator.setup.inserting import appended, holds
from orchestrator.setup.record import Places, found

PLAIN, PROGRAM = 0o666, 0o777  # reduced by the user's umask


class File(Value):
    """A file that is written whole, and never over one of the user's."""

    name: str
    content: bytes
    mode: int = PLAIN


class Edit(Value):
    """A file of the user's with `texts` put in, `content` the whole of it; `says`: the edit in a few words."""

    name: str
    content: bytes
    texts: tuple[str, ...]
    says: str
    is_created: bool


class Part(Value):
    """Some of what is wanted. `stages`: hooks that the pre-commit framework is to install."""

    files: tuple[File, ...] = ()
    edits: tuple[Edit, ...] = ()
    hooks: tuple[File, ...] = ()
    stages: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()  # one line each
    by_hand: tuple[str, ...] = ()  # what only the person can do: a sentence, and below it the text


def joined(parts: Iterable[Part]) -> Part:
    """Return several parts as one."""
    each = list(parts)
    return Part(
        files=tuple(chain.from_iterable(one.files for one in each)),
        edits=tuple(chain.from_iterable(one.edits for one in each)),
        hooks=tuple(chain.from_iterable(one.hooks for one in each)),
        stages=tuple(chain.from_iterable(one.stages for one in each)),
        notes=tuple(chain.from_iterable(one.notes for one in each)),
        by_hand=tuple(chain.from_iterable(one.by_hand for one in each)),
    )


def with_lines(places: Places, name: str, lines: Sequence[str], says: str, old: Sequence[str] = ()) -> Edit | None:
    """Return the edit that puts `lines` at the end of a file, None where they stand there already.

    `old` are the texts that an earlier version put in; they are taken over where they stand.
    """
    content = found(places.path(name))
    before = content or b""
    text = "".join(f"{line}\n" for line in lines)
    if any(holds(before, one) and one.strip("\r\n").splitlines() == list(lines) for one in (*old, text)):
        return None
    former = next((one for one in old if holds(before, one)), None)
    if former is not None:
        glue = former[: len(former) - len(former.lstrip("\r\n"))]
        text = glue + text
        after = before.replace(former.encode(), text.encode(), 1)
    else:
        text = appended(before, lines)
        after = before + text.encode()
    return Edit(name=name, content=after, texts=(text,), says=says, is_created=content is None)
