"""`make mutants`: each seeded fault, put into a copy of the kit, makes the test that is named for it fail.

Prints a table; exit 1 where one survives, is not found just once, or its test fails without it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import venv
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue

from tests.figures import keep
from tests.mutants.table import MUTANTS, Mutant

ROOT = Path(__file__).parents[2]
LEFT_OUT = shutil.ignore_patterns(".git", ".venv", ".*_cache", ".hypothesis", "__pycache__", "build", "dist")
LIMIT = 600  # seconds for the tests of one mutant
FAILED = 1  # pytest's status for tests that ran and failed; any other is no proof
SCRIPT = "#!{}\nimport sys\nfrom orchestrator.cli import main\nsys.exit(main())\n"


class Copy:
    """A copy of the tree with an environment of its own, whose console script runs the copied code."""

    def __init__(self, root: Path) -> None:
        self._root = root
        shutil.copytree(ROOT, root, ignore=LEFT_OUT)
        venv.create(root / ".venv", symlinks=True)
        self._python = root / ".venv/bin/python"
        packages = next((root / ".venv/lib").glob("python*/site-packages"))
        here = [path for path in sys.path if path.endswith("site-packages")]
        packages.joinpath("copy.pth").write_text("\n".join([str(root), *here]) + "\n")
        script = root / ".venv/bin/orchestrator"
        script.write_text(SCRIPT.format(self._python))
        script.chmod(0o755)

    def verdict(self, mutant: Mutant) -> str:
        """Return `caught`, or what else became of a mutant."""
        path = self._root / "orchestrator" / mutant.file
        whole = path.read_text()
        if whole.count(mutant.text) != 1:
            return f"its text is there {whole.count(mutant.text)} times"
        try:
            self._put(path, whole.replace(mutant.text, mutant.put))
            status = self.tested([mutant.test])
        finally:
            self._put(path, whole)
        return {FAILED: "caught", 0: "SURVIVED", None: "no end"}.get(status, f"pytest ended with {status}")

    def tested(self, tests: Sequence[str], limit: float = LIMIT) -> int | None:
        """Run tests; return pytest's status, None where they take more than `limit` seconds."""
        words = ["-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *(f"tests/{one}" for one in tests)]
        with subprocess.Popen(
            [self._python, *words],
            cwd=self._root,
            env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        ) as process:
            try:
                return process.wait(limit)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, 9)
                return None

    def _put(self, path: Path, text: str) -> None:
        path.write_text(text)


def main(only: Sequence[str]) -> int:
    """Try the mutants whose name holds one of `only`, or all of them; return the exit status."""
    chosen = [one for one in MUTANTS if not only or any(word in one.name for word in only)]
    workers = int(os.environ.get("WORKERS") or 2)
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder, ThreadPoolExecutor(workers) as pool:
        copies: SimpleQueue[Copy] = SimpleQueue()
        for number in range(workers):
            copies.put(Copy(Path(folder, str(number))))

        def tried(one: Mutant) -> str:
            copy = copies.get()
            try:
                return copy.verdict(one)
            finally:
                copies.put(copy)

        sys.stdout.write("| mutant | in | must be caught by | |\n| --- | --- | --- | --- |\n")
        caught = 0
        for one, verdict in zip(chosen, pool.map(tried, chosen), strict=True):
            caught += verdict == "caught"
            sys.stdout.write(f"| {one.name} | `orchestrator/{one.file}` | `tests/{one.test}` | {verdict} |\n")
            sys.stdout.flush()
        is_sound = _sound(copies, sorted({one.test for one in chosen}))
    sys.stdout.write(f"\n{caught} of {len(chosen)} mutants caught\n")
    if not is_sound:
        sys.stdout.write("without any mutant the same tests do not all pass: nothing is proved\n")
    if is_sound and chosen == list(MUTANTS):
        keep("mutants", "seeded faults in the kit's own code", "all caught", f"{caught} of {len(chosen)} caught")
    return int(not is_sound or caught != len(chosen))


def _sound(copies: SimpleQueue[Copy], tests: Sequence[str]) -> bool:
    copy = copies.get()
    try:
        return copy.tested(tests, LIMIT * len(tests)) == 0
    finally:
        copies.put(copy)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
