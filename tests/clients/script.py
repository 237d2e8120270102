"""The words of a play: what the scripted model does, turn by turn; knows no interface and no client."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from orchestrator.core.values import Value

PLAY = re.compile(r"^\W*play: ([a-z0-9-]+)\W*$", re.MULTILINE)


class Write(Value):
    """The model writes a file."""

    path: str
    text: str


class Shell(Value):
    """The model runs a command."""

    command: str


class Tool(Value):
    """The model calls a tool by its name in that client, offered or not."""

    name: str
    arguments: Mapping[str, Any] = {}


class Turn(Value):
    """One answer of the model: what it says and calls. Without a call it is the last of its play."""

    text: str = ""
    calls: tuple[Write | Shell | Tool, ...] = ()
    output_tokens: int = 50


class Refusal(Value):
    """The interface answers with an error, `times` times (for ever by default), then goes on with the play.

    `more` are further fields of the error.
    """

    status: int
    kind: str
    message: str
    heads: Mapping[str, str] = {}
    times: int = 1 << 30
    more: Mapping[str, Any] = {}


class Hang(Value):
    """The interface takes the request and never answers, `times` times."""

    times: int = 1 << 30


Scene = Turn | Refusal | Hang


def does(*calls: Write | Shell | Tool, text: str = "") -> Turn:
    return Turn(text, calls)


def named(text: str) -> str | None:
    """Return the play that a prompt asks for in a line `play: NAME`, the last one that it names."""
    found = PLAY.findall(text)
    return found[-1] if found else None


def scene(play: Sequence[Scene], results: int, met: Mapping[int, int]) -> tuple[int, Scene]:
    """Return the scene that comes after `results` tool results of a play, and its place.

    A conversation that is sent once more gets the same scene. `met` counts refusals and hangs by place: one that was
    met as often as it is to be is passed over.
    """
    seen = 0
    for place, one in enumerate(play):
        if isinstance(one, Refusal | Hang):
            if met.get(place, 0) < one.times and seen >= results:
                return place, one
            continue
        if not one.calls or seen >= results:
            return place, one
        seen += len(one.calls)
    return len(play), Turn("The play is over.")
