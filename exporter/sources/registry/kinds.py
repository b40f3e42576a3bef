"""Kinds of registries: the facts about each, with their sources."""

from typing import Final

from exporter.facts.registry_kind import UNKNOWN_KIND, ChildRemoval, Collector, RegistryKind
from exporter.sources.registry import signs
from exporter.sources.registry.kind_facts import (
    UNKNOWN_FACTS,
    KindFacts,
    ReadEffect,
    Sweep,
    Visibility,
    read,
    run,
)

_LONGEST: Final = 40
"""Maximum characters of a version, which is the registry's own text."""
_NOTHING: Final[frozenset[ReadEffect] | None] = frozenset()
_ARTIFACTORY_CLEANUP: Final = (
    "Artifactory cleanup best practices (JFrog): downloads of manifest.json"
)
_DISTRIBUTION: Final = "distribution 2.8.2 and 3.1.1, registry/handlers"
_HUB_LIMITS: Final = "Docker Hub pull usage and limits (docs.docker.com/docker-hub/usage/pulls)"
_ECR_PULL: Final = "Amazon ECR User Guide, Pull-time update exclusions"
_ECR_LIFECYCLE: Final = "Amazon ECR User Guide, Examples of lifecycle policies"
GITEA: Final = "gitea"
_GITEA: Final = "Gitea 1.26.0"
_GITEA_DOWNLOADS: Final = (
    "Gitea, services/packages/packages.go: GET of a version's lead file, the manifest"
)
_GITLAB_ONLINE: Final = "GitLab 17.2, Delete container images from the container registry"
_HARBOR: Final = "Harbor 2.15.2"
_NEXUS_CLEANUP: Final = "help.sonatype.com, Cleanup Policies: downloaded before a number of days"
_NEXUS_HANDLER: Final = "nexus-public, LastDownloadedHandler: GET and HEAD, at most every 12 hours"
_QUAY: Final = "Quay of 2026-08-21 (ffba0c70e2d8)"
_QUAY_PULLS: Final = frozenset({ReadEffect.PULL_TIME, ReadEffect.PULL_COUNT, ReadEffect.PULL_LOG})
_ZOT: Final = "zot 2.1.20"

