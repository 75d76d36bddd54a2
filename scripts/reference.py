#!/usr/bin/env python3
"""
Write what the reference pages say of the code: whatever stands between two marks of a page in docs/reference.

    .venv/bin/python scripts/reference.py

A page holds ``<!-- generated: NAME -->`` and ``<!-- end -->``; NAME is one of :data:`BLOCKS`. The rest of a page is
written by people and left alone.
"""

from __future__ import annotations

import inspect
import re
import textwrap
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any
from unittest import mock

import bootstrap
import source_strings
from apache_airflow_provider_ovhcloud_ai import compat, decorators, errors
from apache_airflow_provider_ovhcloud_ai.client.usage import Usage
from apache_airflow_provider_ovhcloud_ai.connection import fields
from apache_airflow_provider_ovhcloud_ai.decorators import batch, bulk_chat, chat, embedding, guard
from apache_airflow_provider_ovhcloud_ai.errors import AIEndpointsError
from apache_airflow_provider_ovhcloud_ai.hooks.ai_endpoints import OVHCloudAIEndpointsHook
from apache_airflow_provider_ovhcloud_ai.hooks.usage import metrics
from apache_airflow_provider_ovhcloud_ai.operators import ai_endpoints as operators
from apache_airflow_provider_ovhcloud_ai.retry_policy import OVHCloudAIEndpointsRetryPolicy
from apache_airflow_provider_ovhcloud_ai.sandbox import __main__ as sandbox
from apache_airflow_provider_ovhcloud_ai.sensors.batch import OVHCloudAIEndpointsBatchSensor
from apache_airflow_provider_ovhcloud_ai.sensors.model import OVHCloudAIEndpointsModelSensor
from apache_airflow_provider_ovhcloud_ai.ui import links
from docstring_parser import Docstring, DocstringParam, DocstringStyle, parse

