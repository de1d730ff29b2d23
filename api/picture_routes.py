"""The pictures of products. They need no key: a page shows them as they are."""

from typing import Annotated

from fastapi import APIRouter, Header, Query
from fastapi import Path as InPath
from starlette.responses import Response

from api.problems import NOT_FOUND, ProblemError
from api.renditions import DEFAULT_WIDTH, Width
from api.service import Served

WEBP = "image/webp"
# The address names the content, which never changes.
FOREVER = "public, max-age=31536000, immutable"

router = APIRouter(tags=["pictures"])


@router.get(
    "/pictures/{digest}.webp",
    response_class=Response,
    responses={
        200: {
            "description": "The picture.",
            "content": {WEBP: {"schema": {"type": "string", "format": "binary"}}},
        },
        304: {"description": "The client has it already: its ETag is the one of `If-None-Match`."},
    },
)
async def picture(
    digest: Annotated[str, InPath(pattern="^[0-9a-f]{64}$", description="Of the content.")],
    service: Served,
    width: Annotated[Width, Query(description="In pixels; nothing is enlarged.")] = DEFAULT_WIDTH,
    if_none_match: Annotated[str, Header(description="ETag that the client has.")] = "",
) -> Response:
    """The picture of a product as WebP; an `image_url` leads here."""
    headers = {"ETag": f'"{digest[:32]}-{width}"', "Cache-Control": FOREVER}
    if headers["ETag"] in if_none_match:
        return Response(status_code=304, headers=headers)
    data = await service.rendition_threads.run(service.renditions.rendition, digest, width)
    if data is None:
        raise ProblemError(NOT_FOUND, "This shop has no such picture.")
    return Response(data, media_type=WEBP, headers=headers)
