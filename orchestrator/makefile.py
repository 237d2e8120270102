"""The make targets: names the user's Makefile has taken, orchestrator.mk without them. Never runs make."""

from __future__ import annotations

import re

from orchestrator.assets import asset
from orchestrator.core.values import Value

_FEATURE = '-- $${FEATURE:+"$$FEATURE"}'
_WHY = '$${WHY:+-m"$$WHY"}'
_AT = '$${AT:+--at="$$AT"}'
_MOMENTS = '$${AT:+"$$AT"} $${TO:+"$$TO"}'
_TO = '$${TO:+--to="$$TO"}'
_WAITS = "|| $(_orch_waits)"

_CONTINUED = re.compile(r"\\\r?\n[ \t]*")
_ASSIGNMENT = re.compile(r"\s*((override|export|private)\s+)*[^\s:=#]+\s*([?+!]|:{1,3})?=")
_DEFINITION = re.compile(r"\s*((override|export|private)\s+)*define\b(?!\s*:)")
_RULE = re.compile(r" *(?P<targets>[^\t:=#][^:=#]*?)\s*&?::?(?!=)(?P<rest>.*)")


class Target(Value):
    """One make target: its short name, the words after the program's name, and what `orch-help` says."""

    name: str
    command: str
    says: str

    def rule(self, taken: frozenset[str]) -> str:
        """Return the rule in one line, without the short name where the user's Makefile has taken it."""
        short = "" if self.name in taken else f" {self.name}"
        return f"orch-{self.name}{short}: ; @$(ORCHESTRATOR) {self.command} ## {self.says}"


TARGETS = (
    Target("next", f"next {_FEATURE} {_WAITS}", "one step of the feature whose turn it is, or of FEATURE="),
    Target("run", f"run {_WAITS}", "steps of all features until nothing is left to do"),
    Target("status", f"status {_AT} {_FEATURE}", "the dashboard; FEATURE=, AT="),
    Target("approve", f"approve {_WHY} {_FEATURE}", "show the waiting gates and take one decision"),
    Target("review", "review", "the waiting gates as a page in your browser"),
    Target("reject", f"reject {_WHY} {_TO} {_FEATURE}", "send FEATURE= back; WHY= is told to the agent; TO="),
    Target("feature", f"start {_FEATURE}", "begin FEATURE="),
    Target("checkpoint", f"checkpoint {_FEATURE}", "a rollback point of FEATURE= by hand"),
    Target("checkpoints", f"checkpoints {_FEATURE}", "all checkpoints of FEATURE="),
    Target("rollback", f"rollback {_TO} {_FEATURE}", "return FEATURE= to its rollback point or TO="),
    Target("log", f"log {_FEATURE}", "the audit trail; FEATURE="),
    Target("replay", f"replay {_AT} {_FEATURE}", "the state as it was; AT= a time, #ID or a tag"),
    Target("diff", f"diff {_FEATURE} {_MOMENTS}", "what differs in FEATURE= between AT= and TO= (now): N, #ID, a time"),
    Target("verify", "verify", "check log, checkpoints, backups, states and hooks"),
    Target("metrics", "metrics", "what the kit saved, measured from the log"),
    Target("workflows", "workflows", "the line as the kit reads it: phases and gates"),
    Target("lint", "lint", "what would go wrong in documents and validations"),
)
_HELP = (
    "orch-help: ; @awk -F': ; |## ' '/^orch-.*## /{n = split($$1, names, \" \"); "
    'printf "  %-16s %s\\n", names[n], $$NF}\' "$(_orch_file)" ## this list'
)


def render(taken: frozenset[str]) -> str:
    """Return orchestrator.mk: every target as `orch-NAME`, and as `NAME` where that is not in `taken`."""
    free = [target.name for target in TARGETS if target.name not in taken]
    phony = " ".join([".PHONY: orch-help", *(f"orch-{target.name}" for target in TARGETS), *free])
    rules = "\n".join([phony, *(target.rule(taken) for target in TARGETS), _HELP])
    return asset("orchestrator.mk").decode().replace("@RULES@", rules)


def is_outdated(text: str, wanted: str) -> bool:
    """Tell whether `text` is an orchestrator.mk, by its first line, that gives other names than `wanted`."""
    kit = {name for target in TARGETS for name in (target.name, f"orch-{target.name}")}
    is_ours = text.partition("\n")[0].rstrip() == wanted.partition("\n")[0]
    return is_ours and targets(text) & kit != targets(wanted) & kit


def targets(makefile_text: str) -> frozenset[str]:
    """Return the names that a Makefile defines, those it only calls .PHONY included.

    Reads rules, also several targets and `::` or `&:`, and continued lines. Passes over recipes, comments,
    assignments and `define` blocks; does not follow `include`, and names made of variables or patterns are
    not known without running make.
    """
    found: set[str] = set()
    inside = False
    for line in _CONTINUED.sub(" ", makefile_text).splitlines():
        if inside or _DEFINITION.match(line):
            inside = line.strip() != "endef"
        elif not line.startswith("\t") and not _ASSIGNMENT.match(line):
            found |= _named(line)
    return frozenset(found)


def _named(line: str) -> set[str]:
    rule = _RULE.match(line)
    if rule is None:
        return set()
    words = rule["targets"].split()
    if words == [".PHONY"]:
        words = rule["rest"].split(";")[0].split("#")[0].split()
    return {word for word in words if not set(word) & set("$%()")}