ROOT = Path(__file__).resolve().parents[1]
PAGES = ROOT / "docs" / "reference"
PROVIDER = ROOT / "provider"
_BLOCK = re.compile(r"(<!-- generated: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)

#: What each class says of threads is said once on its page.
_THREADS = re.compile(r"(?:Not safe|Safe) to use from several threads")
#: Where a role of a docstring leads, where it is more than a name.
_PAGES = {"..errors": "[errors](errors.md)", ".errors": "[the errors](errors.md)"}


def markdown(text: str | None) -> str:
    """
    Turn the text of a docstring into Markdown, each paragraph on one line.

    :param text: as the docstring has it
    :return: paragraphs, separated by an empty line
    """
    text = re.sub(r":\w+:`~?([\w.]+)`", _reference, text or "").replace("``", "`")
    return "\n\n".join(" ".join(part.split()) for part in text.split("\n\n"))


def _reference(match: re.Match[str]) -> str:
    return _PAGES.get(match[1]) or f"`{match[1].split('.')[-1]}`"


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """
    Draw a table.

    :param heads: names of the columns
    :param rows: texts of the cells
    :return: Markdown
    """
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def read_docs(thing: Any) -> Docstring:
    """
    Read a docstring.

    :param thing: a class or function
    :return: its parts
    """
    return parse(inspect.getdoc(thing) or "", style=DocstringStyle.REST)


def prose(docs: Docstring) -> str:
    """
    Give what a docstring says before its fields, but for threads.

    :param docs: its parts
    :return: Markdown
    """
    text = markdown(f"{docs.short_description}\n\n{docs.long_description or ''}")
    return "\n\n".join(part for part in text.split("\n\n") if part and not _THREADS.match(part))


def read_defaults(kind: type[Any]) -> dict[str, inspect.Parameter]:
    """
    Collect the parameters of a class and its bases, the nearest first.

    :param kind: the class
    :return: parameters by name
    """
    parameters: dict[str, inspect.Parameter] = {}
    for base in kind.__mro__:
        if "__init__" in vars(base) and base is not object:
            for name, parameter in inspect.signature(vars(base)["__init__"]).parameters.items():
                parameters.setdefault(name, parameter)
    return parameters


def read_default(parameter: inspect.Parameter) -> str:
    """
    Say what a parameter is unless given.

    :param parameter: as its function declares it
    :return: Markdown
    """
    if parameter.default is parameter.empty:
        return "required"
    # A stand-in for "not given" has no value that could be written.
    return "" if type(parameter.default) is object else f"`{parameter.default!r}`"


def task(kind: type[Any], module: str) -> str:
    """
    Describe an operator or sensor.

    :param kind: its class
    :param module: where authors import it from
    :return: Markdown
    """
    docs, defaults = read_docs(kind), read_defaults(kind)
    templates = set(kind.template_fields)
    rows = [
        [f"`{each.arg_name}`", read_default(defaults[each.arg_name]), "yes" * (each.arg_name in templates), _cell(each)]
        for each in list_params(kind)
    ]
    ran = done(kind)
    parts = [
        f"## {kind.__name__}",
        prose(docs),
        f"```python\nfrom {module} import {kind.__name__}\n```",
        table(["parameter", "default", "template", "meaning"], rows),
        f"XCom `return_value`: {_value(ran)}.",
        raised(ran),
    ]
    return "\n\n".join(part for part in parts if part)


def list_params(kind: type[Any]) -> list[DocstringParam]:
    """
    List the documented parameters of an operator or sensor, then those of its bases in this package.

    :param kind: its class
    :return: the parameters; without those of the request if the operator doesn't send one
    """
    bases = [base for base in kind.__mro__ if base.__module__.startswith(errors.__package__)]
    params: dict[str, DocstringParam] = {}
    for base in bases:
        for each in read_docs(base).params if "__doc__" in vars(base) else ():
            params.setdefault(each.arg_name, each)
    unused = set() if getattr(kind, "prompt_fields", True) else {"extra_body", "render_prompts"}
    return [each for name, each in params.items() if name not in {"kwargs", *unused}]


def done(kind: type[Any]) -> Docstring:
    """
    Read what a task returns and raises.

    :param kind: its class
    :return: the docstring of what it runs; a sensor looks until it is content
    """
    return read_docs(kind.execute if kind.execute.__module__.startswith(errors.__package__) else kind.poke)


def _value(docs: Docstring) -> str:
    return re.sub(r"^whether .+, and ", "", markdown(docs.returns.description if docs.returns else ""))


def _cell(field: Any) -> str:
    return markdown(field.description).replace("\n\n", " ")


def raised(docs: Docstring) -> str:
    """
    List what a function raises.

    :param docs: its docstring
    :return: Markdown, empty where it raises nothing of its own
    """
    lines = [f"- `{each.type_name}` {_cell(each)}" for each in docs.raises]
    return "\n".join(["Raises:\n", *lines]) if lines else ""


def operators_block() -> str:
    """
    Describe the operators.
    """
    return "\n\n".join(operator(name, getattr(operators, name)) for name in operators.__all__)


def operator(name: str, kind: type[Any]) -> str:
    """
    Describe an operator under one of its names.

    :param name: the name
    :param kind: its class
    :return: Markdown
    """
    if name == kind.__name__:
        return task(kind, operators.__name__)
    return f"## {name}\n\nAnother name of [{kind.__name__}](#{kind.__name__.lower()})."


def sensors_block() -> str:
    """
    Describe the sensors.
    """
    sensors = (OVHCloudAIEndpointsBatchSensor, OVHCloudAIEndpointsModelSensor)
    return "\n\n".join(task(sensor, sensor.__module__) for sensor in sensors)


def decorators_block() -> str:
    """
    Describe the decorators.
    """
    parts = []
    operators_by_name = {
        "ovh_chat": chat.ChatFunctionOperator,
        "ovh_bulk_chat": bulk_chat.BulkChatFunctionOperator,
        "ovh_batch": batch.BatchFunctionOperator,
        "ovh_embed": embedding.EmbeddingFunctionOperator,
        "ovh_guard": guard.GuardFunctionOperator,
    }
    for name, operator in operators_by_name.items():
        docs = read_docs(getattr(decorators, name))
        from_function = ", ".join(f"`{each}`" for each in operator.fields_from_function)
        parent = operator.__bases__[-1].__name__
        parts += [
            f"## @task.{name}",
            prose(docs),
            f"```python\nfrom {decorators.__name__} import {name}\n```",
            f"Takes what [{parent}](operators.md#{parent.lower()}) takes, but {from_function}: the function says that.",
            "`op_args` and `op_kwargs` go to the function, and are templates. `ConfigurationError` where it returns "
            "something else than it must: nothing is sent then.",
        ]
    return "\n\n".join(parts)


def signature(name: str, function: Any) -> str:
    """
    Write the signature of a method without types, which stand beside the parameters.

    :param name: of the method
    :param function: the method
    :return: Python
    """
    parameters = inspect.signature(function).parameters.values()
    shown_parameters = [each.replace(annotation=each.empty) for each in parameters if each.name != "self"]
    line = f"{name}{inspect.Signature(shown_parameters)}"
    return textwrap.fill(line, 110, subsequent_indent=" " * (len(name) + 1), break_long_words=False)


def hook_block() -> str:
    """
    Describe the hook and its methods.
    """
    docs, defaults = read_docs(OVHCloudAIEndpointsHook), read_defaults(OVHCloudAIEndpointsHook)
    rows = [[f"`{each.arg_name}`", read_default(defaults[each.arg_name]), _cell(each)] for each in docs.params]
    parts = [
        prose(docs),
        f"```python\nfrom {OVHCloudAIEndpointsHook.__module__} import OVHCloudAIEndpointsHook\n```",
        table(["parameter", "default", "meaning"], rows),
    ]
    return "\n\n".join([*parts, *(method(name, function) for name, function in verbs())])


def verbs() -> list[tuple[str, Any]]:
    """
    Find what may be called on a hook: our own public methods, in the order of their names, but for Airflow's web UI.

    :return: names and functions
    """
    functions = inspect.getmembers(OVHCloudAIEndpointsHook, inspect.isfunction)
    return [
        (name, value) for name, value in functions if name[0] != "_" and value.__module__.startswith(errors.__package__)
    ]


def method(name: str, function: Any) -> str:
    """
    Describe a method.

    :param name: of the method
    :param function: the method
    :return: Markdown
    """
    docs = read_docs(function)
    types = {key: str(each.annotation) for key, each in inspect.signature(function).parameters.items()}
    parameters = table(
        ["parameter", "type", "meaning"],
        [[f"`{each.arg_name}`", f"`{types[each.arg_name]}`", _cell(each)] for each in docs.params],
    )
    parts = [
        f"## {name}",
        prose(docs),
        f"```python\n{signature(name, function)}\n```",
        parameters if docs.params else "",
        f"Returns {markdown(docs.returns.description)}." if docs.returns else "",
        raised(docs),
    ]
    return "\n\n".join(part for part in parts if part)


def errors_block() -> str:
    """
    List the errors, and what a retry would do.
    """
    kinds = [kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, AIEndpointsError)]
    kinds.sort(key=lambda kind: inspect.getsourcelines(kind)[1])
    rows = [
        [f"`{kind.__name__}`", f"`{kind.__base__.__name__}`", prose(read_docs(kind)), _retry(kind)] for kind in kinds
    ]
    return table(["error", "is a", "when", "a retry"], rows)


