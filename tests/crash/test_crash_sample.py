"""Sixty of the sweep's runs, others with each commit or those of SEED; `make crash` does them all."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.crash.sweep import compiled
from tests.kit import commit_seed

_ROOT = Path(__file__).parent.parent.parent


def test_sixty_faults_lose_nothing_and_are_recovered_from(tmp_path: Path) -> None:
    library = compiled(tmp_path)
    if isinstance(library, str):
        pytest.skip(f"the crash sample: {library}")
    words = ["--runs", "60", "--kinds", "10", "--seed", str(commit_seed()), "--workers", "2"]
    done = subprocess.run(
        [sys.executable, "-m", "tests.crash.sweep", *words], cwd=_ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, (
        f"repeat it with `make crash ONLY=...` as named below\n{done.stdout}\n{done.stderr[-3000:]}"
    )
    assert "\n60 runs in " in done.stdout