KINDS: Final = (
    KindFacts(
        "acr",
        "Azure Container Registry",
        signs.is_acr,
        untagged=read(Sweep.RULE, "Set a retention policy for untagged manifests (Microsoft)"),
    ),
    KindFacts(
        "artifactory",
        "JFrog Artifactory",
        signs.is_artifactory,
        manifest=read(
            frozenset({ReadEffect.PULL_TIME, ReadEffect.PULL_COUNT}), _ARTIFACTORY_CLEANUP
        ),
        decides=read(frozenset({ReadEffect.PULL_TIME}), _ARTIFACTORY_CLEANUP),
    ),
    *(
        KindFacts(
            "distribution",
            f"CNCF distribution {variant}.x",
            recognise,
            variant,
            collector=run(collector, f"{version}, garbage-collect"),
            removals=run(frozenset(), f"{version}, garbage-collect"),
            untagged=run(Sweep.COLLECTION, f"{version}, --delete-untagged"),
            head=read(_NOTHING, _DISTRIBUTION),
            manifest=read(_NOTHING, _DISTRIBUTION),
            blob=read(_NOTHING, _DISTRIBUTION),
            decides=run(_NOTHING, f"{version}, garbage-collect"),
            ranges=run(True, version),
            catalogue=run(Visibility.ALL, version),
        )
        for variant, recognise, collector, version in (
            ("2", signs.is_distribution_2, Collector.DISTRIBUTION_2, "distribution 2.8.2"),
            ("3", signs.is_distribution_3, Collector.DISTRIBUTION_3, "distribution 3.1.1"),
        )
    ),
    KindFacts(
        "docker-hub",
        "Docker Hub",
        signs.is_docker_hub,
        catalogue=read(Visibility.NONE, "its token server grants nobody registry:catalog:*"),
        lister="docker-hub",
        head=read(frozenset(), _HUB_LIMITS),
        manifest=read(frozenset({ReadEffect.RATE_LIMIT, ReadEffect.PULL_COUNT}), _HUB_LIMITS),
        decides=read(frozenset({ReadEffect.RATE_LIMIT}), _HUB_LIMITS),
    ),
    KindFacts(
        "ecr",
        "Amazon ECR",
        signs.is_ecr,
        lister="ecr",
        untagged=read(Sweep.RULE, f"{_ECR_LIFECYCLE}: tagStatus"),
        manifest=read(frozenset({ReadEffect.PULL_TIME}), _ECR_PULL),
        decides=read(frozenset({ReadEffect.PULL_TIME}), f"{_ECR_LIFECYCLE}: sinceImagePulled"),
    ),
    KindFacts(
        "gar",
        "Google Artifact Registry",
        signs.is_gar,
        untagged=read(
            Sweep.RULE, "Configure cleanup policies (Google): by tag state, prefix or age"
        ),
    ),
    KindFacts(
        "ghcr",
        "GitHub Container Registry",
        signs.is_ghcr,
        catalogue=read(Visibility.NONE, "oras-project/oras-go issue 621"),
        # Asked for one, it redirects to pages of github.com, which limit the rate.
        referrers=read(False, "artifacthub/hub#4785, a redirect"),
        lister="github",
        manifest=read(
            frozenset({ReadEffect.PULL_COUNT}),
            "cplieger/registry-stats: the page of a package tells its downloads",
        ),
        untagged=read(
            Sweep.RULE, "actions/delete-package-versions#162: a workflow of the owner, children too"
        ),
    ),
    KindFacts(
        GITEA,
        "Gitea, Forgejo",
        signs.is_gitea,
        lister="gitea",
        collector=run(Collector.PARENT_PROTECTS, f"{_GITEA}, cron cleanup_packages"),
        removals=run(
            frozenset({ChildRemoval.MOVED_TAG, ChildRemoval.CLEANED_TAG}),
            f"{_GITEA}, a tag pushed anew and a cleanup rule",
        ),
        untagged=run(Sweep.AT_ONCE, f"{_GITEA}, a tag pushed anew"),
        ranges=run(False, _GITEA),
        head=run(_NOTHING, _GITEA_DOWNLOADS),
        manifest=run(frozenset({ReadEffect.PULL_COUNT}), _GITEA_DOWNLOADS),
        blob=run(_NOTHING, _GITEA_DOWNLOADS),
        decides=read(
            _NOTHING, "Gitea 1.26.0, services/packages/cleanup/cleanup.go: by creation and count"
        ),
        catalogue=read(Visibility.READABLE, "Gitea 1.26.0, models/packages/container/search.go"),
        denial=run('404 text/plain "Not found." for an owner that does not exist', _GITEA),
    ),
    KindFacts(
        "gitlab",
        "GitLab",
        signs.is_gitlab,
        lister="gitlab",
        untagged=read(
            Sweep.COLLECTION,
            "gitlab-org/container-registry#149: `registry-garbage-collect -m`, children too",
        ),
    ),
    KindFacts(
        "gitlab",
        "GitLab with its metadata database",
        signs.is_gitlab_database,
        "database",
        lister="gitlab",
        collector=read(Collector.PARENT_PROTECTS, _GITLAB_ONLINE),
        removals=read(frozenset(), _GITLAB_ONLINE),
        untagged=read(Sweep.COLLECTION, f"{_GITLAB_ONLINE}: after 24 hours"),
    ),
    KindFacts(
        "harbor",
        "Harbor",
        signs.is_harbor,
        lister="harbor",
        collector=run(Collector.PARENT_PROTECTS, f"{_HARBOR}, GC and DELETE"),
        removals=run(frozenset(), f"{_HARBOR}, GC and DELETE"),
        untagged=run(Sweep.COLLECTION, f"{_HARBOR}, delete_untagged"),
        head=run(_NOTHING, f"{_HARBOR}, its database"),
        manifest=run(
            frozenset({ReadEffect.PULL_TIME, ReadEffect.PULL_COUNT, ReadEffect.PULL_LOG}),
            f"{_HARBOR}, its database",
        ),
        blob=run(_NOTHING, f"{_HARBOR}, its database"),
        decides=run(
            frozenset({ReadEffect.PULL_TIME}),
            f"{_HARBOR}, retention by last pull (pkg/retention/dep/client.go)",
        ),
        ranges=run(True, _HARBOR),
        referrers=run(True, _HARBOR),
        catalogue=run(
            Visibility.ADMINISTRATORS,
            f"{_HARBOR}: administrators, and system robots with `catalog: read`",
        ),
        denial=run(
            "404 NOT_FOUND `artifact … not found`; 401 `project … not found` for a deleted project",
            _HARBOR,
        ),
    ),
    KindFacts(
        "nexus",
        "Sonatype Nexus Repository",
        signs.is_nexus,
        untagged=read(Sweep.RULE, "Sonatype support 22490107929619: a task"),
        head=read(frozenset({ReadEffect.PULL_TIME}), _NEXUS_HANDLER),
        manifest=read(frozenset({ReadEffect.PULL_TIME}), _NEXUS_HANDLER),
        decides=read(frozenset({ReadEffect.PULL_TIME}), _NEXUS_CLEANUP),
    ),
    KindFacts(
        "quay",
        "Quay",
        signs.is_quay,
        lister="quay",
        collector=run(Collector.PARENT_PROTECTS, f"{_QUAY}, GC"),
        removals=run(frozenset({ChildRemoval.UNTAGGED_PARENT}), f"{_QUAY}, temporary tags expired"),
        untagged=run(Sweep.COLLECTION, f"{_QUAY}, GC after the time machine"),
        head=run(_QUAY_PULLS, f"{_QUAY} with FEATURE_IMAGE_PULL_STATS"),
        manifest=run(_QUAY_PULLS, f"{_QUAY} with FEATURE_IMAGE_PULL_STATS"),
        blob=run(_NOTHING, f"{_QUAY}, its tables compared"),
        decides=read(_NOTHING, f"{_QUAY}: auto-prune knows number_of_tags and creation_date only"),
        caches=run(True, f"{_QUAY}, FEATURE_PROXY_CACHE: HEAD and GET move the expiry of a tag"),
        ranges=run(False, f"{_QUAY}, LocalStorage"),
        unanswered=run(True, f"{_QUAY}, LocalStorage; behind nginx 502"),
        referrers=run(True, _QUAY),
        catalogue=run(Visibility.READABLE, _QUAY),
        denial=run("404 TAG_EXPIRED for a deleted tag, for two weeks", _QUAY),
    ),
    KindFacts(
        "zot",
        "zot",
        signs.is_zot,
        collector=run(Collector.PARENT_PROTECTS, f"{_ZOT}, GC"),
        removals=run(frozenset({ChildRemoval.MOVED_TAG}), f"{_ZOT}, a tag pushed anew"),
        untagged=run(Sweep.AT_ONCE, f"{_ZOT}, a tag pushed anew"),
        head=run(_NOTHING, f"{_ZOT}, files and meta.db compared"),
        manifest=run(
            frozenset({ReadEffect.PULL_TIME, ReadEffect.PULL_COUNT}),
            f"{_ZOT} with retention, search or users, meta.db (pkg/meta/hooks.go)",
        ),
        silent=run(True, f"{_ZOT}, files and meta.db compared"),
        blob=run(frozenset({ReadEffect.RELINK}), f"{_ZOT} with dedupe, HEAD and ranged GET"),
        decides=read(
            frozenset({ReadEffect.PULL_TIME}),
            f"{_ZOT}, pulledWithin and mostRecentlyPulledCount (pkg/retention/rules.go)",
        ),
        referrers=read(True, "project-zot/zot, pkg/api/routes.go"),
        ranges=run(True, _ZOT),
        at_once=run(4, f"{_ZOT} searches all manifests of a repository for each blob"),
        catalogue=run(Visibility.READABLE, f"{_ZOT}, anonymousPolicy"),
        denial=run(
            "404 NAME_UNKNOWN also for the tag list of a repository whose index.json is damaged",
            _ZOT,
        ),
    ),
)


def recognised(shown: signs.Signs) -> tuple[RegistryKind, KindFacts]:
    """Return the kind by the signs, and its facts.

    Without signs, or with those of several kinds, as with a proxy before a registry: unknown.
    """
    found = [(each, told) for each in KINDS if (told := each.recognise(shown)) is not None]
    if len(found) != 1:
        return UNKNOWN_KIND, UNKNOWN_FACTS
    facts, version = found[0]
    if not version or len(version) > _LONGEST or not version.isprintable():
        version = ""
    return facts.kind(version), facts
