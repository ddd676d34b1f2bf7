"""The web side of a process: pages for the machines that watch it, and what platforms bring.

    /health    200 while the process lives
    /ready     200 where it can do its work, 503 with the reasons where it cannot
    /metrics   for Prometheus

    /chat               the chat of the business's own site, where it is on (rapport.http.chat)
    /webhooks/CHANNEL   what platforms bring (rapport.http.webhooks)

The first three tell no secret and nothing of customers, and nobody has to log in: whoever opens the
port to others than this machine lets them see how much there is to do.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

import structlog
from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST

from rapport.http.metrics import Metrics
from rapport.http.webhooks import webhooks
from rapport.redaction import redacted
from rapport.runtime.receiver import Receivers
from rapport.runtime.watched import Problem, Seen, problems

log = structlog.get_logger(__name__)


NOT_AT_WORK = Problem("process", "it waits for a platform to be reached, or is stopping")


def make_app(seen: Seen, receivers: Callable[[], Receivers | None] = lambda: None) -> FastAPI:
    """The application for one process, which may not be at work yet: then both give None."""
    app = FastAPI(title="Rapport", openapi_url=None)
    metrics, looking = Metrics(seen), threading.Lock()

    def troubles() -> list[Problem]:
        watched = seen()
        return [NOT_AT_WORK] if watched is None else problems(watched)

    @app.get("/health")
    async def health() -> dict[str, bool]:
        return {"alive": True}

    # Those that read the store are no coroutines: the framework runs them in threads. One at a
    # time, however many ask: the process needs its connections for its work.
    @app.get("/ready")
    def ready() -> JSONResponse:
        with looking:
            found = [{"about": one.about, "reason": redacted(one.reason)} for one in troubles()]
        return JSONResponse({"ready": not found, "problems": found}, 503 if found else 200)

    @app.get("/metrics")
    def show_metrics() -> Response:
        with looking:
            text = metrics.text()
        return Response(text, media_type=CONTENT_TYPE_LATEST)

    app.include_router(webhooks(receivers))

    @app.exception_handler(Exception)
    async def failed(request: Request, error: Exception) -> JSONResponse:
        log.error("page_failed", path=request.url.path, exc_info=error)
        return JSONResponse({"error": "something went wrong; the log says what"}, 500)

    return app
