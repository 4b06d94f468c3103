"""The routes: /healthz, /readyz, /metrics, /status; and /reload and /hold, on the control socket alone."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

if TYPE_CHECKING:
    from tailrace.supervisor.health import WorkerHealth


class View(Protocol):
    """What the supervisor lets be asked."""

    @property
    def workers(self) -> list[WorkerHealth]: ...

    def problems(self) -> list[str]:
        """Why the pipeline is not well; empty when it is."""
        ...

    def unready(self) -> list[str]:
        """Which workers have not been at work yet; empty when all have."""
        ...

    def status(self) -> dict[str, Any]: ...

    def labels(self) -> dict[str, str]:
        """What tells this pipeline from others in metrics."""
        ...

    async def reload(self, globs: Sequence[str], where: str, resync: bool) -> tuple[dict[str, list[int]], list[str]]:
        """Has tables loaded again; how often each was before and how often refused, and why others are not."""
        ...

    async def hold(self, sink: str, seconds: float) -> bool:
        """Has a sink leave its target alone; whether it was there to be told."""
        ...


def create_app(view: View, steered: bool = False) -> Starlette:
    """The application of one socket.

    Args:
        steered: whoever may connect may also steer the pipeline.
    """

    async def healthz(_request: Request) -> Response:
        problems = view.problems()
        return _json({"ok": not problems, "reasons": problems}, 503 if problems else 200)

    async def readyz(_request: Request) -> Response:
        unready = view.unready()
        return _json({"ready": not unready, "reasons": unready}, 503 if unready else 200)

    async def status(_request: Request) -> Response:
        return _json(view.status(), 200)

    async def metrics(request: Request) -> Response:
        from tailrace.http.metrics import render

        # In a thread: of thousands of tables it takes a while, and the supervisor has workers to listen to.
        body, content_type = await asyncio.to_thread(render, view, request.headers.get("accept", ""))
        return Response(body, headers={"content-type": content_type})

    async def reload(request: Request) -> Response:
        given = orjson.loads(await request.body())
        asked, problems = await view.reload(given["tables"], given["where"], given["resync"])
        return _json({"tables": asked, "problems": problems}, 202)

    async def hold(request: Request) -> Response:
        given = orjson.loads(await request.body())
        return _json({"told": await view.hold(given["sink"], given["seconds"])}, 202)

    asked = [("/healthz", healthz), ("/readyz", readyz), ("/status", status), ("/metrics", metrics)]
    routes = [Route(path, endpoint, methods=["GET"]) for path, endpoint in asked]
    if steered:
        routes.append(Route("/reload", reload, methods=["POST"]))
        routes.append(Route("/hold", hold, methods=["POST"]))
    return Starlette(routes=routes)


def _json(value: Any, code: int) -> Response:
    return Response(orjson.dumps(value) + b"\n", code, media_type="application/json")
