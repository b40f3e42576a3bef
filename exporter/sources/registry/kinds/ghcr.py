"""GitHub Container Registry."""

from typing import Final

from exporter.sources.registry.kind_facts import (
    Fact,
    KindFacts,
    ReadEffect,
    Signs,
    Sweep,
    Verified,
    Visibility,
)


def _recognise(signs: Signs) -> str | None:
    """The host, or the header of every answer of GitHub with a token server at `/token`."""
    enterprise = "x-github-request-id" in signs.headers and signs.realm.endswith("/token")
    return "" if signs.host == "ghcr.io" or enterprise else None


KINDS: Final = (
    KindFacts(
        "ghcr",
        "GitHub Container Registry",
        _recognise,
        catalogue=Fact(Visibility.NONE, "oras-project/oras-go issue 621", Verified.READ),
        # Asked for one, it redirects to pages of github.com, which limit the rate.
        referrers=Fact(
            value=False, source="artifacthub/hub#4785, a redirect", verified=Verified.READ
        ),
        lister="github",
        manifest=Fact(
            frozenset({ReadEffect.PULL_COUNT}),
            "cplieger/registry-stats: the page of a package tells its downloads",
            Verified.READ,
        ),
        untagged=Fact(
            Sweep.RULE,
            "actions/delete-package-versions#162: a workflow of the owner, children too",
            Verified.READ,
        ),
    ),
)
