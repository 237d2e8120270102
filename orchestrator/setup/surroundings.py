"""What a repository already has: documents of a line, make targets, tags that decide versions. Only looks."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterator
from pathlib import Path

from orchestrator.adapters.git import Git
from orchestrator.core.line import workflow_id
from orchestrator.core.values import Value
from orchestrator.makefile import targets

# Where the clients and their users keep such documents.
FOLDERS = (
    ".windsurf/workflows", ".claude/commands", "docs/workflows", ".cursor/workflows", ".cursor/commands",
    ".cursor/rules", ".clinerules/workflows", ".kilocode/workflows", ".roo/commands", ".codex/prompts",
    ".github/prompts", ".opencode/command", ".agent/workflows", ".agents/workflows", ".ai/workflows", "workflows",
)  # fmt: skip
USUAL = "add-feature-"  # one document of this name is a line; of any other name it takes two
MAKEFILES = ("GNUmakefile", "makefile", "Makefile")  # in the order in which make looks for them
_PREFIX = re.compile(r"[\w .-]*")
_INCLUDE = re.compile(r"^ *[-s]?include[ \t]+([^#\n]+)", re.MULTILINE)


class Found(Value):
    """A glob that names documents with ids, and how many different ids."""

    glob: str
    documents: int


def globs(root: Path, own: Collection[str]) -> list[Found]:
    """Return the globs that hold a line of numbered documents, the longest line first; `own` are the kit's."""
    ids: dict[str, set[str]] = defaultdict(set)
    for folder in FOLDERS:
        for file in sorted(root.joinpath(folder).glob("*.md")) if root.joinpath(folder).is_dir() else []:
            begin = _prefix(file.stem)
            if begin is not None and f"{folder}/{file.name}" not in own and file.is_file():
                ids[f"{folder}/{begin}*.md"].add(workflow_id(file.stem[len(begin) :]) or "")
    lines = [Found(glob, len(one)) for glob, one in ids.items() if len(one) > 1 or glob.endswith(f"/{USUAL}*.md")]
    return sorted(lines, key=lambda one: -one.documents)


def _prefix(stem: str) -> str | None:
    """Return what stands before the id in a document's name, None where it holds none."""
    begins = (0, *(match.end() for match in re.finditer("[-_]", stem)))
    found = next((stem[:at] for at in begins if workflow_id(stem[at:])), None)
    return found if found is not None and _PREFIX.fullmatch(found) else None


# --- make -----------------------------------------------------------------------------------------


def makefile(root: Path) -> str | None:
    """Return the name of the Makefile that make would read, None where there is none."""
    there = {one.name for one in root.iterdir()}
    return next((name for name in MAKEFILES if name in there), None)


def taken(root: Path, name: str) -> frozenset[str]:
    """Return the targets of the user's Makefile and of the files that it includes by a plain name."""
    return frozenset().union(*(targets(text) for text in _included(root, name)))


def _included(root: Path, name: str) -> Iterator[str]:
    waiting, seen = [name], {"orchestrator.mk"}
    while waiting:
        here = waiting.pop()
        file = root / here
        if here in seen or not file.is_file():
            continue
        seen.add(here)
        text = file.read_text(encoding="utf-8", errors="replace")
        yield text
        words = " ".join(_INCLUDE.findall(text)).split()
        waiting += [word for word in words if not set(word) & set("$*?[")]


# --- tags -----------------------------------------------------------------------------------------

