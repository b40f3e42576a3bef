"""What the APIs of registries answer, shaped as they are documented; nothing here is invented.

Each class says which version and page its shapes are from.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import ClassVar, Final
from urllib.parse import parse_qs, urlsplit

from tests.parts.http import Answer, Asked

NAMES: Final = tuple(f"team/app{number}" for number in range(5))
TOKEN: Final = "api-token-of-the-tests"
ROBOT: Final = ("robot$team+audit", "robot-secret")
JSON: Final = {"Content-Type": "application/json; charset=utf-8"}
ELSEWHERE: Final = "https://elsewhere.example.com/all?page=2"


def said(document: object, status: int = 200, **headers: str) -> Answer:
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(status, json.dumps(document).encode(), {**JSON, **given})


@dataclass
class Conversation:
    """A server that holds repositories of one owner, `team`, and shows so many a page."""

    names: list[object] = field(default_factory=lambda: list(NAMES))
    per_page: int = 2
    whole: bool = True
    """Does the account see all, and does the API say so?"""
    asked: list[Asked] = field(default_factory=list)
    spoiled: dict[int, Answer] = field(default_factory=dict)
    """By page, from 1: what is said in place of it."""
    short: int = 0
    """So many entries of the last page never come, although they are counted."""

    from_: ClassVar[str]
    path: ClassVar[str]
    login: ClassVar[str] = ""
    settings: ClassVar[str] = "namespaces: [team], api_url: URL, api_token_env: API_TOKEN"

    def __call__(self, asked: Asked) -> Answer:
        self.asked.append(asked)
        if urlsplit(asked.target).path != self.path:
            return self.beside(asked)
        page = self.page_of(asked)
        return self.spoiled.get(page) or self.listed(page)

    def page_of(self, asked: Asked) -> int:
        return int(parse_qs(urlsplit(asked.target).query).get("page", ["1"])[0])

    def part(self, page: int) -> list[object]:
        start = (page - 1) * self.per_page
        return self.names[: len(self.names) - self.short][start : start + self.per_page]

    def last(self, page: int) -> bool:
        return page * self.per_page >= len(self.names)

    def entry(self, name: object) -> dict[str, object]:
        raise NotImplementedError

    def listed(self, page: int) -> Answer:
        raise NotImplementedError

    def beside(self, asked: Asked) -> Answer:
        return said({"message": f"Not Found: {asked.target}"}, 404)

    def pages(self) -> list[int]:
        """Which pages were asked for."""
        return [self.page_of(each) for each in self.asked if each.target.startswith(self.path)]


def last_part(name: object) -> object:
    return name.partition("/")[2] if isinstance(name, str) else name


class Harbor(Conversation):
    """Harbor v2.15.2, `api/v2.0/swagger.yaml`: listRepositories, listAllRepositories, Repository.

    `GET /users/current` of a robot is 412 (`src/server/v2.0/handler/user.go`).
    """

    from_ = "harbor"
    login = f"username: '{ROBOT[0]}', password_env: PASSWORD"
    path = "/api/v2.0/projects/team/repositories"
    settings = "namespaces: [team]"

    def entry(self, name: object) -> dict[str, object]:
        return {
            "artifact_count": 1,
            "creation_time": "2026-11-29T10:00:00.000Z",
            "id": 1,
            "name": name,
            "project_id": 2,
            "pull_count": 0,
            "update_time": "2026-11-29T10:00:00.000Z",
        }

    def listed(self, page: int) -> Answer:
        link = "" if self.last(page) else f'<{ELSEWHERE}>; rel="next"'
        entries = [self.entry(name) for name in self.part(page)]
        return said(entries, Link=link, X_Total_Count=str(len(self.names)))

    def beside(self, asked: Asked) -> Answer:
        if asked.target == "/api/v2.0/users/current":
            if self.whole:
                return said({"user_id": 1, "username": "admin", "sysadmin_flag": True})
            words = "get current user not available for security context: robot"
            return said({"errors": [{"code": "PRECONDITION", "message": words}]}, 412)
        if urlsplit(asked.target).path == "/api/v2.0/repositories":
            return self.listed(self.page_of(asked))
        words = "project other not found"
        return said({"errors": [{"code": "NOT_FOUND", "message": words}]}, 404)


class GitHub(Conversation):
    """GitHub REST API, version 2022-11-28, "REST API endpoints for packages".

    "List packages for an organization", "Get a user", "Get an organization membership for the
    authenticated user"; `X-OAuth-Scopes`: "Scopes for OAuth apps".
    """

    from_ = "github"
    path = "/orgs/team/packages"

    def entry(self, name: object) -> dict[str, object]:
        return {
            "id": 197,
            "name": last_part(name),
            "package_type": "container",
            "owner": {"login": "team", "id": 9919, "type": "Organization", "site_admin": False},
            "version_count": 1,
            "visibility": "private",
            "url": "https://api.github.com/orgs/team/packages/container/app",
            "created_at": "2019-11-05T18:42:07Z",
            "updated_at": "2019-11-05T18:42:07Z",
            "html_url": "https://github.com/orgs/team/packages/container/package/app",
        }

    def listed(self, page: int) -> Answer:
        link = "" if self.last(page) else f'<{ELSEWHERE}>; rel="next"'
        return said([self.entry(name) for name in self.part(page)], Link=link)

    def beside(self, asked: Asked) -> Answer:
        if asked.target == "/users/team":
            return said({"login": "team", "id": 9919, "type": "Organization"})
        if asked.target == "/user/memberships/orgs/team":
            role = "admin" if self.whole else "member"
            scopes = "read:org, read:packages"
            return said({"state": "active", "role": role}, X_OAuth_Scopes=scopes)
        return said({"message": "Not Found", "documentation_url": "…", "status": "404"}, 404)


class GitLab(Conversation):
    """GitLab 18, `doc/api/container_registry.md` "Within a group", `rest/_index.md`."""

    from_ = "gitlab"
    path = "/api/v4/groups/team/registry/repositories"

    def entry(self, name: object) -> dict[str, object]:
        return {
            "id": 1,
            "name": "",
            "path": name,
            "project_id": 9,
            "location": f"gitlab.example.com:5000/{name}",
            "created_at": "2019-01-10T13:38:57.391Z",
            "cleanup_policy_started_at": "2020-08-17T03:12:35.489Z",
        }

    def listed(self, page: int) -> Answer:
        link = "" if self.last(page) else f'<{ELSEWHERE}>; rel="next"'
        entries = [self.entry(name) for name in self.part(page)]
        return said(entries, Link=link, X_Total=str(len(self.names)), X_Page=str(page))


class Gitea(Conversation):
    """Gitea 1.26.0, swagger listPackages, `modules/structs/package.go`: a version is an entry."""

    from_ = "gitea"
    login = f"username: '{ROBOT[0]}', password_env: PASSWORD"
    path = "/api/v1/packages/team"
    settings = "namespaces: [team]"

    def entry(self, name: object) -> dict[str, object]:
        return {
            "id": 1,
            "owner": {"id": 1, "login": "team"},
            "repository": None,
            "creator": {"id": 1, "login": "team"},
            "type": "container",
            "name": last_part(name),
            "version": "v1",
            "html_url": "https://gitea.example.com/team/-/packages/container/app/v1",
            "created_at": "2026-11-29T10:00:00Z",
        }

    def listed(self, page: int) -> Answer:
        link = "" if self.last(page) else f'<{ELSEWHERE}>; rel="next"'
        entries = [self.entry(name) for name in self.part(page)]
        return said(entries, Link=link, X_Total_Count=str(len(self.names)))


@dataclass
class Quay(Conversation):
    """Quay of 2026-08-21: `endpoints/api/repository.py` (listRepos), `organization.py` (org_view).

    `next_page` is encrypted, and there only where there is a further page (`page_support`).
    """

    upstream: str = ""
    """What the organization caches."""
    from_ = "quay"
    path = "/api/v1/repository"
    settings = "namespaces: [team], api_token_env: API_TOKEN"

    def page_of(self, asked: Asked) -> int:
        token = parse_qs(urlsplit(asked.target).query).get("next_page", ["gAAAAA=/+1"])[0]
        return int(token.removeprefix("gAAAAA=/+"))

    def entry(self, name: object) -> dict[str, object]:
        return {
            "namespace": "team",
            "name": last_part(name),
            "description": None,
            "is_public": False,
            "kind": "image",
            "state": "NORMAL",
            "is_starred": False,
        }

    def listed(self, page: int) -> Answer:
        document: dict[str, object] = {"repositories": [self.entry(n) for n in self.part(page)]}
        if not self.last(page):
            document["next_page"] = f"gAAAAA=/+{page + 1}"
        return said(document)

    def beside(self, asked: Asked) -> Answer:
        if asked.target == "/api/v1/organization/team/proxycache":
            return said({"upstream_registry": self.upstream, "expiration_s": "", "insecure": ""})
        if asked.target == "/api/v1/organization/team":
            return said({"name": "team", "email": "", "is_admin": self.whole, "is_member": True})
        return said({"detail": "Not Found", "error_type": "not_found", "status": 404}, 404)


class DockerHub(Conversation):
    """Docker Hub API, `docs.docker.com/reference/api/hub/latest`: "List repositories in a
    namespace", "Create access token" (2026-11)."""

    from_ = "docker-hub"
    login = "username: team"
    path = "/v2/namespaces/team/repositories"

    def entry(self, name: object) -> dict[str, object]:
        return {
            "name": last_part(name),
            "namespace": "team",
            "repository_type": "image",
            "status": 1,
            "status_description": "active",
            "description": "",
            "is_private": self.whole,
            "star_count": 0,
            "pull_count": 2,
            "last_updated": "2026-11-29T10:00:00.000000Z",
            "affiliation": "owner",
        }

    def listed(self, page: int) -> Answer:
        entries = [self.entry(name) for name in self.part(page)]
        onward = None if self.last(page) else ELSEWHERE
        count = len(self.names)
        return said({"count": count, "next": onward, "previous": None, "results": entries})

    def beside(self, asked: Asked) -> Answer:
        shown = {"identifier": "team", "secret": TOKEN}
        if (asked.method, asked.target) == ("POST", "/v2/auth/token"):
            if json.loads(asked.body) == shown:
                return said({"access_token": "eyJhbGciOi.J9.abc"})
            return said({"errinfo": None, "message": "unauthorized"}, 401)
        return said({"errinfo": None, "message": "not found"}, 404)


