"""A feature's checkpoints as a tree: what came upon what, where rollbacks went back to, and where it is now. Pure.

The log says in which order; what came upon what after an amend, a rebase or a reset is git's to say, and given.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence

from orchestrator.core import events as fact
from orchestrator.core.events import Event
from orchestrator.core.values import Sha, Value

START = 0  # the number of the root: the commit at which the feature began
_FOLDED = 4  # so many in a straight line are worth a row of their own
Parents = Mapping[Sha, Sequence[Sha]]  # of commits, as git has them; what it lost is not in it


class Node(Value):
    """A checkpoint, `n` as in the log, and what it came upon; the root has no parent."""

    n: int
    commit: Sha
    parent: int | None
    at: str
    workflow: str = ""
    phase: str = ""
    cause: str = ""  # commit, workflow, hand; start for the root
    action: str = ""


class Move(Value):
    """The branch went from one checkpoint to another without a new one between them, or left one behind.

    `kind` is rollback, undo, moved, gone, rewritten (`end` took the place of `begin`) or ordered (not ended yet);
    `left` is how many checkpoints are not below the branch any more.
    """

    kind: str
    begin: int
    end: int
    at: str
    actor: str
    why: str = ""
    left: int = 0
    automatic: bool = False
    rescue: str = ""


class Tree(Value):
    """All checkpoints by number, all moves in order, and at which checkpoint the branch is now."""

    nodes: dict[int, Node]
    moves: tuple[Move, ...]
    here: int


def tree(events: Iterable[Event], parents: Parents | None = None) -> Tree:
    """Return the tree of one feature's events; without `parents` the log alone is believed."""
    growing = _Growing(parents or {})
    for event in events:
        growing.take(event)
    return Tree(nodes=growing.nodes, moves=tuple(growing.moves), here=growing.here)


