"""Certificates: trusted authorities, and the client's own certificate."""

import os
import ssl
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from exporter.facts.gap import Reason
from exporter.oci.digest import Malformed
from exporter.ports import Unseen

_FILE, _FOLDERS = "SSL_CERT_FILE", "SSL_CERT_DIR"
_HASHED: Final = f"{'[0-9a-f]' * 8}.[0-9]*"
"""Names by which OpenSSL finds an authority in a folder."""


@dataclass(frozen=True, slots=True)
class Trust:
    """Authorities beside the system's, and the client's own certificate."""

    ca_file: Path | None = None
    """PEM file of further authorities, in addition to the system's."""
    certificate: Path | None = None
    """PEM file of a client certificate, sent to the registry alone."""
    key: Path | None = None
    """Its private key; None if it is in the certificate's file."""
    verified: bool = True
    """Are certificates verified: of the registry, its token server and its store?"""

    def contexts(self) -> tuple[ssl.SSLContext, ssl.SSLContext]:
        """Return the contexts for the registry, and for token servers and object stores.

        Raises `Unseen` for a file that cannot be used.
        """
        others = self._context(None)
        home = others if self.certificate is None else self._context(self.certificate)
        return home, others

    def _context(self, certificate: Path | None) -> ssl.SSLContext:
        context = ssl.create_default_context()
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if not self.verified:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        try:
            if path := self.ca_file:
                context.load_verify_locations(path)
            if path := certificate:
                context.load_cert_chain(path, self.key, password=_refuse)
        except (OSError, ValueError) as error:  # ssl.SSLError, for no certificate, is one
            raise _unusable(path, error) from error
        return context


@dataclass(slots=True)
class Contexts:
    """TLS contexts, made at the first use: their files may appear only then."""

    trust: Trust
    _made: tuple[ssl.SSLContext, ssl.SSLContext] | None = field(default=None, init=False)

    def __getitem__(self, index: int) -> ssl.SSLContext:
        """Return the context for the registry (0), or for others (1). Raises `Unseen`."""
        if self._made is None:
            self._made = self.trust.contexts()
        return self._made[index]


def check_variables(environ: Mapping[str, str]) -> str:
    """Return what SSL_CERT_FILE and SSL_CERT_DIR name and OpenSSL ignores; empty if there is none.

    It trusts whatever else they name: further folders, and the one beside the other. Raises
    `Malformed` if that is nothing, so that only its defaults would be left. Python's default
    context on OpenSSL 3.0.19, run.
    """
    usable, faults = False, []
    for check, text in _named(environ):
        try:
            usable |= check(text)
        except Malformed as error:
            faults.append(str(error))
    told = ". ".join(faults)
    if faults and not usable:
        raise Malformed(told)
    return told


def _named(environ: Mapping[str, str]) -> Iterator[tuple[Callable[[str], bool], str]]:
    """Yield each file and folder that is named, and what tells whether authorities are in it."""
    if (file := environ.get(_FILE)) is not None:
        yield (_check_file if file else _check_emptied), file or _FILE
    if (text := environ.get(_FOLDERS)) is not None:
        # OpenSSL separates folders as PATH does, and skips empty names.
        folders = [each for each in text.split(os.pathsep) if each]
        yield from ((_check_folder, each) for each in folders)
        if not folders:
            yield _check_emptied, _FOLDERS


def _check_emptied(variable: str) -> bool:
    defaults = ssl.get_default_verify_paths()
    default = defaults.openssl_cafile if variable == _FILE else defaults.openssl_capath
    if Path(default).exists():
        raise Malformed(f"{variable}: is empty, so {default} is not trusted; unset it")
    return False


def _check_file(path: str) -> bool:
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(path)
    except ssl.SSLError as error:
        raise Malformed(f"{_FILE}: {path}: no certificate in it") from error
    except FileNotFoundError as error:
        raise Malformed(f"{_FILE}: {path}: no such file; name a PEM file, or unset it") from error
    except OSError as error:
        raise Malformed(f"{_FILE}: {path}: {error.strerror}") from error
    return True


def _check_folder(path: str) -> bool:
    """An empty folder is accepted: so trust is limited to a file."""
    folder = Path(path)
    if not (folder.is_dir() and os.access(folder, os.R_OK | os.X_OK)):
        words = "not a readable folder" if folder.exists() else "no such folder"
        raise Malformed(f"{_FOLDERS}: {path}: {words}; name another, or unset it")
    hashed = any(folder.glob(_HASHED))
    if not hashed and any(folder.iterdir()):
        raise Malformed(f"{_FOLDERS}: {path}: no hashed names in it; run openssl rehash {path}")
    return hashed


def _refuse() -> str:
    """Raise, in place of OpenSSL's prompt for the password of an encrypted key."""
    raise ValueError("the private key is encrypted")


def _unusable(path: Path | None, error: OSError | ValueError) -> Unseen:
    if isinstance(error, ssl.SSLError):
        return Unseen(str(path), Reason.UNREADABLE, "no certificate, or not the key to it")
    words = error.strerror if isinstance(error, OSError) else str(error)
    return Unseen(str(path), Reason.UNREADABLE, words or "unreadable")