class Ecr(Conversation):
    """Amazon ECR API Reference 2015-09-21: DescribeRepositories, Repository, Common Errors."""

    from_ = "ecr"
    path = "/"
    settings = "api_url: URL"

    def page_of(self, asked: Asked) -> int:
        return int(json.loads(asked.body).get("nextToken", "token=/+1").removeprefix("token=/+"))

    def entry(self, name: object) -> dict[str, object]:
        return {
            "createdAt": 1.563223656e9,
            "encryptionConfiguration": {"encryptionType": "AES256"},
            "imageScanningConfiguration": {"scanOnPush": False},
            "imageTagMutability": "MUTABLE",
            "registryId": "012345678910",
            "repositoryArn": f"arn:aws:ecr:eu-west-1:012345678910:repository/{name}",
            "repositoryName": name,
            "repositoryUri": f"012345678910.dkr.ecr.eu-west-1.amazonaws.com/{name}",
        }

    def listed(self, page: int) -> Answer:
        document: dict[str, object] = {"repositories": [self.entry(n) for n in self.part(page)]}
        if not self.last(page):
            document["nextToken"] = f"token=/+{page + 1}"
        return said(document)


EVERY: Final = (Harbor, GitHub, GitLab, Gitea, Quay, DockerHub, Ecr)
"""All that are spoken."""
NUMBERED: Final = (Harbor, GitHub, GitLab, Gitea, DockerHub)
"""Those whose pages have numbers."""
COUNTED: Final = (Harbor, GitLab, Gitea, DockerHub)
"""Those that state how many entries there are."""
IN_PART: Final = (GitHub, Quay, DockerHub)
"""Those that may leave something out of a namespace without a word."""
