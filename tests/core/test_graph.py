"""A feature's checkpoints as a tree: what came upon what, and each of them drawn once."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from orchestrator.core import events as fact
from orchestrator.core.graph import ASCII, START, Glyphs, Parents, Tree, drawn, tree
from orchestrator.core.values import Sha
from tests.core.history import CONTEXT, PERSON, History

BOXES = Glyphs()


def sha(number: int) -> Sha:
    return Sha(f"{number:040x}")


class Branch(History):
    """A feature's branch: commits upon it, rollbacks and undos, as the log has them."""

    def __init__(self) -> None:
        super().__init__()
        self.start()
        self.tip = self.of().first or sha(0)
        self.commits = {START: self.tip}
        self.tips: list[tuple[str, Sha]] = []  # operations that can be undone, and where the branch was before

    def commit(self, action: str = "commit: x", cause: str = "commit", upon: Sha | None = None) -> Sha:
        n = len(self.commits)
        self.tip = upon or (self.tip if cause != "commit" else sha(n))
        self.commits[n] = self.tip
        self.say(fact.CheckpointCreated(n=n, commit=self.tip, snapshot=CONTEXT, cause=cause, action=action))
        return self.tip

    def _order(self, n: int, commit: Sha, undoes: str = "") -> str:
        operation = f"o{len(self.events)}"
        ordered = fact.RollbackOrdered(
            operation=operation, n=n, commit=commit, snapshot=CONTEXT, old=self.tip, moment=self.of().moment,
            undoes=undoes,
        )  # fmt: skip
        self.say(ordered, actor=PERSON)
        return operation

    def rollback(self, n: int) -> None:
        operation = self._order(n, self.commits[n])
        self.tips.append((operation, self.tip))
        self.tip = self.commits[n]
        self.say(fact.RollbackExecuted(operation=operation, n=n, commit=self.tip, rescue="refs/x"))

    def undo(self) -> None:
        undone, self.tip = self.tips.pop()
        operation = self._order(0, self.tip, undone)
        self.say(fact.RollbackUndone(operation=operation, undoes=undone, commit=self.tip, rescue="refs/y"))

    def moved(self, n: int) -> None:
        self.tip = self.commits[n]
        self.say(fact.BranchMoved(commit=self.tip, action="reset: moving to it"))

    def tree(self, parents: Parents | None = None) -> Tree:
        return tree(self.events, parents)


def parents(found: Tree) -> dict[int, int | None]:
    return {n: node.parent for n, node in found.nodes.items()}


def picture(found: Tree, glyphs: Glyphs = BOXES, *, folds: bool = True) -> list[str]:
    """Return the rows, checkpoints by number, folds by their ends, moves by kind."""
    return [
        f"{row.lane} {_said(row.nodes)}{f'{row.move.kind} {row.move.begin}>{row.move.end}' if row.move else ''}".rstrip()
        for row in drawn(found, glyphs, folds=folds)
    ]


def _said(nodes: tuple[int, ...]) -> str:
    return f"{nodes[-1]}..{nodes[0]}" if len(nodes) > 1 else "".join(map(str, nodes))


def test_a_feature_without_a_checkpoint_is_at_its_start() -> None:
    assert picture(Branch().tree()) == ["◉ 0"]
    assert drawn(tree([]), BOXES) == []


def test_after_a_rollback_what_was_left_hangs_beside_the_branch() -> None:
    branch = Branch()
    for _ in range(3):
        branch.commit()
    branch.rollback(1)
    assert picture(branch.tree()) == [
        "  ○ 3", "  │ rollback 3>1", "  ○ 2", "╭─╯", "◉ 1", "│ rollback 3>1", "● 0",
    ]  # fmt: skip
    branch.commit()
    assert picture(branch.tree(), ASCII) == [
        "@ 4", "| o 3", "| | rollback 3>1", "| o 2", "|/", "* 1", "| rollback 3>1", "* 0",
    ]  # fmt: skip


def test_a_rollback_of_a_rollback_and_its_undo_lead_where_they_led() -> None:
    branch = Branch()
    for _ in range(3):
        branch.commit()
    branch.rollback(2)
    branch.rollback(1)
    assert branch.tree().here == 1
    branch.undo()
    assert branch.tree().here == 2
    branch.undo()
    found = branch.tree()
    assert (found.here, parents(found)) == (3, {0: None, 1: 0, 2: 1, 3: 2})
    assert [(one.kind, one.begin, one.end, one.left) for one in found.moves] == [
        ("rollback", 3, 2, 1), ("rollback", 2, 1, 1), ("undo", 1, 2, 0), ("undo", 2, 3, 0),
    ]  # fmt: skip


def test_a_rollback_point_stands_upon_the_checkpoint_of_its_commit() -> None:
    branch = Branch()
    branch.commit(cause="workflow")
    branch.commit()
    branch.commit(cause="workflow")
    branch.rollback(1)
    branch.commit(cause="workflow")
    assert parents(branch.tree()) == {0: None, 1: 0, 2: 1, 3: 2, 4: 1}


