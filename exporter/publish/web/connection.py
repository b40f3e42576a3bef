"""How is one connection treated? As the library does, but without telling what it is."""

from __future__ import annotations

from typing import Any, Final

from aiohttp import web

BANNER: Final = "pullproof"
"""All that an answer says of the software behind it: no versions."""


class Connection(web.RequestHandler):
    """One client's connection."""

    __slots__ = ("refused",)

    def __init__(self, *arguments: Any, **more: Any) -> None:
        """Take what the library gives."""
        super().__init__(*arguments, **more)
        self.refused = 0
        """Wrong passwords that came on it."""

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Answer what the application never saw, or failed at."""
        if isinstance(exc, UnicodeError) and "Expect" in request.headers:
            # aiohttp repeats the header in its refusal, and fails where it is no text.
            response: web.StreamResponse = web.Response(status=417, text="unknown Expect header\n")
            response.force_close()
        else:
            response = super().handle_error(request, status, exc, message)
        response.headers["Server"] = BANNER
        return response
