"""
The page on Airflow 2.11: a Flask blueprint within the web server.
"""

from __future__ import annotations

import platform
import socket
from collections.abc import Callable

from airflow.auth.managers.models.resource_details import AccessView, ConnectionDetails
from airflow.www.extensions.init_auth_manager import get_auth_manager
from flask import Blueprint, Response, jsonify, redirect, request, url_for
from flask_wtf.csrf import generate_csrf

from .... import __version__
from ....compat import airflow_version
from ....defaults import CONSOLE_NAME, CONSOLE_PATH
from ..actions import PAGES, ROUTES, Call, Route
from ..views.report import Origin
from . import page
from .csrf import MAX_BODY_BYTES
from .dispatch import Answer, begin, build_error, check_origin, finish, read_params
from .user import HTTPError, Method


class User:
    """
    The user of a request's session, read once so that threads without a session can use it.
    """

    def __init__(self) -> None:
        self._user = get_auth_manager().get_user()
        self._name = str(get_auth_manager().get_user_name())

    @property
    def name(self) -> str:
        """
        The user's name.
        """
        return self._name

    def may(self, method: Method, conn_id: str | None = None) -> bool:
        """
        Ask the auth manager.
        """
        details = ConnectionDetails(conn_id=conn_id) if conn_id else None
        return bool(get_auth_manager().is_authorized_connection(method=method, details=details, user=self._user))


def blueprint() -> Blueprint:
    """
    Build the Flask blueprint of the page.

    :return: the blueprint
    """
    console = Blueprint(CONSOLE_NAME, __name__, url_prefix=CONSOLE_PATH)
    for path in PAGES:
        console.add_url_rule(path, path.strip("/") or "overview", _page)
    console.add_url_rule("/static/<name>", "static", _static)
    for route in ROUTES:
        name = route.path.replace("/", "_")
        console.add_url_rule(route.path, name, _endpoint(route), methods=[route.method])
    console.before_request(_check_access)
    console.after_request(_with_headers)
    return console


def _check_access() -> Response | None:
    manager = get_auth_manager()
    if not manager.is_logged_in():
        if request.path.removeprefix(CONSOLE_PATH) in PAGES:
            return redirect(manager.get_url_login(next_url=request.url))  # type: ignore[return-value]  # Werkzeug's
        return _response(build_error(HTTPError(401, "Not authenticated: log in again.")))
    if not manager.is_authorized_view(access_view=AccessView.PLUGINS):
        error = HTTPError(403, "You may not see pages of plugins: ask an admin for the permission.")
        return _response(build_error(error))
    return None


def _page() -> Response:
    root = request.script_root + CONSOLE_PATH
    text = page.index(root=root, home=url_for("Airflow.index"), framed=False, csrf=generate_csrf())
    return Response(text, mimetype="text/html")


def _static(name: str) -> Response:
    file = page.static(name)
    if file is None:
        return _response(build_error(HTTPError(404, "There is no such file.")))
    if request.headers.get("If-None-Match") == file.headers["ETag"]:
        return Response(status=304, headers=file.headers)
    return Response(file.content, content_type=file.media_type, headers=file.headers)


def _endpoint(route: Route) -> Callable[[], Response]:
    def endpoint() -> Response:
        headers = {name.lower(): value for name, value in request.headers.items()}
        error = check_origin(route, headers, {request.host})
        if error:
            return _response(error)
        begun = begin(route, _reader(route))
        return _response(begun if isinstance(begun, Answer) else finish(*begun))

    return endpoint


def _reader(route: Route) -> Callable[[], Call]:
    def call() -> Call:
        fields = read_params(route, request.args, request.stream.read(MAX_BODY_BYTES + 1))
        return Call(User(), fields, _ORIGIN, url_for("ConnectionModelView.list"))

    return call


_ORIGIN = Origin(
    process="the web server",
    host=socket.gethostname(),
    versions=f"provider {__version__}, Airflow {airflow_version()}, Python {platform.python_version()}",
)


def _response(answer: Answer) -> Response:
    if answer.lines is not None:
        return Response(answer.lines, mimetype="application/x-ndjson")
    if answer.file is not None:
        response = Response(answer.file.text, mimetype="text/x-python")
        response.headers["Content-Disposition"] = f'attachment; filename="{answer.file.name}"'
        return response
    json_response: Response = jsonify(answer.data)
    json_response.status_code = answer.status
    return json_response


def _with_headers(response: Response) -> Response:
    for name, value in page.HEADERS.items():
        response.headers.setdefault(name, value)
    return response
