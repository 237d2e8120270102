"""Commands that no agent should be told as they stand: those that wait for somebody, those that throw work away."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from orchestrator.core.line import Document
from orchestrator.core.linting.findings import Finding, Rule, also, finding
from orchestrator.core.linting.shell import Command, options

_NOBODY = "nobody sits at the agent's terminal: it waits there until the time limit, or fails"

TYPED = Rule(
    id="L201",
    severity="warning",
    why=f"it reads what somebody types; {_NOBODY}",
    next="ask in the text instead, so that the kit stops there, or take the value from a file",
)
EDITOR = Rule(
    id="L202",
    severity="warning",
    why=f"it opens an editor; {_NOBODY}",
    next="say what is to stand in the file; the agent writes files without an editor",
)
GIT_ASKS = Rule(
    id="L203",
    severity="warning",
    why=f"git opens an editor or asks for each piece; {_NOBODY}",
    next="give the words with -m or -F, say --no-edit, or name the files",
)
PAGER = Rule(
    id="L204",
    severity="warning",
    why="it shows one screen and waits for a key; an agent that gives its commands a terminal stays there",
    next="use cat, head, tail or sed -n; of top: `top -b -n 1`",
)
ASKS = Rule(
    id="L205",
    severity="warning",
    why=f"it asks its questions at the terminal; {_NOBODY}",
    next="let it take the defaults with --yes",
)
PASSWORD = Rule(
    id="L206",
    severity="note",
    why="where it asks for a password or whether a host is known, nobody answers",
    next="see that it works without asking: ssh -o BatchMode=yes, sudo -n",
)
ENDLESS = Rule(
    id="L207",
    severity="warning",
    why="it goes on until somebody ends it: the agent's attempt runs into its time limit",
    next="ask once, or put `timeout 60` in front of it",
)

NO_VERIFY = Rule(
    id="L301",
    severity="warning",
    why="the repository's own checks are passed over, and what they would have refused is committed",
    next="let the checks run; mend what they refuse",
)
RESET = Rule(
    id="L302",
    severity="warning",
    why="what is not committed is gone, and no checkpoint has it",
    next="let it commit first, or use git revert; after failed attempts the kit rolls back by itself, and keeps all",
)
FORCE_PUSH = Rule(
    id="L303",
    severity="error",
    why="commits of others on the server are overwritten, which no rollback here brings back",
    next="leave it to a person at a deploy gate, or say --force-with-lease on the feature's own branch",
)
LEASED_PUSH = Rule(
    id="L304",
    severity="note",
    why="commits on the server are replaced, which no rollback here brings back",
    next="see that it can only reach the feature's own branch, and stands behind a deploy gate",
)
CLEAN = Rule(
    id="L305",
    severity="warning",
    why="files that git does not hold are deleted, and no checkpoint has them",
    next="name the files that are to go",
)
CLEAN_ALL = Rule(
    id="L305",
    severity="error",
    why="with -x the ignored files go too: .context/ with the feature's notes, and .env files",
    next="name the files that are to go",
)
CHECKOUT = Rule(
    id="L306",
    severity="warning",
    why="what is not committed is gone, and no checkpoint has it",
    next="let it commit first, then switch without force",
)
CONTEXT = Rule(
    id="L307",
    severity="error",
    why="the feature's notes and state, or git's own folder, are deleted",
    next="name the files that are to go; the kit keeps .context/ itself",
)
STASH = Rule(
    id="L308",
    severity="warning",
    why="all working trees share one stash: another feature's agent can take it, and a checkpoint does not have it",
    next="commit on the feature's branch instead; the kit keeps what a failed attempt left",
)

_EDITORS = ("vim", "vi", "nvim", "nano", "emacs", "pico", "joe", "$EDITOR", "${EDITOR}", "$VISUAL")
_PAGERS = ("less", "more", "most", "man")
_SCREENS = ("top", "htop", "btop")
_QUIET_EDITORS = {"GIT_EDITOR", "EDITOR", "VISUAL", "GIT_SEQUENCE_EDITOR"}
_PATCHING = ("add", "commit", "checkout", "restore", "reset", "stash")
_GIT_VALUES = ("-C", "-c", "--git-dir", "--work-tree")
_MESSAGE = {"-m", "-F", "-C", "-h", "--message", "--file", "--reuse-message", "--no-edit", "--fixup", "--dry-run"}
_FOLLOWED = {"journalctl": 1, "docker": 2, "kubectl": 2, "docker-compose": 2, "podman": 2}
_KEPT_PLACES = re.compile(r"(?:\./)?\.(?:context|git)(?:/\*?)?")


def findings(document: Document, told: Sequence[Command]) -> Iterator[Finding]:
    """Yield what is wrong with the commands that a document tells its reader: of one line each thing once."""
    rows = (
        (one.line, one.said, rule) for one in told if not one.is_forbidden and (rule := _waits(one) or _destroys(one))
    )
    for line, said, rule in dict.fromkeys(rows):
        yield finding(rule, document.file, line, said)


def passwords(of_line: Sequence[tuple[Document, Sequence[Command]]]) -> Iterator[Finding]:
    """Yield one finding for all commands of a line that may ask for a password, at the first of them."""
    found = [(document, one) for document, told in of_line for one in told if not one.is_forbidden and _may_ask(one)]
    if found:
        document, one = found[0]
        yield finding(PASSWORD, document.file, one.line, one.said, PASSWORD.why + also(len(found) - 1))


# --- what waits -----------------------------------------------------------------------------------


def _waits(one: Command) -> Rule | None:
    if one.name == "git":
        return GIT_ASKS if _git_asks(one) else None
    if one.name == "npm" and one.rest[:1] == ("init",) and not {"-y", "--yes"} & options(one.rest):
        return ASKS
    if one.is_labelled and not one.is_inline:
        return _waits_in_shell(one)
    if one.is_inline and len(one.words) > 1 and one.name in _EDITORS:
        return EDITOR
    if one.name == "read" and "-p" in options(one.rest):
        return TYPED
    return PAGER if one.name in _PAGERS and one.is_fed else None


def _waits_in_shell(one: Command) -> Rule | None:
    if one.name == "read":
        return TYPED if _reads_terminal(one) else None
    if one.name in _EDITORS:
        return None if {"-e", "-E", "--batch"} & options(one.rest) else EDITOR
    if one.name in _PAGERS or (one.name in _SCREENS and "-b" not in options(one.rest)):
        return None if one.is_passed_on else PAGER
    return ENDLESS if _is_endless(one) else None


def _may_ask(one: Command) -> bool:
    if one.is_inline or not one.is_labelled:
        return False
    return "sudo" in one.wrappers or (one.name in ("ssh", "scp") and "BatchMode" not in " ".join(one.rest))


def _reads_terminal(one: Command) -> bool:
    said = options(one.rest)
    if "-t" in said:
        return False
    return "-p" in said or not (one.is_fed or one.is_looped)


def _is_endless(one: Command) -> bool:
    if one.is_bounded or one.is_passed_on:
        return False
    if one.name == "watch":
        return True
    if one.name == "tail":
        return bool({"-f", "-F", "--follow"} & options(one.rest))
    at = _FOLLOWED.get(one.name, 0)
    shows_log = one.name == "journalctl" or "logs" in one.rest[: at + 1]
    return bool(at and shows_log and {"-f", "--follow"} & options(one.rest))


def _git_asks(one: Command) -> bool:
    words = git_words(one)
    if not words or _QUIET_EDITORS & set(one.settings) or "editor" in " ".join(one.rest).lower():
        return False
    said = options(words[1:])
    if (words[0] in _PATCHING and "--patch" in said) or (words[0] in ("add", "stash", "restore") and "-p" in said):
        return True
    match words[0]:
        case "commit":
            is_named_only = one.is_inline and len(words) == 1
            return not is_named_only and not said & _MESSAGE
        case "rebase":
            return bool(said & {"-i", "--interactive"})
        case "add":
            return bool(said & {"-i", "--interactive"})
        case "tag":
            return bool(said & {"-a", "--annotate", "-s", "--sign"}) and not said & {"-m", "-F", "--message", "--file"}
    return False


def git_words(one: Command) -> tuple[str, ...]:
    """Return the words of a git command after git's own options: `commit -m x` of `git -C a commit -m x`."""
    words = list(one.rest)
    while words and words[0].startswith("-"):
        words = words[2:] if words[0] in _GIT_VALUES else words[1:]
    return tuple(words)


