"""How a server is used, from the environment; every default is the server's own.

A published generation never changes and every copy of it is complete, so one copy answers as well
as several: `consistency` is for servers that others write to. Reading from more nodes than one
(`fan_out`) costs their time and shortens the wait for a node that is slow.
"""

import os
from dataclasses import dataclass
from typing import Any

from qdrant_client import models

from qdrant.errors import StoreError

CONSISTENCIES = tuple(each.value for each in models.ReadConsistencyType)


@dataclass(frozen=True)
class Placement:
    """How a collection is spread over a cluster; None leaves it to the server: one shard, one copy.

    Attributes:
        shards: parts that the points are divided into.
        replicas: copies of each part.
    """

    shards: int | None = None
    replicas: int | None = None

    @classmethod
    def from_environment(cls) -> "Placement":
        """Return the values of QDRANT_SHARDS and QDRANT_REPLICAS.

        Raises:
            StoreError: one of them is not a number from 1 on.
        """
        return cls(_number("QDRANT_SHARDS"), _number("QDRANT_REPLICAS"))


@dataclass(frozen=True)
class Reading:
    """How a cluster is read; None leaves it to the server.

    Attributes:
        fan_out: further nodes that every search is sent to; the first answer counts.
        fan_out_delay: milliseconds before that.
        consistency: copies that must agree on a point, or `majority`, `quorum` or `all`.
    """

    fan_out: int | None = None
    fan_out_delay: int | None = None
    consistency: models.ReadConsistency | None = None

    @classmethod
    def from_environment(cls) -> "Reading":
        """Return the values of the variables QDRANT_READ_….

        Raises:
            StoreError: one of them is not valid.
        """
        return cls(
            _number("QDRANT_READ_FAN_OUT", least=0),
            _number("QDRANT_READ_FAN_OUT_DELAY_MS", least=0),
            _consistency("QDRANT_READ_CONSISTENCY"),
        )

    def parameters(self) -> dict[str, Any]:
        """Return the changes to a server collection's settings; empty for none."""
        if self.fan_out is None and self.fan_out_delay is None:
            return {}
        return {
            "collection_params": models.CollectionParamsDiff(
                read_fan_out_factor=self.fan_out, read_fan_out_delay_ms=self.fan_out_delay
            )
        }


def answer_seconds(default: int) -> int:
    """Return the seconds that the server has for one answer to a search: QDRANT_TIMEOUT.

    Raises:
        StoreError: it is not a number from 1 on.
    """
    return _number("QDRANT_TIMEOUT") or default


def grpc_port() -> int | None:
    """Return the port by which points are sent, QDRANT_GRPC_PORT; None to send them over REST.

    Raises:
        StoreError: it is not a number from 1 on.
    """
    return _number("QDRANT_GRPC_PORT")


def _number(variable: str, least: int = 1) -> int | None:
    value = os.environ.get(variable, "").strip()
    if not value:
        return None
    if not value.isdecimal() or int(value) < least:
        raise StoreError(f"{variable} is '{value}': it must be a number from {least} on.")
    return int(value)


def _consistency(variable: str) -> models.ReadConsistency | None:
    value = os.environ.get(variable, "").strip()
    if value in CONSISTENCIES:
        return models.ReadConsistencyType(value)
    if value and not value.isdecimal():
        raise StoreError(
            f"{variable} is '{value}': it must be a number or one of {', '.join(CONSISTENCIES)}."
        )
    return _number(variable)
