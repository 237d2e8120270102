"""What a person is told of the set that waits, and when that is due. Pure: the present comes as an argument."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Annotated, Literal

import msgspec

from orchestrator.core.values import Value

Moment = Annotated[datetime, msgspec.Meta(tz=True)]
Due = Literal["no", "all", "failed"]  # nothing; the set, by every way; the set, by the ways that failed

RINGS = ("bell", "osc9")  # what a terminal can be asked for
AGAIN = timedelta(minutes=5)  # until a failed message is tried again
CLAIM = timedelta(seconds=15)  # whoever tells is done by then, or was killed
_MOST = 20  # gates, and sentences, in one message
_LONGEST = 160  # characters of a reason: agents have a say in it


class Member(Value):
    """One of the set that waits: a feature at a gate or, with a `reason`, one that was parked."""

    key: str  # another one where the same gate is reached again
    name: str
    workflow: str
    since: datetime
    reason: str | None = None


class Told(Value, omit_defaults=True):
    """What the last message named. While `until` stands, whoever claimed it (`by`) is telling it."""

    members: tuple[str, ...] = ()  # their keys, sorted
    at: Moment | None = None
    until: Moment | None = None
    by: str = ""
    failures: dict[str, str] = {}  # why it was not delivered, by way
    rest: tuple[str, ...] = ()  # sentences that are said once, and were not delivered


class Message(Value):
    title: str
    text: str


def message(members: Sequence[Member], rolled_back: Sequence[str], now: datetime) -> Message:
    """Return the one message for all of them: the gates in a line, oldest first, and a sentence for each of the rest.

    `rolled_back` are sentences already.
    """
    gates = sorted((one for one in members if one.reason is None), key=lambda one: one.since)
    parked = [f"parked: {one.name} ({one.reason})" for one in members if one.reason is not None]
    counts = [
        _waits(len(gates)) if gates else "",
        f"{len(parked)} parked" if parked else "",
        f"{len(rolled_back)} rolled back" if rolled_back else "",
    ]
    rows = [*([_gates(gates, now)] if gates else []), *_capped([*parked, *rolled_back])]
    return Message(title=f"orchestrator: {', '.join(filter(None, counts))}", text="\n".join(rows))


def due(told: Told, keys: Collection[str], news: Sequence[str], now: datetime, repeat: float) -> Due:
    """Tell whether `keys`, the set that waits, is to be told, and by which ways.

    `news` are sentences that are said once; `repeat` is in seconds, 0 for never.
    """
    if news or not set(keys) <= set(told.members):
        return "all"
    if is_being_told(told, now) or told.at is None or not (keys or told.rest):
        return "no"
    if told.until is not None:
        return "all"  # whoever told it was killed over it
    passed = abs(now - told.at)  # a clock that was set back must not silence it
    again = timedelta(seconds=repeat)
    if keys and repeat and passed >= again:
        return "all"
    if (told.failures or told.rest) and passed >= (min(again, AGAIN) if repeat else AGAIN):
        return "failed"
    return "no"


def is_being_told(told: Told, now: datetime) -> bool:
    """Tell whether somebody sends the message this moment."""
    return told.until is not None and timedelta() < told.until - now <= CLAIM


def rolled_back(name: str, reason: str) -> str:
    """Return the sentence for a feature that was rolled back."""
    return f"rolled back: {name}, {reason}"


def one_line(reason: str) -> str:
    """Return a reason, without terminal escapes already, as one line of bearable length."""
    line = " ".join(reason.split())
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 1]}…"


def duration(seconds: float) -> str:
    """Return a duration in its two largest units at most: `4 min`, `2 h 5 min`, `3 d`."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = int(seconds // 60)
    if minutes < 90:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours < 24 else f"{hours // 24} d {hours % 24} h"


def _waits(count: int) -> str:
    return "1 gate waits" if count == 1 else f"{count} gates wait"


def _gates(gates: Sequence[Member], now: datetime) -> str:
    names = [f"{one.name} {one.workflow}" for one in gates]
    oldest = duration(max(0.0, (now - gates[0].since).total_seconds()))
    ends = f"since {oldest}" if len(gates) == 1 else f"the oldest {oldest}"
    return f"{_waits(len(gates))}: {', '.join(_capped(names))}; {ends}"


def _capped(rows: Sequence[str]) -> list[str]:
    return [*rows] if len(rows) <= _MOST else [*rows[: _MOST - 1], f"and {len(rows) - _MOST + 1} more"]
