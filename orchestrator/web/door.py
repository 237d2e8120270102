"""Who may ask the page for something: address, token, cookie, Host and Origin. Pure; answers nothing itself.

Every process and every site that a browser shows can reach a port of the loopback. So the address holds a token, the
browser a cookie for that path alone (cookies go to every port of a host), and Host and Origin are those of the page.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from hmac import compare_digest

from orchestrator.core.values import Value

_STRICT = "default-src 'none'; base-uri 'none'; frame-ancestors 'none'"
HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": f"{_STRICT}; script-src 'self'; style-src 'self'; img-src 'self'; form-action 'self'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    # not `no-referrer`: with that a browser sends `Origin: null` with the page's own forms
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
IMAGE = {**HEADERS, "Content-Security-Policy": f"{_STRICT}; sandbox"}
_OWN = ("same-origin", "none")  # none: typed into the address line


class Door(Value):
    """The secrets of one run of the page: `token` stands in its address, `cookie` in one browser, `form` in its forms.

    The three are of their own: what a form or a header shows does not open the address.
    """

    port: int
    token: str
    cookie: str
    form: str

    @property
    def origin(self) -> str:
        """The page's origin, as a browser names it."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def path(self) -> str:
        """The path below which everything of the page lies."""
        return f"/{self.token}/"

    @property
    def address(self) -> str:
        """What is typed into a browser."""
        return f"{self.origin}{self.path}"

    @property
    def cookie_name(self) -> str:
        """The cookie's name: two pages on two ports do not take each other's."""
        return f"orchestrator-review-{self.port}"

    @property
    def set_cookie(self) -> str:
        """The header that gives a browser its cookie."""
        return f"{self.cookie_name}={self.cookie}; Path={self.path}; HttpOnly; SameSite=Strict"

    def refuses(self, method: str, path: str, headers: Mapping[str, str], cookie: str) -> str:
        """Return why a request is not answered; empty where it is. `headers` by their names in lower case."""
        hosts = (f"127.0.0.1:{self.port}", "127.0.0.1") if self.port == 80 else (f"127.0.0.1:{self.port}",)
        if headers.get("host", "") not in hosts:
            return "the Host is not this page's"
        if not _same(path[: len(self.path)], self.path):
            return "there is nothing here; the address that `orchestrator review` printed holds a token"
        if headers.get("origin", self.origin) != self.origin:
            return "the Origin is not this page's"
        is_page = method == "GET" and path == self.path
        if headers.get("sec-fetch-site", "none") not in _OWN and not is_page:
            return "another site asks"
        if is_page:
            return ""
        if not _same(cookie, self.cookie):
            return "this browser has not opened the page"
        return "no Origin is named" if method == "POST" and "origin" not in headers else ""

    def is_own_form(self, word: str) -> bool:
        """Tell whether a form is one that this page showed."""
        return _same(word, self.form)


def _same(one: str, other: str) -> bool:
    return compare_digest(one.encode(errors="replace"), other.encode())


def made(port: int) -> Door:
    """Return a door with new secrets."""
    return Door(port=port, token=secrets.token_urlsafe(24), cookie=secrets.token_urlsafe(24), form=secrets.token_hex())
