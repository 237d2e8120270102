"""Tells a person what waits: one message for the whole set, once, whichever command comes first. Decides nothing.

What was told stands in `notified.json` beside the log, a cache: without it a message is sent once more at most.
"""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path

import msgspec

from orchestrator import config
from orchestrator.adapters.agent import plain
from orchestrator.adapters.durable import content_of, write_atomically
from orchestrator.adapters.lock import queued
from orchestrator.adapters.notify import Ways, notify
from orchestrator.attempts import Result
from orchestrator.core import telling
from orchestrator.core.state import Feature
from orchestrator.core.telling import Member, Told
from orchestrator.core.values import Value
from orchestrator.errors import Busy, NotRecorded
from orchestrator.workspace import Workspace, now

_PATIENCE = 0.5  # seconds for the lock, which is held for an instant


class Failed(Value):
    """The last message, which was not delivered."""

    at: datetime
    reason: str


class _Claim(Value):
    """A message that is now this command's to send; `only` names the ways, None all."""

    told: Told
    members: tuple[Member, ...]
    only: tuple[str, ...] | None
    before: str  # what was said of the last failure


class Announcer:
    """Whoever tells a person in one command. Remembers by itself what cannot be written down."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._unwritten: Told | None = None

    def is_due(self) -> bool:
        """Tell whether there is something to tell; looks at no log and writes nothing."""
        return bool(ways(self._workspace).names) and self._due(self._told(), ()) != "no"

    def announce(self, results: Sequence[Result]) -> None:
        """Tell the set that waits where it is due, with the rollbacks among `results`; what fails is a notice."""
        found = ways(self._workspace)
        news = tuple(_rolled_back(one) for one in results if one.outcome == "rolled_back")
        if not found.names or not (news or self._due(self._told(), ()) != "no" or self._is_longer()):
            return
        claim = self._claimed(news)
        if claim is None:
            return
        message = telling.message(claim.members, claim.told.rest, now())
        failures = notify(found, message.title, message.text, only=claim.only)
        self._settle(claim.told, failures)
        said = _said(failures)
        if said and (claim.only is None or said != claim.before):
            self._workspace.notices.append(said)

    def _due(self, told: Told, news: Sequence[str]) -> telling.Due:
        keys = [one.key for one in waiting(self._workspace)]
        return telling.due(told, keys, news, now(), _repeat(self._workspace))

    def _is_longer(self) -> bool:
        """Tell whether something that is remembered waits no more."""
        return not set(self._told().members) <= {one.key for one in waiting(self._workspace)}

    def _claimed(self, news: tuple[str, ...]) -> _Claim | None:
        """Take the message that is due, so that no other command sends it; None where there is none."""
        with self._alone():
            self._workspace.load()
            told, moment = self._told(), now()
            members = tuple(waiting(self._workspace))
            keys = tuple(sorted(one.key for one in members))
            due = self._due(told, news)
            if due == "no":
                if not set(told.members) <= set(keys):
                    left = tuple(one for one in told.members if one in keys)
                    self._keep(msgspec.structs.replace(told, members=left))
                return None
            rest = () if telling.is_being_told(told, moment) else told.rest
            taken = Told(
                members=keys, at=moment, until=moment + telling.CLAIM, by=uuid.uuid4().hex,
                failures=told.failures, rest=(*rest, *news),
            )  # fmt: skip
            self._keep(taken)
            only = tuple(told.failures) if due == "failed" and told.failures else None
            return _Claim(told=taken, members=members, only=only, before=_said(told.failures))

    def _settle(self, told: Told, failures: dict[str, str]) -> None:
        with self._alone():
            found = self._told()
            if found.by in ("", told.by):
                rest = told.rest if failures else ()
                self._keep(msgspec.structs.replace(told, until=None, failures=failures, rest=rest))
            elif failures and told.rest:  # another one tells a larger set by now, without these
                self._keep(msgspec.structs.replace(found, rest=(*told.rest, *found.rest)))

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """Hold the lock of what was told; without it two might tell the same, and nobody is to wait for that."""
        workspace = self._workspace
        with contextlib.ExitStack() as held:
            with contextlib.suppress(Busy, NotRecorded, OSError):
                path = workspace.home / "notified.lock"
                held.enter_context(queued(path, "a message is prepared", workspace.command, now, _PATIENCE))
            yield

    def _told(self) -> Told:
        """Return what was told last, of failures those by ways that are still configured."""
        found = self._unwritten or kept(self._workspace)
        names = ways(self._workspace).names
        return msgspec.structs.replace(
            found, failures={name: why for name, why in found.failures.items() if name in names}
        )

    def _keep(self, told: Told) -> None:
        try:
            write_atomically(_file(self._workspace), msgspec.json.encode(told), 0o600)
            self._unwritten = None
        except NotRecorded as error:
            if self._unwritten is None:
                self._workspace.notices.append(f"what was told cannot be kept, and may be told again: {error}")
            self._unwritten = told


def announce(workspace: Workspace, results: Sequence[Result]) -> None:
    """Tell a person what waits, for a command that asks once."""
    Announcer(workspace).announce(results)


def failed(workspace: Workspace) -> Failed | None:
    """Return the last message where it was not delivered, by a way that is still configured. Only looks."""
    told = kept(workspace)
    names = ways(workspace).names
    reason = _said({name: why for name, why in told.failures.items() if name in names})
    return Failed(at=told.at, reason=reason) if reason and told.at is not None else None


def waiting(workspace: Workspace) -> Iterator[Member]:
    """Give the set that waits: gates that are offered, and features that were parked."""
    for feature in workspace.world.features.values():
        if feature.retired or not feature.is_open or feature.ordered is not None:
            continue
        if feature.gate is not None:
            opens = _moment(feature.gate.opens) if feature.gate.opens else None
            if opens is None or opens <= now():
                since = opens or _moment(feature.gate.reached_at)
                yield _member(feature, f"gate {feature.id} {feature.gate.event}", since)
        elif feature.waits is not None and feature.waits.kind == "parked":
            reason = telling.one_line(plain(feature.waits.reason))
            since = _moment(feature.waits.since)
            yield _member(feature, f"parked {feature.id} {feature.waits.since}", since, reason)


def kept(workspace: Workspace) -> Told:
    """Return what `notified.json` holds; what is missing or broken holds nothing."""
    try:
        return msgspec.json.decode(content_of(_file(workspace)), type=Told)
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
        return Told()


def ways(workspace: Workspace) -> Ways:
    """Return the ways that the configuration names."""
    found = workspace.configuration.notify
    return Ways(command=found.command, urls=found.urls, terminal=found.terminal)


def _member(feature: Feature, key: str, since: datetime, reason: str | None = None) -> Member:
    return Member(key=key, name=feature.slug, workflow=feature.place.workflow, since=since, reason=reason)


def _moment(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text).astimezone()
    except ValueError:
        return now()  # an imported state may hold any words there


def _repeat(workspace: Workspace) -> float:
    found = workspace.configuration.notify.repeat
    return config.seconds(found, "notify.repeat") if found else 0.0


def _rolled_back(result: Result) -> str:
    return telling.rolled_back(result.feature, telling.one_line(plain(result.why)))


def _said(failures: dict[str, str]) -> str:
    return telling.one_line(plain("; ".join(dict.fromkeys(failures.values()))))


def _file(workspace: Workspace) -> Path:
    return workspace.home / "notified.json"
