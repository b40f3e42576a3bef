"""Sessions with a registry's own API, which is not the one that images are pulled by."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

import msgspec

from exporter.facts.gap import Reason
from exporter.ports import Unseen
from exporter.sources.registry.client import Client
from exporter.sources.registry.credentials import (
    ANONYMOUS,
    Login,
    LoginSource,
    Uncarried,
    presentable,
)
from exporter.sources.registry.limits import RequestLimits
from exporter.sources.registry.messages import Request, Response
from exporter.sources.registry.responses import check_whole, refusal
from exporter.sources.registry.session import Session

PAGE_BYTES: Final = 4 * 2**20
"""The longest answer that is read: a hundred packages of GitHub are below one of them."""
_OK, _UNAUTHORIZED, _DENIED, _NOT_FOUND = 200, 401, 403, 404
_EMPTY_HANDED: Final = frozenset({_UNAUTHORIZED, _DENIED})

Document = TypeVar("Document")


class NotFound(Unseen):
    """404: what is asked for is not there, or is hidden from the account."""


class ApiSession(Session):
    """Requests to an API. Its one login is shown to that host and to no other."""

    def __init__(
        self,
        name: str,
        client: Client,
        limits: RequestLimits,
        authorize: Callable[["ApiSession"], Awaitable[str]],
    ) -> None:
        """`authorize` returns the value of the Authorization header, empty for none."""
        super().__init__(name, client, ANONYMOUS, limits)
        self._authorize = authorize
        self._shown = ""
        self.namespace = ""
        """The namespace whose login is shown; empty for the registry as a whole."""

    async def login(self, namespace: str = "") -> None:
        """Look up the login anew, for all requests that follow: secrets are rotated.

        Raises `Unseen` where it cannot be had.
        """
        self._shown, self.namespace = "", namespace
        try:
            self._shown = await self._authorize(self)
        except Unseen as failure:
            detail = f"{failure.subject}: {failure.detail}"
            raise Unseen("_catalog", failure.reason, detail) from failure

    async def get(self, path: str, subject: str) -> Response:
        """Return the whole answer to a request, which is a 200. Raises `Unseen`."""
        return await self.answered(
            Request("catalog", subject, path=path, most=PAGE_BYTES, patient=True)
        )

    async def answered(self, request: Request) -> Response:
        """Return the same to any request."""
        return settled(await self.send(request), request.subject)

    async def _authorized(self, request: Request) -> Response:
        """Show the login; a refusal stands, since there is no other."""
        response = await self._once(request, self._shown)
        if response.status in _EMPTY_HANDED:
            raise _refused(response, request.subject)
        return response


def settled(response: Response, subject: str) -> Response:
    """Return an answer that is a whole 200 of the API's own. Raises `Unseen` for any other."""
    if response.foreign:
        raise Unseen(subject, Reason.REDIRECT, "the API redirects to another host")
    if response.status == _NOT_FOUND:
        raise NotFound(subject, Reason.DENIED, "404: not there, or hidden from the account")
    if response.status != _OK:
        raise refusal(response, subject)
    check_whole(response, subject)
    return response


def _refused(response: Response, subject: str) -> Unseen:
    """Return what a 401 or 403 means: GitHub says 403 also where a rate limit is used up."""
    if response.headers.get("x-ratelimit-remaining") == "0":
        return Unseen(subject, Reason.RATE_LIMITED, f"{response.status}: no requests left")
    return refusal(response, subject)


def decoded(response: Response, kind: type[Document], subject: str) -> Document:
    """Return an answer's JSON as a value of this type. Raises `Unseen` for anything else."""
    try:
        return msgspec.json.decode(response.body, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        words = "the API's answer is not what its documentation says"
        raise Unseen(subject, Reason.MALFORMED, words) from error


def basic(logins: LoginSource, host: str) -> Callable[[ApiSession], Awaitable[str]]:
    """Return what shows the login of a namespace or the registry: its API is on the same host."""

    async def authorize(session: ApiSession) -> str:
        login = await logins.find(host, session.namespace)
        if login is None:
            return ""
        if not login.password:
            words = "the API takes a user name and a password, and no token of a token server"
            raise Unseen(host, Reason.CREDENTIALS, words)
        return login.basic

    return authorize


def bearer(secret: Callable[[], str]) -> Callable[[ApiSession], Awaitable[str]]:
    """Return what shows a token, which `secret` reads anew. Raises `Unseen`, as `secret` does."""

    async def authorize(_: ApiSession) -> str:
        return f"Bearer {await read_secret(secret)}"

    return authorize


async def nobody(_: ApiSession) -> str:
    """Show no login."""
    return ""


async def read_secret(secret: Callable[[], str]) -> str:
    """Return a token that a header can carry. Raises `Unseen`."""
    token = await asyncio.to_thread(secret)  # its file may be on a disk that hangs
    try:
        return presentable(Login(registry_token=token)).registry_token
    except Uncarried as error:
        raise Unseen("api_token", Reason.CREDENTIALS, str(error)) from error
