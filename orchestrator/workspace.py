"""Joins the log, its copies and the paths: every path in one place, `record` the one write door.

`record(rule)`: lock, read what is new, decide, append, project. Looking goes without a lock.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from orchestrator import __version__, config
from orchestrator.adapters.durable import content_of, sync_filesystem, write_atomically, write_durably
from orchestrator.adapters.git import MAIN, Git, Repository, discover, main_of
from orchestrator.config import Configuration
from orchestrator.core.decide import known
from orchestrator.core.events import Event, Fact, LineAccepted, LogRepaired
from orchestrator.core.state import Feature, World, fold
from orchestrator.core.values import FeatureId, Sha, Slug, slug
from orchestrator.errors import BadConfiguration, GitFailed, NotRecorded, OrchestratorError, Refusal
from orchestrator.log import projections
from orchestrator.log.facts import draft, event
from orchestrator.log.journal import Journal, Problem, StaleHead, Torn
from orchestrator.log.records import START, Head

if TYPE_CHECKING:
    from orchestrator.core.steps import Line
    from orchestrator.documents import Effective, Source
    from orchestrator.readings import Readings

Rule = Callable[[World], Sequence[Fact]]


class Kept(msgspec.Struct, frozen=True):
    """The fold as kept beside the log: a cache, taken only if its checksum and the log's chain agree.

    `log` is how the file of the log looked then: where it looks otherwise, all of it is read and checked.
    """

    shape: str
    log: tuple[int, int, int]
    head: Head
    world: World


# A fold of another version, or of other fields, is not taken.
_SHAPE = " ".join((__version__, *World.__struct_fields__, *Feature.__struct_fields__))


def now() -> datetime:
    """Return the present with the user's own offset."""
    return datetime.now().astimezone()


def about(name: str, text: str) -> str:
    """Return a message with the feature's name in front, where it does not name the feature itself."""
    is_named = text.startswith((f"{name} ", f"{name}:")) or f" of {name} " in text
    return text if is_named else f"{name}: {text}"


