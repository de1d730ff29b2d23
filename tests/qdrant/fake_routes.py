"""What the fake server answers: each request of Qdrant's REST, by the client's local mode."""

import re
from collections.abc import Callable
from typing import TYPE_CHECKING
from urllib.parse import unquote

import pydantic_core
from qdrant_client import models

from tests.qdrant.fake_errors import HttpError
from tests.qdrant.fake_shards import checksum, download

if TYPE_CHECKING:
    from tests.qdrant.fake_server import FakeServer


SHARD = "/collections/([^/]+)/shards/([0-9]+)"


def perform(fake_server: "FakeServer", method: str, path: str, raw: bytes) -> object:
    """Perform the request; local mode's own errors become the server's."""
    for pattern, act in ROUTES:
        found = re.fullmatch(pattern, f"{method} {path}")
        if found:
            names = [unquote(name) for name in found.groups()]
            try:
                return act(fake_server, raw, *names)
            except pydantic_core.ValidationError as error:
                raise HttpError(422, f"Format error in JSON body: {error}") from None
            except ValueError as error:
                raise _refusal(str(error)) from None
    raise HttpError(404, f"no such path: {method} {path}")


def _refusal(words: str) -> HttpError:
    missing = re.search(r"Collection (\S+) not found", words)
    if missing:
        return HttpError(404, f"Not found: Collection `{missing[1]}` doesn't exist!")
    if "already exists" in words:
        return HttpError(409, f"Wrong input: {words}")
    return HttpError(400, f"Wrong input: {words}")


def _target(fake_server: "FakeServer", name: str) -> str:
    """The server collection of a name or an alias."""
    aliases = fake_server.client.get_aliases().aliases
    return next((each.collection_name for each in aliases if each.alias_name == name), name)


def check_strict(fake_server: "FakeServer", name: str, limit: str, number: int) -> None:
    """Refuse a number beyond a limit of the collection's strict mode."""
    strict = fake_server.strict.get(name)
    most = getattr(strict, limit) if strict else None
    if most is not None and number > most:
        raise HttpError(400, f"Wrong input: Limit exceeded {number} > {most} for {limit!r}")


Act = Callable[..., object]
ROUTES: list[tuple[str, Act]] = []


def route(pattern: str) -> Callable[[Act], Act]:
    """Have a function answer what matches: it gets the fake server, the body and the names."""

    def register(act: Act) -> Act:
        ROUTES.append((pattern, act))
        return act

    return register


@route("GET /")
def root(fake_server: "FakeServer", raw: bytes) -> object:
    return {"title": "a fake server for qdrant", "version": fake_server.version}


@route("GET /readyz")
def ready(fake_server: "FakeServer", raw: bytes) -> object:
    return "all shards are ready"


@route("GET /telemetry")
def telemetry(fake_server: "FakeServer", raw: bytes) -> object:
    with fake_server.busy:
        names = fake_server.names()
    shard = {"id": 0, "remote": [], "replicate_states": {}}
    # The real answer lacks fields that the client's model requires, too.
    local = {"vectors_size_bytes": 3000, "payloads_size_bytes": 500}
    return {
        "id": "fake-server",
        "collections": {
            "number_of_collections": len(names),
            "collections": [{"id": n, "shards": [{**shard, "local": local}]} for n in names],
        },
    }


@route("GET /cluster/telemetry")
def cluster_telemetry(fake_server: "FakeServer", raw: bytes) -> object:
    """The copies of one shard, each on a node of its own; the real answer has more shards."""
    states = fake_server.replicas.popleft() if fake_server.replicas else ["green"]
    replicas = [
        {"peer_id": peer, "state": "Active", "status": state}
        if state.islower()
        else {"peer_id": peer, "state": state}
        for peer, state in enumerate(states)
    ]
    with fake_server.busy:
        names = fake_server.names()
    shards = [{"id": 0, "replicas": replicas}]
    return {"collections": {name: {"id": name, "shards": shards} for name in names}}