_DESCRIBE = (r"\bgit\b.{0,60}\bdescribe\b.{0,80}--(?:tags|all)(?![\w-])", "`git describe --tags`")
_PYTHON = (
    (r"setuptools[-_]scm", "setuptools-scm"),
    (r"hatch[-_]vcs", "hatch-vcs"),
    (r"versioningit", "versioningit"),
    (r"versioneer", "versioneer"),
    (r"dunamai|dynamic[-_]versioning", "dunamai"),
    (r"flit[-_]scm|source\s*=\s*[\"']scm[\"']", "the version control's tags"),
    (r"semantic[-_]release", "semantic-release"),
    _DESCRIBE,
)
_NODE = (
    (r"standard-version|commit-and-tag-version", "standard-version"),
    (r"semantic-release", "semantic-release"),
    (r"release-it", "release-it"),
    (r"\"lerna\"", "lerna"),
    _DESCRIBE,
)
_JVM = (
    (
        r"axion-release|jgitver|nebula\.release|git-?version|sbt-dynver|sbt-git|sbt-ci-release",
        "a plugin that reads tags",
    ),
    _DESCRIBE,
)
_ANY = ((r"", "the file itself"),)
# Which files say where versions come from, and the words that mean tags.
_SOURCES = (
    (("pyproject.toml", "setup.py", "setup.cfg"), _PYTHON),
    (("package.json", ".releaserc*", "release.config.*"), _NODE),
    (("build.gradle", "build.gradle.kts", "pom.xml", "build.sbt", "project/plugins.sbt"), _JVM),
    ((".goreleaser.yml", ".goreleaser.yaml", ".versionrc*", "GitVersion.yml"), _ANY),
    (("Cargo.toml", "build.rs"), ((r"git[-_]version|vergen", "a crate that reads tags"), _DESCRIBE)),
    (
        ("Makefile", "makefile", "GNUmakefile", "*.mk", "CMakeLists.txt", "meson.build", "configure.ac", "*.gemspec",
         "justfile", "Taskfile.yml", "scripts/*", "bin/*", ".github/workflows/*", ".gitlab-ci.yml"),
        (_DESCRIBE, (r"goreleaser", "goreleaser"), (r"semantic-release", "semantic-release")),
    ),
)  # fmt: skip
_LARGEST = 1024 * 1024  # bytes; a build file is smaller


def version_tags(root: Path) -> str:
    """Return why tags decide versions here (`pyproject.toml: setuptools-scm`), or an empty string."""
    for patterns, words in _SOURCES:
        for file in (one for pattern in patterns for one in sorted(root.glob(pattern))):
            if not file.is_file() or file.name == "orchestrator.mk" or file.stat().st_size > _LARGEST:
                continue
            text = file.read_text(encoding="utf-8", errors="replace")
            for word, name in words:
                if re.search(word, text):
                    return f"{file.relative_to(root).as_posix()}: {name}"
    return ""


# --- hooks ----------------------------------------------------------------------------------------


class HooksPlace(Value):
    """Where git looks for hooks. `configured`: core.hooksPath as it is set, None where it is not."""

    folder: Path
    configured: str | None
    is_off: bool  # git runs no hook at all
    is_in_tree: bool  # among the user's files, which other machines get too


def hooks_place(git: Git, main: Path, common: Path) -> HooksPlace:
    """Return where `git rev-parse --git-path hooks` points in the main worktree; our own git runs without hooks."""
    configured = _hooks_path(git)
    folder = common / "hooks" if configured is None else (main / configured).resolve()
    real = folder.resolve()
    is_off = configured == "" or (folder.exists() and not folder.is_dir())
    trees = [main.resolve(), *(one.path.resolve() for one in git.worktrees())]
    is_in_tree = any(map(real.is_relative_to, trees)) and not real.is_relative_to(common.resolve())
    return HooksPlace(folder=folder, configured=configured, is_off=is_off, is_in_tree=is_in_tree)


def _hooks_path(git: Git) -> str | None:
    """Return the user's core.hooksPath; what the kit's own calls set on the command line comes last."""
    asked = ("config", "--show-scope", "-z", "--type=path", "--get-all", "core.hooksPath")
    output = git.run(*asked, accept=(0, 1)).stdout.decode(errors="surrogateescape")
    fields = output.split("\0")[:-1]
    values = [value for scope, value in zip(fields[::2], fields[1::2], strict=True) if scope != "command"]
    return values[-1] if values else None
