"""Walks scenes of the matrix: shapes by hooks, in each some ways or all, and what must hold after each of them.

`python -m tests.git_matrix.product` is `make git-matrix`: the whole product, or SCENES of it in an order by SEED.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import os
import random
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from tests.conftest import sealed
from tests.figures import keep
from tests.git_matrix.hooks import MANAGERS, REAL
from tests.git_matrix.scene import BRANCH, REFS, Broken, Scene, _git, environment, populated
from tests.git_matrix.shapes import SHAPES, NotHereError, check_out
from tests.git_matrix.ways import WAYS

MODES = ("detach", "wait", "off")  # how the kit's hooks work; the first is what they do where nobody says otherwise


@dataclass(frozen=True)
class Case:
    """One scene and what is done in it, in order."""

    shape: str
    hooks: str
    mode: str
    ways: tuple[str, ...]


@dataclass
class Result:
    """What came of a case. `skipped` and `broken` say why, else are empty."""

    case: Case
    walked: list[str] = field(default_factory=list)
    checkpoints: int = 0
    skipped: str = ""
    broken: str = ""

    @property
    def told(self) -> str:
        """What broke, and how to come to it again."""
        case = self.case
        return f"{case.shape}, {case.hooks}, {case.mode}: {' > '.join(self.walked)}\n{self.broken}"


def walk(case: Case, top: Path) -> Result:
    """Walk one case below the empty folder `top`. Raises nothing: what broke is in the result."""
    result = Result(case)
    with sealed(top), environment(GIT_CONFIG_GLOBAL=str(top / "gitconfig"), ORCHESTRATOR_HOOKS=case.mode):
        (top / "gitconfig").write_text("[user]\n\tname = A Person\n\temail = person@example.com\n")
        try:
            _walk(case, top, result)
        except NotHereError as error:
            result.skipped = str(error)
        except Broken as error:
            result.broken = str(error)
        except Exception:
            result.broken = traceback.format_exc()
    return result


def _walk(case: Case, top: Path, result: Result) -> None:
    scene = staged(case, top)
    known = scene.recorded()
    result.walked = []
    for name in case.ways:
        result.walked.append(name)
        known = _step(scene, name, known)
    result.checkpoints = len(known)
    errors = scene.findings()
    if errors:
        raise Broken(f"verify: {errors}")


def staged(case: Case, top: Path) -> Scene:
    """Make the scene: the repository, its hooks, the feature, and a bystander with a commit that nobody recorded."""
    bystander(top / "bystander")
    scene = SHAPES[case.shape](top)
    {**MANAGERS, **REAL}[case.hooks](scene)
    _git(scene.root, "add", "--all")
    _git(scene.root, "-c", "core.hooksPath=/dev/null", "commit", "--quiet", "--allow-empty", "-m", "set up")
    scene.others.append(top / "bystander")
    scene.do("start", "payment", *(["--checkout"] if scene.place == scene.root else []), where=scene.root)
    check_out(scene)
    return scene


def bystander(root: Path) -> None:
    """Make a repository with the kit, a feature of the same name, and a commit that the kit has not seen yet."""
    populated(root)
    Scene(root.parent, root).do("start", "payment", "--checkout")
    _git(root, "-c", "core.hooksPath=/dev/null", "commit", "--quiet", "--allow-empty", "-m", "not seen")


def _step(scene: Scene, name: str, known: Sequence[str]) -> list[str]:
    """Do one way and see that all holds; return the commits of all checkpoints."""
    before = scene.strangers()
    try:
        made = WAYS[name](scene)
        now = scene.recorded() if made is not None else list(known)
        again = scene.recorded()
    except Broken as error:
        raise Broken(f"{name}: {error}") from error
    _compare(scene, name, known, now, again, made or [])
    after = scene.strangers()
    if after != before:
        changed = [
            os.fsdecode(bytes.fromhex(one)) for one in before.keys() | after.keys() if before.get(one) != after.get(one)
        ]
        raise Broken(f"{name}: written in another repository: {sorted(changed)[:8]}")
    if scene.strays():
        raise Broken(f"{name}: the kit keeps things in {scene.strays()}")
    scene.git("reset", "--quiet", "--hard")
    return again


def _compare(
    scene: Scene, name: str, known: Sequence[str], now: Sequence[str], again: Sequence[str], made: Sequence[str]
) -> None:
    if list(now) != list(again):
        raise Broken(f"{name}: a second look finds other checkpoints: {now} {again}")
    if list(now[: len(known)]) != list(known):
        raise Broken(f"{name}: older checkpoints changed: {known} {now}")
    new = list(now[len(known) :])
    twice = sorted({one for one in now if list(now).count(one) > 1})
    if twice:
        raise Broken(f"{name}: doubled: {twice}")
    wanted = [one for one in dict.fromkeys(made) if one not in known]
    if scene.is_tip_only:
        tip = _git(scene.root, "rev-parse", f"refs/heads/{BRANCH}")
        wanted = [one for one in wanted if one in new or one == tip]
    if sorted(new) != sorted(wanted):
        said = _git(scene.root, "log", "--no-walk=unsorted", "--format=%h %s", *{*new, *wanted})
        raise Broken(f"{name}: checkpoints {new}, wanted {wanted}\n{said}")
    rows = _git(scene.root, "for-each-ref", "--format=%(refname:lstrip=-1) %(objectname)", REFS).splitlines()
    kept = [f"{n} {commit}" for n, commit in scene.kept()]
    if sorted(rows) != sorted(kept):
        raise Broken(f"{name}: the refs hold {rows}, the checkpoints are {kept}")
    tip = _git(scene.root, "rev-parse", f"refs/heads/{BRANCH}")
    if tip not in now and made:
        raise Broken(f"{name}: the tip {tip} is no checkpoint")


# --- which cases -------------------------------------------------------------------------------------------------


def product(rng: random.Random, hooks: Sequence[str], modes: Sequence[str] = MODES) -> list[Case]:
    """Return every shape by every way of running hooks, each with all ways in some order and a mode by turns."""
    pairs = [(shape, one) for shape in SHAPES for one in hooks]
    rng.shuffle(pairs)
    turns = [modes[place % len(modes)] for place in range(len(pairs))]
    return [
        Case(shape, one, mode, tuple(rng.sample(sorted(WAYS), len(WAYS))))
        for (shape, one), mode in zip(pairs, turns, strict=True)
    ]


def sample(rng: random.Random, scenes: int, ways: int) -> list[Case]:
    """Return `scenes` cases of `ways` ways each that hold every shape, every way of running hooks and every way."""
    shapes = _dealt(rng, sorted(SHAPES), scenes)
    hooks = _dealt(rng, sorted(MANAGERS), scenes)
    modes = _dealt(rng, sorted(MODES), scenes)
    dealt = _dealt(rng, sorted(WAYS), scenes * ways)
    return [
        Case(shapes[place], hooks[place], modes[place], tuple(dealt[place * ways : (place + 1) * ways]))
        for place in range(scenes)
    ]


def _dealt(rng: random.Random, words: Sequence[str], count: int) -> list[str]:
    """Return `count` of `words`, each as often as any other, shuffled in rounds."""
    dealt: list[str] = []
    while len(dealt) < count:
        dealt += rng.sample(words, len(words))
    return dealt[:count]


# --- the target ----------------------------------------------------------------------------------------------------


def _walked(case: Case) -> tuple[Result, float]:
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="git-matrix-", ignore_cleanup_errors=True) as folder:
        return walk(case, Path(folder).resolve()), time.monotonic() - begun


@contextlib.contextmanager
def managers() -> Iterator[list[str]]:
    """Install husky and lefthook for a while and give their names; without npm, none and the reason on stderr."""
    with tempfile.TemporaryDirectory(prefix="git-matrix-node-") as folder:
        words = ["npm", "install", "--silent", "--ignore-scripts", "--prefix", folder, "husky@9", "lefthook@2"]
        try:
            done = subprocess.run(words, capture_output=True, text=True, check=False)
            said = "" if done.returncode == 0 else f"{done.stdout}{done.stderr}".strip()
        except FileNotFoundError:
            said = "there is no npm"
        if said:
            sys.stderr.write(f"husky itself, lefthook itself: not run: {said}\n")
            yield []
            return
        with environment(MATRIX_NODE=folder):
            yield sorted(REAL)


def asked_for(words: Sequence[str] | None = None) -> argparse.Namespace:
    """Return what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scenes", type=int, default=0, help="how many; 0: all")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--shape", action="append", choices=SHAPES)
    parser.add_argument("--hooks", action="append", choices=[*MANAGERS, *REAL])
    parser.add_argument("--mode", action="append", choices=MODES)
    parser.add_argument("--way", action="append", choices=WAYS, help="these, in this order; else all in some order")
    return parser.parse_args(words)


