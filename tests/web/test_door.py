"""Whose requests the page answers: every rule by itself."""

from __future__ import annotations

import pytest

from orchestrator.web import door
from orchestrator.web.door import HEADERS, Door

FOUND = Door(port=4711, token="a-token", cookie="a-cookie", form="a-form")
OWN = {"host": "127.0.0.1:4711", "origin": "http://127.0.0.1:4711", "sec-fetch-site": "same-origin"}


def test_a_form_of_its_own_browser_is_answered() -> None:
    assert FOUND.refuses("POST", "/a-token/approve", OWN, "a-cookie") == ""


def test_the_address_alone_opens_the_page_and_nothing_else() -> None:
    typed = {"host": "127.0.0.1:4711", "sec-fetch-site": "none"}
    assert FOUND.refuses("GET", "/a-token/", typed, "") == ""
    assert FOUND.refuses("GET", "/a-token/page.css", typed, "") == "this browser has not opened the page"


@pytest.mark.parametrize("host", ["localhost:4711", "evil.example:4711", "127.0.0.1", "127.0.0.1:80", ""])
def test_a_name_that_was_bent_to_the_loopback_is_refused(host: str) -> None:
    assert FOUND.refuses("GET", "/a-token/", {**OWN, "host": host}, "a-cookie") == "the Host is not this page's"


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://127.0.0.1:4712", "https://127.0.0.1:4711"])
def test_a_form_of_another_site_is_refused_even_with_the_cookie(origin: str) -> None:
    headers = {**OWN, "origin": origin}
    assert FOUND.refuses("POST", "/a-token/approve", headers, "a-cookie") == "the Origin is not this page's"


def test_a_form_without_an_origin_is_refused() -> None:
    headers = {"host": "127.0.0.1:4711"}
    assert FOUND.refuses("POST", "/a-token/approve", headers, "a-cookie") == "no Origin is named"


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_what_a_browser_calls_another_site_is_refused(site: str) -> None:
    assert FOUND.refuses("GET", "/a-token/page.js", {**OWN, "sec-fetch-site": site}, "a-cookie") == "another site asks"


@pytest.mark.parametrize("path", ["/", "/a-token", "/b-token/", "/approve", "/a-tokeN/approve"])
def test_without_the_token_there_is_nothing(path: str) -> None:
    assert FOUND.refuses("GET", path, OWN, "a-cookie").startswith("there is nothing here")


@pytest.mark.parametrize("cookie", ["", "another", "a-token"])
def test_a_form_without_the_cookie_is_refused(cookie: str) -> None:
    assert FOUND.refuses("POST", "/a-token/approve", OWN, cookie) == "this browser has not opened the page"


def test_the_cookie_goes_to_no_other_port_as_its_path_holds_the_token() -> None:
    assert FOUND.set_cookie == "orchestrator-review-4711=a-cookie; Path=/a-token/; HttpOnly; SameSite=Strict"


def test_secrets_are_long_and_differ() -> None:
    one, other = door.made(1), door.made(1)
    words = {one.token, one.cookie, one.form, other.token, other.cookie, other.form}
    assert len(words) == 6
    assert min(map(len, words)) >= 32


def test_the_policy_lets_nothing_in_but_what_is_the_pages_own() -> None:
    policy = dict(one.split(" ", 1) for one in HEADERS["Content-Security-Policy"].split("; "))
    assert policy.pop("default-src") == "'none'"
    assert set(policy.values()) == {"'none'", "'self'"}
