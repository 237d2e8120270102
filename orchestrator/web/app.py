"""The page's addresses: what is looked at and what is decided there. Each takes the workspace and lets it go again."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import parse_qsl

from orchestrator import session, sitting
from orchestrator.errors import OrchestratorError
from orchestrator.web import deciding, door, page, sheets
from orchestrator.web.deciding import Desk, Said, Wish
from orchestrator.web.door import Door
from orchestrator.web.gates import Shown
from orchestrator.web.page import ICON, SCRIPT, STYLE

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response

_BODY = 512 << 10  # bytes of a form
_FIELDS = 5000
_TYPES = {STYLE: "text/css", SCRIPT: "text/javascript", ICON: "image/svg+xml"}

Fields = list[tuple[str, str]]
T = TypeVar("T")


def application(found: Door, closed: str) -> Starlette:
    """Return the page. `closed` says why nothing can be decided on it; empty where it can."""
    from starlette.applications import Starlette
    from starlette.routing import Route

    at = Page(found, closed)
    path = found.path
    return Starlette(
        routes=[
            Route(path, at.shown, methods=["GET"]),
            Route(f"{path}approve", at.approved, methods=["POST"]),
            Route(f"{path}reject", at.rejected, methods=["POST"]),
            Route(f"{path}picture/{{mark}}/{{index:int}}/{{when}}", at.picture, methods=["GET"]),
            Route(f"{path}{{name}}", at.own, methods=["GET"]),
            Route("/{rest:path}", at.nothing),
        ],
        exception_handlers={OrchestratorError: at.failed, OSError: at.failed},
    )


class Page:
    """The answers of one running page. One request has the workspace at a time, and none keeps it."""

    def __init__(self, found: Door, closed: str) -> None:
        self._door = found
        self._closed = closed
        self._desk = Desk()
        self._alone = threading.Lock()

    async def shown(self, request: Request) -> Response:
        """Show what waits."""
        return self._refused(request) or await _apart(self._show, request.query_params.get("said", ""))

    def _show(self, word: str) -> Response:
        with self._alone, session.looking(anew=True) as workspace:
            rows = sitting.waiting(workspace, ())
            found = sheets.sheet(workspace, rows, self._closed)
            self._desk.put(rows)
            text = page.live(found, self._address, self._door.form, self._desk.said(word))
        return self._answer(text.encode(errors="backslashreplace"), "text/html", cookie=True)

    def _address(self, shown: Shown, index: int, when: str) -> str:
        return f"picture/{shown.fingerprint}/{index}/{when}"

    async def approved(self, request: Request) -> Response:
        """Take a form that approves."""
        fields = await self._form(request)
        return fields if not isinstance(fields, list) else await _apart(self._decide, wish(fields))

    def _decide(self, wanted: Wish) -> Response:
        with self._alone:
            return self._on(deciding.approve(self._desk, wanted))

    async def rejected(self, request: Request) -> Response:
        """Take a form that sends a feature back."""
        fields = await self._form(request)
        return fields if not isinstance(fields, list) else await _apart(self._send_back, dict(fields))

    def _send_back(self, fields: dict[str, str]) -> Response:
        with self._alone:
            return self._on(deciding.reject(self._desk, fields.get("gate", ""), fields.get("why", "")))

    def _on(self, said: Said) -> Response:
        """Answer with the way to the page anew: a reload sends no form a second time."""
        from starlette.responses import RedirectResponse

        return RedirectResponse(f"{self._door.path}?said={self._desk.keep(said)}", 303, headers=door.HEADERS)

    async def picture(self, request: Request) -> Response:
        """Show a picture of a gate's evidence."""
        return self._refused(request) or await _apart(self._picture, request.path_params)

    def _picture(self, asked: dict[str, str]) -> Response:
        with self._alone, session.reading(anew=True) as workspace:
            try:
                found = sheets.look(workspace, self._desk.row(asked["mark"]), int(asked["index"]), asked["when"])
            except OrchestratorError:
                found = None
        if found is None:
            return self._say("this picture is not there as it was shown; load the page again", 404)
        return self._answer(found.content, found.type, headers=door.IMAGE)

    async def own(self, request: Request) -> Response:
        """Give the page's own style or script."""
        if refused := self._refused(request):
            return refused
        name = request.path_params["name"]
        return self._answer(page.own(name), _TYPES[name]) if name in _TYPES else self._say("there is nothing here", 404)

    async def nothing(self, request: Request) -> Response:
        """Answer for an address that the page does not have."""
        return self._refused(request) or self._say("there is nothing here", 404)

    async def failed(self, request: Request, error: Exception) -> Response:
        """Answer with the line that a command would end with."""
        hint = error.hint if isinstance(error, OrchestratorError) else ""
        return self._say(f"nothing can be shown now: {error}{f'; {hint}' if hint else ''}", 503)

    # --- before any answer ---------------------------------------------------------------------------

    def _refused(self, request: Request) -> Response | None:
        cookie = request.cookies.get(self._door.cookie_name, "")
        why = self._door.refuses(request.method, request.url.path, _headers(request), cookie)
        return self._say(why, 403) if why else None

    async def _form(self, request: Request) -> Fields | Response:
        """Return a form's fields, or what is answered instead."""
        if refused := self._refused(request):
            return refused
        if self._closed:
            return self._say(f"nothing is decided here: {self._closed}", 403)
        if request.headers.get("content-type", "").partition(";")[0] != "application/x-www-form-urlencoded":
            return self._say("this is no form of this page", 415)
        body = b""
        async for piece in request.stream():
            body += piece
            if len(body) > _BODY:
                return self._say("the form is too large; nothing was decided", 413)
        try:
            fields = parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=_FIELDS)
        except ValueError:
            return self._say("the form cannot be read; nothing was decided", 400)
        is_own = self._door.is_own_form(dict(fields).get("form", ""))
        return fields if is_own else self._say("this is no form of this page; nothing was decided", 403)

    def _say(self, why: str, status: int) -> Response:
        return self._answer(f"{why}\n".encode(), "text/plain", status=status)

    def _answer(
        self,
        content: bytes,
        kind: str,
        *,
        status: int = 200,
        headers: dict[str, str] = door.HEADERS,
        cookie: bool = False,
    ) -> Response:
        from starlette.responses import Response

        more = {"Set-Cookie": self._door.set_cookie} if cookie else {}
        return Response(content, status, headers={**headers, **more}, media_type=kind)


async def _apart(work: Callable[[T], Response], value: T) -> Response:
    """Do what takes git and files in a thread: the server goes on answering."""
    from starlette.concurrency import run_in_threadpool

    return await run_in_threadpool(work, value)


def _headers(request: Request) -> dict[str, str]:
    return {name.lower(): value for name, value in request.headers.items()}


def wish(fields: Fields) -> Wish:
    """Return what a form asks for. One gate's own button decides that gate alone, whatever else is chosen."""
    given = [(name.partition("answer."), text) for name, text in fields if text.strip()]
    answers = {mark: text for (before, found, mark), text in given if found and not before}

    def named(name: str) -> tuple[str, ...]:
        return tuple(value for key, value in fields if key == name)

    if named("only") or named("skip"):
        return Wish(approve=named("only"), skip=named("skip"), answers=answers)
    if named("all"):
        return Wish(is_all=True, shown=named("shown"), batch="".join(named("batch")), answers=answers)
    return Wish(approve=named("approve"), answers=answers) if named("chosen") else Wish()
