"""
The base of all operators: hook, common parameters, rendering, links and usage.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

from .. import defaults
from ..compat import conf
from ..errors import ConfigurationError
from ..ui.links import LINKS, ConsoleLink, console_url, urls
from ..validation import quote
from ._lineage import LineageMixin
from ._mapped import iter_mapped_values

if TYPE_CHECKING:
    import jinja2

    from ..compat import Context
    from ..hooks.ai_endpoints import OVHCloudAIEndpointsHook
    from ..hooks.usage.usage_tracker import UsageTracker


class HookMixin:
    """
    The hook and the colours of operators and sensors.
    """

    ui_color = "#e8edff"
    ui_fgcolor = "#000e9c"
    ovh_conn_id: str

    @cached_property
    def hook(self) -> OVHCloudAIEndpointsHook:
        """
        The hook for this task's connection.
        """
        from ..hooks.ai_endpoints import OVHCloudAIEndpointsHook

        return OVHCloudAIEndpointsHook(self.ovh_conn_id, **self._hook_params())

    def _hook_params(self) -> dict[str, Any]:
        return {}


class AIEndpointsOperator(HookMixin, LineageMixin):
    """
    Base of the operators that call AI Endpoints.

    :param ovh_conn_id: Airflow connection
    :param timeout: seconds for one attempt, from name lookup to the last byte; default: the connection's timeout
    :param max_retries: attempts after the first one within a call, 0 for none; default: the connection's value
    :param fail_fast: whether an error that a retry can't fix fails the task at once, despite its ``retries``
    :param extra_body: more fields of the request, such as ``{"seed": 7}``
    :param render_prompts: whether Jinja templates in prompts, texts and messages are rendered; False sends braces
        unchanged
    """

    operator_extra_links = LINKS
    template_fields: Sequence[str] = ("extra_body", "ovh_conn_id", "timeout", "max_retries")
    template_fields_renderers: ClassVar[dict[str, str]] = {"extra_body": "json"}

    #: Template fields that are sent to the model. ``render_prompts=False`` leaves them unchanged.
    prompt_fields: ClassVar[tuple[str, ...]] = ()

    def __init__(
        self,
        *,
        ovh_conn_id: str = defaults.CONN_ID,
        timeout: float | str | None = None,
        max_retries: int | str | None = None,
        fail_fast: bool = True,
        extra_body: dict[str, Any] | None = None,
        render_prompts: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.ovh_conn_id = ovh_conn_id
        self.timeout = timeout
        self.max_retries = max_retries
        self.fail_fast = fail_fast
        self.extra_body = extra_body
        self.render_prompts = render_prompts
        self._verbatim = False

    def _hook_params(self) -> dict[str, Any]:
        # The hook converts rendered strings.
        return {"timeout": self.timeout, "max_retries": self.max_retries, "fail_fast": self.fail_fast}

    def render_template(
        self,
        content: Any,
        context: Context,
        jinja_env: jinja2.Environment | None = None,
        seen_oids: set[int] | None = None,
    ) -> Any:
        """
        Render a field, except prompts if ``render_prompts`` is False.

        Strings without template marks aren't compiled. Compiling takes about a millisecond, so 10,000 strings would
        take ten seconds.

        :param content: the field's value
        :param context: values for the templates
        :param jinja_env: the DAG's environment
        :param seen_oids: ids of values that are rendered already
        :return: the rendered content
        """
        if isinstance(content, str) and (self._verbatim or not _has_marks(content, jinja_env)):
            return content
        if self.render_prompts or not any(content is getattr(self, name) for name in self.prompt_fields):
            return super().render_template(content, context, jinja_env, seen_oids)
        return self._resolve(content, context, jinja_env, seen_oids)

    def _do_render_template_fields(
        self, parent: Any, template_fields: Any, context: Any, jinja_env: jinja2.Environment, seen_oids: set[int]
    ) -> None:
        # Airflow doesn't render values whose ids it has visited.
        visited = {id(value) for value in iter_mapped_values(self, context)} if parent is self else set()
        super()._do_render_template_fields(parent, template_fields, context, jinja_env, seen_oids | visited)

    def _resolve(self, content: Any, *args: Any) -> Any:
        # Results of other tasks within the prompt are still fetched. Only strings stay unchanged.
        if isinstance(content, str):
            return content
        self._verbatim = True
        try:
            return super().render_template(content, *args)
        finally:
            self._verbatim = False

    def further_parameters(self, own: Sequence[str]) -> dict[str, Any]:
        """
        Read ``extra_body``.

        :param own: names of the fields that the operator has its own parameters for
        :return: its fields
        :raises ConfigurationError: if it isn't a dictionary, or repeats a parameter of the operator
        """
        with self.hook.boundary():
            if self.extra_body is None:
                return {}
            if not isinstance(self.extra_body, Mapping):
                raise ConfigurationError(f"extra_body must be a dictionary, not {quote(self.extra_body)}.")
            doubled = [name for name in own if name in self.extra_body]
            if doubled:
                raise ConfigurationError(f"extra_body repeats {doubled[0]}: give it as the operator's own parameter.")
            return dict(self.extra_body)

    def push_xcom(self, context: Context, key: str, value: Any) -> None:
        """
        Push an XCom if the context has a task instance. In a unit test it may be empty.

        :param context: the task's context
        :param key: its key
        :param value: its value
        """
        ti = context.get("ti")
        if ti is not None:
            ti.xcom_push(key=key, value=value)

    def push_links(self, context: Context, model: str | None, default: str) -> None:
        """
        Push the XComs of the extra links, so that a running or failed task has them.

        :param context: the task's context
        :param model: id of the model that the task calls, or None
        :param default: the connection's setting that names the model in that case
        :raises ConfigurationError: if ``ovh_conn_id`` or the model isn't a string
        """
        with self.hook.boundary():
            for name, value in (("ovh_conn_id", self.ovh_conn_id), ("model", model or "")):
                if not isinstance(value, str):
                    raise ConfigurationError(f"{name} must be a text, not {quote(value)}.")
        # First, so that the link helps with a connection that can't be read.
        self.push_xcom(context, ConsoleLink.xcom_key, console_url(self.ovh_conn_id))
        settings = self.hook.settings
        link_urls = urls(model or getattr(settings, default) or "", settings.client.base_url, settings.project_id)
        for link in LINKS:
            if not isinstance(link, ConsoleLink):
                # Empty if there is none: Airflow 3 reads every link when a task ends, and logs an error without it.
                self.push_xcom(context, link.xcom_key, link_urls.get(link.xcom_key, ""))

    def report_usage(self, context: Context, usage_tracker: UsageTracker, *, priced: bool) -> None:
        """
        Log the task's usage and push it as an XCom.

        :param context: the task's context
        :param usage_tracker: the task's usage
        :param priced: whether to read the prices in the service's list of models
        """
        from ..hooks.usage.usage_tracker import format_usage

        usage = usage_tracker.as_xcom(priced=priced)
        self.log.info("AI Endpoints task: %s", format_usage(usage))
        if self.do_xcom_push:
            self.push_xcom(context, "usage", usage)


def is_deferrable(deferrable: bool | None) -> bool:
    """
    Decide whether a triggerer waits instead of the worker.

    :param deferrable: the task's own setting; None for Airflow's ``[operators] default_deferrable``
    :return: whether it does
    """
    if deferrable is not None:
        return deferrable
    return bool(conf.getboolean("operators", "default_deferrable", fallback=False))


def _has_marks(content: str, environment: jinja2.Environment | None) -> bool:
    if environment is None:
        return any(mark in content for mark in ("{{", "{%", "{#"))
    if environment.line_statement_prefix or environment.line_comment_prefix:
        return True
    marks: Sequence[str] = (
        environment.variable_start_string,
        environment.block_start_string,
        environment.comment_start_string,
    )
    return any(mark in content for mark in marks)
