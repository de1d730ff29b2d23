"""Whether the server runs, whether it can answer, and what it measures."""

from fastapi import APIRouter
from starlette.responses import Response

from api import metrics
from api.answers import Live, Ready
from api.problems import UNREADY_SECONDS
from api.service import Served

router = APIRouter(tags=["operation"])

METRICS = "text/plain; version=0.0.4; charset=utf-8"


@router.get("/health/live")
async def live() -> Live:
    """The server runs: restart it where this does not answer."""
    return Live()


@router.get(
    "/health/ready",
    responses={503: {"model": Ready, "description": "Send no searches here yet."}},
)
async def ready(service: Served, response: Response) -> Ready:
    """The collection is there, its fingerprint is right, and the model is in memory."""
    found = await service.threads.run(service.readiness)
    if found.problem:
        response.status_code = 503
        response.headers["Retry-After"] = str(UNREADY_SECONDS)
    return Ready(ready=not found.problem, variant=found.variant, problem=found.problem)


@router.get(
    "/metrics",
    response_class=Response,
    responses={200: {"content": {METRICS: {"schema": {"type": "string"}}}}},
)
async def metrics_text(service: Served) -> Response:
    """What the server measures, in Prometheus's text format."""
    return Response(await service.threads.run(metrics.render), media_type=METRICS)
