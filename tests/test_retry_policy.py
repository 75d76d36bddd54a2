"""
The retry policy: what it decides, with Airflow's own classes, in a task runner, and through a DAG's serialization.
"""

from __future__ import annotations

import copy
import json
import math
import pickle
import subprocess
import sys
from collections.abc import Callable
from datetime import datetime, timedelta
from importlib import import_module
from itertools import count
from typing import TYPE_CHECKING, Any

import pytest
from airflow import DAG
from airflow.decorators import task
from apache_airflow_provider_ovhcloud_ai import errors
from apache_airflow_provider_ovhcloud_ai.compat import AirflowFailException
from apache_airflow_provider_ovhcloud_ai.errors import AIEndpointsError, ConfigurationError
from apache_airflow_provider_ovhcloud_ai.hooks.airflow_errors import to_airflow_error
from apache_airflow_provider_ovhcloud_ai.operators.ai_endpoints import OVHCloudAIEndpointsChatOperator
from apache_airflow_provider_ovhcloud_ai.sandbox import Sandbox
from apache_airflow_provider_ovhcloud_ai.sensors.batch import OVHCloudAIEndpointsBatchSensor
from local_airflow import installed_release

if TYPE_CHECKING:
    from apache_airflow_provider_ovhcloud_ai.retry_policy import OVHCloudAIEndpointsRetryPolicy

MODULE = "apache_airflow_provider_ovhcloud_ai.retry_policy"
HAS_POLICIES = installed_release() >= (3, 3)
NUMBERS = count()
START = datetime(2026, 1, 1)

pytestmark = pytest.mark.airflow
with_policies = pytest.mark.skipif(not HAS_POLICIES, reason="Airflow has retry policies from 3.3 on")


def policy(**parameters: Any) -> OVHCloudAIEndpointsRetryPolicy:
    return import_module(MODULE).OVHCloudAIEndpointsRetryPolicy(**parameters)


def decide(exception: BaseException, **parameters: Any) -> tuple[str, float | None, str | None]:
    decision = policy(**parameters).evaluate(exception=exception, try_number=1, max_tries=3, context=None)
    delay = decision.retry_delay.total_seconds() if decision.retry_delay is not None else None
    return decision.action.value, delay, decision.reason


def limited(wait: float | None) -> AIEndpointsError:
    return errors.RateLimitError("Too many.", status=429, retry_after=wait)


DEFAULT = ("default", None, None)


def family(kind: type[AIEndpointsError] = AIEndpointsError) -> list[type[AIEndpointsError]]:
    below = [each for child in kind.__subclasses__() for each in family(child)]
    return [kind, *(each for each in below if not issubclass(each, AirflowFailException))]


def raised_from(outer: BaseException, cause: BaseException | None) -> BaseException:
    try:
        raise outer from cause
    except type(outer) as error:
        return error


@pytest.mark.skipif(HAS_POLICIES, reason="Airflow has retry policies from 3.3 on")
def test_before_3_3_one_sentence_says_what_it_needs() -> None:
    with pytest.raises(ImportError) as caught:
        import_module(MODULE)
    assert str(caught.value).startswith("Retry policies need Airflow 3.3 or later, and this is Airflow ")


