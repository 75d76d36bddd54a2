"""The models that the sandbox serves, and the list of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from .http.messages import Request, Response

Kind = Literal["chat", "guard", "embedding", "transcription", "speech", "image"]

_GPT_OSS = ("low", "medium", "high")
_QWEN_3_5 = ("none", "low", "medium", "high")
_QWEN_3_6 = ("none", "minimal", "low", "medium", "high")
_LONG_CONTEXT_TOKENS = 262_144


@dataclass(frozen=True)
class Model:
    """
    One model.

    :param id: exact name
    :param kind: what the model is for
    :param owner: publisher
    :param created: release at the service, in seconds since 1970
    :param context: tokens of prompt and answer together
    :param max_output: tokens of the longest answer
    :param prices: US dollars per prompt token and per completion token
    :param tools: whether it calls tools
    :param vision: whether it reads images
    :param efforts: values of ``reasoning_effort``; a model without any does not reason
    :param dimensions: length of its vectors
    :param aliases: other names of it
    :param redirected_to: successor, named in ``x-warning``; a model with one is served but not listed
    """

    id: str
    kind: Kind
    owner: str
    created: int
    context: int = 0
    max_output: int = 0
    prices: tuple[str, str] = ("0", "0")
    tools: bool = False
    vision: bool = False
    efforts: tuple[str, ...] = ()
    dimensions: int = 0
    aliases: tuple[str, ...] = ()
    redirected_to: str = ""


def _chat(name: str, owner: str, created: int, context: int, prompt: str, completion: str, **abilities: Any) -> Model:
    abilities = {"tools": True, **abilities}
    return Model(name, "chat", owner, created, context, context, (prompt, completion), **abilities)


def _embedding(name: str, owner: str, created: int, context: int, prompt: str, dimensions: int, *aliases: str) -> Model:
    return Model(
        name,
        "embedding",
        owner,
        created,
        context,
        prices=(prompt, "0"),
        dimensions=dimensions,
        aliases=aliases,
    )


#: Names, dates, contexts and prices as GET /v1/models of the service listed them on 2026-09-28.
LISTED: tuple[Model, ...] = (
    _embedding("Qwen3-Embedding-8B", "Qwen", 1774533326, 32768, "0.00000012", 4096),
    _embedding("bge-m3", "BAAI", 1731944050, 8192, "0.00000001", 1024, "BGE-M3"),
    _embedding("bge-multilingual-gemma2", "BAAI", 1742826442, 8192, "0.00000001", 3584),
    Model("whisper-large-v3-turbo", "transcription", "OpenAi", 1754992184),
    Model("whisper-large-v3", "transcription", "OpenAi", 1754992184),
    _chat(
        "Qwen3.6-27B", "Qwen", 1780302734, _LONG_CONTEXT_TOKENS, "0.00000047", "0.00000319",
        vision=True, efforts=_QWEN_3_6,
    ),
    _chat(
        "Qwen3.5-9B", "Qwen", 1776853448, _LONG_CONTEXT_TOKENS, "0.00000012", "0.00000018",
        vision=True, efforts=_QWEN_3_5, aliases=("qwen3.5-9b",),
    ),
    _chat(
        "Qwen3.8-27B", "Qwen", 1788356485, _LONG_CONTEXT_TOKENS, "0.00000047", "0.00000319",
        vision=True, efforts=_QWEN_3_6,
    ),
    _chat("Qwen3-Coder-30B-A3B-Instruct", "Qwen", 1761659893, _LONG_CONTEXT_TOKENS, "0.00000007", "0.00000026"),
    _chat("Meta-Llama-3_3-70B-Instruct", "meta-llama", 1743520231, 131072, "0.00000074", "0.00000074"),
    _chat(
        "Mistral-Small-3.2-24B-Instruct-2506", "mistralai", 1752655627, 131072, "0.0000001", "0.00000031",
        vision=True,
    ),
    _chat(
        "Qwen3.5-397B-A17B", "Qwen", 1779113482, _LONG_CONTEXT_TOKENS, "0.00000071", "0.00000425",
        vision=True, efforts=_QWEN_3_5,
    ),
    Model("Qwen3Guard-Gen-0.6B", "guard", "qwen3guard", 1769078772, 32768, 16384),
    _chat(
        "gpt-oss-120b", "OpenAI", 1756386145, 131072, "0.00000009", "0.00000047",
        efforts=_GPT_OSS, aliases=("openai/gpt-oss-120b",),
    ),
    _chat("Mistral-7B-Instruct-v0.3", "mistralai", 1743520231, 65536, "0.00000011", "0.00000011"),
    _chat(
        "Qwen2.5-VL-72B-Instruct", "Qwen", 1743423983, 32768, "0.00000101", "0.00000101",
        tools=False, vision=True,
    ),
    _chat("Mistral-Nemo-Instruct-2407", "mistralai", 1732101359, 65536, "0.00000014", "0.00000014"),
    _chat(
        "gpt-oss-20b", "OpenAI", 1756386145, 131072, "0.00000005", "0.00000018",
        efforts=_GPT_OSS, aliases=("openai/gpt-oss-20b",),
    ),
    Model("Qwen3Guard-Gen-8B", "guard", "qwen3guard", 1769078773, 32768, 16384),
    Model("stable-diffusion-xl-base-v10", "image", "stabilityai", 1730297598),
    Model("nvr-tts-it-it", "speech", "NVIDIA Riva", 1729515876),
    Model("nvr-tts-en-us", "speech", "NVIDIA Riva", 1729515876),
    Model("nvr-tts-de-de", "speech", "NVIDIA Riva", 1729515876),
    Model("nvr-tts-es-es", "speech", "NVIDIA Riva", 1729515876),
)  # fmt: skip

#: A model past its end of life: the service no longer lists such a one, and redirects calls for a while.
RETIRED = Model(
    "Mixtral-8x22B-Instruct-v0.1", "chat", "mistralai", 1713312000, 65536, 65536,
    tools=True, redirected_to="Mistral-Small-3.2-24B-Instruct-2506",
)  # fmt: skip

#: Every served model by each of its names.
BY_NAME = {name: model for model in (*LISTED, RETIRED) for name in (model.id, *model.aliases)}


def list_models(_: Request) -> Response:
    """
    Answer ``GET /v1/models``.

    :return: the list of models, with prices and context lengths
    """
    return Response(200, {"object": "list", "data": [_entry(model) for model in LISTED]})


def _entry(model: Model) -> dict[str, Any]:
    prompt, completion = model.prices
    return {
        "id": model.id,
        "created": model.created,
        "object": "model",
        "owned_by": model.owner,
        "pricing": {
            "currency_unit": "USD",
            "completion": completion,
            "image": "0",
            "prompt": prompt,
            "request": "0",
            "input_cache_reads": "0",
            "input_cache_writes": "0",
        },
        "context_length": model.context,
        "max_completion_tokens": model.max_output,
    }