@route("GET /collections")
def list_collections(fake_server: "FakeServer", raw: bytes) -> object:
    with fake_server.busy:
        return fake_server.client.get_collections()


@route("GET /aliases")
def list_aliases(fake_server: "FakeServer", raw: bytes) -> object:
    with fake_server.busy:
        return fake_server.client.get_aliases()


@route("POST /collections/aliases")
def change_aliases(fake_server: "FakeServer", raw: bytes) -> object:
    body = models.ChangeAliasesOperation.model_validate_json(raw)
    with fake_server.busy:
        return fake_server.client.update_collection_aliases(body.actions)


@route("GET /collections/([^/]+)")
def look(fake_server: "FakeServer", raw: bytes, name: str) -> object:
    with fake_server.busy:
        info = fake_server.client.get_collection(name)
        if info.config.metadata and "generation" in info.config.metadata:
            placed = fake_server.shards.of(_target(fake_server, name))
            info.config.params.shard_number = len(placed)
            info.config.params.replication_factor = len(placed[0])
        if fake_server.states and name == fake_server.optimising:
            info.status = models.CollectionStatus(fake_server.states.popleft())
            if info.status == models.CollectionStatus.RED:
                info.optimizer_status = models.OptimizersStatusOneOf1(error="it went wrong")
        return info


@route("PUT /collections/([^/]+)")
def create(fake_server: "FakeServer", raw: bytes, name: str) -> object:
    body = models.CreateCollection.model_validate_json(raw)
    fake_server.optimising = ""
    if body.strict_mode_config:
        fake_server.strict[name] = body.strict_mode_config
    with fake_server.busy:
        fake_server.shards.place(name, body.shard_number or 1, body.replication_factor or 1)
        return fake_server.client.create_collection(
            name,
            vectors_config=body.vectors,
            sparse_vectors_config=body.sparse_vectors,
            metadata=body.metadata,
        )


@route("PATCH /collections/([^/]+)")
def change(fake_server: "FakeServer", raw: bytes, name: str) -> object:
    body = models.UpdateCollection.model_validate_json(raw)
    if body.hnsw_config:
        fake_server.optimising = name
    with fake_server.busy:
        return fake_server.client.update_collection(name, metadata=body.metadata)


@route("DELETE /collections/([^/]+)")
def delete(fake_server: "FakeServer", raw: bytes, name: str) -> object:
    with fake_server.busy:
        fake_server.shards.remove(name)
        return fake_server.client.delete_collection(name)


@route("PUT /collections/([^/]+)/index")
def index(fake_server: "FakeServer", raw: bytes, name: str) -> object:
    models.CreateFieldIndex.model_validate_json(raw)
    with fake_server.busy:
        fake_server.client.get_collection(name)
    return {"operation_id": 0, "status": "completed"}


