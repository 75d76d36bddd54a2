"""
The page, its files, and the HTTP headers that protect both.
"""

from __future__ import annotations

import hashlib
import html
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from .... import __version__

#: Headers of every response: no external content, no inline code or style, no frame except Airflow's own.
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        "font-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}

_TYPES = {"css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}


def index(*, root: str, home: str, framed: bool, csrf: str = "") -> str:
    """
    Render the page.

    :param root: path of the page, without a trailing slash
    :param home: path of Airflow's own pages
    :param framed: whether Airflow shows the page in a frame
    :param csrf: CSRF token of Airflow 2
    :return: HTML
    """
    values = {"root": root, "home": home, "framed": "yes" if framed else "no", "csrf": csrf, "version": __version__}
    filled = _file("templates", "index.html").decode()
    for name, value in values.items():
        filled = filled.replace(f"{{{{ {name} }}}}", html.escape(value, quote=True))
    return filled


@dataclass(frozen=True)
class File:
    """
    One of the page's files.

    :param content: bytes of the file
    :param media_type: with its character set
    :param headers: cache headers: a browser may cache the file, but must revalidate it each time
    """

    content: bytes
    media_type: str
    headers: dict[str, str]


def static(name: str) -> File | None:
    """
    Read one of the page's files.

    :param name: file name
    :return: the file, or None if it doesn't exist
    """
    if name not in _names():
        return None
    content = _file("static", name)
    tag = hashlib.sha256(content).hexdigest()[:16]
    headers = {"Cache-Control": "private, no-cache", "ETag": f'"{tag}"'}
    return File(content, f"{_TYPES[name.rpartition('.')[2]]}; charset=utf-8", headers)


@cache
def _names() -> frozenset[str]:
    return frozenset(each.name for each in _folder("static").iterdir() if each.name.rpartition(".")[2] in _TYPES)


@cache
def _file(folder: str, name: str) -> bytes:
    content: bytes = _folder(folder).joinpath(name).read_bytes()
    return content


def _folder(name: str) -> Any:
    return files(__package__).joinpath(name)
