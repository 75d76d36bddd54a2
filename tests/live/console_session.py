"""The console page's addresses as a browser asks them, without drawing anything."""

from __future__ import annotations

import http.cookiejar
import json
import re
import urllib.error
import urllib.parse
import urllib.request
from typing import Any

from airflow_api import Api
from local_airflow import PASSWORD, LocalAirflow

from .rest import eventually

PAGE = "/ovhcloud-ai"
CONNECTION = "console-access"
#: What each address is given.
GIVEN: dict[str, dict[str, Any]] = {
    "/api/connections": {},
    "/api/connection": {"id": CONNECTION},
    "/api/dag": {"id": CONNECTION, "model": "gpt-oss-120b", "kind": "chat"},
    "/api/test": {"connection": CONNECTION},
    "/api/models": {"connection": CONNECTION},
    "/api/batches": {"connection": CONNECTION},
    "/api/try": {"connection": CONNECTION, "model": "gpt-oss-120b", "kind": "chat", "text": "Hello"},
}


class Browser:
    """
    Somebody with the session of a browser, or without one.
    """

    def __init__(self, airflow: LocalAirflow, user: str | None) -> None:
        self.url = airflow.url
        self.headers: dict[str, str] = {}
        jar = urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
        self._open = urllib.request.build_opener(jar, _Staying).open
        if user and airflow.release < (3,):
            # Airflow 2.11 takes five logins in 40 s from one machine.
            eventually(lambda: self._log_in(user), lambda status: status != 429)
        elif user:
            self.headers["Authorization"] = Api(airflow, user).authorization

    def _log_in(self, user: str) -> int:
        with self._open(f"{self.url}/login/") as response:
            token = re.search(r'name="csrf_token" type="hidden" value="([^"]+)"', response.read().decode())
        assert token is not None
        form = {"username": user, "password": PASSWORD, "csrf_token": token.group(1)}
        return self.ask("POST", "/login/", urllib.parse.urlencode(form).encode())[0]

    def use(self, method: str, path: str, params: dict[str, Any] | None = None, **headers: str) -> tuple[int, str]:
        """
        Use an address as the page's script does.
        """
        params = GIVEN.get(path, {}) if params is None else params
        if method == "GET":
            return self.ask("GET", f"{PAGE}{path}?{urllib.parse.urlencode(params)}")
        own = {"Content-Type": "application/json", "X-OVHcloud-AI": "1", "Origin": self.url, **self.csrf()}
        return self.ask("POST", PAGE + path, json.dumps(params).encode(), **own | headers)

    def csrf(self) -> dict[str, str]:
        match = re.search(r'name="console-csrf" content="([^"]+)"', self.ask("GET", f"{PAGE}/")[1])
        return {"X-CSRFToken": match.group(1)} if match else {}

    def ask(self, method: str, path: str, body: bytes | None = None, **headers: str) -> tuple[int, str]:
        request = urllib.request.Request(self.url + path, body, self.headers | headers, method=method)
        try:
            with self._open(request, timeout=60) as response:
                return response.status, response.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()


class _Staying(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        return None
