"""
Each guard is taken out of the code, one by one, and a test must fail: one that nobody would miss is no guard.

Not among the tests that run each time: ``make faults`` runs it. The code that is changed is a copy.
"""

from __future__ import annotations

import os
import re
import resource
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import apache_airflow_provider_ovhcloud_ai
import pytest

ROOT = Path(__file__).parents[2]
SOURCE = Path(apache_airflow_provider_ovhcloud_ai.__file__).parent

#: Seconds for the tests of a guard: without one that bounds time they may well hang, which counts as failing.
BOUND = 150

#: Bytes of memory for them.
MEMORY = 6 * 1024**3


class Guard(NamedTuple):
    """
    One guard.

    :param file: where it is
    :param changes: what is taken out, and what is put in its place; several where one alone would be made up for
    :param tests: which tests are to miss it
    :param only: of these, those with such names
    """

    file: str
    changes: tuple[tuple[str, str], ...]
    tests: str
    only: str = ""


def _without(file: str, text: str, tests: str, only: str = "", put: str = "") -> Guard:
    return Guard(file, ((text, put),), tests, only)


GUARDS = {
    "the time of an attempt": _without(
        "client/http/attempt_timer.py",
        "                    attempt.abort()\n",
        "tests/client/http/test_attempt_timer.py",
        "response_has_the_time and blocking",
        "                    pass\n",
    ),
    "the time of a name lookup": _without(
        "client/http/attempt_timer.py",
        "    thread.join(seconds)\n",
        "tests/client/http/test_attempt_timer.py",
        "name_lookup",
        "    thread.join()\n",
    ),
    "no redirect is followed": _without(
        "client/http/async_client.py",
        "follow_redirects=False",
        "tests/client/http/test_drivers.py",
        "redirects",
        "follow_redirects=True",
    ),
    "a redirect is a response like any other": _without(
        "client/http/transport.py",
        "def get_redirect_target(",
        "tests/faults/matrix.py",
        "redirect and 100 and models",
        "def unused(",
    ),
    "the size of a response on the wire": _without(
        "client/http/response_reader.py",
        "            if len(body) > settings.max_response_bytes:\n                break\n",
        "tests/client/http/test_drivers.py",
        "endless",
    ),
    "the size of a response": _without(
        "client/http/decompression.py",
        "    if len(body) > settings.max_response_bytes:\n",
        "tests/client",
        "largest or bombs or size",
        "    if False:\n",
    ),
    "the size of what is decompressed": _without(
        "client/http/decompression.py",
        "stream.decompress(body, limit)",
        "tests/client/http/test_drivers.py tests/client/http/test_decompression.py",
        "bomb or inflate or limit",
        "stream.decompress(body)",
    ),
    "the size of a file": _without(
        "client/http/response_reader.py",
        "            if left < 0:\n",
        "tests/hooks/methods/test_batches.py",
        "unfolds",
        "            if False:\n",
    ),
    "the whole of a file": _without(
        "hooks/methods/batches.py",
        "if isinstance(size, int) and received < size:",
        "tests/hooks/methods/test_batches.py",
        "part_of_a_file",
        "if False:",
    ),
    "Airflow is told what to mask": _without(
        "connection/reader.py",
        "        mask_secret(token.text)\n",
        "tests/hooks/test_ai_endpoints.py",
        "masked",
        "        pass\n",
    ),
    "the token is taken out of what servers say": _without(
        "redaction.py",
        "    for spelling in _spellings(token):\n",
        "tests/test_redaction.py tests/client/http/test_error_responses.py",
        "",
        "    for spelling in ():\n",
    ),
    "a .netrc is not read": Guard(
        "client/http/session.py",
        (
            ("session.trust_env = False", "session.trust_env = True"),
            ("session.auth = TokenAuth(settings.token)", "pass"),
        ),
        "tests/client/http/test_transport.py",
        "netrc",
    ),
    "anonymous sends no header": _without(
        "client/http/transport.py", "        if self._token:\n", "tests/client", "anonymous", "        if True:\n"
    ),
    "no token over plain HTTP": _without(
        "client/settings.py",
        'if scheme == "http" and not allow_http and not is_loopback(host):',
        "tests/client/test_settings.py",
        "",
        "if False:",
    ),
    "an id is no more than a part of an address": _without(
        "client/batches/batches_api.py",
        ' or ".." in value',
        "tests/hooks/methods/test_batches.py tests/client",
        "id_is or address",
    ),
    "who may not read a connection": _without(
        "ui/console/views/connections.py",
        'if not visitor.may("GET", conn_id):',
        "tests/ui/console/test_actions.py",
        "permissions",
        "if False:",
    ),
    "who may not test a connection": _without(
        "ui/console/actions.py",
        "if not call.user.may(method, stored.conn_id):",
        "tests/ui/console/test_actions.py",
        "permissions",
        "if False:",
    ),
    "a page of another site": _without(
        "ui/console/web/csrf.py",
        "    if not _same_origin(headers, hosts):\n",
        "tests/ui/console/web/test_csrf.py",
        "",
        "    if False:\n",
    ),
    "a form of another site": _without(
        "ui/console/web/csrf.py",
        '    if headers.get(HEADER) != "1":\n',
        "tests/ui/console/web/test_csrf.py",
        "",
        "    if False:\n",
    ),
    "JSON alone": _without(
        "ui/console/web/csrf.py", '!= "application/json":', "tests/ui/console/web/test_csrf.py", "", '== "x/x":'
    ),
    "texts that are not rendered": _without(
        "operators/_base.py",
        "if self.render_prompts or not any(content is getattr(self, name) for name in self.prompt_fields):",
        "tests/operators",
        "render",
        "if True:",
    ),
    "an unsafe text fails the task": _without(
        "operators/guard.py",
        'elif self.on_unsafe == "fail" and not verdict["safe"]:',
        "tests/operators/test_guard.py",
        "fail",
        "elif False:",
    ),
    "no header is left to be logged": _without(
        "client/http/async_client.py",
        'info["return_value"] = None',
        "tests/leaks/test_objects.py",
        "trigger or error_of_any_response",
        "pass",
    ),
    "no reason phrase is left to be logged": _without(
        "client/http/async_client.py",
        'response.extensions.pop("reason_phrase", None)',
        "tests/leaks/test_objects.py",
        "echoes_the_token",
        "pass",
    ),
    "this machine is not asked of a proxy": _without(
        "client/settings.py", "None if is_loopback(host) else ", "tests/leaks/test_other_hosts.py", "proxies"
    ),
    "what a mapped task got is not rendered": _without(
        "operators/_base.py",
        "seen_oids | visited)",
        "tests/operators/test_rendered_once.py",
        "",
        "seen_oids)",
    ),
    "a fork waits for no lock": _without(
        "client/fork_lock.py",
        '    if hasattr(os, "register_at_fork"):\n',
        "tests/endurance/test_processes.py",
        "",
        "    if False:\n",
    ),
    "a chat is not sent twice": _without(
        "client/chat/chat_request.py",
        'Request("POST", "/chat/completions", "chat completion", body["model"], content, safe_to_retry=False)',
        "tests/client/http/test_drivers.py",
        "billed",
        'Request("POST", "/chat/completions", "chat completion", body["model"], content)',
    ),
    "a list that repeats its page ends": _without(
        "client/batches/batches_api.py",
        "bool(new) and ",
        "tests/client/batches/test_batches_api.py",
        "no_progress",
    ),
    "one wrong vector fails one row": _without(
        "hooks/bulk/embedding_rows.py",
        "        vectors = [each for each in embedded.vectors if not isinstance(each, AIEndpointsError)]\n",
        "tests/hooks/bulk/test_embedding_rows.py",
        "skipped",
        "        vectors = embedded.vectors\n"
        "        for each in vectors:\n"
        "            if isinstance(each, AIEndpointsError):\n"
        "                raise each\n",
    ),
    "base64 only if nothing else decides about numbers": _without(
        "client/embeddings/embedder.py",
        "if is_free and ",
        "tests/client/embeddings/test_embedder.py",
        "nothing_else_decides",
        "if ",
    ),
    "vectors have the dimensions that were requested": _without(
        "client/embeddings/vectors.py",
        "elif dimensions is not None and len(vector) != dimensions:",
        "tests/client/embeddings/test_vectors.py",
        "dimensions_are_those",
        "elif False:",
    ),
    "a refused field of ours is left out": _without(
        "client/http/optional_fields.py",
        "            self.request = self.request.without_optional()\n            return True\n",
        "tests/client/http/test_optional_fields.py",
        "left_out_from_then_on and async_send",
        "            pass\n",
    ),
    "a field is refused only if the request without it succeeds": _without(
        "client/http/optional_fields.py",
        "        if response.status < 300:\n",
        "tests/client/http/test_optional_fields.py",
        "another_fault or prove_nothing",
        "        if response.status < 300 or not self.request.optional:\n",
    ),
    "an accepted field costs no second request": _without(
        "client/http/optional_fields.py",
        "self._verdict is not True or any(",
        "tests/client/http/test_optional_fields.py",
        "cost_no_second",
        "True or any(",
    ),
    "what an author chose is never dropped": _without(
        "client/chat/chat_request.py",
        "optional=tuple(added)",
        "tests/client/http/test_optional_fields.py",
        "author_chose",
        'optional=("stream_options",)',
    ),
    "a broken answer is no answer": _without(
        "client/answer_check.py",
        "    if reason in _BROKEN:\n",
        "tests/hooks/test_usable_answers.py",
        "aborted",
        "    if False:\n",
    ),
    "a withheld answer is no answer": _without(
        "client/answer_check.py",
        "    if reason in _WITHHELD or (",
        "tests/hooks/test_usable_answers.py",
        "withheld",
        "    if False and (",
    ),
    "a stream without a finish reason is not whole": _without(
        "client/chat/stream_assembly.py",
        "return bool(ends) and all(ends)",
        "tests/hooks/test_stream_ends.py",
        "broken_off",
        "return self._is_done or (bool(ends) and all(ends))",
    ),
    "a stream ends with its answer": _without(
        "client/chat/stream_assembly.py",
        "    while not chat.ended:\n",
        "tests/hooks/test_stream_ends.py",
        "breaks_afterwards",
        "    while True:\n",
    ),
    "the connection of a stream is not used again": _without(
        "client/http/transport.py",
        "_LastResponse if closes else",
        "tests/hooks/test_stream_ends.py",
        "never_used",
    ),
    "XCom can hold an answer": _without(
        "hooks/base.py",
        "self.make_storable(value) if is_suspect(response.body) else value",
        "tests/hooks/test_usable_answers.py",
        "characters",
        "value",
    ),
    "each tool call has an id": _without(
        "client/chat/tool_calls.py",
        "    if isinstance(identifier, str) and identifier.strip() and identifier not in ids:\n",
        "tests/client/chat/test_tool_calls.py",
        put="    if True:\n",
    ),
    "arguments are sent back as an object": _without(
        "client/chat/tool_calls.py",
        "self.arguments if self.arguments is not None and _is_object(self.arguments) else",
        "tests/client/chat/test_tool_calls.py",
        put="self.arguments or",
    ),
    "an error within a success is an error": _without(
        "client/http/decompression.py",
        "    inner = find_inner_status(status, body)\n",
        "tests/client/http/test_drivers.py",
        "within_a_success",
        "    inner = None\n",
    ),
    "used-up credit is not asked for again": _without(
        "client/http/error_meaning.py",
        "    if _is_credit_used_up(status, words, code, wait):\n",
        "tests/client/http/test_drivers.py",
        "used_up_credit",
        "    if False:\n",
    ),
    "a model of another kind is not a missing one": _without(
        "client/http/error_meaning.py",
        "    if _WRONG_KIND.search(words):\n",
        "tests/client/http/test_error_meaning.py",
        "",
        "    if False:\n",
    ),
    "a limit a second is not one a minute": _without(
        "client/ratelimit/rate_estimate.py",
        "            self._gap = min(self._gap, until - self._until)\n",
        "tests/client/ratelimit/test_rate_estimate.py",
        "",
        "            pass\n",
    ),
    "tokens are paced by": _without(
        "client/ratelimit/pacer.py",
        "        if cost:\n",
        "tests/client/ratelimit/test_pacer.py",
        "by_tokens",
        "        if cost == 1:\n",
    ),
    "a redirect's target shows no password": _without(
        "client/http/http_response.py",
        "target.netloc.rpartition('@')[2]",
        "tests/client/http/test_http_response.py",
        "refuses",
        "target.netloc",
    ),
    "the search for an error's words is bounded": _without(
        "client/http/error_body.py",
        "cut_at_space(words, MAX_WORDS_CHARS)",
        "tests/client/http/test_error_body.py",
        "bounded",
        "words",
    ),
    "a message is cut between words": _without(
        "redaction.py",
        '"".join(message[:length].rsplit(None, 1)[:-1])',
        "tests/client/http/test_error_responses.py tests/client/test_answer_check.py",
        "long_token",
        "message[:length]",
    ),
}


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """The package, to be changed."""
    target = tmp_path / SOURCE.name if SOURCE.name != "provider" else tmp_path / "apache_airflow_provider_ovhcloud_ai"
    shutil.copytree(SOURCE, target, ignore=shutil.ignore_patterns("__pycache__"))
    return target


