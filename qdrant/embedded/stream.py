"""How changes are sent to the builder: an Arrow IPC stream, nothing that could run as code.

One record batch holds the point id, the payload as JSON (null deletes the point), one column of
fixed-size lists per vector and two of lists per sparse vector (null where the point lacks it).
"""

import json
import uuid
from collections.abc import Iterable, Iterator

import numpy as np
import pyarrow as pa

from qdrant.model import SparseVector, Spec
from qdrant.points import Change, Deletion, Row
from vitrine.batches import batched

# Points per record batch: 3 vectors of 512 dimensions make 1.5 MB of it.
BATCH = 256
_SPEC = b"vitrine.spec"


def schema(spec: Spec) -> pa.Schema:
    """Return the stream's schema, which carries the spec."""
    fields = [pa.field("key", pa.binary(16)), pa.field("payload", pa.large_string())]
    fields += [pa.field(name, pa.list_(pa.float32(), spec.dim_of(name))) for name in spec.stored]
    for name in spec.sparse:
        fields.append(pa.field(f"{name}.indices", pa.list_(pa.uint32())))
        fields.append(pa.field(f"{name}.values", pa.list_(pa.float32())))
    return pa.schema(fields, metadata={_SPEC: json.dumps(spec.facts()).encode()})


def spec_of(stream: pa.Schema) -> Spec:
    """Return the spec that a schema carries."""
    return Spec(**json.loads(stream.metadata[_SPEC]))


def encode(spec: Spec, changes: Iterable[Change]) -> Iterator[pa.RecordBatch]:
    """Yield changes in record batches of at most `BATCH`."""
    kind = schema(spec)
    for batch in batched(changes, BATCH):
        rows = [change if isinstance(change, Row) else None for change in batch]
        columns = [
            pa.array([change.key.bytes for change in batch], kind.field("key").type),
            pa.array([row and row.payload for row in rows], kind.field("payload").type),
        ]
        columns += [
            _column(spec.dim_of(name), [row.vectors.get(name) if row else None for row in rows])
            for name in spec.stored
        ]
        for name in spec.sparse:
            vectors = [row.sparse.get(name) if row else None for row in rows]
            for part in ("indices", "values"):
                lists = [vector and getattr(vector, part) for vector in vectors]
                columns.append(pa.array(lists, kind.field(f"{name}.{part}").type))
        yield pa.record_batch(columns, schema=kind)


def decode(spec: Spec, batch: pa.RecordBatch) -> list[Change]:
    """Return the changes of a record batch."""
    columns = {
        name: (
            batch.column(name).is_valid().to_numpy(zero_copy_only=False),
            batch.column(name).values.to_numpy().reshape(-1, spec.dim_of(name)),
        )
        for name in spec.stored
    }
    sparse = {name: _sparse_column(batch, name) for name in spec.sparse}
    keys, payloads = batch.column("key").to_pylist(), batch.column("payload").to_pylist()
    return [
        Deletion(uuid.UUID(bytes=key))
        if payload is None
        else Row(
            uuid.UUID(bytes=key),
            payload,
            {name: values[i] for name, (there, values) in columns.items() if there[i]},
            {name: vector for name, vectors in sparse.items() if (vector := vectors[i])},
        )
        for i, (key, payload) in enumerate(zip(keys, payloads, strict=True))
    ]


def _sparse_column(batch: pa.RecordBatch, name: str) -> list[SparseVector | None]:
    pairs = zip(batch.column(f"{name}.indices"), batch.column(f"{name}.values"), strict=True)
    return [
        SparseVector(indices.values.to_numpy(), values.values.to_numpy())
        if indices.is_valid
        else None
        for indices, values in pairs
    ]


def _column(dim: int, vectors: list[np.ndarray | None]) -> pa.FixedSizeListArray:
    values = np.zeros((len(vectors), dim), dtype=np.float32)
    absent = np.ones(len(vectors), dtype=bool)
    for i, vector in enumerate(vectors):
        if vector is not None:
            values[i], absent[i] = vector, False
    return pa.FixedSizeListArray.from_arrays(
        pa.array(values.reshape(-1)), dim, mask=pa.array(absent)
    )
