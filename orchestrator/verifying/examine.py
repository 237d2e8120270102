"""Looks at everything once: the table of checks. Writes nothing, and asks again where the log moved meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from orchestrator.verifying import approvals, backups, chain, copies, hooks, outside, places, refs, running
from orchestrator.verifying.findings import Found
from orchestrator.verifying.sight import Sight
from orchestrator.workspace import Workspace

Check = Callable[[Sight], Iterator[Found]]

LOG: tuple[Check, ...] = (chain.lines, chain.readable, chain.torn_pieces)
# These compare something with the replay, and say nothing true where the log does not hold or cannot be read.
REPLAYED: tuple[Check, ...] = (
    chain.kept_head,
    chain.anchors,
    copies.kept_fold,
    copies.kept_readings,
    copies.second_name,
    copies.database,
    copies.states,
    copies.strange_states,
    copies.set_aside,
    refs.checkpoint_refs,
    refs.tags,
    refs.strange_refs,
    refs.contexts,
    refs.old_snapshots,
    refs.rescues,
    refs.accepted_line,
    refs.branches,
    places.worktrees,
    places.index_locks,
    places.indexes,
    places.context_files,
    places.ignored,
    places.leftovers,
    backups.tars,
    running.locks,
    running.interrupted,
    approvals.decisions,
)
OUTSIDE: tuple[Check, ...] = (
    hooks.installed,
    hooks.trouble,
    outside.configuration,
    outside.agent,
    outside.notifier,
    outside.git_settings,
)
_LOOKS = 3
_ORDER = {"error": 0, "warning": 1, "note": 2}


def examine(workspace: Workspace) -> list[Found]:
    """Return what is not as it should be, the worst first; only that there is no log where there is none."""
    gone = chain.missing(workspace)
    found = [gone] if gone is not None else _settled(workspace)
    return sorted(found, key=lambda one: (_ORDER[one.finding.severity], one.finding.id))


def _settled(workspace: Workspace) -> list[Found]:
    """Look until nobody recorded anything meanwhile; where somebody always does, take what two looks agree on.

    What was compared may not belong together otherwise: the log as it was before, a copy as it was after.
    """
    size = _size(workspace)
    found = _look(fresh(workspace))
    for _ in range(_LOOKS):
        if _size(workspace) == size:
            return found
        size = _size(workspace)
        seen = {one.finding for one in found}
        found = _look(fresh(workspace))
    return [one for one in found if one.finding in seen or one.finding.severity == "note"]


def _size(workspace: Workspace) -> int:
    return workspace.log.stat().st_size


def fresh(workspace: Workspace) -> Workspace:
    """Return the same workspace with nothing read yet."""
    return Workspace(workspace.repository, workspace.command)


def kept_fold(workspace: Workspace) -> list[Found]:
    """Return what is wrong with the fold that commands start from; nothing where the log itself does not hold."""
    sight = Sight(workspace)
    return [one for check in (chain.kept_head, copies.kept_fold) for one in check(sight)] if _holds(sight) else []


def _look(workspace: Workspace) -> list[Found]:
    sight = Sight(workspace)
    checks = (*LOG, *(REPLAYED if _holds(sight) else ()), *OUTSIDE)
    return [found for check in checks for found in check(sight)]


def _holds(sight: Sight) -> bool:
    return not sight.unreadable and all(problem.is_tail for problem in sight.problems)