def chosen(asked: argparse.Namespace, real: Sequence[str]) -> list[Case]:
    """Return the cases of the product that are asked for, in the seed's order."""
    cases = product(random.Random(asked.seed), asked.hooks or [*MANAGERS, *real], asked.mode or MODES)
    some = [one for one in cases if not asked.shape or one.shape in asked.shape]
    if asked.way:
        some = [dataclasses.replace(one, ways=tuple(asked.way)) for one in some]
    return some[: asked.scenes or None]


def main() -> int:
    """Walk the product and print a table; 1 where anything was broken."""
    asked = asked_for()
    results = []
    with managers() as real, ProcessPoolExecutor(asked.workers) as pool:
        for result, seconds in pool.map(_walked, chosen(asked, real)):
            results.append(result)
            if result.broken:
                sys.stderr.write(f"BROKEN after {seconds:.0f} s, seed {asked.seed}: {result.told}\n\n")
    sys.stdout.write(table(results, asked.seed))
    broken = sum(bool(one.broken) for one in results)
    left = {one.case.shape for one in results if one.skipped}
    walked = f"{sum(len(one.walked) for one in results):,} ways in {sum(not one.skipped for one in results)} scenes"
    more = f"; not run here: {', '.join(sorted(left))}" if left else ""
    what = "every way in which commits come to be or go, in shapes of repositories, with other hooks there"
    keep(
        "git-matrix", what, "0 lost, doubled or written elsewhere; no commit fails", f"{walked}: {broken} broken{more}"
    )
    return int(broken > 0)


def table(results: Sequence[Result], seed: int) -> str:
    """Return the figures as a Markdown table: what was walked by shape, then what was not and why."""
    rows = [
        f"| shape (git {_git(Path.cwd(), 'version').split()[-1]}, seed {seed}) | scenes | ways walked | checkpoints | broken |",
        "| --- | --- | --- | --- | --- |",
    ]
    shapes = [one for one in SHAPES if any(result.case.shape == one for result in results)]
    for name, some in [
        *((shape, [one for one in results if one.case.shape == shape]) for shape in shapes),
        ("all", list(results)),
    ]:
        here = [one for one in some if not one.skipped]
        walked, made = sum(len(one.walked) for one in here), sum(one.checkpoints for one in here)
        rows.append(f"| {name} | {len(here)} | {walked} | {made} | {sum(bool(one.broken) for one in here)} |")
    skipped = sorted({f"{one.case.shape}, {one.case.hooks}: not run: {one.skipped}" for one in results if one.skipped})
    return "\n".join([*rows, *([""] if skipped else []), *skipped]) + "\n"


if __name__ == "__main__":
    sys.exit(main())
