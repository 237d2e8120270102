"""The tars of the rollback points: there, and what was written."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from hashlib import file_digest
from pathlib import Path

from orchestrator.adapters import backups, snapshots
from orchestrator.adapters.git import Git
from orchestrator.core.state import Feature, RollbackPoint
from orchestrator.core.values import PREFIX, Sha, Slug
from orchestrator.errors import BadBackup, MoveRefused
from orchestrator.verifying.findings import REPAIR, Found, TarBack, warning
from orchestrator.verifying.sight import Sight


def tars(sight: Sight) -> Iterator[Found]:
    """Compare each rollback point's tar with its digest in the log, else with the snapshot it was made of."""
    for feature in sight.features:
        for point in feature.points:
            yield from _tar(sight, feature, point)
        below = [one for one in feature.points if one.n in feature.ancestors]
        if below:
            yield from _newest(sight, feature, below[-1])


def _tar(sight: Sight, feature: Feature, point: RollbackPoint) -> Iterator[Found]:
    path = sight.workspace.main / point.backup
    mend = TarBack(feature=feature.id, n=point.n, snapshot=point.snapshot, is_newest=False)
    if not path.exists():
        what = f"the backup of rollback point {point.n} is missing; its snapshot holds the same files"
        yield warning("V501", point.backup, what, REPAIR, mend, feature.id)
    elif not is_whole(sight.git, path, feature.slug, point.sha256, point.snapshot):
        what = f"the backup of rollback point {point.n} is not what was written"
        yield warning("V502", point.backup, what, REPAIR, mend, feature.id)


def _newest(sight: Sight, feature: Feature, point: RollbackPoint) -> Iterator[Found]:
    where = backups.newest(feature.slug)
    path = sight.workspace.main / where
    mend = TarBack(feature=feature.id, n=point.n, snapshot=point.snapshot, is_newest=True)
    if not path.exists():
        yield warning("V503", where, f"the newest backup is missing; it is that of {point.n}", REPAIR, mend, feature.id)
    elif not is_whole(sight.git, path, feature.slug, point.sha256, point.snapshot):
        what = f"the newest backup is not that of rollback point {point.n}"
        yield warning("V504", where, what, REPAIR, mend, feature.id)


def is_whole(git: Git, path: Path, slug: Slug, sha256: str, snapshot: Sha) -> bool:
    """Tell whether a tar is the one with that digest, or holds exactly the snapshot's files: one made again."""
    try:
        backups.check(path, sha256)
    except BadBackup:
        return path.is_file() and _holds_the_same(git, path, slug, snapshot)
    return True


def _holds_the_same(git: Git, path: Path, slug: Slug, snapshot: Sha) -> bool:
    own = f"{PREFIX}{slug}_"
    try:
        with path.open("rb") as file:
            digest = file_digest(file, "sha256").hexdigest()
        with tempfile.TemporaryDirectory(prefix="orchestrator-") as folder:
            names = backups.unpack(path, digest, Path(folder), lambda name: name.startswith(own))
            found = {name: (Path(folder) / name).read_bytes() for name in names}
        wanted = {one.name: one.content for one in snapshots.contents(git, snapshot) if one.name.startswith(own)}
    except (BadBackup, MoveRefused, OSError):
        return False
    return found == wanted
