"""
Run llama.cpp's HTTP server on one model until standard input ends, which it does with the process that started it.

    python serve.py MODEL.gguf NAME TOKEN [--embeddings]
"""

from __future__ import annotations

import os
import sys

import xllamacpp


def main(model: str, name: str, token: str, *options: str) -> None:
    """
    Serve one model on a free port, and print the address.

    :param model: path of the model
    :param name: what the service calls it
    :param token: the one token it accepts
    :param options: ``--embeddings`` for an embedding model
    """
    params = xllamacpp.CommonParams()
    params.model.path = model
    params.model_alias = {name}
    params.api_keys = [token]
    params.hostnames = ["127.0.0.1"]
    params.port = 0
    params.n_ctx = 2048
    params.n_parallel = 2
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1
    params.warmup = False
    if "--embeddings" in options:
        params.embedding = True
        params.pooling_type = xllamacpp.llama_pooling_type.LLAMA_POOLING_TYPE_MEAN
    server = xllamacpp.Server(params)
    print(server.listening_address, flush=True)
    sys.stdin.read()
    # The server's own threads would hold the process.
    os._exit(0)


if __name__ == "__main__":
    main(*sys.argv[1:])
