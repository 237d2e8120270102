"""`orchestrator` as a process of its own that is forked from one that has it loaded, and not started anew.

To start Python and import is half of what a short command costs. All else is as with the console script: arguments,
working directory, environment, stdin closed, exit status. A test that needs the program itself calls that.
"""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from orchestrator import cli

_SERVER = multiprocessing.get_context("forkserver")
_SERVER.set_forkserver_preload(["tests.loaded"])
_AT_START = ("PYTHON", "LANG", "LC_", "LD_")  # what a program takes in when it starts


def started(program: Path, words: Sequence[str], cwd: Path, env: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """Start `program` with stdin closed."""
    command, closed = [str(program), *words], subprocess.DEVNULL
    return subprocess.run(command, cwd=cwd, env=env, stdin=closed, capture_output=True, text=True, check=False)


def call(program: Path, words: Sequence[str], cwd: Path, env: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """Do what `started` does without the start; an environment that changes how Python starts has it started."""
    if any(value != os.environ.get(name) for name, value in env.items() if name.startswith(_AT_START)):
        return started(program, words, cwd, env)
    command = [str(program), *words]
    with tempfile.TemporaryDirectory() as folder:
        places = [Path(folder, name) for name in ("out", "err")]
        process = _SERVER.Process(target=_run, args=(command, cwd, dict(env), places))
        process.start()
        process.join()
        out, err = (place.read_text() for place in places)
    return subprocess.CompletedProcess(command, process.exitcode or 0, out, err)


def _run(command: list[str], cwd: Path, env: dict[str, str], places: list[Path]) -> None:
    for descriptor, path in enumerate([os.devnull, *places]):
        os.dup2(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), descriptor)
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(env)
    time.tzset()
    sys.argv = command
    cli.main()
