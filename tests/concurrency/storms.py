"""Many at once: appenders, commits in several worktrees while git tidies up, two `run`s. Each returns what is wrong."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import orchestrator
from orchestrator.log.journal import Journal
from orchestrator.workspace import now
from tests.conftest import PROGRAM, Repo
from tests.kit import created

APPENDER = Path(__file__).parents[1] / "log/appender.py"


def appenders(top: Path, processes: int, count: int) -> list[str]:
    """Let `processes` append `count` events each: the chain is whole, ids are dense, nothing acknowledged is gone."""
    log = top / "orchestrator/events.jsonl"
    env = {**os.environ, "PYTHONPATH": str(Path(orchestrator.__file__).parents[1])}
    started = [
        subprocess.Popen(
            [sys.executable, str(APPENDER), str(log), f"p{n}", str(count)], env=env, text=True, stdout=subprocess.PIPE
        )
        for n in range(processes)
    ]
    said = [process.communicate()[0] for process in started]
    acknowledged = {tuple(line.split()) for out in said for line in out.splitlines()}
    records, _, problem = Journal(log, now).read()
    wrong = [f"appender {n} ended with {one.returncode}" for n, one in enumerate(started) if one.returncode]
    wrong += [f"the log does not hold: {problem}"] if problem else []
    if [one.id for one in records] != list(range(1, processes * count + 1)):
        wrong.append(f"{len(records)} records, not {processes * count} without a gap")
    lost = acknowledged - {(str(one.id), one.hash) for one in records}
    return wrong + ([f"{len(lost)} acknowledged events are gone"] if lost else [])


def commits(top: Path, env: dict[str, str], worktrees: int, count: int) -> list[str]:
    """Commit in several worktrees while `git gc` and `git pack-refs` go on: no commit fails, each is a checkpoint."""
    kit = created(top / "shop", {**env, "ORCHESTRATOR_HOOKS": "detach"})
    slugs = [f"f{n}" for n in range(worktrees)]
    for slug in slugs:
        kit.run("start", slug)
        kit.git("worktree", "add", "--quiet", str(kit.worktree(slug)), f"feat/{slug}")
    before = Counter(one["payload"]["commit"] for one in kit.events("checkpoint_created"))
    failed: list[str] = []
    made: list[str] = []
    with _tidied(kit):
        threads = [threading.Thread(target=_commit, args=(kit, slug, count, failed, made)) for slug in slugs]
        for one in threads:
            one.start()
        for one in threads:
            one.join()
    kit.run("status")
    recorded = Counter(one["payload"]["commit"] for one in kit.events("checkpoint_created")) - before
    wrong = list(failed)
    if recorded != Counter(made):
        wrong.append(f"{len(made)} commits, {len(recorded)} of them recorded, {sum(recorded.values())} checkpoints")
    refs = kit.git("for-each-ref", "--format=%(objectname)", "refs/orchestrator/checkpoint/").split()
    wrong += [f"{sha} is kept by no ref" for sha in set(made) - set(refs)]
    wrong += [f"verify: {done.stdout}" for done in [kit.call("verify")] if done.returncode]
    return wrong


GITS_OWN = "unable to create temporary file: No such file or directory"


def _commit(kit: Repo, slug: str, count: int, failed: list[str], made: list[str]) -> None:
    where = kit.worktree(slug)
    for n in range(count):
        (where / f"{slug}.txt").write_text(f"{n}\n")
        words = ["git", "-c", "gc.auto=0", "commit", "--quiet", "-m", f"{n}", "--only", "--", f"{slug}.txt"]
        subprocess.run(["git", "add", f"{slug}.txt"], cwd=where, env=kit.env, check=True)
        done = subprocess.run(words, cwd=where, env=kit.env, capture_output=True, text=True, check=False)
        if GITS_OWN in done.stderr:  # its gc took the folder away in which its commit was about to write
            done = subprocess.run(words, cwd=where, env=kit.env, capture_output=True, text=True, check=False)
        if done.returncode:
            failed.append(f"{slug}, commit {n}: {done.stdout}{done.stderr}")
        made.append(kit.git("rev-parse", "HEAD", cwd=where))


@contextlib.contextmanager
def _tidied(kit: Repo) -> Iterator[None]:
    """Let git collect garbage and pack refs, again and again, until the end."""
    over = threading.Event()

    def loop(*words: str) -> None:
        while not over.is_set():
            subprocess.run(["git", *words], cwd=kit.root, env=kit.env, capture_output=True, check=False)

    threads = [threading.Thread(target=loop, args=words) for words in (("gc", "--quiet"), ("pack-refs", "--all"))]
    for one in threads:
        one.start()
    try:
        yield
    finally:
        over.set()
        for one in threads:
            one.join()


def two_runs(top: Path, env: dict[str, str], features: int) -> list[str]:
    """Let two `run`s work on the same features: each step is done once, all are done, and both end well."""
    kit = created(top / "shop", env)
    for n in range(features):
        kit.run("start", f"f{n}")
    words = [str(PROGRAM), "run", "-j", "3"]
    pipe = subprocess.PIPE
    both = [
        subprocess.Popen(
            words, cwd=kit.root, env=kit.env, text=True, stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe
        )
        for _ in range(2)
    ]
    said = [one.communicate() for one in both]
    wrong = [
        f"run ended with {one.returncode}: {out}{err}"
        for one, (out, err) in zip(both, said, strict=True)
        if one.returncode not in (10, 11)
    ]
    done = Counter((one["feature"], one["workflow"], one["phase"]) for one in kit.events("phase_completed"))
    begun = Counter((one["feature"], one["workflow"], one["phase"]) for one in kit.events("phase_started"))
    if begun != done or set(done.values()) != {1} or len(done) != 3 * features:
        wrong.append(f"begun {begun}, done {done}")
    open_ = [one["feature"] for one in kit.json("status")["features"] if one["status"] != "completed"]
    return wrong + [f"{name} is not completed" for name in open_]
