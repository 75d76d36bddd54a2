"""
Two models small enough to be written in a moment, so that llama.cpp's server has something real to serve.

The chat model is a table of successors dressed up as a transformer: its one block adds nothing, each token is embedded
as an axis of its own, and the output matrix maps it to the token that follows. So it always says :data:`ANSWER`. Under
a grammar, where that is not allowed, any token that is allowed is as good as another.

The embedding model gives each word a vector of its own and takes their mean: texts that share words are near.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from gguf import GGUFWriter, PoolingType, TokenType

ANSWER = "Bonjour from the café."

# "▁" begins a word; "é" has no token of its own, so its two bytes come apart and must be put together again.
_SPOKEN = ["▁Bonjour", "▁from", "▁the", "▁caf", "<0xC3>", "<0xA9>", "."]
_TURN = ["<|turn|>", "<|end|>"]
# The last line break stands in an expression, since a template's own last one is dropped.
_TEMPLATE = (
    "{% for message in messages %}<|turn|>{{ message['role'] }}\n{{ message['content'] }}<|end|>\n{% endfor %}"
    "{{ '<|turn|>assistant\\n' }}"
)
_WORDS = [
    "a",
    "the",
    "is",
    "dog",
    "cat",
    "puppy",
    "kitten",
    "animal",
    "pet",
    "train",
    "bus",
    "road",
    "cloud",
    "data",
    "center",
]
_DIMENSIONS = 32


def write_chat_model(path: Path) -> None:
    """
    Write the model that always says the same.

    :param path: the file to write
    """
    bytes_ = [f"<0x{byte:02X}>" for byte in range(256)]
    words = [word for word in _SPOKEN if not word.startswith("<0x")]
    tokens = ["<unk>", "<s>", "</s>", *bytes_, *_TURN, "▁", *words]
    kinds = [TokenType.UNKNOWN, TokenType.CONTROL, TokenType.CONTROL] + [TokenType.BYTE] * 256
    kinds += [TokenType.CONTROL] * len(_TURN) + [TokenType.NORMAL] * (len(words) + 1)
    width = _padded(tokens, kinds)

    writer = GGUFWriter(path, "llama")
    _describe_chat_model(writer, width)
    _add_tokens(writer, tokens, kinds)
    writer.add_eos_token_id(tokens.index("<|end|>"))

    # What the template ends with, a line break, is followed by the first word; the last one by the end of the turn.
    token_ids = [tokens.index(word) for word in ["<0x0A>", *_SPOKEN, "<|end|>"]]
    follows = np.zeros((width, width), np.float32)
    follows[token_ids[1:], token_ids[:-1]] = 2.0
    tensors = {
        "token_embd": np.eye(width, dtype=np.float32),
        "output": follows,
        "output_norm": _ones(width),
        "blk.0.attn_norm": _ones(width),
        "blk.0.ffn_norm": _ones(width),
        "blk.0.ffn_gate": _zeros(32, width),
        "blk.0.ffn_up": _zeros(32, width),
        "blk.0.ffn_down": _zeros(width, 32),
    }
    tensors |= {f"blk.0.attn_{part}": _zeros(width, width) for part in ("q", "k", "v", "output")}
    _finish(writer, {f"{name}.weight": tensor for name, tensor in tensors.items()})


def _describe_chat_model(writer: GGUFWriter, width: int) -> None:
    writer.add_context_length(2048)
    writer.add_embedding_length(width)
    writer.add_block_count(1)
    writer.add_feed_forward_length(32)
    writer.add_head_count(4)
    writer.add_head_count_kv(4)
    writer.add_rope_dimension_count(width // 4)
    writer.add_layer_norm_rms_eps(1e-6)
    writer.add_vocab_size(width)
    writer.add_tokenizer_model("llama")
    writer.add_bos_token_id(1)
    writer.add_unk_token_id(0)
    writer.add_add_bos_token(True)
    writer.add_chat_template(_TEMPLATE)


def write_embedding_model(path: Path) -> None:
    """
    Write the model whose vectors are means of word vectors.

    :param path: the file to write
    """
    letters = "abcdefghijklmnopqrstuvwxyz0123456789.,!?-'"
    tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    kinds = [TokenType.CONTROL] * 5
    named = dict.fromkeys([f"▁{word}" for word in _WORDS] + [f"▁{letter}" for letter in letters] + list(letters))
    tokens += named
    kinds += [TokenType.NORMAL] * len(named)
    width, inner = _DIMENSIONS, 64

    writer = GGUFWriter(path, "bert")
    _describe_embedding_model(writer, width, inner)
    _add_tokens(writer, tokens, kinds)

    words = np.random.default_rng(2026).standard_normal((len(tokens), width)).astype(np.float32)
    words[:5] *= 0.01  # what frames every text says nothing about any
    tensors = {
        "token_embd.weight": words,
        "token_types.weight": _zeros(2, width),
        "position_embd.weight": _zeros(512, width),
        "token_embd_norm.weight": _ones(width),
        "token_embd_norm.bias": _zeros(width),
    }
    shapes = {f"attn_{part}": (width, width) for part in ("q", "k", "v", "output")}
    shapes |= {"ffn_up": (inner, width), "ffn_down": (width, inner)}
    for name, shape in shapes.items():
        tensors |= {f"blk.0.{name}.weight": _zeros(*shape), f"blk.0.{name}.bias": _zeros(shape[0])}
    for name in ("attn_output_norm", "layer_output_norm"):
        tensors |= {f"blk.0.{name}.weight": _ones(width), f"blk.0.{name}.bias": _zeros(width)}
    _finish(writer, tensors)


def _describe_embedding_model(writer: GGUFWriter, width: int, inner: int) -> None:
    writer.add_context_length(512)
    writer.add_embedding_length(width)
    writer.add_block_count(1)
    writer.add_feed_forward_length(inner)
    writer.add_head_count(4)
    writer.add_layer_norm_eps(1e-12)
    writer.add_causal_attention(False)
    writer.add_pooling_type(PoolingType.MEAN)
    writer.add_tokenizer_model("bert")
    writer.add_token_type_count(2)
    writer.add_unk_token_id(1)
    writer.add_bos_token_id(2)
    writer.add_eos_token_id(3)
    writer.add_pad_token_id(0)
    writer.add_uint32("tokenizer.ggml.cls_token_id", 2)
    writer.add_sep_token_id(3)
    writer.add_mask_token_id(4)


def _padded(tokens: list[str], kinds: list[TokenType]) -> int:
    """
    Round the vocabulary up to a width that divides into blocks.
    """
    unused = -len(tokens) % 32
    tokens += [f"<unused{number}>" for number in range(unused)]
    kinds += [TokenType.UNUSED] * unused
    return len(tokens)


def _add_tokens(writer: GGUFWriter, tokens: Sequence[str], kinds: Sequence[TokenType]) -> None:
    writer.add_token_list(tokens)
    writer.add_token_types(kinds)
    writer.add_token_scores([0.0] * len(tokens))


def _finish(writer: GGUFWriter, tensors: dict[str, np.ndarray]) -> None:
    for name, tensor in tensors.items():
        writer.add_tensor(name, tensor)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _zeros(*shape: int) -> np.ndarray:
    return np.zeros(shape, np.float32)


def _ones(*shape: int) -> np.ndarray:
    return np.ones(shape, np.float32)
