"""
What the docstring of a function says to a model. Pure.
"""

from __future__ import annotations

import inspect
import re

#: ``:param city: text``, also with a type before the name; lines that are indented go on with it.
_FIELD = re.compile(r"^:param (?:[^:\n]* )?(\w+):[ \t]*(.*(?:\n[ \t]+\S.*)*)", re.MULTILINE)
#: Google's section, up to the next line that is not indented, and an entry of it.
_SECTION = re.compile(r"^Args:[ \t]*\n((?:[ \t]+.*\n?|\n)+)", re.MULTILINE)
_ENTRY = re.compile(r"^(\w+)(?:[ \t]*\([^)\n]*\))?:[ \t]*(.*(?:\n[ \t]+\S.*)*)", re.MULTILINE)


def summary_of(documentation: str) -> str:
    """
    Take the first paragraph of a docstring; its parameters are none.

    :param documentation: the docstring
    :return: the paragraph on one line
    """
    first = re.split(r"\n[ \t]*\n|^:|^Args:", documentation.strip(), maxsplit=1, flags=re.MULTILINE)[0]
    return " ".join(first.split())


def meanings_in(documentation: str) -> dict[str, str]:
    """
    Find what a docstring says of the parameters, in Sphinx's form or in Google's.

    :param documentation: the docstring
    :return: what it says of each, on one line
    """
    found = _FIELD.findall(documentation)
    for section in _SECTION.findall(documentation):
        found += _ENTRY.findall(inspect.cleandoc(f"\n{section}"))
    return {name: " ".join(meaning.split()) for name, meaning in found if meaning.strip()}