class _Growing:
    def __init__(self, parents: Parents) -> None:
        self.nodes: dict[int, Node] = {}
        self.moves: list[Move] = []
        self.here = START
        self._parents = parents
        self._orders: dict[str, tuple[fact.RollbackOrdered, str]] = {}
        self._commits: set[Sha] = set()  # of all checkpoints
        self._left: dict[str, int] = {}  # where a rollback left the branch, by its operation

    def take(self, event: Event) -> None:
        match event.payload:
            case fact.FeatureCreated(commit=commit) | fact.FeatureImported(commit=commit):
                self._commits.add(commit)
                self.nodes[START] = Node(n=START, commit=commit, parent=None, at=event.timestamp, cause="start")
            case fact.CheckpointCreated() as made:
                self._grow(event, made)
            case fact.BranchMoved() as moved:
                self._moved(event, moved)
            case fact.RollbackOrdered() as ordered:
                self._orders[ordered.operation] = (ordered, event.actor)
                self._go("ordered", self._numbered(ordered.n, ordered.commit), event, ordered.reason)
            case fact.RollbackExecuted(operation=operation) | fact.RollbackUndone(operation=operation):
                self._drop(event)
                self._back(event, *self._orders.get(operation, (None, event.actor)))
            case fact.RollbackAborted():
                self._drop(event)
            case _:
                pass

    def _grow(self, event: Event, made: fact.CheckpointCreated) -> None:
        before, below = self.here, self._below(made)
        self._commits.add(made.commit)
        self.nodes[made.n] = Node(
            n=made.n,
            commit=made.commit,
            parent=below,
            at=made.committed or made.taken or event.timestamp,
            workflow=event.workflow or "",
            phase=event.phase or "",
            cause=made.cause,
            action=made.action,
        )
        if before != START and before not in self._line(made.n):
            self._go("rewritten", made.n, event, made.action)
        self.here = made.n

    def _below(self, made: fact.CheckpointCreated) -> int | None:
        """Return the number of what a new checkpoint came upon."""
        if not self.nodes:
            return None
        if made.commit == self._at(self.here).commit:
            return self.here
        if made.commit in self._parents:
            return self._nearest(made.commit)
        if made.action.startswith("commit (amend)"):
            amended = self._at(self.here).commit
            return next((n for n in self._line(self.here) if self.nodes[n].commit != amended), START)
        return self.here

    def _nearest(self, commit: Sha) -> int:
        """Return the checkpoint that a commit comes from: where the branch was, where that led to it."""
        pending, seen, reached = deque(self._parents[commit]), {commit}, []
        here = self._at(self.here).commit
        while pending:
            one = pending.popleft()
            if one == here:
                return self.here
            if one not in seen:
                seen.add(one)
                reached += [one] if one in self._commits else []
                pending.extend(self._parents.get(one, ()))
        return self._numbered(START, reached[0]) if reached else START

    def _at(self, n: int) -> Node:
        return self.nodes.get(n) or Node(n=n, commit=Sha(""), parent=None, at="")

    def _line(self, n: int) -> Iterator[int]:
        """Give a checkpoint and all below it, down to the root."""
        at: int | None = n
        while at is not None and at in self.nodes:
            yield at
            at = self.nodes[at].parent

    def _numbered(self, n: int, commit: Sha) -> int:
        """Return `n` where that is a checkpoint of the commit, else the nearest one below here, else the newest."""
        if n in self.nodes and self.nodes[n].commit == commit:
            return n
        below = (one for one in self._line(self.here) if self.nodes[one].commit == commit)
        newest = (one for one in reversed(self.nodes) if self.nodes[one].commit == commit)
        return next(below, next(newest, self.here))

    def _moved(self, event: Event, moved: fact.BranchMoved) -> None:
        if moved.commit is None:
            self._go("gone", self.here, event, moved.action)
        elif moved.commit != self._at(self.here).commit:
            self.here = self._go("moved", self._numbered(START, moved.commit), event, moved.action)

    def _back(self, event: Event, ordered: fact.RollbackOrdered | None, actor: str) -> None:
        payload = event.payload
        if isinstance(payload, fact.RollbackUndone):
            kind, end = "undo", self._left.get(payload.undoes, self._numbered(START, payload.commit))
        elif isinstance(payload, fact.RollbackExecuted):
            kind, end = "rollback", self._numbered(payload.n, payload.commit)
            self._left[payload.operation] = self.here
        else:
            return
        automatic = isinstance(payload, fact.RollbackExecuted) and payload.automatic
        why = ordered.reason if ordered is not None and automatic else ""
        self.here = self._go(kind, end, event, why, actor, automatic=automatic, rescue=payload.rescue)

    def _go(
        self, kind: str, end: int, event: Event, why: str, actor: str = "", *, automatic: bool = False, rescue: str = ""
    ) -> int:
        """Note a move from here; return where it leads to."""
        stays = set(self._line(end))
        left = sum(n not in stays for n in self._line(self.here))
        move = Move(
            kind=kind,
            begin=self.here,
            end=end,
            at=event.timestamp,
            actor=actor or event.actor,
            why=why,
            left=left,
            automatic=automatic,
            rescue=rescue,
        )
        self.moves.append(move)
        return end

    def _drop(self, event: Event) -> None:
        """Forget that a rollback was only ordered: it ended, or was called off."""
        self.moves = [one for one in self.moves if one.kind != "ordered"]


# --- drawn -----------------------------------------------------------------------------------------


class Glyphs(Value):
    """What a tree is drawn with: checkpoints below the branch, left ones, where it is now; lines and bends."""

    stays: str = "●"
    left: str = "○"
    now: str = "◉"
    bar: str = "│"
    fold: str = "┊"
    joins: str = "├─╯"
    bends: str = "╭─╯"


ASCII = Glyphs(stays="*", left="o", now="@", bar="|", fold=":", joins="|/", bends=" /")


class Row(Value):
    """One row: `lane` is drawn at its left; `nodes` one checkpoint or several that were folded, newest first.

    With a `move` it says something of the checkpoint above it: that the branch came there, or went from there.
    """

    lane: str
    nodes: tuple[int, ...] = ()
    move: Move | None = None
    is_arrival: bool = False


