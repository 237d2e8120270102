"""Backups hold a feature's files and nothing else; what comes out is plain files inside the folder, or nothing."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from orchestrator.adapters import backups
from orchestrator.adapters.backups import Backup
from orchestrator.adapters.snapshots import Content, Owner, owns
from orchestrator.core.values import Slug
from orchestrator.errors import BadBackup, NotRecorded

SLUG = Slug("pay")
FILES = {
    "feat-pay_notes.md": b"notes\n",
    "feat-pay_shots/one.png": b"\x00\xff",
    "feat-pay_new\nline": b"odd",
    "feat-pay_\udcff": b"not UTF-8",
    f"feat-pay_{'long' * 40}": b"long name",
}
OTHERS = (
    "feat-pay-later_notes.md",
    "shared.md",
    "orchestrator-events.jsonl",
    "orchestrator-events.db",
    "feat-pay_orchestrator-state.json",
)


def owner(root: Path, *, whole: bool = False) -> Owner:
    slugs = frozenset({SLUG, Slug("pay-later")})
    return Owner(directory=root / ".context", slug=SLUG, whole=whole, slugs=slugs)


def fill(root: Path) -> Path:
    for name in (*FILES, *OTHERS):
        path = root / ".context" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(FILES.get(name, b"not this feature's"))
    (root / ".context" / "feat-pay_shots/one.png").chmod(0o755)
    return root


def found(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def mine(root: Path) -> Callable[[str], bool]:
    return lambda name: owns(owner(root), name)


# --- writing and keeping --------------------------------------------------------------------------


@pytest.mark.parametrize("whole", [False, True])
def test_a_backup_holds_the_features_files_and_no_log_database_state_or_backup(tmp_path: Path, whole: bool) -> None:
    fill(tmp_path)
    for n in (1, 2):
        backup = backups.write(owner(tmp_path, whole=whole), tmp_path, n)
    with tarfile.open(tmp_path / backup.path, encoding="utf-8", errors="surrogateescape") as tar:
        assert sorted(tar.getnames()) == sorted(f".context/{name}" for name in FILES)


def test_ordinary_tar_unpacks_it_in_the_root(tmp_path: Path) -> None:
    fill(tmp_path)
    backups.write(owner(tmp_path), tmp_path, 1)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    subprocess.run(["tar", "xzf", tmp_path / ".context/feat-pay_backup.tar.gz"], cwd=elsewhere, check=True)
    assert found(elsewhere / ".context") == FILES
    assert (elsewhere / ".context/feat-pay_shots/one.png").stat().st_mode & 0o777 == 0o755


def test_equal_files_make_equal_archives_whatever_their_times_and_owners(tmp_path: Path) -> None:
    fill(tmp_path)
    first = backups.write(owner(tmp_path), tmp_path, 1)
    for path in (tmp_path / ".context").rglob("feat-pay_*"):
        os.utime(path, (1, 1))
    again = [Content(name=name, is_executable=name.endswith("png"), content=FILES[name]) for name in sorted(FILES)]
    second = backups.archive(SLUG, tmp_path, 2, reversed(again))
    assert (first.sha256, first.files, first.bytes) == (second.sha256, len(FILES), second.bytes)
    assert (tmp_path / first.path).read_bytes()[4:8] == b"\0\0\0\0"  # gzip's own time


def test_each_backup_keeps_its_numbered_name_and_the_last_one_is_the_newest(tmp_path: Path) -> None:
    fill(tmp_path)
    first = backups.write(owner(tmp_path), tmp_path, 3)
    (tmp_path / ".context/feat-pay_notes.md").write_bytes(b"changed\n")
    second = backups.write(owner(tmp_path), tmp_path, 4)
    assert [one.path for one in (first, second)] == [f".context/backups/feat-pay_backup-{n}.tar.gz" for n in (3, 4)]
    backups.check(tmp_path / first.path, first.sha256)
    backups.check(tmp_path / backups.newest(SLUG), second.sha256)
    kept = sorted(path.name for path in (tmp_path / ".context").rglob(".*") if path.is_file())
    assert (first.sha256 != second.sha256, kept) == (True, [])


def test_a_backup_made_again_leaves_the_newest_alone(tmp_path: Path) -> None:
    fill(tmp_path)
    newest = backups.write(owner(tmp_path), tmp_path, 5)
    files = [Content(name="feat-pay_x", is_executable=False, content=b"1"), Content("shared.md", False, b"2")]
    again = backups.write_again(SLUG, tmp_path, 2, files)
    backups.check(tmp_path / backups.newest(SLUG), newest.sha256)
    assert (again.path, again.files) == (".context/backups/feat-pay_backup-2.tar.gz", 1)


def test_a_feature_without_files_has_an_empty_backup(tmp_path: Path) -> None:
    backup = backups.write(owner(tmp_path), tmp_path, 1)
    assert backup == Backup(path=backup.path, sha256=backup.sha256, files=0, bytes=backup.bytes)
    assert backups.unpack(tmp_path / backup.path, backup.sha256, tmp_path / "into", mine(tmp_path)) == []


def test_a_place_that_cannot_be_written_is_one_line_and_leaves_nothing(tmp_path: Path) -> None:
    fill(tmp_path)
    (tmp_path / ".context/backups").write_bytes(b"a file in the way")
    with pytest.raises(NotRecorded, match="not recorded"):
        backups.write(owner(tmp_path), tmp_path, 1)
    assert not (tmp_path / backups.newest(SLUG)).exists()


def test_the_newest_and_the_needed_backups_are_kept(tmp_path: Path) -> None:
    fill(tmp_path)
    for n in (1, 2, 3, 9, 10, 11):
        backups.write(owner(tmp_path), tmp_path, n)
    backups.write_again(Slug("pay-later"), tmp_path, 1, [])
    removed = backups.retain(tmp_path, SLUG, 2, {backups.numbered(SLUG, 2)})
    assert removed == [backups.numbered(SLUG, n) for n in (9, 3, 1)]
    names = sorted(path.name for path in (tmp_path / ".context/backups").iterdir())
    assert names == ["feat-pay-later_backup-1.tar.gz", *(f"feat-pay_backup-{n}.tar.gz" for n in (10, 11, 2))]


def test_nothing_is_removed_where_there_are_no_backups(tmp_path: Path) -> None:
    assert backups.retain(tmp_path, SLUG, 1, ()) == []


# --- the way back ---------------------------------------------------------------------------------


def test_what_was_packed_is_unpacked_byte_for_byte(tmp_path: Path) -> None:
    fill(tmp_path)
    backup = backups.write(owner(tmp_path), tmp_path, 1)
    into = tmp_path / "into"
    names = backups.unpack(tmp_path / backup.path, backup.sha256, into, mine(tmp_path))
    assert (sorted(names), found(into)) == (sorted(FILES), FILES)
    modes = {path.stat().st_mode & 0o7777 for path in (into, into / "feat-pay_shots")}
    assert (modes, (into / "feat-pay_shots/one.png").stat().st_mode & 0o111) == ({0o700}, 0o111)


@pytest.mark.parametrize("damage", ["flip", "cut", "deleted", "folder"])
def test_a_backup_that_is_not_what_was_written_is_not_even_opened(tmp_path: Path, damage: str) -> None:
    fill(tmp_path)
    backup = backups.write(owner(tmp_path), tmp_path, 1)
    path = tmp_path / backup.path
    content = path.read_bytes()
    path.unlink()
    match damage:
        case "flip":
            path.write_bytes(content[:40] + bytes([content[40] ^ 1]) + content[41:])
        case "cut":
            path.write_bytes(content[:-1])
        case "folder":
            path.mkdir()
        case _:
            pass
    with pytest.raises(BadBackup, match=r"is not what was written|cannot be read"):
        backups.unpack(path, backup.sha256, tmp_path / "into", mine(tmp_path))
    assert not (tmp_path / "into").exists()


def test_a_folder_that_holds_something_is_not_unpacked_into(tmp_path: Path) -> None:
    fill(tmp_path)
    backup = backups.write(owner(tmp_path), tmp_path, 1)
    with pytest.raises(BadBackup, match="not an empty folder"):
        backups.unpack(tmp_path / backup.path, backup.sha256, tmp_path / ".context", mine(tmp_path))


def plain(name: str, content: bytes = b"x", **fields: object) -> tuple[tarfile.TarInfo, bytes]:
    member = tarfile.TarInfo(name)
    member.size = len(content)
    for field, value in fields.items():
        setattr(member, field, value)
    return member, content


def link(name: str, target: str, kind: bytes) -> tuple[tarfile.TarInfo, bytes]:
    return plain(name, b"", type=kind, linkname=target)


def tar(*members: tuple[tarfile.TarInfo, bytes], form: int = tarfile.GNU_FORMAT) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=form) as archive:
        for member, content in members:
            archive.addfile(member, io.BytesIO(content))
    return file.getvalue()


def lying(content: bytes, size: int) -> bytes:
    """Return a tar whose first header claims another size, its checksum made right."""
    header = bytearray(content[:512])
    header[124:136] = f"{size:011o}\0".encode() if size >= 0 else b"\xff" * 12
    header[148:156] = b" " * 8
    header[148:156] = f"{sum(header):06o}\0 ".encode()
    return bytes(header) + content[512:]


GOOD = plain(".context/feat-pay_good")
HOSTILE: dict[str, bytes] = {
    "dot dot": tar(plain("../evil")),
    "dot dot inside": tar(plain(".context/feat-pay_x/../../../evil")),
    "dot dot at the end": tar(plain(".context/feat-pay_x/..")),
    "one dot": tar(plain(".context/./feat-pay_x")),
    "absolute": tar(plain("/tmp/evil")),
    "absolute after the folder": tar(plain(".context//feat-pay_x")),
    "symbolic link": tar(link(".context/feat-pay_x", "/etc/passwd", tarfile.SYMTYPE)),
    "symbolic link, then through it": tar(
        link(".context/feat-pay_x", "/tmp", tarfile.SYMTYPE), plain(".context/feat-pay_x/evil")
    ),
    "hard link": tar(GOOD, link(".context/feat-pay_x", "../../etc/passwd", tarfile.LNKTYPE)),
    "hard link to a good member": tar(GOOD, link(".context/feat-pay_x", ".context/feat-pay_good", tarfile.LNKTYPE)),
    "character device": tar(plain(".context/feat-pay_x", b"", type=tarfile.CHRTYPE, devmajor=1, devminor=3)),
    "block device": tar(plain(".context/feat-pay_x", b"", type=tarfile.BLKTYPE)),
    "fifo": tar(plain(".context/feat-pay_x", b"", type=tarfile.FIFOTYPE)),
    "folder": tar(plain(".context/feat-pay_x", b"", type=tarfile.DIRTYPE)),
    "old folder with a slash": tar(plain(".context/feat-pay_x/", b"", type=tarfile.AREGTYPE)),
    "contiguous file": tar(plain(".context/feat-pay_x", b"x", type=tarfile.CONTTYPE)),
    "unknown type": tar(plain(".context/feat-pay_x", b"x", type=b"Z")),
    "sparse": tar(plain(".context/feat-pay_x", b"", type=tarfile.GNUTYPE_SPARSE)),
    "pax sparse of a terabyte": tar(
        plain(
            ".context/feat-pay_x",
            b"1\n0\n0\n",
            pax_headers={"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.realsize": str(2**40)},
        ),
        form=tarfile.PAX_FORMAT,
    ),
    "pax path": tar(plain(".context/feat-pay_x", pax_headers={"path": "../evil"}), form=tarfile.PAX_FORMAT),
    "pax header of any kind": tar(plain(".context/feat-pay_x", pax_headers={"comment": "hi"}), form=tarfile.PAX_FORMAT),
    "the same name twice": tar(GOOD, GOOD),
    "the same name but for case": tar(GOOD, plain(".context/feat-pay_GOOD")),
    "a file, then a folder of its name": tar(GOOD, plain(".context/feat-pay_good/x")),
    "a folder, then a file of its name": tar(plain(".context/feat-pay_good/x"), GOOD),
    "git hook": tar(plain(".git/hooks/post-commit")),
    "git folder inside": tar(plain(".context/feat-pay_x/.git/config")),
    "git folder inside, other case": tar(plain(".context/feat-pay_x/.GIT/config")),
    "another feature": tar(plain(".context/feat-pay-later_notes.md")),
    "shared file": tar(plain(".context/shared.md")),
    "the log": tar(plain(".context/orchestrator-events.jsonl")),
    "the database": tar(plain(".context/orchestrator-events.db")),
    "a state": tar(plain(".context/feat-pay_orchestrator-state.json")),
    "a backup": tar(plain(".context/feat-pay_backup.tar.gz")),
    "outside of the folder": tar(plain("feat-pay_x")),
    "the folder's own name": tar(plain(".context")),
    "another case of the folder": tar(plain(".Context/feat-pay_x")),
    "backslash": tar(plain(".context/feat-pay_x\\..\\evil")),
    "600 deep": tar(plain(".context/feat-pay_x/" + "a/" * 600 + "b")),
    "a name too long": tar(plain(".context/feat-pay_" + "x" * 300)),
    "an empty name": tar(plain("")),
    "size that is more than there is": lying(tar(GOOD), 10**9),
    "size below nothing": lying(tar(GOOD), -1),
    "size that swallows the next member": lying(tar(GOOD, plain("../evil")), 1536),
    "cut in the middle": tar(plain(".context/feat-pay_x", b"x" * 5000))[:2048],
    "cut before its end": tar(GOOD)[:1024],
    "something after its end": tar(GOOD) + b"more",
    "a second archive after the first": tar(GOOD) + tar(plain("../evil")),
    "garbage": b"garbage" * 1000,
    "nothing at all": b"",
    "good ones, then a bad one": tar(GOOD, plain(".context/feat-pay_y"), plain("../evil")),
}


def refused(root: Path, content: bytes, **limits: int) -> str:
    """Return why an archive is refused; nothing may be written anywhere."""
    path = root / "hostile.tar.gz"
    path.write_bytes(content)
    before = sorted(root.rglob("*"))
    sha256 = hashlib.sha256(content).hexdigest()
    with pytest.raises(BadBackup) as caught:
        backups.unpack(path, sha256, root / "into", mine(root), **limits)
    assert sorted(root.rglob("*")) == before
    return str(caught.value)


SWALLOWED = "size that swallows the next member"  # which makes it content of the first, and no danger
# What is wrong with the archive, and with none of its members.
NO_MEMBER = (
    "size that is more than there is", "cut in the middle", "cut before its end", "something after its end",
    "a second archive after the first", "garbage", "nothing at all",
)  # fmt: skip


@pytest.mark.parametrize("kind", [kind for kind in HOSTILE if kind != SWALLOWED])
def test_a_hostile_archive_is_refused_before_anything_is_written(tmp_path: Path, kind: str) -> None:
    said = refused(tmp_path, gzip.compress(HOSTILE[kind]))
    assert said.startswith(f"backup {tmp_path}/hostile.tar.gz")
    assert (": member '" in said) is (kind not in NO_MEMBER), said


def test_a_size_that_swallows_the_next_member_makes_it_content_of_the_first(tmp_path: Path) -> None:
    path = tmp_path / "odd.tar.gz"
    path.write_bytes(gzip.compress(HOSTILE[SWALLOWED]))
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    assert backups.unpack(path, sha256, tmp_path / "into", mine(tmp_path)) == ["feat-pay_good"]
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["odd.tar.gz", "feat-pay_good"]


def test_there_are_forty_hostile_archives_and_more() -> None:
    assert len(HOSTILE.keys() - {SWALLOWED}) >= 40


def test_the_refusal_names_the_member(tmp_path: Path) -> None:
    said = refused(tmp_path, gzip.compress(HOSTILE["good ones, then a bad one"]))
    assert said == f"backup {tmp_path}/hostile.tar.gz: member '../evil' does not belong into .context/"


def test_special_bits_are_dropped(tmp_path: Path) -> None:
    path = tmp_path / "setuid.tar.gz"
    path.write_bytes(gzip.compress(tar(plain(".context/feat-pay_x", mode=0o6777, uid=0, gid=0))))
    backups.unpack(path, hashlib.sha256(path.read_bytes()).hexdigest(), tmp_path / "into", mine(tmp_path))
    assert (tmp_path / "into/feat-pay_x").stat().st_mode & 0o7022 == 0


def test_a_bomb_is_refused_at_the_limit(tmp_path: Path) -> None:
    bomb = gzip.compress(tar(plain(".context/feat-pay_x", b"\0" * 20_000_000)))
    assert len(bomb) < 100_000
    assert "holds more than 1000000 bytes" in refused(tmp_path, bomb, most=1_000_000)


def test_more_members_than_the_limit_are_refused(tmp_path: Path) -> None:
    many = gzip.compress(tar(*(plain(f".context/feat-pay_{n}") for n in range(50))))
    assert "comes after 49 others" in refused(tmp_path, many, most_files=49)


@pytest.mark.parametrize("cut", [5, 20, -9, -1])
def test_a_gzip_that_is_cut_is_refused(tmp_path: Path, cut: int) -> None:
    assert "no whole gzip file" in refused(tmp_path, gzip.compress(tar(GOOD), mtime=0)[:cut])


def test_what_is_no_gzip_is_refused(tmp_path: Path) -> None:
    assert "no whole gzip file" in refused(tmp_path, tar(GOOD))


def test_every_flipped_byte_is_refused_or_harmless(tmp_path: Path) -> None:
    content = tar(GOOD, plain(".context/feat-pay_more", b"more"))
    for place in range(0, 2048, 7):
        flipped = content[:place] + bytes([content[place] ^ 0x41]) + content[place + 1 :]
        path, into = tmp_path / "flipped.tar.gz", tmp_path / str(place)
        path.write_bytes(gzip.compress(flipped, compresslevel=1))
        sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
        try:
            names = backups.unpack(path, sha256, into, mine(tmp_path))
        except BadBackup:
            assert not into.exists()
            continue
        assert sorted(found(into)) == sorted(names)
        assert all(owns(owner(tmp_path), name) for name in names)
