"""What is going on, or was when somebody was killed: attempts, rollbacks, locks."""

from __future__ import annotations

from collections.abc import Iterator

from orchestrator.adapters.lock import holder
from orchestrator.core.state import Feature
from orchestrator.verifying.findings import ITSELF, Found, note
from orchestrator.verifying.sight import Sight
from orchestrator.workspace import now


def locks(sight: Sight) -> Iterator[Found]:
    """Name who works on what."""
    for path in sorted((sight.workspace.home / "locks").glob("*.lock")):
        who = holder(path)
        if who is not None:
            yield note("V603", str(path), f"{path.stem} is worked on by {who.described(now())}", "nothing to do")


def interrupted(sight: Sight) -> Iterator[Found]:
    """Name attempts and rollbacks that nobody works on any more."""
    for feature in sight.features:
        if holder(sight.workspace.lock_file(feature.slug)) is not None:
            continue
        if feature.ordered is not None:
            what = f"a rollback of {feature.slug} to {feature.ordered.commit[:12]} was interrupted"
            yield note("V602", feature.slug, what, ITSELF, of=feature.id)
        elif feature.attempt is not None and not _has_time(feature):
            what = f"attempt {feature.attempt.number} of {feature.slug} was interrupted; it is not counted"
            yield note("V601", feature.slug, what, ITSELF, of=feature.id)


def _has_time(feature: Feature) -> bool:
    """Tell whether an agent that drives itself may still be at work."""
    deadline = feature.attempt.deadline if feature.attempt else ""
    return bool(deadline) and deadline > now().isoformat()
