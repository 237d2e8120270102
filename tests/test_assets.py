"""The shipped files are found in a checkout and where a wheel puts them."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from orchestrator.assets import CHAINED, DRAINING, HOOKS, TRAILERS, asset, hook, names

ROOT = Path(__file__).parent.parent
SAY = "import sys; from orchestrator.assets import asset; sys.stdout.buffer.write(asset(*sys.argv[1:]))"


@pytest.mark.parametrize("folder", ["hooks", "scripts"])
def test_a_checkout_gives_hooks_and_scripts_from_its_top(folder: str) -> None:
    files = sorted((ROOT / folder).iterdir())
    assert names(folder) == tuple(file.name for file in files)
    assert [asset(folder, file.name) for file in files] == [file.read_bytes() for file in files]


def test_templates_lie_in_the_package() -> None:
    assert asset("orchestrator.mk") == (ROOT / "orchestrator/templates/orchestrator.mk").read_bytes()
    assert len(names("workflows")) == 12


def test_an_installed_package_needs_no_checkout(tmp_path: Path) -> None:
    package = tmp_path / "orchestrator"
    package.mkdir()
    for module in ("__init__.py", "assets.py"):
        shutil.copy(ROOT / "orchestrator" / module, package)
    shutil.copytree(ROOT / "hooks", package / "templates/hooks")
    done = subprocess.run(
        [sys.executable, "-c", SAY, "hooks", "pre-push"], cwd=tmp_path, capture_output=True, check=True
    )
    assert done.stdout == asset("hooks", "pre-push")


def test_what_is_not_shipped_is_not_found() -> None:
    with pytest.raises(FileNotFoundError):
        asset("hooks", "pre-commit")


def test_every_hook_is_rendered_whole() -> None:
    for name in (*HOOKS, TRAILERS):
        text = hook(name, "/opt/it's here/python").decode()
        assert text.startswith("#!/bin/sh\n# orchestrator: ")
        assert "orch_python='/opt/it'\"'\"'s here/python'\n" in text
        assert f"orch_beside=${{0%/*}}/{name}{CHAINED}" in text
        assert "@" not in text.replace('"$@"', "")


def test_a_hook_waits_only_where_it_was_told_to() -> None:
    for name in DRAINING:
        assert b"${ORCHESTRATOR_HOOKS:-detach}" in hook(name, "/python")
        assert b"${ORCHESTRATOR_HOOKS:-wait}" in hook(name, "/python", waits=True)
