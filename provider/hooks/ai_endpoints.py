"""
The hook: a connection's settings, and one line for each thing the service does.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence, Sized
from contextlib import closing, contextmanager
from dataclasses import replace
from typing import Any

from .. import defaults
from ..client import refusals, replies, requests
from ..client.blocking import Client
from ..client.embeddings import Embedder
from ..client.parallel import Outcome, each
from ..client.redact import excerpt, scrub
from ..client.replies import Reply
from ..client.settings import ConnectionSettings
from ..client.values import integer, text
from ..compat import AirflowNotFoundException, BaseHook
from ..errors import AIEndpointsError, ConfigurationError, NotFoundError
from ..rows.folder import Folder
from ..rows.parts import PART_SIZE
from . import bulk
from .batches import BatchVerbs
from .chat_run import ChatRun
from .chat_stream import ChatStream
from .connection import connection_missing, settings_of
from .embedding_run import VECTOR, EmbeddingRun
from .long_texts import LongTexts, long_texts
from .paths import path_of
from .progress import Progress


class OVHCloudAIEndpointsHook(BatchVerbs, BaseHook):
    """
    Talk to OVHcloud AI Endpoints, or to any service that speaks the same OpenAI-compatible API.

    :param ovh_conn_id: Airflow connection
    :param timeout: seconds for one attempt, from name lookup to the last byte; the connection's unless given
    :param max_retries: attempts after the first one within a call, 0 for none; the connection's unless given
    :param fail_fast: whether an error that no retry can cure ends the task at once, whatever its ``retries``
    """

    conn_name_attr = "ovh_conn_id"
    default_conn_name = defaults.CONN_ID
    conn_type = defaults.CONN_TYPE
    hook_name = defaults.SERVICE_NAME

    def __init__(
        self,
        ovh_conn_id: str = defaults.CONN_ID,
        timeout: float | None = None,
        max_retries: int | None = None,
        fail_fast: bool = True,
    ) -> None:
        super().__init__()
        self.ovh_conn_id = ovh_conn_id
        self.timeout = timeout
        self.max_retries = max_retries
        self.fail_fast = fail_fast
        self._settings: ConnectionSettings | None = None
        self._client: Client | None = None
        self._embedder: Embedder | None = None
        self._warnings: set[str] = set()

    def __getstate__(self) -> dict[str, Any]:
        # Settings hold the token, and a client holds sockets: neither leaves the process.
        return {**self.__dict__, "_settings": None, "_client": None, "_embedder": None}

    @classmethod
    def get_connection_form_widgets(cls) -> dict[str, Any]:
        """
        Draw the form's own fields on Airflow 2.11 to 3.1.

        :return: a wtforms field for each name
        """
        from ..ui.connection_form import as_widgets

        return as_widgets()

    @classmethod
    def get_ui_field_behaviour(cls) -> dict[str, Any]:
        """
        Rename and hide standard fields on Airflow 2.11 to 3.1.

        :return: hidden fields, labels and placeholders
        """
        from ..ui.connection_form import as_hook_behaviour

        return as_hook_behaviour()

    @property
    def settings(self) -> ConnectionSettings:
        """
        What the connection says, read once.
        """
        if self._settings is None:
            with self.boundary():
                self._settings = self._read_settings()
        return self._settings

    def get_conn(self) -> Client:
        """
        Give the client, which keeps its connections open between calls.

        :return: the client
        :raises ConfigurationError: if the connection cannot work
        """
        if self._client is None:
            self._client = Client(self.settings.client)
        return self._client

    def chat_completion(
        self,
        model: str | None = None,
        messages: Sequence[Mapping[str, Any]] | None = None,
        temperature: float | None = None,
        max_tokens: int | None = None,
        top_p: float | None = None,
        stop: str | Sequence[str] | None = None,
        **params: Any,
    ) -> dict[str, Any]:
        """
        Ask a language model. What is None is not sent.

        :param model: model id; the connection's chat model unless given
        :param messages: the conversation, each message with ``role`` and ``content``
        :param temperature: randomness, 0 to 2
        :param max_tokens: tokens to generate at most
        :param top_p: nucleus sampling, 0 to 1
        :param stop: one text or several at which to stop
        :param params: any further parameter of the API, such as ``tools``, ``response_format``, ``seed``
        :return: the response in OpenAI's format
        :raises AIEndpointsError: see :mod:`..errors` for which, and what a retry would do
        """
        options = {"temperature": temperature, "max_tokens": max_tokens, "top_p": top_p, "stop": stop, **params}
        with self.boundary():
            return self._ask(requests.chat(self.model_for(model, "chat_model"), messages, **options))

    def stream_chat_completion(
        self,
        model: str | None = None,
        messages: Sequence[Mapping[str, Any]] | None = None,
        **options: Any,
    ) -> ChatStream:
        """
        Ask a language model, and read its answer as it comes. The timeout is one for silence.

        :param model: model id; the connection's chat model unless given
        :param messages: the conversation, each message with ``role`` and ``content``
        :param options: whatever :meth:`chat_completion` takes beside these
        :return: the pieces of the text, one after the other; its ``response`` is then what :meth:`chat_completion`
            would have returned. Nothing is sent before the first piece is asked for
        :raises ConfigurationError: if an argument cannot work; whatever else fails, fails where the pieces are read,
            and what has come by then is in the error's ``response``
        """
        with self.boundary():
            request = requests.as_stream(requests.chat(self.model_for(model, "chat_model"), messages, **options))
            client = self.get_conn()
        heads: list[Reply] = []

        def finish(value: dict[str, Any], seconds: float) -> None:
            reply = replace(heads[-1], seconds=seconds)
            self._report("chat", request.model, [reply], value)
            replies.check_chat(value, reply, request)

        def heard(reply: Reply) -> None:
            heads.append(reply)
            self._pass_on_warning(reply, request)

        def events() -> Generator[str, None, None]:
            try:
                yield from client.send_stream(request, heard)
            except NotFoundError as error:
                raise self._with_suggestions(error, request) from None

        return ChatStream(events(), self.settings.client.token, finish, self.boundary)

    def chat_completions(
        self,
        conversations: Iterable[Sequence[Mapping[str, Any]]],
        model: str | None = None,
        *,
        concurrency: int = defaults.CONCURRENCY,
        on_error: str = "fail",
        **options: Any,
    ) -> dict[str, Any]:
        """
        Ask a language model many things, a few at a time.

        :param conversations: each a list of messages, as :meth:`chat_completion` takes it
        :param model: model id; the connection's chat model unless given
        :param concurrency: how many at a time, 1 to 32
        :param on_error: ``fail`` raises after all have run, ``skip`` does not, ``raise`` does at the first failure
        :param options: whatever :meth:`chat_completion` takes beside these
        :return: ``responses`` in the order asked, with None for one that failed; ``errors``, each with ``index``,
            ``error`` and ``status``; ``usage``, summed
        :raises PartlyFailedError: if some failed; ``response`` is what this would have returned
        :raises AIEndpointsError: if going on makes no sense, a refused token for one; ``response`` likewise
        """
        found = bulk.Collected()
        with self.boundary():
            try:
                for outcome in self.each_chat_completion(
                    conversations, model, concurrency=concurrency, on_error=on_error, **options
                ):
                    found.add(outcome)
                if on_error == "fail":
                    found.check()
            except AIEndpointsError as error:
                error.response = found.as_response()
                raise
            return found.as_response()

    def each_chat_completion(
        self,
        conversations: Iterable[Sequence[Mapping[str, Any]]],
        model: str | None = None,
        *,
        concurrency: int = defaults.CONCURRENCY,
        on_error: str = "skip",
        **options: Any,
    ) -> Iterator[Outcome[Sequence[Mapping[str, Any]], dict[str, Any]]]:
        """
        Ask a language model any number of things, a few at a time, and give each answer as soon as its turn comes.

        :param conversations: each a list of messages; taken as they are needed
        :param model: model id; the connection's chat model unless given
        :param concurrency: how many at a time, 1 to 32
        :param on_error: ``raise`` ends at the first failure
        :param options: whatever :meth:`chat_completion` takes beside these
        :return: an outcome for each, in their order: ``item``, and ``value`` or ``error``
        :raises AIEndpointsError: if going on makes no sense
        """
        with self.boundary():
            bulk.check_on_error(on_error)
            threads = integer(concurrency, "concurrency", 1, defaults.MAX_CONCURRENCY)
            wanted = self.model_for(model, "chat_model")
            total = len(conversations) if isinstance(conversations, Sized) else None
            self.get_conn()  # before each thread would make its own

            def ask(messages: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
                return self._ask(requests.chat(wanted, messages, **options), logging.DEBUG)

            with (
                Progress(self.log, f"AI Endpoints chat: model={wanted}", total) as progress,
                closing(each(conversations, progress.watch(ask), threads)) as outcomes,
            ):
                yield from bulk.while_it_makes_sense(outcomes, on_error)

    def chat_rows(
        self,
        rows: Iterable[dict[str, Any]],
        output: Any,
        model: str | None = None,
        *,
        prompt: str = "{text}",
        system_prompt: str | None = None,
        output_format: str = "jsonl",
        part_size: int = 100,
        concurrency: int = defaults.CONCURRENCY,
        on_error: str = "fail",
        **options: Any,
    ) -> dict[str, Any]:
        """
        Ask about any number of rows and write the answers into a folder; an interrupted run goes on where it was.

        :param rows: taken as they are needed
        :param output: folder, a ``pathlib.Path`` or Airflow's ``ObjectStoragePath``
        :param model: model id; the connection's chat model unless given
        :param prompt: what to ask about each row, with ``{column}`` where a value of the row belongs; the answer goes
            to the column ``answer`` beside the row's own, the reason why there is none to the column ``error``
        :param system_prompt: what the model is told first, likewise
        :param output_format: ``jsonl`` or ``parquet``
        :param part_size: rows in a part, each of which is written at once
        :param concurrency: requests at a time, 1 to 32
        :param on_error: ``fail`` raises after all have run, ``skip`` does not, ``raise`` does at the first failure
        :param options: whatever :meth:`chat_completion` takes beside these
        :return: the manifest: ``path``, ``parts``, ``rows``, ``rows_found``, ``failed``, ``model``, ``usage`` ...
        :raises PartlyFailedError: if some failed; the answers are in the folder, and the next run asks for the rest
        :raises AIEndpointsError: if going on makes no sense
        """
        with self.boundary():
            bulk.check_on_error(on_error)
            wanted = self.model_for(model, "chat_model")
            threads = integer(concurrency, "concurrency", 1, defaults.MAX_CONCURRENCY)
            recipe = {"prompt": text(prompt, "prompt"), "system_prompt": system_prompt, "model": wanted}
            folder = Folder(output, output_format, {**recipe, "parameters": options})
            folder.begin()
            self.get_conn()  # before each thread would make its own

            def ask(messages: list[dict[str, str]]) -> dict[str, Any]:
                return self._ask(requests.chat(wanted, messages, **options), logging.DEBUG)

            run = ChatRun(folder, ask, prompt, system_prompt)
            with Progress(self.log, f"AI Endpoints chat: model={wanted}") as progress:
                run.work(rows, integer(part_size, "part_size", 1), threads, on_error, progress)
            return run.finish(progress)

    def _ask(self, request: requests.Request, level: int = logging.INFO) -> dict[str, Any]:
        reply = self._send(request)
        value = replies.parse(reply, request, self.settings.client)
        self._report("chat", request.model, [reply], value, level)
        return replies.check_chat(value, reply, request)

    def create_embedding(
        self,
        model: str | None = None,
        input: str | Sequence[str] | None = None,  # noqa: A002  (the API's own name)
        *,
        concurrency: int = defaults.CONCURRENCY,
        on_long_text: str | None = None,
        max_text_tokens: int | None = None,
        **params: Any,
    ) -> dict[str, Any]:
        """
        Turn texts into vectors, in as many requests as they need.

        :param model: model id; the connection's embedding model unless given
        :param input: a text, or any number of them
        :param concurrency: requests at a time, 1 to 32
        :param on_long_text: what to do about a text that is longer than the model takes, before anything is sent:
            ``error`` or ``truncate``; None sends it as it is
        :param max_text_tokens: how much that is; the model's context unless given
        :param params: any further parameter of the API, such as ``dimensions``
        :return: the response in OpenAI's format: a vector for each text in the order given, usage summed
        :raises AIEndpointsError: see :mod:`..errors` for which, and what a retry would do
        """
        with self.boundary():
            wanted = self.model_for(model, "embedding_model")
            threads = integer(concurrency, "concurrency", 1, defaults.MAX_CONCURRENCY)
            if on_long_text == "split":
                raise ConfigurationError("on_long_text='split' makes several vectors of one text: give output_path.")
            long = self._long_texts(on_long_text, max_text_tokens, wanted)
            texts = long.texts(input) if long else input
            value, sent = self._get_embedder().embed(wanted, texts, params, threads)
            self._report("embedding", wanted, sent, value)
            return value

    def embed_rows(
        self,
        rows: Iterable[dict[str, Any]],
        output: Any,
        model: str | None = None,
        *,
        text_column: str = "text",
        output_format: str = "jsonl",
        part_size: int = PART_SIZE,
        concurrency: int = defaults.CONCURRENCY,
        on_long_text: str | None = None,
        max_text_tokens: int | None = None,
        **params: Any,
    ) -> dict[str, Any]:
        """
        Embed a column of any number of rows into a folder; a run that was interrupted goes on where it was.

        :param rows: taken as they are needed
        :param output: folder, a ``pathlib.Path`` or Airflow's ``ObjectStoragePath``
        :param model: model id; the connection's embedding model unless given
        :param text_column: what is embedded; the vector goes to the column ``embedding`` beside the row's own
        :param output_format: ``jsonl``, ``parquet`` or ``npy``
        :param part_size: rows in a part, each of which is written at once
        :param concurrency: requests at a time, 1 to 32
        :param on_long_text: what to do about a text that is longer than the model takes, before it is sent: ``error``,
            ``truncate``, or ``split`` into rows of their own, numbered in the column ``piece``; None sends it as it is
        :param max_text_tokens: how much that is; the model's context unless given
        :param params: any further parameter of the API, such as ``dimensions``
        :return: the manifest: ``path``, ``parts``, ``rows``, ``rows_found``, ``model``, ``dimensions``, ``usage`` ...
        :raises AIEndpointsError: the first failure; parts that were written by then stay
        """
        with self.boundary():
            wanted = self.model_for(model, "embedding_model")
            threads = integer(concurrency, "concurrency", 1, defaults.MAX_CONCURRENCY)
            embedder = self._get_embedder()
            recipe = {"embedding": text(text_column, "text_column"), "model": wanted, "parameters": params}
            long = self._long_texts(on_long_text, max_text_tokens, wanted)
            folder = Folder(output, output_format, recipe, vectors=VECTOR)
            folder.begin()
            run = EmbeddingRun(folder, embedder, wanted, text_column, params)
            with Progress(self.log, f"AI Endpoints embedding: model={wanted}") as progress:
                short = long.rows(rows, text_column) if long else rows
                run.work(short, integer(part_size, "part_size", 1), threads, progress)
            if long:
                self.log.info("AI Endpoints embedding: %s", long)
            return run.finish(progress, long.told if long else {})

    def _long_texts(self, action: Any, limit: Any, model: str) -> LongTexts | None:
        return long_texts(action, limit, model, lambda: self._models(self._send))

    @staticmethod
    def read_rows(folder: Any) -> Iterator[dict[str, Any]]:
        """
        Read what :meth:`embed_rows` or :meth:`chat_rows` wrote, of any size: one part is in memory at a time.

        :param folder: the manifest that they returned, or its path
        :return: the rows in their order, each with its columns and ``embedding``, a list of floats, or ``answer``
        :raises ConfigurationError: if there is no finished folder
        :raises InvalidInputError: if it was changed since
        """
        from ..rows import results

        named = folder.get("path") if isinstance(folder, Mapping) else folder
        return results.read(path_of(named, "folder"))

    def _get_embedder(self) -> Embedder:
        if self._embedder is None:
            self.get_conn()  # before each thread would make its own
            self._embedder = Embedder(self._send, self.settings.client)
        return self._embedder

    def list_models(self) -> list[dict[str, Any]]:
        """
        List the models that are served.

        :return: the models as the service describes them: ``id``, ``pricing``, ``context_length`` and so on
        :raises AIEndpointsError: see :mod:`..errors` for which, and what a retry would do
        """
        with self.boundary():
            return self._models(self._send)

    def _models(self, send: Callable[[requests.Request], Reply]) -> list[dict[str, Any]]:
        request = requests.models()
        reply = send(request)
        value = replies.parse(reply, request, self.settings.client)
        return replies.check_models(value, reply, request)

    def test_connection(self) -> tuple[bool, str]:
        """
        Find out within ten seconds whether the connection works; never billed, never raises.

        :return: whether it does, and a sentence that says so, or why not and what to do
        """
        from ..ui.connection_test import run_test
        from ..ui.connection_verdict import crashed, sentence

        try:
            report = run_test(settings_of(self._get_connection(), token_required=False))
        except AIEndpointsError as error:
            return False, f"Failed: {error}"
        except Exception as error:  # Airflow would show its bare text, which may be anything, or nothing.
            self.log.exception("The connection test itself failed.")
            return False, crashed(error)
        self.log.info("Models listed: %s", ", ".join(report.models or ["none seen"]))
        return report.ok, sentence(report)

    def _read_settings(self) -> ConnectionSettings:
        return settings_of(self._get_connection(), timeout=self.timeout, max_retries=self.max_retries)

    def _get_connection(self) -> Any:
        try:
            return self.get_connection(self.ovh_conn_id)
        except (AirflowNotFoundException, ValueError):
            pass
        # Raised here: what Airflow could not read may hold the token, and would be part of the error.
        raise ConfigurationError(connection_missing(self.ovh_conn_id))

    def model_for(self, given: Any, default: str) -> Any:
        """
        Choose the model.

        :param given: what was named, or None
        :param default: the setting of the connection that names it then: ``chat_model`` or ``embedding_model``
        :return: the model id
        :raises ConfigurationError: if neither names one
        """
        if given is not None:
            return given
        chosen = getattr(self.settings, default)
        if chosen is None:
            raise ConfigurationError(
                f"No model: name one, or set '{default.replace('_', ' ').capitalize()}' in the connection "
                f"{self.ovh_conn_id!r}."
            )
        return chosen

    def _send(self, request: requests.Request) -> Reply:
        try:
            reply = self.get_conn().send(request)
        except NotFoundError as error:
            raise self._with_suggestions(error, request) from None
        self._pass_on_warning(reply, request)
        return reply

    def _pass_on_warning(self, reply: Reply, request: requests.Request) -> None:
        if warning := reply.headers.get("x-warning"):
            said = excerpt(scrub(warning, self.settings.client.token))
            if said not in self._warnings:  # it comes with every reply
                self._warnings.add(said)
                self.log.warning("The service warns about %s: %s", request.model or request.what, said)

    def _with_suggestions(self, error: NotFoundError, request: requests.Request) -> NotFoundError:
        if request.model and refusals.is_about_model(str(error)):
            try:
                names = [model["id"] for model in self._models(self.get_conn().send_once)]
            except AIEndpointsError:
                return error
            return refusals.with_suggestions(error, request.model, names)
        return error

    def _report(
        self,
        what: str,
        model: str | None,
        sent: Sequence[Reply],
        value: Mapping[str, Any],
        level: int = logging.INFO,
    ) -> None:
        usage = value.get("usage")
        if not isinstance(usage, Mapping):
            usage = {}
        self.log.log(
            level,
            "AI Endpoints %s: model=%s input_tokens=%s output_tokens=%s milliseconds=%d requests=%d attempts=%d "
            "request_id=%s finish_reason=%s",
            what,
            value.get("model") or model,
            usage.get("prompt_tokens"),
            usage.get("completion_tokens"),
            sum(reply.seconds for reply in sent) * 1000,
            len(sent),
            sum(reply.attempts for reply in sent),
            sent[-1].request_id,
            _finish_reason(value),
        )

    @contextmanager
    def boundary(self) -> Iterator[None]:
        """
        Raise what fails inside in the form that ``fail_fast`` asks for.
        """
        try:
            yield
        except AIEndpointsError as error:
            final = error.for_airflow(fail_fast=self.fail_fast)
        else:
            return
        raise final from None


def _finish_reason(value: Mapping[str, Any]) -> Any:
    choices = value.get("choices")
    first = choices[0] if isinstance(choices, list) and choices else None
    return first.get("finish_reason") if isinstance(first, Mapping) else None