def _retry(kind: type[AIEndpointsError]) -> str:
    if "curable" in read_defaults(kind):
        return "as the failures say"
    return "may help" if kind.retryable else "cannot help"


def fields_block() -> str:
    """
    List what every error has.
    """
    rows = [[f"`{each.arg_name}`", _cell(each)] for each in read_docs(AIEndpointsError).params[1:]]
    return table(["attribute", "meaning"], [*rows, ["`attempts`", "attempts made before this was raised"]])


def policy_block() -> str:
    """
    Describe the retry policy.
    """
    docs, defaults = read_docs(OVHCloudAIEndpointsRetryPolicy), read_defaults(OVHCloudAIEndpointsRetryPolicy)
    rows = [[f"`{each.arg_name}`", read_default(defaults[each.arg_name]), _cell(each)] for each in docs.params]
    imported = f"from {OVHCloudAIEndpointsRetryPolicy.__module__} import {OVHCloudAIEndpointsRetryPolicy.__name__}"
    return "\n\n".join([prose(docs), f"```python\n{imported}\n```", table(["parameter", "default", "meaning"], rows)])


def connection_block() -> str:
    """
    List the fields of a connection that are stored in its extra.
    """
    rows = [[field.label, f"`{field.name}`", _values(field), _default(field), field.help] for field in fields.FIELDS]
    return table(["field", "extra", "values", "a new connection has", "meaning"], rows)


def _values(field: fields.Field) -> str:
    if field.choices:
        return ", ".join(f"`{choice}`" for choice in field.choices)
    if field.maximum is not None:
        return f"{field.minimum:,} to {field.maximum:,}"
    return {"string": "text", "boolean": "`true`, `false`"}[field.kind]


def _default(field: fields.Field) -> str:
    return "nothing" if field.default is None else f"`{str(field.default).lower()}`"


