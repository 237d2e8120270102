"""`make powercut`: the power is lost at random moments on real file systems; what was acknowledged is there afterwards.

Prints a table, a row a file system, and each violation; exits 1 where there is one, 3 where nothing could be run.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.concurrency.arena import blob
from tests.conftest import AGENT, CONFIGURATION, LINE, Repo, environment
from tests.figures import keep
from tests.powercut.disk import Disk, inside_own_mounts, obstacle
from tests.powercut.work import Work

IN_A_ROW = 8  # cuts, each of what the one before left, until a new repository is begun
MOST_COMMANDS = 4  # from one cut to the next
SHA = re.compile(r"[0-9a-f]{40}")
NOTHING_RAN = 3
WHAT = "the power is cut during commits, steps, rollbacks, undos, decisions and `git gc`, cut after cut"
GOAL = (
    "200 cuts each on ext4, XFS and btrfs; 0 acknowledged events, commits, refs and flushed bytes lost; "
    "what was open is ended by two commands"
)


class Tally:
    """The figures of one file system."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.counts: Counter[str] = Counter()
        self.violations: list[str] = []
        self.under_way: Counter[str] = Counter()

    def row(self) -> str:
        """Return the row of the table."""
        one = self.counts
        columns = ("cuts", "events", "commits", "refs", "files", "interrupted", "indexes", "branches")
        return f"| {self.kind} | " + " | ".join(f"{one[name]:,}" for name in columns) + f" | {len(self.violations)} |"


HEAD = (
    "| file system | cuts | acknowledged events | commits and snapshots | checkpoint refs | flushed files "
    "| commands under way | indexes of git cut short | branches of git gone | lost or not ended |\n"
    "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |"
)


def main(arguments: Sequence[str]) -> int:
    options = _options(arguments)
    if os.environ.get("POWERCUT") != "inside" and not obstacle("ext4"):
        words = inside_own_mounts([sys.executable, "-m", "tests.powercut.cuts", *arguments])
        return subprocess.run(words, env={**os.environ, "POWERCUT": "inside"}, check=False).returncode
    tallies, skipped = [], []
    for kind in options.file_systems.split(","):
        why = obstacle(kind)
        if why:
            skipped.append(f"{kind}: not run: {why}")
            continue
        with tempfile.TemporaryDirectory(dir=_memory()) as top:
            try:
                tallies.append(Tally(kind))
                _cuts(tallies[-1], options, Path(top))
            except RuntimeError as error:
                skipped.append(f"{kind}: not run to its end: {error}")
    _say(HEAD, *(one.row() for one in tallies), *skipped, *(row for one in tallies for row in one.violations))
    keep("powercut", WHAT, GOAL, _reached(tallies, skipped))
    if any(one.violations for one in tallies):
        return 1
    return 0 if any(one.counts["cuts"] for one in tallies) else NOTHING_RAN


