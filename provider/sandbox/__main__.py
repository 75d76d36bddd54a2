"""``python -m apache_airflow_provider_ovhcloud_ai.sandbox``: the sandbox in a terminal."""

from __future__ import annotations

import argparse
import errno
import logging
import signal
import sys
import threading
from collections.abc import Sequence
from typing import Any

from ..defaults import RATE_LIMIT_ANONYMOUS_RPM, RATE_LIMIT_TOKEN_RPM, SERVICE_NAME
from .connection import command
from .server import TOKEN, Sandbox

#: Any free port works, except 8080, where Airflow's own web server listens.
PORT = 8787


def main(argv: Sequence[str] | None = None) -> int:
    """
    Serve until interrupted.

    :param argv: options; default: those of the command line
    :return: exit status
    """
    options = parser().parse_args(argv)
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    logging.basicConfig(format="%(message)s", stream=sys.stderr)
    logging.getLogger(__package__).setLevel(logging.WARNING if options.quiet else logging.DEBUG)
    sandbox = Sandbox(
        port=options.port,
        token=options.token,
        rate_limit=options.rate_limit,
        token_limit=options.token_limit,
        latency=options.latency,
        batch_seconds=options.batch_seconds,
        strict=options.strict,
        record=False,
    )
    try:
        sandbox.start()
    except OSError as error:
        sys.stderr.write(f"{_explain_bind_error(options.port, error)}\n")
        return 1
    sys.stdout.write(_greeting(sandbox, options.rate_limit, options.token_limit))
    sys.stdout.flush()
    stop.wait()
    sandbox.close()
    return 0


def parser() -> argparse.ArgumentParser:
    """
    Build the parser of the command line.

    :return: the parser
    """
    command_line = argparse.ArgumentParser(
        prog="python -m apache_airflow_provider_ovhcloud_ai.sandbox",
        allow_abbrev=False,
        description=f"An offline stand-in for {SERVICE_NAME} on 127.0.0.1. No model runs, nothing is billed.",
    )
    add = command_line.add_argument
    add("--port", type=_port, default=PORT, help="port, 0 for any free one (default: %(default)s)")
    add("--token", type=_token, default=TOKEN, help="the one token that is accepted (default: %(default)s)")
    add(
        "--rate-limit",
        type=_rate_limit,
        default=RATE_LIMIT_TOKEN_RPM,
        metavar="REQUESTS",
        help="requests a minute with the token, for each model (default: %(default)s)",
    )
    add(
        "--token-limit",
        type=_token_limit,
        metavar="TOKENS",
        help="tokens a minute for each model (default: no limit)",
    )
    add(
        "--latency",
        type=_latency,
        default=0.0,
        metavar="SECONDS",
        help="seconds that each response waits (default: %(default)s)",
    )
    add(
        "--batch-seconds",
        type=_latency,
        default=10.0,
        metavar="SECONDS",
        help="seconds that a batch takes (default: %(default)s)",
    )
    add("--strict", action="store_true", help="refuse what strict servers refuse: optional fields, broken tool calls")
    add("--quiet", action="store_true", help="do not log requests")
    return command_line


def _port(text: str) -> int:
    return int(_within(text, int, 0, 65535, "a port from 0 to 65535"))


def _rate_limit(text: str) -> int:
    return int(_within(text, int, 1, 10**9, "a whole number of requests, at least 1"))


def _token_limit(text: str) -> int:
    return int(_within(text, int, 1, 10**9, "a whole number of tokens, at least 1"))


def _latency(text: str) -> float:
    return float(_within(text, float, 0, 3600, "a number of seconds from 0 to 3600"))


def _within(text: str, kind: Any, low: float, high: float, description: str) -> float:
    try:
        value: float = kind(text)
    except ValueError:
        value = float("nan")
    if not low <= value <= high:
        raise argparse.ArgumentTypeError(f"{text!r} is not {description}")
    return value


def _token(text: str) -> str:
    if not text or not all("!" <= sign <= "~" for sign in text):
        raise argparse.ArgumentTypeError("a token is made of ASCII letters, digits and signs, without blanks")
    return text


def _explain_bind_error(port: int, error: OSError) -> str:
    causes = {
        errno.EADDRINUSE: "another program listens there",
        errno.EACCES: "this user may not; ports below 1024 often need rights",
    }
    cause = causes.get(error.errno or 0, error.strerror or str(error))
    return f"Cannot listen on 127.0.0.1:{port}: {cause}. Choose another with --port; 0 is any free one."


def _greeting(sandbox: Sandbox, rate_limit: int, token_limit: int | None) -> str:
    tokens = f"Of tokens, {token_limit:,} a minute and model.\n" if token_limit else ""
    return (
        f"{SERVICE_NAME} sandbox: {sandbox.base_url}\n"
        f"Token: {sandbox.token}\n"
        f"Limits: {rate_limit} requests a minute and model with the token, {RATE_LIMIT_ANONYMOUS_RPM} without.\n"
        f"{tokens}"
        "\n"
        "To reach it from Airflow:\n"
        f"{command(sandbox.connection)}\n"
        "\n"
        "Stop with Ctrl-C.\n"
    )


if __name__ == "__main__":
    raise SystemExit(main())