class Workspace:
    """One repository as the kit sees it. `command`: what was typed, for locks and messages."""

    def __init__(self, repository: Repository, command: str = "orchestrator") -> None:
        self.repository = repository
        self.command = command
        self.home = repository.common_dir / "orchestrator"
        self.log = self.home / "events.jsonl"
        self.context = repository.main / ".context"
        self.git = Git(repository.main)
        self.journal = Journal(self.log, now, command)
        self.sandbox: bool | None = None  # whether the steps of this command run in one; None where it runs none
        self.notices: list[str] = []  # what the person is to be told, one line each
        self.problem: Problem | None = None
        self._door = threading.RLock()  # `run -j` records from several threads
        self._world = World()
        self._head = START
        self._loaded = False
        self._look = (0, 0, 0)  # of the log, as it was read or written here last
        self._is_kept = False  # whether the kept fold is that of the log as it lies there
        self._effective: Effective | None = None
        self._believes_kept = True  # the fold of the log, and how documents were read
        self.readings: Readings | None = None  # which the line in effect was read with
        self._configuration: Configuration | None = None

    @classmethod
    def find(cls, start: Path, command: str = "orchestrator") -> Workspace:
        """Return the workspace around a directory. Raises NoRepository."""
        return cls(discover(start), command)

    # --- paths -----------------------------------------------------------------------------------

    @property
    def main(self) -> Path:
        """The top of the main worktree."""
        return self.repository.main

    @property
    def configuration_file(self) -> Path:
        return self.main / "orchestrator.toml"

    @property
    def database_file(self) -> Path:
        return self.context / projections.DATABASE

    def lock_file(self, name: str) -> Path:
        """Return the run lock of a feature, or one of the kit's own: a name that no feature can have, `_main`."""
        return self.home / "locks" / f"{name}.lock"

    def own_context(self, feature: Feature) -> Path:
        """Return the `.context/` that is backed up and restored: the linked worktree's, once there is one."""
        if feature.worktree and Path(feature.worktree) != self.main:
            return Path(feature.worktree) / ".context"
        return self.context

    # --- reading ---------------------------------------------------------------------------------

    @property
    def is_set_up(self) -> bool:
        """Tell whether this clone has a log."""
        return self.log.exists()

    @property
    def world(self) -> World:
        """The fold of the log as last read."""
        if not self._loaded:
            self.load()
        return self._world

    @property
    def head(self) -> Head:
        return self._head

    def load(self) -> World:
        """Read what is new in the log, from the kept fold on; takes no lock and writes nothing."""
        with self._door:
            look = self._look_of_log()
            if not self._loaded and self._believes_kept:
                self._take_kept(look)
            world, since = self._world, self._head  # other threads go by these until all is read
            if self._loaded and look != self._look and not self._is_vouched_for(look):
                world, since = World(), START
            try:
                records, head, self.problem = self.journal.read(since)
            except StaleHead:
                world = World()
                records, head, self.problem = self.journal.read()
            self._world = fold(world, map(event, records))
            self._head = head
            self._look = look
            self._loaded = True
            return self._world

    def feature(self, name: str) -> Feature:
        """Return a feature by its slug (`feat-` and `feat/` are accepted). Raises Refusal."""
        return known(self.world, slug(name))

    def living(self, name: str) -> Feature:
        """Return a feature that may still be changed, by its slug. Raises Refusal for a retired one, too."""
        found = self.feature(name)
        if found.retired:
            raise Refusal(f"{found.slug} is retired", f"orchestrator log {found.slug} tells its story")
        return found

    def events(self) -> Iterator[Event]:
        """Give every event of the log, in constant memory."""
        return map(event, self.journal.records())

    def state_at(self, feature: FeatureId, last: int) -> Feature | None:
        """Return a feature's state as it was after event `last`, by replay."""
        world = fold(World(), (one for one in self.events() if one.id <= last and one.feature == feature))
        return world.feature(feature)

    # --- the line --------------------------------------------------------------------------------

    @property
    def effective(self) -> Effective:
        """The line in effect; read once. Raises BadConfiguration."""
        with self._door:
            kept = self._effective
            if kept is None:
                kept = self._effective = self._read_line()
            return kept

    def read_anew(self) -> Effective:
        """Read the line without believing how its documents were read before. Raises BadConfiguration."""
        with self._door:
            self._believes_kept, self._effective = False, None
            return self.effective

    def believe_nothing(self) -> None:
        """Go by log and documents alone from here on: what was kept of them lies where every process may write."""
        with self._door:
            self._believes_kept, self._loaded, self._effective = False, False, None
            self._world, self._head = World(), START

    def _read_line(self) -> Effective:
        from orchestrator import documents, readings  # only where the line is asked for

        world = self.world
        is_open = any(one.is_open for one in world.features.values())
        accepted: documents.Source | None = None
        lost: tuple[str, ...] = ()
        try:
            # With no feature open the line is the user's own to change, unless that takes a key.
            if world.line and (is_open or documents.signed_types(self.git, world.line)):
                accepted = documents.accepted_source(self.git, world.line)
        except GitFailed:
            if is_open or world.signers:  # else it is a line that nothing goes by
                lost = ("the line as it was last accepted is gone from git; a person accepts it anew",)
        self.readings = readings.Readings(self.home / "line.json", are_believed=self._believes_kept)
        found = documents.effective(documents.source(self.main), accepted, self.readings)
        if self.is_set_up and self._believes_kept:
            with contextlib.suppress(NotRecorded):  # only the next command's time is lost
                self.readings.keep()
        pending = (*found.pending, *lost)
        problems = (*found.problems, *lost)  # nothing runs by a line that nobody accepted
        is_held = accepted is not None and bool(found.pending and found.configuration.gates.signed) and not problems
        if is_held and accepted is not None and (stop := documents.unkept(found, accepted)):
            problems = (f"what waits for a yes keeps a stop from being accepted: {stop}",)
        return msgspec.structs.replace(found, accepted=world.line, pending=pending, problems=problems)

    @property
    def line(self) -> Line:
        """The documents in effect. Raises BadConfiguration."""
        return self.effective.line

    @property
    def configuration(self) -> Configuration:
        """The configuration in effect but for what waits to be accepted. Raises BadConfiguration."""
        kept = self._effective  # one look: another thread may be reading the line again
        if kept is not None:
            return kept.configuration
        if self._configuration is None:
            self._configuration = config.read(self.configuration_file)
        return self._configuration

    def refresh_line(self) -> None:
        """Let the line be read again where its files or its accepted tree changed."""
        from orchestrator import documents

        kept = self._effective
        if kept is None:
            return
        found = documents.source(self.main)
        if found != kept.source or self.world.line != kept.accepted:
            self._effective = self._read_line()  # in one go: a step under way never sees what is not accepted
            self.settle_line()

    def usable_line(self) -> Line:
        """Return the line for a command that runs it. Raises BadConfiguration where it cannot be trusted whole."""
        effective = self.effective
        if effective.problems:
            raise BadConfiguration(effective.problems[0], "orchestrator workflows shows the line as it is read")
        if not effective.line.documents:
            glob = effective.configuration.workflows.glob
            raise BadConfiguration(
                f"no workflow document matches {glob!r}", "set [workflows] glob in orchestrator.toml"
            )
        return effective.line

    def settle_line(self) -> Line:
        """Keep the line as accepted where nothing in it got weaker; return the line in effect."""
        line = self.usable_line()
        if self.effective.pending:
            count = len(self.effective.pending)
            self.notices.append(
                f"changes of the line that wait for a person's yes: {count}; until then what was accepted holds "
                "(orchestrator workflows shows them)"
            )
        self.take_line()
        return line

    def take_line(self) -> None:
        """Keep the line as accepted where nothing in it waits for a person's yes."""
        from orchestrator import documents  # as below

        effective = self.effective
        if not effective.is_changed or effective.problems:
            return
        if not effective.pending:
            self.accept_line((), "")
        elif self.world.line and self.signed:  # what waits holds back no stop that came beside it
            accepted = documents.accepted_source(self.git, self.world.line)
            self.accept_line((), "", source=documents.without_what_waits(effective, accepted))

    def accept_line(self, changes: tuple[str, ...], door: str, who: str = "kit", source: Source | None = None) -> None:
        """Keep the present configuration and documents, or `source`, as the accepted line, and record it."""
        from orchestrator import documents  # only where a line is accepted
        from orchestrator.adapters.trees import write_tree

        tree = write_tree(self.git, documents.as_files(source or self.effective.source))  # as judged, nothing later
        if tree == self.world.line:
            return
        self.keep_line(tree)
        fact = Fact(payload=LineAccepted(tree=tree, changes=changes, door=door), actor=who)
        self.record(lambda world: [] if world.line == tree else [fact])
        self._effective = self._read_line()

    def keep_line(self, tree: Sha) -> None:
        """Let git keep the tree of a line that is about to be accepted."""
        earlier = self.git.commit("refs/orchestrator/line")  # stays: what needed a signature then is asked of it
        parents = [earlier] if earlier is not None else []
        commit = self.git.commit_tree(tree, parents, "orchestrator: the line as accepted\n")
        self.git.update_refs([f"update refs/orchestrator/line {commit}"])

    def forget_line(self) -> None:
        """Let the line be read again when it is asked for next."""
        with self._door:
            self._effective = None

    @property
    def signed(self) -> frozenset[str]:
        """The types of gates whose approval needs a signature, as last accepted. Raises BadConfiguration."""
        return self.effective.configuration.gates.signed

    @property
    def identity(self) -> str:
        """The hash of the log's first event, by which statements name this repository; empty without a log."""
        first = next(self.journal.records(), None)
        return first.hash if first is not None else ""

    @property
    def slugs(self) -> frozenset[Slug]:
        """The registered slugs, for the ownership of context files."""
        return frozenset(one.slug for one in self.world.features.values())

    # --- writing ---------------------------------------------------------------------------------

    def record(self, rule: Rule) -> list[Event]:
        """Decide on the current world and append what the rule says, then bring the copies up to date.

        Raises what the rule raises, Busy, BrokenLog and NotRecorded; then nothing was recorded but a repair.
        """
        with self._door:
            self.load()
            before = self._world
            self.make_home()
            with self.journal.transaction(self._head) as transaction:
                self._catch_up(list(map(event, transaction.new)), transaction.head)
                facts: list[Fact] = self._repair(transaction.repaired)
                refused: OrchestratorError | None = None
                try:
                    facts += rule(self._world)
                except OrchestratorError as error:  # the repair is a fact all the same
                    refused = error
                if facts:  # the log's flush publishes git's names beside it, whose bytes git has not flushed
                    sync_filesystem(self.repository.common_dir)
                new = list(map(event, transaction.append([draft(fact) for fact in facts])))
                self._catch_up(new, transaction.head)
                self._look = self._look_of_log()
            self.problem = None
            if new:
                self._project(before)
            if refused is not None:
                raise refused
            return new

    def alone(self) -> AbstractContextManager[bool]:
        """Keep this process's other threads from recording, with `with`."""
        return self._door

    def _repair(self, torn: Sequence[Torn]) -> list[Fact]:
        for one in torn:
            self.notices.append(f"the log ended in a torn line; it is set aside in {self.home / one.name}")
        return [
            Fact(payload=LogRepaired(offset=one.offset, bytes=one.size, aside=one.name, why=one.why)) for one in torn
        ]

    def _catch_up(self, events: Sequence[Event], head: Head) -> None:
        self._world = fold(self._world, events)
        self._head = head

    def make_home(self) -> None:
        """Make the kit's folder in the git common dir."""
        (self.home / "locks").mkdir(parents=True, exist_ok=True)
        common_dir = self.repository.common_dir
        if common_dir.name != ".git" and main_of(common_dir) is None:
            write_durably(common_dir / MAIN, f"{self.main}\n".encode())

    # --- projections: after the fact, never its condition ------------------------------------------

    def _project(self, before: World) -> None:
        """Write the copies; what fails here is said, and made again by the next command."""
        try:
            for feature in self._world.features.values():
                old = before.feature(feature.id)
                if old is None or old.last != feature.last:
                    self._project_state(old, feature)
            self._link_log()
            self._keep()
        except (NotRecorded, OSError) as error:
            self.notices.append(f"recorded, but a copy could not be written: {error}")

    def _project_state(self, old: Feature | None, feature: Feature) -> None:
        if feature.retired:
            return
        for context in self.contexts(feature):
            path = projections.state_file(context, feature.slug)
            content = projections.found(path)
            if content is None or old is None or content == projections.rendered(old):
                projections.write(context, feature)  # else: an edit nobody took over yet; the next command does

    def contexts(self, feature: Feature) -> list[Path]:
        """Return the `.context/` folders that hold a copy of the feature's state: the main one first."""
        own = self.own_context(feature)
        return [self.context] if own == self.context or not own.parent.is_dir() else [self.context, own]

    def _link_log(self) -> None:
        aside = projections.link_log(self.log, self.context)
        if aside is not None:
            self.notices.append(f"{projections.LOG} was another file; it is set aside as {aside}")

    def project_all(self) -> None:
        """Write every state again and the log's second name where they are missing or old."""
        for feature in self.world.features.values():
            for context in [] if feature.retired else self.contexts(feature):
                projections.write(context, feature)
        self._link_log()

    def close(self) -> None:
        """Bring the SQLite copy up to date; a command's last act. Never fails the command."""
        from orchestrator.log.database import Database  # sqlite3: only at a command's end

        if not self.is_set_up:
            return
        try:
            self._link_log()
            if not self._is_kept and self.problem is None:
                self._keep()
            self.context.mkdir(exist_ok=True)
            Database(self.database_file).catch_up(self.journal)
        except (OrchestratorError, OSError) as error:
            self.notices.append(f"{projections.DATABASE} is not up to date: {error}")

    # --- the kept fold -----------------------------------------------------------------------------

    @property
    def _kept_file(self) -> Path:
        return self.home / "fold.json"

    def _keep(self) -> None:
        kept = Kept(shape=_SHAPE, log=self._look, head=self._head, world=self._world)
        content = msgspec.json.encode(kept)
        write_atomically(self._kept_file, sha256(content).hexdigest().encode() + b"\n" + content, 0o600)
        self._is_kept = True

    def _look_of_log(self) -> tuple[int, int, int]:
        """Return what changes when somebody else writes to the log; that it is as before proves nothing."""
        try:
            found = self.log.stat()
        except FileNotFoundError:
            return 0, 0, 0
        return found.st_ino, found.st_size, found.st_mtime_ns

    def _is_vouched_for(self, look: tuple[int, int, int]) -> bool:
        """Tell whether whoever wrote to the log since kept what he knew of it: else all of it is to be checked."""
        kept = self.kept()
        return kept is not None and kept.log == look

    def kept(self) -> Kept | None:
        """Return the kept fold, believed or not; None where there is none, or a broken one or another version's."""
        try:
            checksum, _, content = content_of(self._kept_file).partition(b"\n")
        except OSError:
            return None
        if sha256(content).hexdigest().encode() != checksum:
            return None
        try:
            found = msgspec.json.decode(content, type=Kept)
        except msgspec.MsgspecError:
            return None
        return found if found.shape == _SHAPE else None

    def _take_kept(self, look: tuple[int, int, int]) -> None:
        kept = self.kept()
        if kept is not None and kept.log == look and kept.head.offset == kept.log[1]:
            self._world, self._head = kept.world, kept.head
            self._is_kept = True


def person(git: Git) -> str:
    """Return the person at the keyboard as an actor: `person:EMAIL`, else `person:USER@HOST`."""
    email = git.config("user.email")
    if email:
        return f"person:{email}"
    import getpass  # only where git knows no e-mail
    import socket

    return f"person:{getpass.getuser()}@{socket.gethostname()}"