def _bounded() -> None:
    # Without a guard of memory, a test could take all that the machine has.
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))


def _run(package: Path, guard: Guard) -> tuple[int, str]:
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *guard.tests.split()]
    command += ["-k", guard.only] if guard.only else []
    command += ["--basetemp", str(package.parent / "base")]
    # What stands in PYTHONPATH is found before what is installed.
    environment = {**os.environ, "PYTHONPATH": str(package.parent)}
    try:
        done = subprocess.run(
            command,
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            timeout=BOUND,
            check=False,
            preexec_fn=_bounded,
        )
    except subprocess.TimeoutExpired:
        return 1, "hung"
    return done.returncode, done.stdout[-3_000:] + done.stderr[-1_000:]


@pytest.mark.parametrize("name", GUARDS)
def test_a_guard_that_is_gone_is_missed(name: str, copied: Path) -> None:
    guard = GUARDS[name]
    file = copied / guard.file
    text = file.read_text(encoding="utf-8")
    for old, new in guard.changes:
        assert text.count(old) == 1, f"{guard.file} has {text.count(old)} times: {old}"
        text = text.replace(old, new)
    file.write_text(text, encoding="utf-8")
    code, output = _run(copied, guard)
    assert code == 1, output  # 1: tests ran, and some failed
    assert re.search(r"\d+ failed|hung", output), output


def test_the_copy_is_what_the_tests_use(copied: Path) -> None:
    code = "import apache_airflow_provider_ovhcloud_ai as found; print(found.__file__)"
    environment = {**os.environ, "PYTHONPATH": str(copied.parent)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True)
    assert Path(done.stdout.strip()).parent == copied
