"""
Imports point one way. This walks them, whether they run at import time, later, or for type checkers only. And each
module has a test file of its name.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import apache_airflow_provider_ovhcloud_ai
import pytest

ROOT = Path(apache_airflow_provider_ovhcloud_ai.__file__).parent
TESTS = Path(__file__).parent
MODULES = sorted(str(file.relative_to(ROOT).with_suffix("")).replace("/", ".") for file in ROOT.rglob("*.py"))

#: A part may import itself and the parts before it.
LAYERS = (
    {"__init__"},
    {"compat", "defaults"},
    {"errors"},
    {"validation", "redaction", "json_values"},
    {"client", "rows"},
    {"connection", "ui"},
    {"hooks"},
    {"triggers"},
    {"operators"},
    {"sensors", "decorators"},
    {"ui.console", "retry_policy"},
)
#: These may import less than their layer allows.
ONLY = {
    "compat": set(),
    "defaults": set(),
    "sandbox": {"sandbox", "defaults"},
    "provider_info": {"connection.form", "defaults", "__init__"},
    "connection.fields": {"compat", "defaults"},
    "connection.form": {"connection.fields", "compat", "defaults"},
    "ui.links": {"compat", "defaults"},
    "rows": {"rows", "errors", "defaults", "json_values"},
    "retry_policy": {"compat", "errors", "validation"},
}
#: Below the hooks, only these import names of Airflow from compat. The form only asks for the release.
KNOW_AIRFLOW = {"errors", "ui.links", "connection.form", "connection.reader"}
ABOVE_CLIENT = ("hooks", "operators", "sensors", "triggers", "decorators", "ui.console", "retry_policy")
#: Imported inside functions only, because a task or every process would pay for them.
COSTLY = {
    *{"requests", "urllib3", "httpx", "fastapi", "starlette", "flask", "flask_appbuilder", "wtforms", "markupsafe"},
    *{"pyarrow", "numpy", "fsspec", "upath", "openai", "httpx2", "pydantic_ai"},
}
#: These can't work without such a library, and are imported inside functions themselves.
CARRIERS = {
    "client.http.transport",
    "operators._openlineage",
    "hooks.common_ai",
    "ui.console.web.airflow2",
    "ui.console.web.airflow3",
}
#: Modules without a test file of their own name -> the file that tests them, and why.
TESTED_IN = {
    "sandbox.__main__": "sandbox/test_command_line.py",  # as a program of its own
    "ui.console.web.airflow2": "live/test_console_access.py",  # needs the web server of Airflow 2.11
    "ui.console.web.user": "ui/console/web/test_dispatch.py",  # an exception and a protocol
    # These are being rewritten.
    "hooks.batch.task_identity": "operators/test_batch.py",
    "hooks.bulk.long_texts": "hooks/bulk/test_embedding_rows.py",
    "hooks.methods.bulk_chat": "hooks/bulk/test_bulk_result.py",
}


class Import(NamedTuple):
    target: str
    names: tuple[str, ...]
    at_import_time: bool
    line: int


def among(module: str, parts: Iterable[str]) -> str | None:
    """
    The part that a module belongs to: the longest one that its name begins with.
    """
    return max((part for part in parts if f"{module}.".startswith(f"{part}.")), key=len, default=None)


def rank(module: str) -> int:
    parts = {part: number for number, layer in enumerate(LAYERS) for part in layer}
    part = among(module, parts)
    assert part is not None, f"{module} has no place among the layers"
    return parts[part]


def may_import(module: str, target: str) -> bool:
    special = among(module, ONLY)
    if special:
        return among(target, ONLY[special]) is not None
    here = among(module, set().union(*LAYERS))
    return rank(target) < rank(module) or among(target, set().union(*LAYERS)) == here


@cache
def read_imports(module: str) -> tuple[Import, ...]:
    """
    All imports of a module; those of this package without its name.
    """
    tree = ast.parse((ROOT / f"{module.replace('.', '/')}.py").read_text(encoding="utf-8"))
    return tuple(_iter_imports(tree, module, at_import_time=True))


def _iter_imports(node: ast.AST, module: str, *, at_import_time: bool) -> Iterator[Import]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import):
            yield from (Import(alias.name, (), at_import_time, child.lineno) for alias in child.names)
        elif isinstance(child, ast.ImportFrom):
            yield from _targets(child, module, at_import_time=at_import_time)
        else:
            later = isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)) or _for_types_only(child)
            yield from _iter_imports(child, module, at_import_time=at_import_time and not later)


def _for_types_only(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def _targets(node: ast.ImportFrom, module: str, *, at_import_time: bool) -> Iterator[Import]:
    names = tuple(alias.name for alias in node.names)
    if not node.level:
        yield Import(node.module or "", names, at_import_time, node.lineno)
        return
    above = module.split(".")[: -node.level]
    base = ".".join([*above, *filter(None, [node.module])])
    for name in names:
        inner = f"{base}.{name}".strip(".")
        target = inner if inner in MODULES else base if base in MODULES else f"{base}.__init__".strip(".")
        yield Import(f".{target}", (name,), at_import_time, node.lineno)


def own(module: str) -> list[tuple[str, Import]]:
    return [(each.target[1:], each) for each in read_imports(module) if each.target.startswith(".")]


def foreign(module: str) -> list[Import]:
    return [each for each in read_imports(module) if not each.target.startswith(".")]


@pytest.mark.parametrize("module", MODULES)
def test_imports_point_one_way(module: str) -> None:
    wrong = [f"line {each.line}: {target}" for target, each in own(module) if not may_import(module, target)]
    assert wrong == []


@pytest.mark.parametrize("module", MODULES)
def test_own_modules_are_imported_relatively(module: str) -> None:
    assert [
        each
        for each in foreign(module)
        if each.target.split(".")[0] in {"provider", ROOT.name, "apache_airflow_provider_ovhcloud_ai"}
    ] == []


@pytest.mark.parametrize("module", [module for module in MODULES if not module.startswith("ui.console")])
def test_airflow_is_known_to_compat_alone(module: str) -> None:
    direct = [each for each in foreign(module) if each.target.split(".")[0] == "airflow"]
    assert module == "compat" or direct == []
    names = {name for target, each in own(module) if target == "compat" for name in each.names}
    if names and not module.startswith(ABOVE_CLIENT):
        assert module in KNOW_AIRFLOW
    if module == "connection.form":
        assert names == {"airflow_version"}


@pytest.mark.parametrize("module", MODULES)
def test_costly_libraries_are_imported_when_needed(module: str) -> None:
    early = [each.target for each in foreign(module) if each.at_import_time and each.target.split(".")[0] in COSTLY]
    assert module in CARRIERS or early == []


@pytest.mark.parametrize("module", MODULES)
def test_what_needs_a_costly_library_is_imported_when_needed(module: str) -> None:
    assert not any(target in CARRIERS and each.at_import_time for target, each in own(module))


def test_nothing_but_its_entry_point_imports_the_console() -> None:
    users = {module for module in MODULES for target, _ in own(module) if target.startswith("ui.console")}
    assert {user for user in users if not user.startswith("ui.console")} == set()


def find_own_test(module: str) -> Path:
    """
    Return the file of a module's tests; underscores around the name are dropped.
    """
    folder, _, name = module.rpartition(".")
    return TESTS / folder.replace(".", "/") / f"test_{name.strip('_')}.py"


@pytest.mark.parametrize("module", [module for module in MODULES if not module.endswith("__init__")])
def test_module_has_a_test_file_of_its_name(module: str) -> None:
    exception = TESTED_IN.get(module)
    assert find_own_test(module).is_file() == (exception is None)
    assert exception is None or (TESTS / exception).is_file()


def test_exceptions_are_modules() -> None:
    assert TESTED_IN.keys() <= set(MODULES)


def test_a_wrong_import_would_be_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    source = "def f():\n    from ...hooks import base\n    import airflow.models\n    from ...compat import XCom\n"
    imports = list(_iter_imports(ast.parse(source), "client.http.retry", at_import_time=True))
    assert [each.target for each in imports] == [".hooks.base", "airflow.models", ".compat"]
    monkeypatch.setattr(f"{__name__}.read_imports", lambda _: tuple(imports))
    for test in (test_imports_point_one_way, test_airflow_is_known_to_compat_alone):
        with pytest.raises(AssertionError):
            test("client.http.retry")