def drawn(found: Tree, glyphs: Glyphs, *, folds: bool = True) -> list[Row]:
    """Return the tree in rows, newest first; what the branch is on now stands at the left.

    Each checkpoint is in one row, of its own or folded with its neighbours where nothing else happened to them.
    """
    return list(_Drawing(found, glyphs, folds).branch(found.here, "")) if found.nodes else []


class _Drawing:
    def __init__(self, found: Tree, glyphs: Glyphs, folds: bool) -> None:
        self._tree = found
        self._glyphs = glyphs
        self._folds = folds
        self._children: dict[int, list[int]] = {}
        for node in found.nodes.values():
            if node.parent is not None:
                self._children.setdefault(node.parent, []).append(node.n)
        self._newest = dict.fromkeys(found.nodes, 0)  # of what came upon it
        for n in sorted(found.nodes, reverse=True):
            self._newest[n] = max(n, *(self._newest[one] for one in self._children.get(n, ())), 0)
        self._stays = set(self._below(found.here))
        self._touched = {n for move in found.moves for n in (move.begin, move.end)}

    def _below(self, tip: int) -> Iterator[int]:
        at: int | None = tip
        while at is not None:
            yield at
            at = self._tree.nodes[at].parent

    def branch(self, tip: int, outer: str, bottom: int | None = None) -> Iterator[Row]:
        """Draw what lies between a tip and the bottom of its branch, with all branches that leave it."""
        line = []
        for n in self._below(tip):
            line.append(n)
            if n == bottom:
                break
        straight: list[int] = []
        above = None
        for n in line:
            if self._is_plain(n, line):
                straight.append(n)
                continue
            yield from self._straight(straight, outer)
            straight = []
            yield from self._with_branches(n, above, outer)
            above = n
        yield from self._straight(straight, outer)

    def _is_plain(self, n: int, line: Sequence[int]) -> bool:
        """Tell whether a checkpoint may be folded: nothing but a commit upon a commit."""
        is_end = n in (line[0], line[-1])
        has_branches = len(self._children.get(n, ())) > 1
        return not (is_end or has_branches or n in self._touched) and self._tree.nodes[n].cause == "commit"

    def _straight(self, nodes: Sequence[int], outer: str) -> Iterator[Row]:
        if self._folds and len(nodes) >= _FOLDED:
            yield Row(lane=f"{outer}{self._glyphs.fold}", nodes=tuple(nodes))
        else:
            yield from (Row(lane=f"{outer}{self._mark(n)}", nodes=(n,)) for n in nodes)

    def _with_branches(self, n: int, above: int | None, outer: str) -> Iterator[Row]:
        glyphs, has_lane = self._glyphs, above is not None
        upon = sorted(self._children.get(n, ()), reverse=True)
        on_line = next((one for one in upon if self._leads_to(one, above)), None)
        for child in (one for one in upon if one != on_line):
            yield from self.branch(self._newest[child], f"{outer}{glyphs.bar if has_lane else ' '} ", child)
            yield Row(lane=f"{outer}{glyphs.joins if has_lane else glyphs.bends}")
            has_lane = True
        yield Row(lane=f"{outer}{self._mark(n)}", nodes=(n,))
        bar = " " if self._tree.nodes[n].parent is None else glyphs.bar
        for move in reversed(self._tree.moves):
            if n == move.end and move.kind not in ("rewritten", "ordered"):
                yield Row(lane=f"{outer}{bar}", move=move, is_arrival=True)
            elif n == move.begin:
                yield Row(lane=f"{outer}{bar}", move=move)

    def _leads_to(self, child: int, above: int | None) -> bool:
        """Tell whether what was drawn above came upon a child: straight lines between them may be folded."""
        return above is not None and child in self._below(above)

    def _mark(self, n: int) -> str:
        if n == self._tree.here:
            return self._glyphs.now
        return self._glyphs.stays if n in self._stays else self._glyphs.left
