"""Files replaced whole, in the order that a power cut asks for, and failures said in one line."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import orchestrator
from orchestrator.adapters.durable import (
    fsync_directory,
    sync_filesystem,
    write_all,
    write_atomically,
    write_durably,
)
from orchestrator.errors import NotRecorded

Write = Callable[[Path, bytes], None]
both = pytest.mark.parametrize("write", [write_durably, write_atomically])


def traced(tmp_path: Path, program: str, *, faults: tuple[str, ...] = ()) -> tuple[str, list[str]]:
    """Run `program` with `path` and all of the room in scope; return its stderr and its calls that count."""
    if not shutil.which("strace"):
        pytest.skip("needs strace")
    calls = tmp_path / "calls"
    trace = "trace=fsync,fdatasync,syncfs,sync,write,rename,renameat,renameat2"
    prelude = "import sys\nfrom pathlib import Path\nfrom orchestrator.adapters.durable import *\n"
    command = ["strace", "-y", "-qq", "-o", str(calls), "-e", trace, *faults, sys.executable, "-c"]
    environment = {**os.environ, "PYTHONPATH": str(Path(orchestrator.__file__).parents[1])}
    program = f"{prelude}path = Path({str(tmp_path / 'file')!r})\n{program}"
    done = subprocess.run([*command, program], env=environment, capture_output=True, text=True, check=False)
    if "ptrace" in done.stderr:
        pytest.skip("strace may not trace here")
    seen = [line for line in calls.read_text().splitlines() if str(tmp_path) in line]
    return done.stderr, [line.partition("(")[0] for line in seen]


@both
def test_a_file_is_replaced_and_nothing_is_left_beside_it(tmp_path: Path, write: Write) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old and longer")
    write(path, b"new")
    assert {found.name: found.read_bytes() for found in tmp_path.iterdir()} == {"file": b"new"}


@both
def test_a_write_that_fails_leaves_the_old_file_and_nothing_beside_it(tmp_path: Path, write: Write) -> None:
    path = tmp_path / "folder"
    (path / "inner").mkdir(parents=True)
    with pytest.raises(NotRecorded, match=r"^not recorded: .*/folder: Is a directory$"):
        write(path, b"new")
    assert [found.name for found in tmp_path.iterdir()] == ["folder"]


@both
def test_a_folder_that_is_not_there_is_said_in_one_line(tmp_path: Path, write: Write) -> None:
    with pytest.raises(NotRecorded, match=r"^not recorded: .*/gone/file: No such file or directory$"):
        write(tmp_path / "gone" / "file", b"new")


def test_a_durable_file_is_its_owners_alone_unless_said_otherwise(tmp_path: Path) -> None:
    write_durably(tmp_path / "own", b"")
    write_durably(tmp_path / "shared", b"", 0o644)
    assert [stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("own", "shared")] == [0o600, 0o644]


def test_content_is_flushed_before_the_rename_and_the_name_after_it(tmp_path: Path) -> None:
    error, calls = traced(tmp_path, "write_durably(path, b'new')")
    assert (error, calls) == ("", ["write", "fsync", "rename", "fsync"])


def test_an_atomic_write_waits_for_no_disk(tmp_path: Path) -> None:
    error, calls = traced(tmp_path, "write_atomically(path, b'new')")
    assert (error, calls) == ("", ["write", "rename"])


@pytest.mark.skipif(sys.platform != "linux", reason="syncfs is Linux's")
def test_a_whole_file_system_is_flushed_by_one_call(tmp_path: Path) -> None:
    error, calls = traced(tmp_path, "sync_filesystem(path.parent)")
    assert (error, calls) == ("", ["syncfs"])


@pytest.mark.parametrize(
    ("program", "call"),
    [
        ("write_durably(path, b'new')", "fsync"),
        ("sync_filesystem(path.parent)", "syncfs"),
        ("fsync_directory(path.parent)", "fsync"),
    ],
)
def test_a_flush_that_fails_is_never_called_good(tmp_path: Path, program: str, call: str) -> None:
    (tmp_path / "file").write_bytes(b"old")
    error, calls = traced(tmp_path, program, faults=("-e", f"inject={call}:error=EIO"))
    assert error.splitlines()[-1].startswith("orchestrator.errors.NotRecorded: not recorded: ")
    assert error.endswith(": Input/output error\n")
    assert calls.count(call) == 1
    assert (tmp_path / "file").read_bytes() == b"old"
    assert {found.name for found in tmp_path.iterdir()} == {"calls", "file"}


def test_what_is_not_there_cannot_be_flushed(tmp_path: Path) -> None:
    for flushed in (fsync_directory, sync_filesystem):
        with pytest.raises(NotRecorded, match=r"/gone: No such file or directory"):
            flushed(tmp_path / "gone")


def test_all_is_written_where_the_system_takes_it_in_pieces() -> None:
    reader, writer = os.pipe()
    content = os.urandom(300_000)
    program = "import sys; sys.stdout.buffer.write(sys.stdin.buffer.read())"
    process = subprocess.Popen([sys.executable, "-c", program], stdin=reader, stdout=subprocess.PIPE)
    os.close(reader)
    write_all(writer, content)
    os.close(writer)
    assert process.communicate()[0] == content
