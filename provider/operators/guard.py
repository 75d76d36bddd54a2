"""
The operator that checks content with a guard model.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from ..client.chat.guard_model import MODEL, describe_verdict
from ..compat import BranchMixIn, read_task_instance
from ..errors import ConfigurationError, UnsafeContentError
from ..validation import quote, text
from ._base import AIEndpointsOperator

if TYPE_CHECKING:
    from ..compat import Context

#: Ways to handle content that isn't safe.
ON_UNSAFE = ("return", "fail", "branch")

_NOT_GIVEN = object()


class OVHCloudAIEndpointsGuardOperator(AIEndpointsOperator, BranchMixIn):
    """
    Check a user's text or a model's answer with a guard model; fail or branch if it isn't safe.

    XCom ``return_value``, for each ``on_unsafe``: ``safe``, ``safety`` (``Safe``, ``Controversial`` or ``Unsafe``),
    ``categories``, ``refusal`` (whether an answer refuses, else None) and ``model``. The task fails if the guard
    model's answer isn't a verdict.

    Not safe to use from several threads: it is of one task, which Airflow runs once at a time.

    :param text: the user's text
    :param answer: a model's answer to ``text``; the guard model then judges only the answer
    :param messages: a conversation instead of both; the guard model judges its last message, a user's or an assistant's
    :param model: model id of a guard model
    :param unsafe_levels: verdicts that count as unsafe: ``Unsafe``, or both ``Unsafe`` and ``Controversial``
    :param on_unsafe: ``return`` only returns the verdict, ``fail`` fails the task, ``branch`` skips the downstream
        tasks except those in the next two parameters
    :param safe_task_ids: one or several tasks or task groups to continue with if the content is safe; default: none
    :param unsafe_task_ids: likewise if it isn't
    :param kwargs: parameters of all operators: :class:`._base.AIEndpointsOperator`
    """

    template_fields = (
        "text",
        "answer",
        "messages",
        "model",
        "unsafe_levels",
        "on_unsafe",
        "safe_task_ids",
        "unsafe_task_ids",
        *AIEndpointsOperator.template_fields,
    )
    template_fields_renderers: ClassVar[dict[str, str]] = {"messages": "json", "extra_body": "json"}
    prompt_fields = ("text", "answer", "messages")
    #: Marks a branching task for Airflow 3, which reads it when a skipped task is cleared.
    inherits_from_skipmixin = True

    def __init__(
        self,
        *,
        text: str | None = None,
        answer: Any = _NOT_GIVEN,
        messages: Any = None,
        model: str | None = MODEL,
        unsafe_levels: str | list[str] | tuple[str, ...] = ("Unsafe",),
        on_unsafe: str = "return",
        safe_task_ids: str | list[str] | None = None,
        unsafe_task_ids: str | list[str] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.text = text
        self.answer = None if answer is _NOT_GIVEN else answer
        # If an answer is rendered to None, the guard model must not judge the user's text instead.
        self._has_answer = answer is not _NOT_GIVEN
        self.messages = messages
        self.model = model
        self.unsafe_levels = unsafe_levels
        self.on_unsafe = on_unsafe
        self.safe_task_ids = safe_task_ids
        self.unsafe_task_ids = unsafe_task_ids

    def execute(self, context: Context) -> dict[str, Any]:
        """
        Check the content, and return the verdict, fail or branch.

        :param context: the task's context
        :return: the verdict
        :raises UnsafeContentError: if the content isn't safe, with ``on_unsafe="fail"``; it holds the verdict
        :raises InvalidResponseError: if the guard model's answer isn't a verdict
        :raises AIEndpointsError: see :mod:`..errors` for which, and what a retry would do
        """
        self.push_links(context, self.model, "chat_model")
        further = self.further_parameters(("model", "messages", "stream"))
        with self.hook.boundary():
            branches = self._checked_branches()
            if self._has_answer:
                text(self.answer, "answer")
        verdict = self.hook.moderate(self.text, self.answer, self.messages, self.model, self.unsafe_levels, **further)
        if branches is not None:
            # Airflow 3 skips tasks with an exception, so the task can't return the verdict.
            self._push(context, verdict)
            # Without a task instance, as in unit tests, there is nothing to skip.
            if read_task_instance(context) is not None:
                self.do_branch(context, branches[verdict["safe"]])
        elif self.on_unsafe == "fail" and not verdict["safe"]:
            self._push(context, verdict)
            self._fail(verdict)
        return verdict

    def _fail(self, verdict: dict[str, Any]) -> None:
        with self.hook.boundary():
            raise UnsafeContentError(
                f"{verdict['model']} judged the content {describe_verdict(verdict)}, for which on_unsafe='fail' fails "
                "the task. The verdict is in its XCom; on_unsafe='branch' would go another way instead.",
                response=verdict,
            )

    def _push(self, context: Context, verdict: dict[str, Any]) -> None:
        if self.do_xcom_push:
            self.push_xcom(context, "return_value", verdict)

    def _checked_branches(self) -> dict[bool, list[str]] | None:
        """
        Return the tasks to continue with, by whether the content is safe; None if the task doesn't branch.
        """
        if self.on_unsafe not in ON_UNSAFE:
            raise ConfigurationError(f"on_unsafe must be one of {', '.join(ON_UNSAFE)}, not {quote(self.on_unsafe)}.")
        safe = _ids(self.safe_task_ids, "safe_task_ids")
        unsafe = _ids(self.unsafe_task_ids, "unsafe_task_ids")
        if self.on_unsafe != "branch":
            if safe or unsafe:
                raise ConfigurationError("safe_task_ids and unsafe_task_ids are for on_unsafe='branch': add it.")
            return None
        if not safe and not unsafe:
            raise ConfigurationError("on_unsafe='branch' needs safe_task_ids, unsafe_task_ids or both.")
        # Outside a DAG, as in unit tests, no task follows.
        for task_id in (*safe, *unsafe) if self.get_dag() is not None else ():
            self._check_follows(task_id)
        return {True: safe, False: unsafe}

    def _check_follows(self, task_id: str) -> None:
        # Airflow accepts any task of the DAG. A task that isn't downstream would run for every verdict.
        group = self.dag.task_group_dict.get(task_id)
        roots = {root.task_id for root in group.roots} if group else {task_id}
        if not roots <= self.get_flat_relative_ids(upstream=False):
            raise ConfigurationError(
                f"The task or task group {quote(task_id)}, to go on with, does not follow the task {self.task_id!r}: "
                "its whole id is needed, with those of the groups it is in, and it must be downstream."
            )


def _ids(value: Any, name: str) -> list[str]:
    if value is None:
        return []
    if not isinstance(value, (str, list, tuple)):
        raise ConfigurationError(f"{name} must be a task id or a list of them, not {quote(value)}.")
    return [text(each, name) for each in ([value] if isinstance(value, str) else value)]
