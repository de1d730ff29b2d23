"""How changes are sent to the builder: an Arrow IPC stream, nothing that could run as code.

One record batch holds the point id, the payload as JSON (null deletes the point), one column of
fixed-size lists per vector and two of lists per sparse vector (null where the point lacks it).
"""

import json
import uuid
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

import numpy as np
import pyarrow as pa

from qdrant.model import SparseVector, Spec
from qdrant.points import Change, Deletion, Row
from vitrine.batches import batched

# Points per record batch: 3 vectors of 512 dimensions make 1.5 MB of it.
BATCH = 256
_SPEC = b"vitrine.spec"
_NOTHING = SparseVector(np.empty(0, np.uint32), np.empty(0, np.float32))


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
            columns += _sparse_columns([row.sparse.get(name) if row else None for row in rows])
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
    sparse = {name: _sparse_vectors(batch, name) for name in spec.sparse}
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


def _column(dim: int, vectors: Sequence[np.ndarray | None]) -> pa.FixedSizeListArray:
    values = np.zeros((len(vectors), dim), dtype=np.float32)
    absent = np.array([vector is None for vector in vectors])
    if present := [vector for vector in vectors if vector is not None]:
        values[~absent] = np.concatenate(present).reshape(-1, dim)
    return pa.FixedSizeListArray.from_arrays(
        pa.array(values.reshape(-1)), dim, mask=pa.array(absent)
    )


def _sparse_columns(vectors: Sequence[SparseVector | None]) -> list[pa.ListArray]:
    """Indices and values."""
    present = [vector or _NOTHING for vector in vectors]
    ends = np.cumsum([0, *(len(vector.indices) for vector in present)])
    absent = pa.array([vector is None for vector in vectors])
    return [
        pa.ListArray.from_arrays(pa.array(ends, pa.int32()), pa.array(values), mask=absent)
        for values in (
            np.concatenate([vector.indices for vector in present]),
            np.concatenate([vector.values for vector in present]),
        )
    ]


def _sparse_vectors(batch: pa.RecordBatch, name: str) -> list[SparseVector | None]:
    indices, values = batch.column(f"{name}.indices"), batch.column(f"{name}.values")
    ends = pairwise(indices.offsets.to_pylist())
    there = indices.is_valid().to_pylist()
    numbers, weights = indices.values.to_numpy(), values.values.to_numpy()
    return [
        SparseVector(numbers[start:end], weights[start:end]) if is_there else None
        for is_there, (start, end) in zip(there, ends, strict=True)
    ]