def _reached(tallies: Sequence[Tally], skipped: Sequence[str]) -> str:
    """Return the figures in words; what was not run stands last."""
    total = sum((one.counts for one in tallies), Counter())
    cuts = ", ".join(f"{one.kind} {one.counts['cuts']:,}" for one in tallies)
    said = [
        f"{cuts} cuts",
        f"{total['events']:,} acknowledged events, {total['files']:,} flushed files",
        f"{sum(len(one.violations) for one in tallies)} lost or not ended",
        f"by hand, as `verify` says: {total['indexes']} indexes and {total['branches']} branches of unflushed commits",
        *skipped,
    ]
    return "; ".join(said)


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="powercut")
    parser.add_argument("--cuts", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--file-systems", default="ext4,xfs,btrfs")
    parser.add_argument("--minutes", type=float, default=600)
    parser.add_argument("--keep", default="", help="keep the repository of each violation below this folder")
    return parser.parse_args(arguments)


def _say(*lines: str) -> None:
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    sys.stdout.flush()


def _memory() -> str | None:
    """Return where the disks lie: in memory where that is there, so that the machine's own disk is no part of it."""
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else None


# --- one file system -------------------------------------------------------------------------------


def _cuts(tally: Tally, options: argparse.Namespace, top: Path) -> None:
    kind = tally.kind
    end = time.monotonic() + 60 * options.minutes
    template = top / "template"
    disk = Disk(kind, top, f"{os.getpid()}-{kind}")
    disk.format()
    try:
        _created(disk.place, top, f"{os.getpid()}-{kind}")
    finally:
        disk.unmount()
    disk.keep(template)
    row = 0
    while tally.counts["cuts"] < options.cuts and time.monotonic() < end:
        chance = random.Random(f"{options.seed} {kind} {row}")
        row += 1
        token = f"{os.getpid()}-{kind}-{row}"
        disk = Disk(kind, top, token)
        disk.begin(template)
        repo = _repo(disk.place, top, token)
        work = Work(repo, chance, top / "talk")
        try:
            for _ in range(min(IN_A_ROW, options.cuts - tally.counts["cuts"])):
                found = _cut(disk, work, chance, tally)
                if found:
                    sys.stderr.write("".join(f"{kind}: {one}\n" for one in found))
                    tally.violations += [f"{kind}, row {row}, cut {tally.counts['cuts']}: {one}" for one in found]
                    if options.keep:
                        _keep(disk, Path(options.keep) / f"{kind}-{row}")
                    break
            tally.counts["events"] += len(work.events)
            tally.counts["files"] += len(work.files)
            tally.counts.update({f"did {name}": number for name, number in work.done.items()})
        finally:
            disk.unmount()
    did = ", ".join(f"{name[4:]} {number}" for name, number in sorted(tally.counts.items()) if name.startswith("did "))
    cut = ", ".join(f"{name} {number}" for name, number in sorted(tally.under_way.items()))
    sys.stderr.write(f"{kind}: ended well: {did}; cut in: {cut}\n")


def _cut(disk: Disk, work: Work, chance: random.Random, tally: Tally) -> list[str]:
    """Work, lose the power, and return what is not as it was acknowledged, or does not end."""
    work.story.append("cut")
    work.go_on(chance.randint(1, MOST_COMMANDS), min(1.0, chance.uniform(0, 1.3)))
    disk.cut()
    tally.counts["cuts"] += 1
    tally.counts["interrupted"] += bool(work.under_way)
    tally.under_way[work.under_way or "between"] += 1
    found = [f"while {work.under_way or 'nothing'} was under way: {one}" for one in _lost(work, tally)]
    tally.counts["indexes"] += _rebuilt_indexes(work.repo)
    tally.counts["branches"] += _rebuilt_branches(work.repo)
    found += [f"after {work.under_way or 'nothing'}: {one}" for one in _not_ended(work)]
    found += [f"odd end: {one}" for one in work.odd]
    if found:
        found[-1] += f" (the work was: {' '.join(work.story)})"
    work.odd.clear()
    work.under_way = ""
    return found


def _created(place: Path, home: Path, token: str) -> None:
    repo = _repo(place, home, token)
    repo.found(LINE, AGENT, CONFIGURATION + "[checkpoints]\ntags = 5\n[hooks]\nwait = true\n")
    repo.git("config", "gc.auto", "0")
    repo.write(".git/info/exclude", ".context/\n")
    repo.commit("begin")
    repo.run("init")
    if repo.git("status", "--porcelain"):
        repo.commit("orchestrator")


def _repo(place: Path, home: Path, token: str) -> Repo:
    env = {**environment(home), "POWERCUT": token}
    return Repo(place / "shop", env)


def _keep(disk: Disk, to: Path) -> None:
    shutil.rmtree(to, ignore_errors=True)
    to.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run(["cp", "-a", str(disk.place), str(to)], check=False)


# --- what is there afterwards ----------------------------------------------------------------------


def _lost(work: Work, tally: Tally) -> list[str]:
    repo = work.repo
    log = repo.root / ".git/orchestrator/events.jsonl"
    events = _whole(log.read_bytes()) if log.exists() else []
    there = {event["id"]: event["hash"] for event in events}
    lost = [f"event {number} was acknowledged and is gone" for number in work.events if number not in there]
    lost += [f"event {number} is another" for number, one in work.events.items() if there.get(number, one) != one]
    named = sorted(set(_named(events)))
    tally.counts["commits"] += len(named)
    lost += _broken_objects(repo, named)
    lost += _lost_refs(repo, events, tally)
    lost += _lost_files(work)
    return lost


def _whole(content: bytes) -> list[dict[str, Any]]:
    """Return the events of a log up to the piece that a power cut tore, if it did."""
    found = []
    for line in content.splitlines(keepends=True):
        try:
            event = json.loads(line) if line.endswith(b"\n") else None
        except ValueError:
            event = None
        if event is None:
            break
        found.append(event)
    return found


def _named(value: Any) -> list[str]:
    """Return the git objects that a value of the log names; a `hash` of 64 digits is none."""
    match value:
        case dict():
            return [sha for one in value.values() for sha in _named(one)]
        case list():
            return [sha for one in value for sha in _named(one)]
        case str() if SHA.fullmatch(value) and value.strip("0"):
            return [value]
        case _:
            return []


def _broken_objects(repo: Repo, named: Sequence[str]) -> list[str]:
    """Return what of that which the log names is missing or does not hold, whole content included."""
    if not named:
        return []
    reach = _git(repo, "rev-list", "--objects", "--stdin", stdin="\n".join(named) + "\n")
    if reach.returncode != 0:
        return [f"what the log names is not whole in git: {reach.stderr.strip()}"]
    needed = {row.split(" ", 1)[0] for row in reach.stdout.splitlines()}
    checked = _git(repo, "fsck", "--full", "--no-dangling")
    said = (checked.stdout + checked.stderr).replace("/objects/", " ")
    bad = set(SHA.findall(re.sub(r"\b([0-9a-f]{2})/([0-9a-f]{38})\b", r"\1\2", said)))
    return [f"{sha} is needed and does not hold: {said.strip()[:300]}" for sha in sorted(bad & needed)]


def _lost_refs(repo: Repo, events: Sequence[dict[str, Any]], tally: Tally) -> list[str]:
    rows = _git(repo, "for-each-ref", "--format=%(refname) %(objectname)", "refs/orchestrator/checkpoint/")
    refs = dict(row.split(" ") for row in rows.stdout.splitlines())
    made = [one for one in events if one["event_type"] == "checkpoint_created"]
    tally.counts["refs"] += len(made)
    wanted = {
        f"refs/orchestrator/checkpoint/{one['feature'].removeprefix('feat-')}/{one['payload']['n']}": one["payload"]
        for one in made
    }
    return [f"{name} is {refs.get(name)}" for name, one in wanted.items() if refs.get(name) != one["commit"]]


def _lost_files(work: Work) -> list[str]:
    """Return the flushed files whose bytes are neither in place nor in git."""
    lost = []
    for path, content in work.files.items():
        is_in_place = path.is_file() and path.read_bytes() == content
        if not is_in_place and _git(work.repo, "cat-file", "-e", blob(content)).returncode != 0:
            lost.append(f"{path}: its flushed bytes are nowhere")
    return lost


def _rebuilt_indexes(repo: Repo) -> int:
    """Make the indexes again that git left cut short: it flushes none, not even that of a commit. Return how many.

    That is a person's to do, and `verify` names it; nothing of the kit's was acknowledged about them.
    """
    count = 0
    for place in (repo.root, *repo.root.with_name(f"{repo.root.name}.worktrees").glob("*")):
        said = subprocess.run(["git", "status"], cwd=place, env=repo.env, capture_output=True, text=True, check=False)
        if "index file" in said.stderr:
            (place / repo.git("rev-parse", "--git-path", "index", cwd=place)).unlink()
            repo.git("read-tree", "HEAD", cwd=place)
            count += 1
    return count


def _rebuilt_branches(repo: Repo) -> int:
    """Make the branches again that git lost with a commit of the user's, as `verify` tells him to. Return how many.

    Git flushes neither the commit nor the ref that it moves to it; the commit that the log knows is there.
    """
    done = repo.call("verify", "--json")
    found = json.loads(done.stdout)["findings"] if done.stdout else []
    named = [re.search(r"`(git branch \S+ \w+)`", one["next"]) for one in found if one["id"] == "V320"]
    for one in named:
        if one:
            repo.git(*one[1].split()[1:])
    return len(named)


def _not_ended(work: Work) -> list[str]:
    """Return what two commands of the kit do not end, or what they lose."""
    repo = work.repo
    words = [["status"], ["verify", "--repair", "--json"]]
    ends = [repo.call(*one) for one in words]
    odd = [
        f"{' '.join(one)}: {end.returncode}: {(end.stdout + end.stderr).strip()[-600:]}"
        for one, end in zip(words, ends, strict=True)
        if end.returncode != 0 or "Traceback" in end.stderr
    ]
    if not odd:
        findings = json.loads(ends[-1].stdout)["findings"]
        odd = [f"left: {one}" for one in findings if "interrupted" in one["what"]]
    log = repo.root / ".git/orchestrator/events.jsonl"
    there = {event["id"]: event["hash"] for event in _whole(log.read_bytes())} if log.exists() else {}
    odd += [f"event {number} went by a repair" for number, one in work.events.items() if there.get(number) != one]
    work.acknowledge()
    return odd


def _git(repo: Repo, *words: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["git", *words], cwd=repo.root, env=repo.env, input=stdin, capture_output=True, text=True, check=False
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
