"""`make flips`: bytes of what the kit keeps are flipped; each flip is noticed, or changes nothing that anybody sees.

Noticed: a command refuses, or `verify` names it. Never: a traceback, another answer than before that nobody
warned of, or a command that goes on from what is broken. RUNS and SEED come from the environment.
"""

from __future__ import annotations

import json
import os
import random
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from tests.conftest import sealed
from tests.figures import keep
from tests.kit import Kit, copied, created

NOTICED, HARMLESS = "noticed", "harmless"


class Kind(NamedTuple):
    """What is flipped: files of one kind."""

    name: str
    files: Callable[[Kit], list[Path]]


KINDS = (
    Kind("log", lambda kit: [kit.log]),
    Kind("state", lambda kit: sorted(kit.context.glob("feat-*_orchestrator-state.json"))),
    Kind("database", lambda kit: [kit.context / "orchestrator-events.db"]),
    Kind("backup", lambda kit: sorted((kit.context / "backups").glob("*.tar.gz"))),
    Kind("kept fold", lambda kit: [kit.home / "fold.json"]),
    Kind("refs", lambda kit: [kit.root / ".git/packed-refs"]),
)


class Flip(NamedTuple):
    """One changed byte."""

    path: Path
    place: int
    mask: int

    def apply(self) -> bytes:
        """Write the changed file in the place of the whole one, and return what was there."""
        whole = self.path.read_bytes()
        content = bytearray(whole)
        content[self.place] ^= self.mask
        self.path.write_bytes(bytes(content))
        return whole


def flips(kit: Kit, kind: Kind, chosen: random.Random) -> Iterator[Flip]:
    """Give random flips of one kind's files, for ever; half of them of a single bit."""
    paths = kind.files(kit)
    while True:
        path = chosen.choice(paths)
        mask = 1 << chosen.randrange(8) if chosen.random() < 0.5 else chosen.randrange(1, 256)
        yield Flip(path, chosen.randrange(path.stat().st_size), mask)


class Bench:
    """Two features with tags, tars and packed refs, to be broken and put back."""

    def __init__(self, base: Path, env: dict[str, str]) -> None:
        self.base = base
        self.kit = created(base / "place/shop", env, hooks=False)
        for name in ("payment", "landing"):
            self.kit.do("start", name)
            self.kit.do("next", name)
        self.kit.do("note", "payment", "before the flips")
        self.kit.git("pack-refs", "--all")
        self.kit.do("status")
        copied(base / "place", base / "seed")
        self.answers = self._answers()
        self.events = {one["hash"] for one in self.kit.events()}

    def verdict(self, flip: Flip) -> str:
        """Return what became of a flip; the place is as it was again afterwards."""
        flip.apply()
        try:
            return self._verdict(flip)
        finally:
            copied(self.base / "seed", self.base / "place")

    def _verdict(self, flip: Flip) -> str:
        status, out, err = self.kit.inside("verify", "--json")
        said = err
        findings = json.loads(out)["findings"] if out.startswith("{") else []
        is_noticed = status != 0 or any(one["id"] != "V701" for one in findings)
        wrote, _, told = self.kit.inside("note", "payment", "after the flip")
        is_noticed = is_noticed or wrote != 0 or bool(told)
        if "this is a bug" in said + told or "Traceback" in said + told:
            return f"a traceback: {(said + told).splitlines()[0]}"
        if wrote == 0 and not self._is_kept():
            return "recorded after what was broken"
        if is_noticed:
            return NOTICED
        return HARMLESS if self._answers(ignoring="after the flip") == self.answers else "unnoticed, and not harmless"

    def _is_kept(self) -> bool:
        """Tell whether all events are in the log, or in what was set aside of its end."""
        pieces = [path.read_bytes() for path in (self.kit.log, *self.kit.home.glob("events.torn-*"))]
        lines = [line for piece in pieces for line in piece.splitlines()]
        return len(lines) >= len(self.events)

    def _answers(self, ignoring: str = "") -> str:
        """Return what a person sees of states, checkpoints and log, but for one note."""
        states = json.loads(self.kit.inside("replay", "--json")[1])
        for one in states["features"]:
            one["notes"] = [note for note in one["notes"] if note["note"] != ignoring]
            one.pop("event"), one.pop("updated_at")
        shown = [json.loads(self.kit.inside("checkpoints", name, "--json")[1]) for name in ("payment", "landing")]
        return json.dumps([states, shown], sort_keys=True)


def flipped(base: Path, env: dict[str, str], runs: int, seed: int) -> list[tuple[str, Counter[str], list[str]]]:
    """Flip `runs` bytes, spread evenly over the kinds; return per kind the verdicts, and the bad flips in words."""
    bench = Bench(base, env)
    chosen = random.Random(seed)
    rows = []
    for number, kind in enumerate(KINDS):
        share = runs // len(KINDS) + (number < runs % len(KINDS))
        verdicts: Counter[str] = Counter()
        bad = []
        for _, flip in zip(range(share), flips(bench.kit, kind, chosen), strict=False):
            verdict = bench.verdict(flip)
            verdicts[verdict if verdict in (NOTICED, HARMLESS) else "bad"] += 1
            if verdict not in (NOTICED, HARMLESS):
                bad.append(f"{flip.path.name} byte {flip.place} ^ {flip.mask:#04x}: {verdict}")
        rows.append((kind.name, verdicts, bad))
    return rows


def main() -> int:
    """Print the table; return 1 where a flip was neither noticed nor harmless."""
    runs, seed = int(os.environ.get("RUNS") or 10_000), int(os.environ.get("SEED") or 1)
    with tempfile.TemporaryDirectory(prefix="flips-") as folder, sealed(Path(folder)) as env:
        rows = flipped(Path(folder) / "bench", env, runs, seed)
    sys.stdout.write("| flipped in | flips | noticed | harmless | neither |\n| --- | --- | --- | --- | --- |\n")
    for name, verdicts, bad in rows:
        counts = (verdicts.total(), verdicts[NOTICED], verdicts[HARMLESS], verdicts["bad"])
        sys.stdout.write(f"| {name} | {' | '.join(map(str, counts))} |\n")
        sys.stdout.writelines(f"{one}\n" for one in bad)
    neither = sum(verdicts["bad"] for _, verdicts, _ in rows)
    what = "flipped bytes in log, states, database, backups, kept fold and refs"
    keep("flips", what, "0 unnoticed, 0 tracebacks", f"{neither} in {runs:,} flips")
    return int(neither > 0)


if __name__ == "__main__":
    sys.exit(main())
