"""ECR's API, one action of it: DescribeRepositories (2015-09-21, read).

It lists all repositories of an account in a region to whoever may call it on all of them, and
nothing to others (AccessDeniedException). Credentials and signatures are botocore's: this module
needs the extra `ecr`.
"""

import asyncio
import json
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote

import msgspec
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.exceptions import BotoCoreError
from botocore.session import Session as AwsSession

from exporter.facts.gap import Reason
from exporter.oci.reference import Repository
from exporter.ports import Listing, Unseen
from exporter.sources.registry.lists.api import PAGE_BYTES, ApiSession, decoded, settled
from exporter.sources.registry.lists.pages import ApiList, Entries
from exporter.sources.registry.messages import Request, Response

_ACTION: Final = "AmazonEC2ContainerRegistry_V20150921.DescribeRepositories"
_MEDIA_TYPE: Final = "application/x-amz-json-1.1"
_LARGEST_PAGE: Final = 1000
_BAD_REQUEST: Final = 400
_REASONS: Final = {
    "AccessDeniedException": Reason.DENIED,
    "ExpiredTokenException": Reason.UNAUTHORIZED,
    "InvalidSignatureException": Reason.UNAUTHORIZED,
    "UnrecognizedClientException": Reason.UNAUTHORIZED,
    "ThrottlingException": Reason.RATE_LIMITED,
}
"""Common Errors of the API reference; all come with 400."""


class _EcrRepository(msgspec.Struct, gc=False, rename="camel"):
    repository_name: str


class _EcrRepositories(msgspec.Struct, gc=False, rename="camel"):
    repositories: list[_EcrRepository]
    next_token: str | None = None


class _EcrFailure(msgspec.Struct, gc=False):
    type: str = msgspec.field(name="__type")


@dataclass(frozen=True, slots=True)
class EcrList:
    """Repositories of one account in one region."""

    api: ApiSession
    account: str
    region: str

    async def repositories(self) -> Listing[Repository]:
        """Return what is listed, and what may be left out. Raises `Unseen`."""
        subject = "_catalog"

        def read(response: Response) -> Entries:
            found = decoded(response, _EcrRepositories, subject)
            names = [each.repository_name for each in found.repositories]
            return Entries(names, onward=found.next_token)

        signer = await asyncio.to_thread(_signer, self.region)
        pages = _Described(self.api, subject, "/", read, "nextToken", self.account, signer)
        return await pages.repositories(self.api.limits.repositories)

    async def aclose(self) -> None:
        """Close every connection; a request afterwards opens another."""
        await self.api.aclose()


@dataclass(frozen=True, slots=True)
class _Described(ApiList):
    account: str = ""
    signer: SigV4Auth | None = None

    async def fetch(self, query: str) -> Response:
        """Return a page. Raises `Unseen`."""
        asked = {"registryId": self.account, "maxResults": _LARGEST_PAGE}
        if query:
            asked["nextToken"] = unquote(query.removeprefix("nextToken="))
        body = json.dumps(asked)
        headers = {"X-Amz-Target": _ACTION, "Content-Type": _MEDIA_TYPE}
        signed = AWSRequest("POST", f"{self.api.address}/", data=body, headers=headers)
        if self.signer is not None:
            self.signer.add_auth(signed)
        del signed.headers["Content-Type"]  # the client says it
        response = await self.api.send(
            Request(
                "catalog",
                self.subject,
                path=self.path,
                form=body,
                form_type=_MEDIA_TYPE,
                headers=tuple(signed.headers.items()),
                most=PAGE_BYTES,
                patient=True,
            )
        )
        if response.status == _BAD_REQUEST:
            raise _failure(response, self.subject)
        return settled(response, self.subject)


def _signer(region: str) -> SigV4Auth:
    """Return what signs requests with the credentials that AWS' own tools would use."""
    try:
        found = AwsSession().get_credentials()
        if found is None:
            words = "no AWS credentials found: no role, profile or AWS_ACCESS_KEY_ID"
            raise Unseen("_catalog", Reason.CREDENTIALS, words)
        return SigV4Auth(found.get_frozen_credentials(), "ecr", region)
    except BotoCoreError as error:
        # Its text may name files and addresses, and is no sentence of ours.
        words = f"the AWS credentials cannot be used: {type(error).__name__}"
        raise Unseen("_catalog", Reason.CREDENTIALS, words) from error


def _failure(response: Response, subject: str) -> Unseen:
    name = decoded(response, _EcrFailure, subject).type.rpartition("#")[2]
    reason = _REASONS.get(name)
    words = f"{response.status} {name}" if reason else f"{response.status}"
    return Unseen(subject, reason or Reason.UNSUPPORTED, words)