@with_policies
def test_importing_it_is_cheap() -> None:
    code = f"""
import sys
import apache_airflow_provider_ovhcloud_ai.operators.ai_endpoints as operators
operators.OVHCloudAIEndpointsChatOperator
assert "{MODULE}" not in sys.modules
before = set(sys.modules)
import {MODULE}
new = set(sys.modules) - before
print(*sorted(name for name in new if not name.startswith("apache_airflow_provider_ovhcloud_ai.")))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert set(done.stdout.split()) <= {"airflow.sdk.definitions.retry_policy"}


@with_policies
class TestDecision:
    @pytest.mark.parametrize("kind", family())
    def test_fatal_error_is_not_retried_even_with_retry_after(self, kind: type[AIEndpointsError]) -> None:
        action, delay, reason = decide(kind("It failed.", status=418, retry_after=7.5))
        if kind.retryable:
            assert (action, delay) == ("retry", 7.5)
            assert reason == f"{kind.__name__} (418): the service asks to wait 7.5 s."
        else:
            assert (action, delay, reason) == ("fail", None, f"{kind.__name__} (418): a retry cannot help.")

    @pytest.mark.parametrize("kind", [kind for kind in family() if kind.retryable])
    def test_without_a_wait_the_delay_is_the_tasks(self, kind: type[AIEndpointsError]) -> None:
        assert decide(kind("It failed.")) == DEFAULT

    def test_partly_failed_is_as_its_failures_say(self) -> None:
        assert decide(errors.PartialFailureError("3 of 9 failed.", retryable=True)) == DEFAULT
        assert decide(errors.PartialFailureError("3 of 9 failed.", retryable=True, retry_after=3))[:2] == ("retry", 3)
        reason = "PartialFailureError: a retry cannot help."
        assert decide(errors.PartialFailureError("3 of 9 failed.", retry_after=3)) == ("fail", None, reason)

    @pytest.mark.parametrize("wait", [0, 0.0, -1.0, math.nan])
    def test_a_wait_that_is_none(self, wait: float) -> None:
        assert decide(limited(wait)) == DEFAULT

    @pytest.mark.parametrize("wait", [0.25, 1, 86_400, 33])
    def test_the_delay_is_the_wait(self, wait: float) -> None:
        assert decide(limited(wait))[:2] == ("retry", wait)

    def test_beyond_a_day_the_task_fails(self) -> None:
        action, delay, reason = decide(limited(2_600_000))
        assert (action, delay) == ("fail", None)
        sentence = "RateLimitError (429): the service asks to wait 2,600,000 s"
        assert reason == f"{sentence}, longer than the 86,400 s that a retry may wait."

    @pytest.mark.parametrize("longest", [timedelta(minutes=1), 60, 60.0, "60"])
    def test_the_bound_is_the_authors(self, longest: Any) -> None:
        assert decide(limited(60), max_delay=longest)[:2] == ("retry", 60)
        assert decide(limited(60.5), max_delay=longest)[0] == "fail"

    def test_without_a_bound_a_retry_waits_as_long_as_it_is_asked_to(self) -> None:
        assert decide(limited(2_600_000), max_delay=None)[:2] == ("retry", 2_600_000)

    @pytest.mark.parametrize("wait", [2.6e11, 1e17, math.inf])
    def test_what_the_scheduler_could_not_add_to_a_date_never_reaches_it(self, wait: float) -> None:
        assert decide(limited(wait), max_delay=None)[0] == "fail"

    @pytest.mark.parametrize(
        "error", [ValueError("no"), TimeoutError(), KeyboardInterrupt(), ExceptionGroup("", [limited(3)])]
    )
    def test_errors_of_others_are_left_alone(self, error: BaseException) -> None:
        assert decide(error) == DEFAULT


@with_policies
class TestCause:
    def test_an_error_raised_from_one_of_ours_counts_as_that(self) -> None:
        inner = raised_from(RuntimeError("No answer."), limited(4))
        assert decide(raised_from(ValueError("No report."), inner))[:2] == ("retry", 4)
        refused = to_airflow_error(errors.AuthenticationError("Refused.", status=403), fail_fast=True)
        assert decide(raised_from(RuntimeError("No answer."), refused))[0] == "fail"

    def test_one_that_only_came_after_it_does_not(self) -> None:
        def take_another_way() -> None:
            try:
                raise limited(4)
            except AIEndpointsError:
                raise ValueError("The way round it failed.")  # noqa: B904  (as it is often written)

        with pytest.raises(ValueError, match="round") as caught:
            take_another_way()
        assert isinstance(caught.value.__context__, AIEndpointsError)
        assert decide(caught.value) == DEFAULT
        assert decide(raised_from(ValueError("Hidden."), None)) == DEFAULT

    def test_causes_in_a_circle_come_to_an_end(self) -> None:
        first, second = ValueError(), KeyError()
        first.__cause__, second.__cause__ = second, first
        assert decide(first) == DEFAULT


@with_policies
class TestParameters:
    @pytest.mark.parametrize(
        ("value", "sentence"),
        [
            ("soon", "'soon'"),
            (-1, "-1"),
            (timedelta(seconds=-5), "-5.0"),
            (math.inf, "inf"),
            (timedelta(days=365_000), "31536000000.0"),
            (True, "True"),
            ([60], "a value of type list"),
        ],
    )
    def test_a_wrong_bound_is_refused_where_the_dag_is_read(self, value: Any, sentence: str) -> None:
        with pytest.raises(ConfigurationError) as caught:
            policy(max_delay=value)
        assert str(caught.value) == f"max_delay, in seconds, must be a number from 0 to 3.15576e+09, not {sentence}."

    def test_a_wrong_name_is_refused(self) -> None:
        with pytest.raises(TypeError, match="unexpected keyword argument 'longest'"):
            policy(longest=3)

    @pytest.mark.parametrize("longest", [None, 0, 60, 0.5, timedelta(days=2)])
    @pytest.mark.parametrize(
        "twin",
        [
            copy.deepcopy,
            lambda each: pickle.loads(pickle.dumps(each)),
            lambda each: type(each).deserialize(json.loads(json.dumps(each.serialize()))),
        ],
    )
    def test_it_survives(self, longest: Any, twin: Callable[[Any], Any]) -> None:
        copy_ = policy(max_delay=longest)
        assert bool(copy_)  # Airflow keeps whether there is one as its truth
        assert (twin(copy_).max_delay, repr(twin(copy_))) == (copy_.max_delay, repr(copy_))

    def test_it_says_what_it_is(self) -> None:
        assert repr(policy(max_delay=90)) == "OVHCloudAIEndpointsRetryPolicy(max_delay=datetime.timedelta(seconds=90))"


@with_policies
class TestInADag:
    def test_every_way_to_make_a_task_takes_it(self) -> None:
        from airflow.sdk import BaseOperator
        from airflow.serialization.serialized_objects import DagSerialization

        retry_policy, default = policy(), policy(max_delay=60)
        hello = [{"role": "user", "content": "Hello"}]
        with DAG(
            f"policies_{next(NUMBERS)}", start_date=START, schedule=None, default_args={"retry_policy": default}
        ) as dag:
            OVHCloudAIEndpointsChatOperator(task_id="plain", messages=hello, retry_policy=retry_policy)
            OVHCloudAIEndpointsChatOperator(task_id="by_default", messages=hello)
            OVHCloudAIEndpointsChatOperator(task_id="without", messages=hello, retry_policy=None)
            OVHCloudAIEndpointsChatOperator.partial(task_id="mapped", retry_policy=retry_policy).expand(
                messages=[hello, hello]
            )

            OVHCloudAIEndpointsBatchSensor(task_id="sensor", batch_id="batch-1", retry_policy=retry_policy)

            @task.ovh_chat(retry_policy=retry_policy, retries=3)
            def chat(city: str) -> str:
                return city

            @task.ovh_embed(retry_policy=retry_policy)
            def embed(text: str) -> str:
                return text

            @task.ovh_chat(retry_policy=retry_policy)
            def each(city: str) -> str:
                return city

            chat("Lille")
            embed("Lille")
            each.expand(city=["Lille", "Porto"])

        has_one = {name: getattr(dag.get_task(name), "retry_policy", None) for name in dag.task_ids}
        others = dict.fromkeys(("plain", "mapped", "sensor", "chat", "embed", "each"), retry_policy)
        assert has_one == {"by_default": default, "without": None, **others}
        assert isinstance(dag.get_task("plain"), BaseOperator)

        serialized = json.dumps(DagSerialization.to_dict(dag))
        assert "RetryPolicy" not in serialized
        restored = DagSerialization.from_dict(json.loads(serialized))
        assert {name: restored.get_task(name).has_retry_policy for name in restored.task_ids} == {
            name: each is not None for name, each in has_one.items()
        }

    def test_a_mapped_task_unmaps_with_it(self) -> None:
        retry_policy = policy()
        with DAG(f"policies_{next(NUMBERS)}", start_date=START, schedule=None):
            mapped = OVHCloudAIEndpointsChatOperator.partial(task_id="mapped", retry_policy=retry_policy).expand(
                prompt=["Hello"]
            )
        assert mapped.unmap({"prompt": "Hello"}).retry_policy is retry_policy


@with_policies
class TestAsOneOfMany:
    def test_a_subclass_decides_otherwise(self) -> None:
        from airflow.sdk import RetryDecision

        class Rotating(type(policy())):
            def evaluate(self, exception: BaseException, *args: Any, **kwargs: Any) -> Any:
                if isinstance(exception, errors.AuthenticationError):
                    return RetryDecision.retry(timedelta(hours=1))
                return super().evaluate(exception, *args, **kwargs)

        refused, unknown = errors.AuthenticationError("Refused."), errors.NotFoundError("No such model.")
        decisions = [Rotating().evaluate(each, 1, 3) for each in (refused, unknown, limited(4))]
        assert [each.action.value for each in decisions] == ["retry", "fail", "retry"]
        assert [each.retry_delay for each in decisions] == [timedelta(hours=1), None, timedelta(seconds=4)]


@with_policies
class TestInTheTaskRunner:
    """What Airflow's own task runner makes of a real failure against a real socket."""

    @pytest.fixture
    def sandbox(self, monkeypatch: pytest.MonkeyPatch) -> Any:
        """A sandbox, and a function that has an operator ask it and hands over to Airflow what that raises."""
        with Sandbox() as sandbox:
            monkeypatch.setenv("AIRFLOW_CONN_ASKED", sandbox.connection_json)
            refused = json.dumps({**sandbox.connection, "password": "an-older-token"})
            monkeypatch.setenv("AIRFLOW_CONN_REFUSED", refused)
            yield sandbox

    def outcome(self, conn_id: str, **parameters: Any) -> tuple[Any, str]:
        from unittest.mock import MagicMock

        from airflow.sdk.execution_time import task_runner

        operator = OVHCloudAIEndpointsChatOperator(
            task_id="ask", ovh_conn_id=conn_id, prompt="Hello", max_retries=0, retries=3, retry_delay=3600, **parameters
        )
        with pytest.raises(AIEndpointsError) as caught:
            operator.execute({"ti": MagicMock()})
        instance = MagicMock(task=operator, try_number=1, rendered_map_index=None)
        instance._ti_context_from_server.should_retry = True
        return task_runner._handle_current_task_failed(instance, caught.value, MagicMock(), {})

    def test_a_refused_token_fails(self, sandbox: Sandbox) -> None:
        message, state = self.outcome("refused", fail_fast=False, retry_policy=policy())
        assert (message.type, message.state, state) == ("TaskState", "failed", "failed")
        message, state = self.outcome("refused", fail_fast=False)
        assert (message.type, state) == ("RetryTask", "up_for_retry")

    def test_a_rate_limit_waits_as_it_asks(self, sandbox: Sandbox) -> None:
        sandbox.fail_next(429, headers={"Retry-After": "90"})
        message, state = self.outcome("asked", retry_policy=policy())
        assert (message.type, state, message.retry_delay_seconds) == ("RetryTask", "up_for_retry", 90)
        assert message.retry_reason == "RateLimitError (429): the service asks to wait 90 s."

    def test_a_failure_without_a_wait_is_the_tasks(self, sandbox: Sandbox) -> None:
        sandbox.fail_next(500)
        message, state = self.outcome("asked", retry_policy=policy())
        assert (message.type, state, message.retry_delay_seconds) == ("RetryTask", "up_for_retry", None)