@route("PUT /collections/([^/]+)/points")
def upsert(fake_server: "FakeServer", raw: bytes, name: str) -> object:
    body = models.PointsList.model_validate_json(raw)
    check_strict(fake_server, name, "upsert_max_batchsize", len(body.points))
    points = body.points[: len(body.points) // 2] if fake_server.half else body.points
    with fake_server.busy:
        return fake_server.client.upsert(name, points)


@route("POST /collections/([^/]+)/points/delete")
def delete_points(fake_server: "FakeServer", raw: bytes, name: str) -> object:
    body = models.PointIdsList.model_validate_json(raw)
    points = body.points[: len(body.points) // 2] if fake_server.half else body.points
    with fake_server.busy:
        return fake_server.client.delete(name, models.PointIdsList(points=points))


@route("GET /collections/([^/]+)/cluster")
def cluster_info(fake_server: "FakeServer", raw: bytes, name: str) -> object:
    with fake_server.busy:
        fake_server.client.get_collection(name)
        return fake_server.shards.info(fake_server.client, fake_server.peer, name)


@route(f"GET {SHARD}/snapshots")
def list_shard_snapshots(fake_server: "FakeServer", raw: bytes, name: str, shard: str) -> object:
    with fake_server.busy:
        return fake_server.shards.listed(fake_server.peer, name, int(shard))


@route(f"POST {SHARD}/snapshots")
def create_shard_snapshot(fake_server: "FakeServer", raw: bytes, name: str, shard: str) -> object:
    if fake_server.half:  # the server moves a file to its place when it is whole
        return None
    with fake_server.busy:
        return fake_server.shards.snapshot(fake_server.client, fake_server.peer, name, int(shard))


@route(f"GET {SHARD}/snapshots/([^/]+)")
def read_shard_snapshot(
    fake_server: "FakeServer", raw: bytes, name: str, shard: str, snapshot: str
) -> object:
    with fake_server.busy:
        return fake_server.shards.file(fake_server.peer, name, int(shard), snapshot)


@route(f"DELETE {SHARD}/snapshots/([^/]+)")
def delete_shard_snapshot(
    fake_server: "FakeServer", raw: bytes, name: str, shard: str, snapshot: str
) -> object:
    with fake_server.busy:
        return fake_server.shards.delete(fake_server.peer, name, int(shard), snapshot)


@route(f"PUT {SHARD}/snapshots/recover")
def recover_shard(fake_server: "FakeServer", raw: bytes, name: str, shard: str) -> object:
    body = models.ShardSnapshotRecover.model_validate_json(raw)
    file = download(str(body.location), body.api_key)
    if body.checksum and body.checksum != checksum(file):
        raise HttpError(400, f"Wrong input: Snapshot checksum mismatch: expected {body.checksum}")
    with fake_server.busy:
        fake_server.client.get_collection(name)
        half = fake_server.half
        return fake_server.shards.recover(
            fake_server.client, fake_server.peer, name, int(shard), file, half=half
        )


@route("POST /collections/([^/]+)/points")
def retrieve(fake_server: "FakeServer", raw: bytes, name: str) -> object:
    body = models.PointRequest.model_validate_json(raw)
    with fake_server.busy:
        return fake_server.client.retrieve(
            name, body.ids, with_payload=body.with_payload, with_vectors=body.with_vector
        )


@route("POST /collections/([^/]+)/points/scroll")
def scroll(fake_server: "FakeServer", raw: bytes, name: str) -> object:
    body = models.ScrollRequest.model_validate_json(raw)
    with fake_server.busy:
        points, offset = fake_server.client.scroll(
            name,
            scroll_filter=body.filter,
            order_by=body.order_by,
            limit=body.limit,
            offset=body.offset,
            with_payload=body.with_payload,
            with_vectors=body.with_vector,
        )
    return {"points": points, "next_page_offset": offset}


@route("POST /collections/([^/]+)/points/count")
def count(fake_server: "FakeServer", raw: bytes, name: str) -> object:
    body = models.CountRequest.model_validate_json(raw)
    with fake_server.busy:
        return fake_server.client.count(name, count_filter=body.filter, exact=bool(body.exact))


@route("POST /collections/([^/]+)/facet")
def facet(fake_server: "FakeServer", raw: bytes, name: str) -> object:
    body = models.FacetRequest.model_validate_json(raw)
    with fake_server.busy:
        return fake_server.client.facet(
            name, body.key, facet_filter=body.filter, limit=body.limit or 10, exact=True
        )


@route("POST /collections/([^/]+)/points/query")
def query(fake_server: "FakeServer", raw: bytes, name: str) -> object:
    body = models.QueryRequest.model_validate_json(raw)
    with fake_server.busy:
        return fake_server.client.query_batch_points(name, [body])[0]


@route("POST /collections/([^/]+)/points/query/batch")
def query_batch(fake_server: "FakeServer", raw: bytes, name: str) -> object:
    body = models.QueryRequestBatch.model_validate_json(raw)
    check_strict(fake_server, name, "search_max_batchsize", len(body.searches))
    for search in body.searches:
        check_strict(fake_server, name, "max_query_limit", search.limit or 10)
    with fake_server.busy:
        return fake_server.client.query_batch_points(name, body.searches)
