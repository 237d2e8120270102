"""The nouns: ids as NewTypes, and the base of every frozen value. Touches nothing."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import NewType, dataclass_transform

import msgspec

from orchestrator.errors import Refusal

FeatureId = NewType("FeatureId", str)  # feat-payment: as in the log, the table and the state
Slug = NewType("Slug", str)  # payment: as typed and as in refs and paths
WorkflowId = NewType("WorkflowId", str)  # 4.5a
Sha = NewType("Sha", str)  # a full object name, 40 or 64 hexadecimal digits

PREFIX = "feat-"
_SLUG = re.compile(r"[a-z0-9][a-z0-9.-]{0,60}")
_WORKFLOW = re.compile(r"\d+(\.\d+)*([a-z]\d*)*")
_LONGEST = 1000  # characters of a workflow's id that its order is told by
_PARTS = re.compile(r"\d+|[a-z]")


@dataclass_transform(frozen_default=True, field_specifiers=(msgspec.field,))
class Value(msgspec.Struct, frozen=True):
    """A frozen value; compared by content."""


class Status(StrEnum):
    """What a feature is doing; no other value is ever written (the user's own schema)."""

    ACTIVE = "active"
    PAUSED = "paused"
    BLOCKED = "blocked"
    COMPLETED = "completed"
    FAILED = "failed"


class GateType(StrEnum):
    """Who decides: a person, a person over something outward, or a command."""

    HUMAN = "human"
    DEPLOY = "deploy"
    VALIDATION = "validation"


def slug(text: str) -> Slug:
    """Return the slug that `text` names: `payment`, `feat-payment` or `feat/payment`.

    Raises Refusal for what is no slug.
    """
    name = text.removeprefix("feat/").removeprefix(PREFIX)
    ends_badly = name.endswith((".", ".lock"))
    if not _SLUG.fullmatch(name) or ".." in name or ends_badly or name.startswith(PREFIX):
        raise Refusal(
            f"{text!r} is no feature name",
            "use lower-case letters, digits, '-' and '.', beginning with a letter or digit: payment",
        )
    return Slug(name)


def feature_id(name: Slug) -> FeatureId:
    """Return the id under which the log knows the feature."""
    return FeatureId(PREFIX + name)


def slug_of(feature: FeatureId) -> Slug:
    """Return the slug of a feature's id."""
    return Slug(feature.removeprefix(PREFIX))


def is_workflow_id(text: str) -> bool:
    """Tell whether `text` is the id of a document of the line."""
    return _WORKFLOW.fullmatch(text) is not None


def natural_order(workflow: str) -> tuple[tuple[int, int, str], ...]:
    """Return a sort key: part by part, numbers as integers (2a < 3.5 < 3.9 < 3.10 < 4.5 < 4.5a < 11c1a).

    A number sorts before a letter in the same place, and a prefix before what it begins.
    """
    parts = _PARTS.findall(workflow[:_LONGEST])
    return tuple((0, int(part), "") if part.isdigit() else (1, 0, part) for part in parts)


def longest_owner(name: str, slugs: frozenset[Slug]) -> Slug | None:
    """Return the registered slug that owns the context file `name` (`feat-SLUG_...`), the longest one."""
    owners = [one for one in slugs if name.startswith(f"{PREFIX}{one}_")]
    return max(owners, key=len, default=None)
