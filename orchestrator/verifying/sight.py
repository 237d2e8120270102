"""What one look at a repository takes in: the whole log replayed, git's refs and worktrees. Writes nothing.

The kept fold and the copies are not believed: what they hold is compared with this.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from functools import cached_property
from pathlib import Path

from orchestrator import documents
from orchestrator.adapters.git import Worktree
from orchestrator.core import events as fact
from orchestrator.core.events import Event
from orchestrator.core.state import Feature, World, fold
from orchestrator.core.values import FeatureId, Sha, Value
from orchestrator.documents import Effective
from orchestrator.errors import BadConfiguration, BrokenLog, GitFailed
from orchestrator.log import facts
from orchestrator.log.journal import Problem
from orchestrator.log.records import GENESIS
from orchestrator.workspace import Workspace

_TRIES = 5


class Checkpoint(Value):
    """A checkpoint as the log has it."""

    feature: FeatureId
    n: int
    commit: Sha
    snapshot: Sha


class Kept(Value):
    """A ref that an event names: a rescue's, or a failed attempt's tree; `operation` is the rescue's."""

    feature: FeatureId
    name: str
    operation: str = ""


class Sight:
    """One look. `hashes[n]` is the hash of event n, the first one's forerunner at 0."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self.git = workspace.git
        self.checkpoints: list[Checkpoint] = []
        self.snapshots: list[tuple[FeatureId, Sha]] = []  # in the log's order, by checkpoints and rollbacks
        self.kept: list[Kept] = []
        self.restored: dict[FeatureId, tuple[int, Sha]] = {}  # the last rollback's end, and the snapshot it put back
        self._ordered: dict[FeatureId, Sha] = {}
        self.hashes: list[str] = [GENESIS]
        self.unreadable = ""  # why an event cannot be read by this version
        try:
            self.world = fold(World(), self._noted(self._events()))
        except BrokenLog as error:  # an event that fits nothing before it
            self.unreadable, self.world = str(error), World()

    # --- the log -----------------------------------------------------------------------------------

    def _events(self) -> Iterator[Event]:
        try:
            yield from map(facts.event, self.workspace.journal.records())
        except BrokenLog as error:
            self.unreadable = str(error)

    def _noted(self, events: Iterable[Event]) -> Iterator[Event]:
        for event in events:
            self.hashes.append(event.hash)
            if event.feature is not None:
                self._note(event.feature, event.payload)
            yield event

    def _note(self, feature: FeatureId, payload: fact.AnyPayload) -> None:
        if taken := fact.snapshot_taken(payload):
            self.snapshots.append((feature, taken))
        match payload:
            case fact.CheckpointCreated(n=n, commit=commit, snapshot=snapshot):
                self.checkpoints.append(Checkpoint(feature=feature, n=n, commit=commit, snapshot=snapshot))
            case fact.RollbackOrdered(snapshot=snapshot):
                self._ordered[feature] = snapshot
            case fact.RollbackExecuted() | fact.RollbackUndone():
                if feature in self._ordered:
                    self.restored[feature] = (self.head, self._ordered[feature])
                self.kept.append(Kept(feature=feature, name=payload.rescue, operation=payload.operation))
            case fact.AttemptFailed(kept=kept) if kept:
                self.kept.append(Kept(feature=feature, name=kept))
            case _:
                return

    @property
    def head(self) -> int:
        """The id of the last event."""
        return len(self.hashes) - 1

    @cached_property
    def problems(self) -> list[Problem]:
        """Every piece of the log that does not hold."""
        return self.workspace.journal.verify()

    # --- git ---------------------------------------------------------------------------------------

    @cached_property
    def refs(self) -> dict[str, Sha]:
        """Every ref of the kit's own and its tags."""
        return self.git.refs("refs/orchestrator/", "refs/tags/checkpoint/")

    @cached_property
    def tips(self) -> dict[str, Sha]:
        """Every branch and its commit."""
        found = self.git.refs("refs/heads/")
        return {name.removeprefix("refs/heads/"): sha for name, sha in found.items()}

    @cached_property
    def worktrees(self) -> list[Worktree]:
        """The main worktree and every linked one."""
        for _ in range(_TRIES):
            with suppress(GitFailed):  # git trips over a worktree that another git is just making
                return self.git.worktrees()
        return self.git.worktrees()

    @cached_property
    def gone(self) -> frozenset[Sha]:
        """The commits that the log names and the repository does not hold any more, with their trees."""
        named = {sha for one in self.checkpoints for sha in (one.commit, one.snapshot)}
        named |= {sha for _, sha in self.snapshots}
        asked = "".join(f"{sha}^{{tree}}\n" for sha in sorted(named)).encode()
        rows = self.git.run("cat-file", "--batch-check=%(objecttype)", stdin=asked).stdout.decode().splitlines()
        return frozenset(sha for sha, row in zip(sorted(named), rows, strict=True) if row != "tree")

    # --- features ----------------------------------------------------------------------------------

    @property
    def features(self) -> list[Feature]:
        """The features that were not let go of."""
        return [one for one in self.world.features.values() if not one.retired]

    def of(self, feature: FeatureId) -> Feature:
        """Return a feature's state as replayed."""
        return self.world.features[feature]

    def shown(self, path: Path) -> str:
        """Return a path as people read it: relative to the main worktree where it lies in it."""
        main = self.workspace.main
        return str(path.relative_to(main)) if path.is_relative_to(main) else str(path)

    # --- configuration -----------------------------------------------------------------------------

    @cached_property
    def line(self) -> Effective | BadConfiguration:
        """The configuration and documents in effect, or why they cannot be read."""
        try:
            if self.unreadable:  # then which line was accepted last is not known for certain
                return documents.effective(documents.source(self.workspace.main), None)
            return self.workspace.read_anew()
        except BadConfiguration as error:
            return error
        except GitFailed:  # the accepted line is gone, which is said elsewhere
            return documents.effective(documents.source(self.workspace.main), None)
