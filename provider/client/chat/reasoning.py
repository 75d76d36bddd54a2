"""
Separates a model's reasoning from its answer. Pure.

A service without a reasoning parser leaves the reasoning in the text, between tags. Some chat templates hold the
opening tag themselves, so that the text has the closing one only (vLLM with DeepSeek-R1). Sources: the chat templates
of DeepSeek-R1, Qwen3, Magistral, GLM and Gemma, 2026-05.
"""

from __future__ import annotations

import re

#: Opening tag -> closing tag.
TAGS = {
    "<think>": "</think>",
    "<thinking>": "</thinking>",
    "<thought>": "</thought>",
    "<reasoning>": "</reasoning>",
    "[THINK]": "[/THINK]",
}

#: Closing tags that count without the opening one: those of the templates that hold it.
_LONE_ENDS = ("</think>", "[/THINK]")

_BEGIN = re.compile(r"\s*(" + "|".join(map(re.escape, TAGS)) + ")")


def split_reasoning(text: str) -> tuple[str, str]:
    """
    Separate the reasoning at the beginning of a string from the answer.

    :param text: the text of a model
    :return: the reasoning, and the answer: empty if the reasoning doesn't end
    """
    thoughts: list[str] = []
    while begin := _BEGIN.match(text):
        thought, _, text = text[begin.end() :].partition(TAGS[begin[1]])
        thoughts.append(thought.strip())
    if thoughts:
        return "\n".join(thoughts), text.lstrip()
    for end in _LONE_ENDS:
        thought, tag, answer = text.partition(end)
        if tag and not any(tag in thought for tag in TAGS):
            return thought.strip(), answer.lstrip()
    return "", text


class ReasoningFilter:
    """
    Removes the reasoning at the beginning of a string that arrives in chunks.

    Reasoning without its opening tag can't be recognized before its end, and is returned.
    """

    def __init__(self) -> None:
        self._held = ""
        #: The closing tag of the reasoning that is under way.
        self._end: str | None = None
        self._has_reasoning = self._is_answer = False

    def feed(self, chunk: str) -> str:
        """
        Add a chunk, and return what it adds to the answer.

        :param chunk: the next part of the text
        :return: the answer so far, without a beginning that may be reasoning
        """
        if self._is_answer:
            return chunk
        self._held += chunk
        while self._skip_reasoning():
            pass
        start = self._held.lstrip()
        if self._end or any(tag.startswith(start) for tag in TAGS):
            return ""
        self._is_answer = True
        return self.finish()

    def _skip_reasoning(self) -> bool:
        """
        Remove one tag, and the reasoning before a closing one.
        """
        if self._end is None:
            begin = _BEGIN.match(self._held)
            if begin:
                self._has_reasoning, self._end, self._held = True, TAGS[begin[1]], self._held[begin.end() :]
            return begin is not None
        _, tag, rest = self._held.partition(self._end)
        # Without the tag, the end may be its beginning.
        self._held = rest if tag else self._held[-len(self._end) :]
        self._end = None if tag else self._end
        return bool(tag)

    def finish(self) -> str:
        """
        Return the text that was held back: no tag follows.

        :return: the text, empty if the reasoning doesn't end
        """
        held, self._held = self._held, ""
        if self._end:
            return ""
        return held.lstrip() if self._has_reasoning else held
