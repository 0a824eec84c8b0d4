"""What is kept between checks, in the user's own cache folder: results of unchanged projects, stubs, summaries.

A check is a function of its files, its settings, the installed distributions and the programs that run it: all of that is
hashed into the key, so nothing is ever out of date.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import pickle
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import unjam
from unjam.static.project import Project

KEPT = 16
"""Results kept: some branches of some projects; each is some hundred kilobytes."""
_SEAL = 16
"""Bytes of the hash at the beginning of a kept file."""


def folder(environ: dict[str, str] | os._Environ[str] = os.environ) -> Path:
    """The cache folder: UNJAM_CACHE, else unjam below XDG_CACHE_HOME or ~/.cache. It is made where it is not there."""
    named = environ.get("UNJAM_CACHE")
    path = Path(named) if named else Path(environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "unjam"
    path.mkdir(parents=True, exist_ok=True, mode=0o700)
    return path


def key_of(project: Project, *more: object) -> str:
    """The key of a check of that project; `more` is whatever else its result depends on."""
    settled = (project.root, project.roots, project.python_version, sorted(project.reported), *more)
    sites = [(site, _distributions(site)) for site in project.site_packages]
    return digest(*own_version(), *settled, *sites, *((path, content(path)) for path in project.files))


def digest(*parts: object) -> str:
    """A name for whatever has these parts: their `repr` must say all of them."""
    made = hashlib.blake2b(digest_size=20)
    for part in parts:
        made.update(repr(part).encode("utf-8", "surrogatepass") + b"\0")
    return made.hexdigest()


def content(path: str) -> bytes:
    """The hash of a file's bytes, or why there are none."""
    try:
        with open(path, "rb") as stream:  # noqa: PTH123  a Path for each of thousands of files costs more than reading them
            return hashlib.blake2b(stream.read(), digest_size=16).digest()
    except OSError as error:
        return str(error).encode()


def own_version() -> Iterable[object]:
    """Our version, and the state of our own files: somebody may be working on them."""
    yield unjam.__version__
    here = Path(unjam.__file__).parent
    for name in ("static", "knowledge", "model"):
        yield sorted((file.name, file.stat().st_mtime_ns) for file in (here / name).rglob("*.py"))


def _distributions(site: str) -> list[str]:
    with contextlib.suppress(OSError):
        return sorted(path.name for path in Path(site).iterdir() if path.suffix in {".dist-info", ".egg-info", ".pth"})
    return []


def load(kind: str, key: str) -> Any:
    """What was kept under a key, or None."""
    path = folder() / kind / key
    try:
        if path.stat().st_uid != os.getuid():
            return None
        written = path.read_bytes()
        if written[:_SEAL] != _sealed(written[_SEAL:]):
            return None
        loaded = pickle.loads(written[_SEAL:])  # noqa: S301  our own file in the user's private folder
        os.utime(path)
    except (OSError, ValueError, EOFError, AttributeError, ImportError, pickle.UnpicklingError):
        return None
    return loaded


def _sealed(value: bytes) -> bytes:
    """What a kept file begins with: the hash of the rest, so that one that is damaged is none."""
    return hashlib.blake2b(value, digest_size=_SEAL).digest()


def save(kind: str, key: str, value: object, *, kept: int = KEPT) -> None:
    """Keep a value; a cache that cannot be written is no reason to fail."""
    with contextlib.suppress(OSError):
        below = folder() / kind
        below.mkdir(mode=0o700, exist_ok=True)
        pickled = pickle.dumps(value, protocol=pickle.HIGHEST_PROTOCOL)
        with tempfile.NamedTemporaryFile(dir=below, prefix=".", delete=False) as stream:
            stream.write(_sealed(pickled))
            stream.write(pickled)
        Path(stream.name).replace(below / key)
        _prune(below, kept)


def _prune(below: Path, kept: int) -> None:
    oldest_first = sorted(below.iterdir(), key=lambda path: path.stat().st_mtime)
    for path in oldest_first[: max(len(oldest_first) - kept, 0)]:
        path.unlink(missing_ok=True)