# --- what throws away -----------------------------------------------------------------------------


def _destroys(one: Command) -> Rule | None:
    if one.name == "--no-verify":
        return NO_VERIFY
    if one.name == "rm":
        return CONTEXT if _deletes_kept(one) else None
    words = git_words(one) if one.name == "git" else ()
    return _destroys_by_git(words[0], words[1:], options(words[1:])) if words else None


def _deletes_kept(one: Command) -> bool:
    is_whole = bool({"-r", "-R", "--recursive"} & options(one.rest))
    return is_whole and any(_KEPT_PLACES.fullmatch(word) for word in one.rest)


def _destroys_by_git(name: str, rest: Sequence[str], said: set[str]) -> Rule | None:
    if "--no-verify" in said or (name == "commit" and "-n" in said):
        return NO_VERIFY
    match name:
        case "reset":
            return RESET if "--hard" in said else None
        case "push":
            return _push(rest, said)
        case "clean":
            if not said & {"-f", "--force"} or said & {"-n", "--dry-run"}:
                return None
            return CLEAN_ALL if said & {"-x", "-X"} else CLEAN
        case "checkout" | "switch":
            return CHECKOUT if said & {"-f", "--force", "--discard-changes"} else None
        case "stash":
            return None if rest and rest[0] in ("list", "show") else STASH
    return None


def _push(rest: Sequence[str], said: set[str]) -> Rule | None:
    if said & {"-n", "--dry-run"}:
        return None
    if said & {"--force", "-f", "--mirror"} or any(re.fullmatch(r"\+[\w./-]+(?::[\w./-]+)?", word) for word in rest):
        return FORCE_PUSH
    return LEASED_PUSH if "--force-with-lease" in said else None