def log_block() -> str:
    """
    List what is said in logs, as the code says it.
    """
    where: dict[tuple[str, str], list[str]] = {}
    for path, level, text in source_strings.log_lines(PROVIDER):
        if re.search("[a-z]", text):  # others are the answer itself, where a task streams, and how far it is
            where.setdefault((level, text), []).append(f"`{path.relative_to(PROVIDER)}`")
    order = ["error", "warning", "info", "debug"]
    entries = sorted(where.items(), key=lambda item: (order.index(item[0][0]), item[0][1]))
    rows = [[level, f"`{text}`", ", ".join(sorted(set(files)))] for (level, text), files in entries]
    return table(["level", "line", "said in"], rows)


def metrics_block() -> str:
    """
    List the metrics: what is counted where everything can be.
    """
    rows: list[list[str]] = []

    class Recorder:
        @staticmethod
        def incr(name: str, count: int, tags: dict[str, str]) -> None:
            rows.append([f"`{name}`", ", ".join(f"`{tag}`" for tag in tags)])

    with mock.patch.object(compat, "Stats", Recorder):
        metrics.count("m", Usage(requests=1, input_tokens=1, output_tokens=1, audio_seconds=1))
        metrics.count_error("m", 429)
    return table(["counter", "tags"], rows)


def xcoms_block() -> str:
    """
    List what tasks leave in XCom.
    """
    kinds = dict.fromkeys(getattr(operators, name) for name in operators.__all__)
    rows = []
    for kind in [*kinds, OVHCloudAIEndpointsBatchSensor, OVHCloudAIEndpointsModelSensor]:
        paragraphs = [part for part in prose(read_docs(kind)).split("\n\n") if "XCom" in part]
        rows.append([f"`{kind.__name__}`", _value(done(kind)), " ".join(paragraphs)])
    return table(["task", "`return_value`", "in words, with the keys of its own"], rows)


def links_block() -> str:
    """
    List the extra links.
    """
    kinds = (links.ModelCardLink, links.PlaygroundLink, links.UsageLink, links.ConsoleLink)
    return table(
        ["link", "XCom", "leads to"], [[kind.name, f"`{kind.xcom_key}`", prose(read_docs(kind))] for kind in kinds]
    )


def sandbox_block() -> str:
    """
    List the options of the sandbox's command line.
    """
    options = [option for option in sandbox.parser()._actions if option.dest != "help"]
    rows = [[f"`{option.option_strings[0]}`", _option_default(option), _option_help(option)] for option in options]
    return table(["option", "default", "meaning"], rows)


def _option_default(option: Any) -> str:
    return "" if option.nargs == 0 else f"`{option.default}`"


def _option_help(option: Any) -> str:
    return str(option.help).removesuffix(" (default: %(default)s)")


def matrix_block() -> str:
    """
    List the environments that the tests run in.
    """
    run = (ROOT / "Makefile").read_text(encoding="utf-8").split("MATRIX ?= ")[1].split("\n")[0].split()
    rows = [["`dev`", bootstrap.NEWEST, bootstrap.ENVS["dev"].pythons[0], "all tests"]]
    for name in run:
        env = bootstrap.ENVS[name]
        scope = _SCOPES.get(name.partition("-")[2], "what depends on Airflow")
        rows.append([f"`{name}`", env.release, env.pythons[0], scope])
    return table(["environment", "Airflow", "Python", "runs"], rows)


#: What an environment is for, by the end of its name.
_SCOPES = {
    "nofab": "the form, without flask-appbuilder and wtforms",
    "lowest": "both drivers, with the lowest versions that the package allows",
    "newest": "both drivers, with the newest versions there are",
    "ai": "what works with Airflow's own AI provider",
}

BLOCKS: dict[str, Callable[[], str]] = {
    "operators": operators_block,
    "sensors": sensors_block,
    "decorators": decorators_block,
    "hook": hook_block,
    "errors": errors_block,
    "error_attributes": fields_block,
    "retry_policy": policy_block,
    "connection": connection_block,
    "log": log_block,
    "metrics": metrics_block,
    "xcoms": xcoms_block,
    "links": links_block,
    "sandbox": sandbox_block,
    "matrix": matrix_block,
}


def filled(page: str) -> str:
    """
    Write the blocks of a page anew.

    :param page: its text
    :return: the same with what the code says now
    :raises KeyError: if it names a block that there is not
    """
    return _BLOCK.sub(lambda match: f"{match[1]}\n{BLOCKS[match[2]]()}\n\n{match[3]}", page)


def main() -> None:
    """
    Write all pages.
    """
    for path in sorted(PAGES.glob("*.md")):
        path.write_text(filled(path.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
