"""Error pages for browsers; programs get plain text."""

from typing import Final

from aiohttp import web
from aiohttp.typedefs import Handler

from exporter.publish.render.html import text
from exporter.publish.web.frame import frame, link
from exporter.publish.web.sending import HTML

_TITLES: Final = {400: "This address cannot be answered", 404: "There is no such page"}


@web.middleware
async def refusals(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer a browser with a page that has a way back, others as the handler does."""
    try:
        return await handler(request)
    except (web.HTTPBadRequest, web.HTTPNotFound) as refusal:
        if "text/html" not in request.headers.get("Accept", ""):
            raise
        body = _page(request, refusal).encode()
        headers = {"Content-Type": HTML, "Vary": "Accept"}
        return web.Response(status=refusal.status, body=body, headers=headers)


def _page(request: web.Request, refusal: web.HTTPException) -> str:
    # An encoded slash is none to a browser.
    inside = request.rel_url.raw_path.removeprefix(request.app[PREFIX])
    home = "../" * max(0, inside.count("/") - 1) or "./"
    title = _TITLES[refusal.status]
    body = (
        f'<section class="verdict unsure"><h1>{title}</h1><p class="lead">'
        f"{text((refusal.text or '').strip())}</p><p>{link(home, 'Back to the status page')}</p>"
        "</section>"
    )
    return frame(f"{title} · pullproof", body, home)


PREFIX: Final = web.AppKey("prefix", str)
"""The application's key for the prefix of every path."""
