"""Checks what people stated: statements and their signatures, who may sign, and changes of the line.

Read event by event, with whose signature counted at that time; what it has read so far tells of each gate whether
its approval had to be signed, and by whom it was.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from functools import cache

from orchestrator import config, documents
from orchestrator.adapters import signing
from orchestrator.adapters.git import Git
from orchestrator.core import events as fact
from orchestrator.core import statement
from orchestrator.core.events import Event
from orchestrator.core.line import Document
from orchestrator.core.state import Signer
from orchestrator.core.statement import SignerItem, Statement
from orchestrator.core.steps import Line
from orchestrator.core.values import Sha, Value
from orchestrator.documents import Source
from orchestrator.errors import BadConfiguration, BadStatement, GitFailed, OrchestratorError
from orchestrator.verifying.findings import Found, error

LOOK = "a person looks at that event (orchestrator log), and decides the gate anew where it should not have passed"
_LINE = "refs/orchestrator/line"
_OF_A_SITTING = (
    fact.SittingHeld, fact.ApprovalGranted, fact.PhaseCompleted, fact.WorkflowCompleted, fact.FeatureCompleted,
    fact.LineAccepted, fact.SignerAdded, fact.SignerRevoked,
)  # fmt: skip
_NAMES = {"sha1": re.compile(r"[0-9a-f]{40}"), "sha256": re.compile(r"[0-9a-f]{64}")}


class Recorded(Value):
    """A statement of the log: what it says, whose valid signature it bears, or why none."""

    says: Statement
    signer: str
    why: str


class Statements:
    """What was stated up to an event, each use of a statement counted: none is good for the same thing twice."""

    def __init__(self, git: Git) -> None:
        self.signed: frozenset[str] = frozenset()  # the types whose approval needs a signature now
        self._git = git.unaltered()
        self._identity = ""
        self._recorded: dict[str, Recorded] = {}
        self._used: set[tuple[str, str]] = set()
        self._open = ""  # the statement of the sitting that is being recorded
        self._signers: tuple[Signer, ...] = ()
        self._had_signers = False
        self._tree: Sha | None = None
        self._source = cache(self._read_source)
        self._line = cache(self._read_line)

    @property
    def line(self) -> Line:
        """The line as last accepted; an empty one where it cannot be read."""
        return self._line(self._tree)

    def document(self, workflow: str) -> Document | None:
        """Return a document of that line; None where nothing of it needs a signature: then none is read."""
        return self.line.document(workflow) if self.signed else None

    def get(self, named: str) -> Recorded | None:
        """Return a statement by the sha256 that an event names."""
        return self._recorded.get(named)

    def take(self, named: str, what: str) -> bool:
        """Tell whether a statement is used for something the first time."""
        is_first = (named, what) not in self._used
        self._used.add((named, what))
        return is_first

    def read(self, event: Event) -> Iterator[Found]:
        """Take in the next event; give what is wrong with what it states, or with who may sign, or with the line."""
        self._identity = self._identity or event.hash
        if not isinstance(event.payload, _OF_A_SITTING):
            self._open = ""
        match event.payload:
            case fact.SittingHeld() as sitting:
                yield from self._sitting(event, sitting)
            case fact.SignerAdded(name=name, key=key, statement=named):
                new = Signer(name=name, key=key)
                first = () if self._had_signers else (new,)
                yield from self._change_of_signers(event, named, "add", new, self._signers or first)
                self._signers, self._had_signers = (*self._signers, new), True
                if self._tree is not None:  # the line that holds is believed no longer where it is gone
                    yield from self._lost_line(event, self._tree)
                    self.signed = self._types_of(self._tree)
            case fact.SignerRevoked(name=name, key=key, statement=named):
                yield from self._change_of_signers(event, named, "revoke", Signer(name=name, key=key), self._signers)
                self._signers = tuple(one for one in self._signers if one.key != key)
            case fact.LineAccepted(tree=tree, statement=named):
                if not self._is_name(tree):  # what git would look up is another thing each time
                    yield error("V904", _LINE, f"event #{event.id} names no tree", LOOK)
                    return
                yield from self._change_of_line(event, tree, named)
                self._tree = tree
                yield from self._lost_line(event, tree)
                self.signed = self._types_of(tree)
            case _:
                return

    def _sitting(self, event: Event, sitting: fact.SittingHeld) -> Iterator[Found]:
        try:
            says = statement.read(sitting.statement)
            self._refuse_foreign(event, says)
        except BadStatement as wrong:
            yield error("V901", where(event), f"the statement of event #{event.id} does not count: {wrong}", LOOK)
            return
        named = statement.digest(sitting.statement)
        if named in self._recorded:
            yield error("V901", where(event), f"the statement of event #{event.id} was used before", LOOK)
            return
        self._open = named
        signer, why = "", "it carries no signature"
        if sitting.signature:
            signers = self._signers or (() if self._had_signers else _own(says))
            try:
                signer, why = signing.check(sitting.statement, sitting.signature, signers), ""
            except OrchestratorError as wrong:
                why = str(wrong)
                yield error("V902", where(event), f"the signature of event #{event.id} does not count: {wrong}", LOOK)
        self._recorded[named] = Recorded(says=says, signer=signer, why=why)

    def _refuse_foreign(self, event: Event, says: Statement) -> None:
        if says.repository != ("" if event.id == 1 else self._identity):
            raise BadStatement("it was made for another repository")
        if not statement.is_current(says, datetime.fromisoformat(event.timestamp)):
            raise BadStatement(f"it was made at {says.issued} and recorded at {event.timestamp}")

    def _change_of_signers(
        self, event: Event, named: str, action: str, of: Signer, may: tuple[Signer, ...]
    ) -> Iterator[Found]:
        held = self._once(named, "signer")
        wanted = SignerItem(action=action, name=of.name, key=of.key)
        if held is None or held.says.signer != wanted:
            why = "no statement says so"
        elif held.signer not in {one.name for one in may}:
            why = held.why or "who signed it may not"
        else:
            return
        what = f"the signer {of.name} was {'added' if action == 'add' else 'revoked'} by event #{event.id}: {why}"
        yield error("V903", where(event), what, LOOK)

    def _change_of_line(self, event: Event, tree: Sha, named: str) -> Iterator[Found]:
        if not self.signed or self._tree in (None, tree):
            return
        held = self._once(named, "line")
        said = held.says.line if held is not None and held.signer else None
        if said is not None and (said.tree, said.before) == (tree, self._tree):
            return
        lost = self._weaker(tree)
        if lost:
            what = f"event #{event.id} accepted a weaker line without a valid signature: {lost}"
            yield error("V904", _LINE, what, LOOK)

    def _once(self, named: str, what: str) -> Recorded | None:
        """Return the statement of the sitting that is being recorded, the first time that it is asked for this."""
        return self._recorded.get(named) if named == self._open and self.take(named, what) else None

    def _weaker(self, tree: Sha) -> str:
        """Return the first thing in which an accepted line asks less than the one before it."""
        old, new = self._source(self._tree), self._source(tree)
        if old is None or new is None:
            return ""  # which is said of its own
        try:
            return next(iter(documents.effective(new, old).pending), "")
        except BadConfiguration as wrong:
            return str(wrong)

    def _types_of(self, tree: Sha) -> frozenset[str]:
        """Return the types that need a signature by an accepted line; where it is gone, all once somebody signs."""
        found = self._source(tree)
        try:
            if found is not None:
                return config.parse(found.configuration).gates.signed
        except BadConfiguration:
            pass  # as where it is gone
        return frozenset(config.STOPPING) if self._had_signers else self.signed

    def _is_name(self, tree: Sha) -> bool:
        """Tell whether a text is the name of an object and can be nothing else."""
        kind = self._git.text("rev-parse", "--show-object-format").strip()
        return bool(_NAMES[kind].fullmatch(tree))

    def _lost_line(self, event: Event, tree: Sha) -> Iterator[Found]:
        if self._had_signers and self._source(tree) is None:
            what = f"the line that event #{event.id} accepted is gone from git: what it asked for is not known"
            yield error("V904", _LINE, what, LOOK)

    def _read_source(self, tree: Sha | None) -> Source | None:
        if tree is None:
            return None
        try:
            return documents.accepted_source(self._git, tree)
        except GitFailed:
            return None

    def _read_line(self, tree: Sha | None) -> Line:
        found = self._source(tree)
        try:
            return documents.reading(found).line if found is not None else Line()
        except BadConfiguration:
            return Line()


def _own(says: Statement) -> tuple[Signer, ...]:
    """Return the signer that a first statement vouches for: themselves."""
    one = says.signer
    return (Signer(name=one.name, key=one.key),) if one is not None and one.action == "add" else ()


def where(event: Event) -> str:
    """Return where an event stands, as findings name it."""
    return f"events.jsonl:{event.id}"
