"""
The page on Airflow 3: a FastAPI application within the API server.

Airflow's own dependency authenticates the user, and its auth manager checks their permissions.
"""

# FastAPI reads the annotations, which must not be strings, so no `from __future__ import annotations` here.
import asyncio
import platform
import socket
from collections.abc import Awaitable, Callable
from typing import Annotated, Any
from urllib.parse import urlencode, urlsplit

from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.auth.managers.models.resource_details import AccessView, ConnectionDetails
from airflow.api_fastapi.core_api.security import get_user
from airflow.configuration import conf
from fastapi import Depends, FastAPI, HTTPException, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse, StreamingResponse
from starlette.concurrency import run_in_threadpool

from .... import __version__
from ....compat import airflow_version
from ....defaults import CONSOLE_PATH
from ..actions import PAGES, ROUTES, Call, Route
from ..views.connections import build_team_kwargs, find_team
from ..views.report import Origin
from . import page
from .csrf import MAX_BODY_BYTES
from .dispatch import Answer, begin, build_error, check_origin, finish, read_params
from .user import HTTPError, Method

_RELEASE = tuple(int(part) for part in airflow_version().split(".")[:2])

#: Airflow 3.0 keeps its session out of cookies: the page's files, which hold no data, are open there.
_HAS_COOKIE = _RELEASE >= (3, 1)


class User:
    """
    A user of Airflow 3.

    :param user: the auth manager's own object
    """

    def __init__(self, user: Any) -> None:
        self._user = user

    @property
    def name(self) -> str:
        """
        The user's name.
        """
        return str(self._user.get_name())

    def may(self, method: Method, conn_id: str | None = None) -> bool:
        """
        Ask the auth manager, with the team that the connection belongs to.
        """
        details = ConnectionDetails(conn_id=conn_id, **build_team_kwargs(find_team(conn_id))) if conn_id else None
        return bool(get_auth_manager().is_authorized_connection(method=method, details=details, user=self._user))

    def may_see_the_page(self) -> bool:
        """
        Ask the auth manager for plugin pages.
        """
        return bool(get_auth_manager().is_authorized_view(access_view=AccessView.PLUGINS, user=self._user))


def build() -> FastAPI:
    """
    Build the application.

    :return: the application, without its OpenAPI pages
    """
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    for path in PAGES:
        app.add_api_route(path, _page, methods=["GET"])
    app.add_api_route("/static/{name}", _static, methods=["GET"])
    for route in ROUTES:
        app.add_api_route(route.path, _endpoint(route), methods=[route.method])
    app.add_exception_handler(HTTPException, _to_error_response)
    app.middleware("http")(_with_headers)
    return app


async def _get_user(user: Annotated[Any, Depends(get_user)]) -> User:
    visitor = User(user)
    if not await run_in_threadpool(visitor.may_see_the_page):
        raise HTTPException(403, "You may not see pages of plugins: ask an admin for the permission.")
    return visitor


async def _allow_all() -> None:
    return None


_reader = _get_user if _HAS_COOKIE else _allow_all


def _page(request: Request, _: Annotated[Any, Depends(_reader)]) -> HTMLResponse:
    root = request.scope["root_path"]
    # From 3.1 on Airflow has a frame for pages of plugins, with its own navigation around it.
    return HTMLResponse(page.index(root=root, home=root.removesuffix(CONSOLE_PATH) + "/", framed=_RELEASE >= (3, 1)))


def _static(name: str, request: Request, _: Annotated[Any, Depends(_reader)]) -> Response:
    file = page.static(name)
    if file is None:
        raise HTTPException(404, "There is no such file.")
    if request.headers.get("if-none-match") == file.headers["ETag"]:
        return Response(status_code=304, headers=file.headers)
    return Response(file.content, media_type=file.media_type, headers=file.headers)


def _endpoint(route: Route) -> Callable[..., Awaitable[Response]]:
    async def endpoint(request: Request, visitor: Annotated[User, Depends(_get_user)]) -> Response:
        error = check_origin(route, request.headers, _hosts(request))
        if error:
            return _response(error)
        body = await _body(request)

        def call() -> Call:
            return Call(visitor, read_params(route, request.query_params, body), _ORIGIN, _create_url(request))

        begun = await run_in_threadpool(begin, route, call)
        if isinstance(begun, Answer):
            return _response(begun)
        job, future = begun
        # `finish` reports how it ended. A user who leaves doesn't cancel it, because others may have joined it.
        await asyncio.wait([asyncio.wrap_future(future)])
        return _response(await run_in_threadpool(finish, job, future))

    return endpoint


async def _body(request: Request) -> bytes:
    # Stops as soon as the body is too large.
    body = b""
    async for piece in request.stream():
        body += piece
        if len(body) > MAX_BODY_BYTES:
            break
    return body


_ORIGIN = Origin(
    process="the API server",
    host=socket.gethostname(),
    versions=f"provider {__version__}, Airflow {airflow_version()}, Python {platform.python_version()}",
)


def _hosts(request: Request) -> set[str]:
    public = urlsplit(conf.get("api", "base_url", fallback="") or "").netloc
    return {request.headers.get("host", ""), public} - {""}


def _create_url(request: Request) -> str:
    return str(request.scope["root_path"]).removesuffix(CONSOLE_PATH) + "/connections"


def _response(answer: Answer) -> Response:
    if answer.lines is not None:
        return StreamingResponse(answer.lines, media_type="application/x-ndjson")
    if answer.file is not None:
        disposition = {"Content-Disposition": f'attachment; filename="{answer.file.name}"'}
        return Response(answer.file.text, media_type="text/x-python; charset=utf-8", headers=disposition)
    return JSONResponse(answer.data, status_code=answer.status)


async def _to_error_response(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101  (what the handler is registered for)
    wants_page = request.method == "GET" and request.url.path.removeprefix(request.scope["root_path"]) in PAGES
    if error.status_code == 401 and wants_page:
        login = get_auth_manager().get_url_login()
        return RedirectResponse(f"{login}?{urlencode({'next': str(request.url)})}")
    return _response(build_error(HTTPError(error.status_code, str(error.detail))))


async def _with_headers(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
    response = await call_next(request)
    for name, value in page.HEADERS.items():
        response.headers.setdefault(name, value)
    return response
