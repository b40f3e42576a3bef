"""Settings of the command line: registries, credentials, clusters, shards, object stores."""

import argparse
import errno
import importlib
import json
import os
import shlex
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from exporter.commands import Refused, refusing
from exporter.config.cluster import ClusterSettings
from exporter.config.loading import Misconfigured, load, parse
from exporter.config.registry import RegistrySettings
from exporter.config.settings import Settings
from exporter.config.values import SHARD_VARIABLE, ShardName, bucket_url, duration, endpoint
from exporter.facts.registry_kind import Pulls
from exporter.facts.shard import Shard
from exporter.oci.digest import Malformed
from exporter.oci.reference import spellings
from exporter.ports import Unseen
from exporter.publish.answers.check import COUNT_PULLS
from exporter.publish.invocation import PLAIN_HTTP, Invocation
from exporter.sources.registry.docker_config import DockerConfig
from exporter.sources.registry.trust import check_variables
from exporter.wiring.parquet_export import opened

if TYPE_CHECKING:
    from exporter.sources.export_folder import ExportFolder

_PASSWORD: Final = "PULLPROOF_TYPED_PASSWORD"  # noqa: S105 - the variable's name
"""The variable that holds a password from standard input."""
_FOR_TYPED: Final = (
    PLAIN_HTTP,
    "--ca-file",
    "--insecure",
    "--username",
    "--docker-config",
    "--requests-per-second",
)
"""Options for registries that no configuration has."""
_UNVERIFIED: Final = (
    "pullproof: --insecure: certificates are not verified; anyone between here and the registry "
    "can read the credentials and forge the answers"
)
ONE_SAVED: Final = "--save needs exactly one registry"
_NOTHING: Final = "nothing to check: name an image or a registry, or give --config or --refs"
_ONLY_A_CLUSTER: Final = "--kube only adds images in use: name a registry too, or give --config"
_PAUSE: Final = "3s"
"""Before a second look, where no configuration says otherwise: somebody waits at a terminal."""
_REACHING: Final = (
    "--config",
    PLAIN_HTTP,
    "--ca-file",
    "--insecure",
    "--username",
    "--password-stdin",
    "--docker-config",
    COUNT_PULLS,
    "--platform",
)
"""Options that the next command needs for the same answer."""


@dataclass(frozen=True, slots=True)
class Typed:
    """Settings, and the environment in which their secrets are found."""

    settings: Settings
    environ: Mapping[str, str]


def typed(
    args: argparse.Namespace,
    hosts: Iterable[str],
    environ: Mapping[str, str],
    *,
    alone: bool = True,
    warned: bool = False,
) -> Typed:
    """Return settings for these registries: the configuration's where it has them, else typed ones.

    Without hosts, those of the configuration; its references and clusters count beside hosts only
    where these do not stand `alone`. What `--kube` names counts always. Authorities that would be
    ignored are a warning, unless the user was `warned` before. Raises `Refused`.
    """
    wanted = frozenset(hosts)
    with refusing(Misconfigured):
        known = load(args.config, environ) if args.config else None
    environ = _with_password(args, environ)
    made = _made(args, wanted - _hosts(known), environ)
    base = known or made
    if base is None:
        raise Refused(_NOTHING if args.kube is None else _ONLY_A_CLUSTER)
    if made is None:
        _refuse_what_counts_for_none(args)
    every = (*(known.registries if known else ()), *(made.registries if made else ()))
    registries = tuple(
        _consented(args, each) for each in every if not wanted or each.hosts & wanted
    )
    _check_save(args, len(registries))
    # With these hosts alone, what was typed is all that was asked for.
    rest: dict[str, object] = {"references": (), "clusters": ()} if wanted and alone else {}
    update = {"registries": registries, **rest, **_overruling(args, known)}
    settings = base.model_copy(update=update)
    with refusing(Malformed):
        ignored = check_trust(settings, environ)
    if ignored and not warned:
        print(f"pullproof: warning: {ignored}", file=sys.stderr)  # noqa: T201 - the terminal is ours
    return Typed(settings, environ)


def check_trust(settings: Settings, environ: Mapping[str, str]) -> str:
    """Return the authorities that are named in the environment and ignored, if any is.

    Raises `Malformed` if no other is named; both only if a registry uses TLS.
    """
    trusting = (
        not each.plain_http and not each.insecure_skip_verify for each in settings.registries
    )
    return check_variables(environ) if any(trusting) else ""


