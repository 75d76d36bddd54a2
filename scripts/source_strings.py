"""
What the code says, read from its source: each text with "…" where a value goes.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

#: What is filled in later: by ``format``, or by a logger.
_VALUE = re.compile(r"\{\w*\}|%[.,\d]*[sdfr]")


def read_text(node: ast.expr, returned: Mapping[str, str] | None = None) -> str:
    """
    Read one text.

    :param node: a constant, an f-string, or a call of a function that returns one
    :param returned: what functions return, by their names
    :return: the text; "…" for what is none
    """
    if isinstance(node, ast.Constant):
        return _VALUE.sub("…", str(node.value))
    if isinstance(node, ast.JoinedStr):
        return "".join(part.value if isinstance(part, ast.Constant) else "…" for part in node.values)
    name = node.func.id if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) else ""
    return (returned or {}).get(name, "…")


def literals(source: str) -> Iterator[str]:
    """
    Read all texts of a module but its docstrings.

    :param source: of the module
    :return: the texts
    """
    nodes = list(ast.walk(ast.parse(source)))
    pieces = {part for node in nodes if isinstance(node, ast.JoinedStr) for part in node.values}
    docstrings = {node.value for node in nodes if isinstance(node, ast.Expr)}
    for node in nodes:
        is_text = isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in pieces | docstrings
        if is_text or isinstance(node, ast.JoinedStr):
            yield read_text(node)


def log_lines(package: Path) -> Iterator[tuple[Path, str, str]]:
    """
    Find the log calls of a package, but for its sandbox.

    :param package: its folder
    :return: file, level, and text of each
    """
    trees = {path: ast.parse(path.read_text(encoding="utf-8")) for path in sorted(package.rglob("*.py"))}
    nodes = [(path, node) for path, tree in trees.items() if "sandbox" not in path.parts for node in ast.walk(tree)]
    functions = [(node.name, _returned(node)) for _, node in nodes if isinstance(node, ast.FunctionDef)]
    texts = {name: text for name, text in functions if text != "…"}
    for path, node in nodes:
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
            continue
        if node.func.attr == "_log_at":  # its level is a constant of logging
            yield path, ast.unparse(node.args[0]).rpartition(".")[2].lower(), read_text(node.args[1], texts)
        elif _is_log(node.func.value):
            level = {"exception": "error", "log": "info"}.get(node.func.attr, node.func.attr)
            yield path, level, read_text(node.args[1 if node.func.attr == "log" else 0], texts)


def _is_log(node: ast.expr) -> bool:
    return (node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")) in {"log", "_log"}


def _returned(function: ast.FunctionDef) -> str:
    returns = [node.value for node in ast.walk(function) if isinstance(node, ast.Return) and node.value]
    last = returns[-1] if returns else ast.Constant("…")
    # The text that is formatted: "...".format(...)
    return read_text(last.func.value if isinstance(last, ast.Call) and isinstance(last.func, ast.Attribute) else last)