def test_an_amended_commit_is_left_beside_with_the_log_alone() -> None:
    branch = Branch()
    branch.commit()
    branch.commit()
    branch.commit(cause="workflow")
    branch.commit("commit (amend): y")
    found = branch.tree()
    assert parents(found) == {0: None, 1: 0, 2: 1, 3: 2, 4: 1}
    assert [(one.kind, one.begin, one.end) for one in found.moves] == [("rewritten", 3, 4)]


def test_what_git_knows_of_a_commit_goes_before_the_order_of_the_log() -> None:
    branch = Branch()
    one, two = branch.commit(), branch.commit()
    between, rebased = sha(900), sha(901)
    branch.commit("rebase (finish): x", upon=rebased)
    known = {one: [branch.commits[0]], two: [one], rebased: [between], between: [one]}
    assert parents(branch.tree(known)) == {0: None, 1: 0, 2: 1, 3: 1}
    known[rebased] = [sha(902), two]  # a merge: where the branch was leads to it
    assert parents(branch.tree(known)) == {0: None, 1: 0, 2: 1, 3: 2}
    known[rebased] = [sha(902)]  # nothing in common
    assert parents(branch.tree(known)) == {0: None, 1: 0, 2: 1, 3: 0}


def test_a_branch_that_was_moved_goes_on_from_where_it_was_moved_to() -> None:
    branch = Branch()
    for _ in range(3):
        branch.commit()
    branch.moved(1)
    branch.commit()
    branch.moved(3)
    found = branch.tree()
    assert (found.here, parents(found)) == (3, {0: None, 1: 0, 2: 1, 3: 2, 4: 1})
    branch.say(fact.BranchMoved(commit=None))
    assert branch.tree().moves[-1].kind == "gone"


def test_a_rollback_that_lasts_or_was_called_off_moves_nothing() -> None:
    branch = Branch()
    branch.commit()
    branch.commit()
    operation = branch._order(1, branch.commits[1])
    assert picture(branch.tree()) == ["◉ 2", "│ ordered 2>1", "● 1", "● 0"]
    branch.say(fact.RollbackAborted(operation=operation, reason="in the way"))
    assert (branch.tree().here, branch.tree().moves) == (2, ())


def test_two_hundred_checkpoints_in_a_row_are_folded_but_for_their_ends() -> None:
    branch = Branch()
    for _ in range(200):
        branch.commit()
    assert picture(branch.tree()) == ["◉ 200", "┊ 1..199", "● 0"]
    assert len(picture(branch.tree(), folds=False)) == 201
    branch.rollback(100)
    branch.commit()
    assert picture(branch.tree()) == [
        "◉ 201", "│ ○ 200", "│ │ rollback 200>100", "│ ┊ 102..199", "│ ○ 101", "├─╯", "● 100", "│ rollback 200>100",
        "┊ 1..99", "● 0",
    ]  # fmt: skip


STEPS = st.lists(st.tuples(st.sampled_from("cccwaruum"), st.integers(0, 30)), max_size=60)


def played(steps: list[tuple[str, int]]) -> Branch:
    """Return a branch on which all that happened; a step that cannot be done there is passed over."""
    branch = Branch()
    fresh = False  # whether nothing was committed since the last rollback: only then can it be undone
    for step, number in steps:
        n = number % len(branch.commits)
        match step:
            case "c" | "a":
                branch.commit("commit (amend): y" if step == "a" else "commit: x")
            case "w":
                branch.commit(cause="workflow")
            case "r" if n:
                branch.rollback(n)
            case "u" if branch.tips and fresh:
                branch.undo()
            case "m":
                branch.moved(n)
        fresh = step in "ru" and bool(branch.tips)
    return branch


@given(STEPS, st.booleans())
def test_every_checkpoint_is_drawn_once_or_counted_in_a_fold(steps: list[tuple[str, int]], folds: bool) -> None:
    branch = played(steps)
    found = branch.tree()
    rows = drawn(found, BOXES, folds=folds)
    assert Counter(n for row in rows for n in row.nodes) == Counter(branch.commits.keys())
    assert found.nodes[found.here].commit == branch.tip
    single = {row.nodes[0] for row in rows if len(row.nodes) == 1}
    assert {found.here, START, *(n for one in found.moves for n in (one.begin, one.end))} <= single


@given(STEPS)
def test_what_is_drawn_above_came_later_in_its_lane_and_every_move_has_its_row(steps: list[tuple[str, int]]) -> None:
    found = played(steps).tree()
    rows = drawn(found, BOXES)
    place = {n: at for at, row in enumerate(rows) for n in row.nodes}
    assert all(place[n] <= place[node.parent] for n, node in found.nodes.items() if node.parent is not None)
    assert {one for one in found.moves if one.kind != "ordered"} <= {row.move for row in rows if row.move is not None}