def _check_save(args: argparse.Namespace, registries: int) -> None:
    """Refuse, before an audit of hours, a file that could not be written after it."""
    path = vars(args).get("save") or vars(args).get("file")
    if path is None:
        return
    if registries != 1 and "save" in args:
        raise Refused(ONE_SAVED)
    folder = path.parent
    if is_folder(str(path)):
        fault = errno.EISDIR
    elif not is_folder(str(folder)):
        fault = errno.ENOTDIR if os.path.exists(folder) else errno.ENOENT  # noqa: PTH110 - `Path.exists` raises where a name is too long
    elif not os.access(path if os.path.exists(path) else folder, os.W_OK):  # noqa: PTH110 - `Path.exists` raises where a name is too long
        fault = errno.EACCES
    else:
        return
    raise Refused(f"{path}: cannot be written: {os.strerror(fault)}")


def _consented(args: argparse.Namespace, registry: RegistrySettings) -> RegistrySettings:
    """Return a registry's settings with the consent that was typed."""
    typed_now = args.count_pulls and registry.pulls is Pulls.ASK
    return registry.model_copy(update={"pulls": Pulls.ACCEPT}) if typed_now else registry


def _refuse_what_counts_for_none(args: argparse.Namespace) -> None:
    """Refuse options for registries that were only typed, where there are none of those."""
    for option in _FOR_TYPED:
        if getattr(args, option.removeprefix("--").replace("-", "_")):
            raise Refused(f"{option}: {args.config} already configures its registries")


def _overruling(args: argparse.Namespace, known: Settings | None) -> dict[str, object]:
    """Return the other typed settings, which replace configured ones."""
    update: dict[str, object] = {}
    if args.kube is not None:
        update["clusters"] = found = clusters(args.kube, known)
        _try(each for each in found if known is None or each not in known.clusters)
    if args.confirm_after is not None:
        with refusing(ValueError, option="--confirm-after"):
            update["confirm_after"] = duration(args.confirm_after)
    return update


def _try(typed: Iterable[ClusterSettings]) -> None:
    """Refuse a context that no kubeconfig has, before anything is audited."""
    for each in typed:
        try:
            importlib.import_module("exporter.wiring.clusters").check(each, os.environ)
        except Unseen as unseen:
            raise Refused(f"--kube: {unseen.detail}") from unseen


def _hosts(settings: Settings | None) -> frozenset[str]:
    registries = settings.registries if settings else ()
    return frozenset[str]().union(*(registry.hosts for registry in registries))


def _made(
    args: argparse.Namespace, unknown: Iterable[str], environ: Mapping[str, str]
) -> Settings | None:
    """Return settings for hosts that no configuration knows, each under its shortest spelling."""
    secure = not _asked_without_tls(args)
    hosts = sorted({min(spellings(each, secure=secure), key=len) for each in unknown})
    if not hosts:
        return None
    scheme = "https" if secure else "http"
    if args.insecure:
        print(_UNVERIFIED, file=sys.stderr)  # noqa: T201 - the terminal is ours
    common = {
        "plain_http": not secure,
        "ca_file": args.ca_file and str(args.ca_file.absolute()),
        "insecure_skip_verify": args.insecure or None,
        "username": args.username,
        "password_env": _PASSWORD if args.password_stdin else None,
        "docker_config": args.docker_config and str(args.docker_config.absolute()),
        "concurrency": args.concurrency,
        "requests_per_second": args.requests_per_second,
        "timeout": args.timeout,
    }
    given = {key: value for key, value in common.items() if value is not None}
    registries = [{"url": f"{scheme}://{host}", **given} for host in hosts]
    document = {"confirm_after": _PAUSE, "registries": registries}
    options = {key: f"--{key.replace('_', '-')}" for key in common}
    options |= {"url": ", ".join(hosts), "password_env": "--password-stdin"}
    options["insecure_skip_verify"] = "--insecure"
    made = settings_of(document, options, environ)
    if args.docker_config:
        with refusing(Malformed, option="--docker-config"):
            DockerConfig((args.docker_config,), required=True).check("")
    return made


def _asked_without_tls(args: argparse.Namespace) -> bool:
    """Return whether registries are reached without TLS: by the option, or as `http://HOST`."""
    if args.plain_http:
        return True
    texts = getattr(args, "subjects", None) or ()
    plain = {text.startswith("http://") for text in ([texts] if isinstance(texts, str) else texts)}
    if len(plain) > 1:
        raise Refused("http:// and others: ask them in two commands, or give --plain-http for all")
    return True in plain


def _with_password(args: argparse.Namespace, environ: Mapping[str, str]) -> Mapping[str, str]:
    if not args.password_stdin:
        if args.username:
            raise Refused("--username needs --password-stdin")
        return environ
    if not args.username:
        raise Refused("--password-stdin needs --username")
    password = sys.stdin.readline().rstrip("\r\n")
    if not password:
        raise Refused("--password-stdin: standard input is empty")
    return {**environ, _PASSWORD: password}


def shard(args: argparse.Namespace, environ: Mapping[str, str]) -> Shard | None:
    """Return the shard that was typed, or that the environment names; None for the file's own."""
    text = args.shard or environ.get(SHARD_VARIABLE)
    if not text:
        return None
    with refusing(Malformed, option="--shard" if args.shard else SHARD_VARIABLE):
        return ShardName.parse(text).settled(environ)


def shard_of(args: argparse.Namespace, settings: Settings, environ: Mapping[str, str]) -> Shard:
    """Return the same, or else the file's own. Raises `Refused`."""
    try:
        return shard(args, environ) or settings.shard.settled(environ)
    except Malformed as error:
        raise Refused(f"shard: {error}; --shard 0/1 selects the whole registry") from error


def clusters(context: str, known: Settings | None) -> tuple[ClusterSettings, ...]:
    """Return the clusters of a `--kube` that was typed: the configuration's, or the kubeconfig's.

    A name is a configured cluster's, or a context of the kubeconfig. Without a name it is all that
    are configured, or the kubeconfig's current context.
    """
    configured = known.clusters if known else ()
    if not context:
        return configured or (ClusterSettings(),)
    named = tuple(each for each in configured if context in (each.label, each.context))
    return named or (ClusterSettings(context=context),)


def settings_of(
    document: Mapping[str, object], options: Mapping[str, str], environ: Mapping[str, str]
) -> Settings:
    """Read settings that were typed; raises `Refused`, which names options where a file has keys.

    `options` says which option gave which key.
    """
    try:
        return parse(json.dumps(document).encode(), environ)
    except Misconfigured as error:
        told = {f"{_blamed(fault.path, options)}: {fault.text}": None for fault in error.faults}
        raise Refused("\n".join(told)) from error


def check_place(option: str, text: str) -> None:
    """Raise `Refused` for what is neither a folder nor an address of an object store."""
    if "://" in text:
        with refusing(ValueError, option=option):
            bucket_url(text)
    elif os.path.exists(text) and not is_folder(text):  # noqa: PTH110 - `Path.exists` raises where a name is too long
        raise Refused(f"{option} {text}: not a folder")


def is_folder(text: str) -> bool:
    """Does the folder exist? A name that no system takes is none."""
    return os.path.isdir(text)  # noqa: PTH112 - `Path.is_dir` raises where a name is too long


def again(args: argparse.Namespace) -> Invocation:
    """Return how the next command reaches the same registry."""
    typed = vars(args)
    if typed.get("plain_http") is False and not typed.get("config"):
        typed = {**typed, "plain_http": _asked_without_tls(args)}
    return with_words(*words(typed, _REACHING))


def with_words(*typed: str) -> Invocation:
    """Return how the next command is typed with these options."""
    return Invocation.of_command(shlex.join(typed), os.environ, os.getppid())


def words(typed: Mapping[str, object], options: Iterable[str]) -> Iterator[str]:
    """Yield these options as they were typed, those of `typed` that were."""
    for option in options:
        value = typed.get(option.removeprefix("--").replace("-", "_"))
        if value is True or value == "":  # `--kube` without a context
            yield option
        elif value:
            for each in value if isinstance(value, list) else [value]:
                yield from (option, str(each))


def _blamed(path: tuple[str | int, ...], options: Mapping[str, str]) -> str:
    key = str(path[-1]) if path else ""
    return options.get(key, key)


def export_folder(
    args: argparse.Namespace, environ: Mapping[str, str], location: str
) -> "ExportFolder":
    """Open a folder or an object store; raises `Unseen`."""
    options = place(args, environ, location)
    return opened(location, options, plain_http=plain_http(options))


def place(args: argparse.Namespace, environ: Mapping[str, str], location: str) -> dict[str, str]:
    """Return the address of an object store: by `--endpoint` and `--region`, or S3's variables."""
    known = environ if location.startswith("s3") else {}
    named = {
        "endpoint": args.endpoint or known.get("AWS_ENDPOINT_URL"),
        "region": args.region or known.get("AWS_REGION") or known.get("AWS_DEFAULT_REGION"),
    }
    if named["endpoint"]:
        with refusing(ValueError, option="--endpoint" if args.endpoint else "AWS_ENDPOINT_URL"):
            endpoint(named["endpoint"])
    return {key: value for key, value in named.items() if value}


def plain_http(options: Mapping[str, str]) -> bool:
    """Is a store reached without TLS, by `http:` in its address?"""
    return options.get("endpoint", "").startswith("http:")
