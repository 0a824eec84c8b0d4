"""Whose code a file is: the user's, a library's, the standard library's, or unjam's own."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any, Literal, TypeAlias

from unjam.model.findings import OriginKind

Owner: TypeAlias = OriginKind | Literal["unjam"]
"""An origin, or unjam itself, whose frames are removed everywhere."""

_TYPED_IN = ("<stdin>", "<console>", "<ipython-input", "<doctest ", "<unknown>", "<input>")
"""File names of code that was typed in: the user's, unlike other names in angle brackets (generated)."""
_GIVEN = "<string>"
"""What was given to -c is named so, and what a library generates and gives to exec: fastjsonschema, namedtuple, dataclasses."""
_GENERATED = "__create_fn__"
"""How dataclasses name the functions that they compile from "<string>" (Lib/dataclasses.py)."""
_BARE = re.compile(r"<|[^\\/.]+$")
"""A name in angle brackets, or without folder and suffix, is none of a file: so Sanic's router names its generated code."""
_PACKAGES = re.compile(r"^(.*[\\/](?:site|dist)-packages)(?:[\\/]|$)")
_STDLIB = re.compile(r"^(.*[\\/][Ll]ib[\\/]python3\.\d+t?)[\\/]")
_OURS = re.compile(r"[\\/]unjam[\\/](?:native|probes|recording|control|_bootstrap|diagnosis|model|knowledge)[\\/]")
_OURS_INSTALLED = re.compile(r"[\\/](?:site|dist)-packages[\\/]unjam[\\/]")
_OWN_FOLDER = re.sub(r"[\\/]model[\\/][^\\/]*$", "/", __file__)


class Origins:
    """Classifies the files of one process by the folders that its header names; `given`: its program was given to -c, as far as is known."""

    def __init__(
        self, *, src: Iterable[str] = (), stdlib: Iterable[str] = (), site: Iterable[str] = (), given: bool = True
    ) -> None:
        folders: list[tuple[str, Owner]] = [(_folder(each), "user") for each in src]
        self._only_src = bool(folders)
        self._given = given
        folders += [(_folder(each), "library") for each in site]
        folders += [(_folder(each), "stdlib") for each in stdlib]
        folders += [(each, "library") for each in _script_folders([*site, *stdlib])]
        # The longest prefix decides: site-packages lies inside the standard library's folder.
        self._folders = sorted(folders, key=lambda each: len(each[0]), reverse=True)
        self._roots = [folder for folder, owner in self._folders if owner in {"library", "stdlib"}]
        self.owner = lru_cache(4096)(self._owner)
        self.module = lru_cache(4096)(self._module)

    @classmethod
    def of(cls, header: Mapping[str, Any]) -> Origins:
        """Those of a process, from its header event: one for all that have the same folders, since it remembers the files."""
        src, stdlib, site = (tuple(_texts(header.get(name))) for name in ("src", "stdlib", "site"))
        return _origins(src, stdlib, site, given=header.get("program", "-c") == "-c")

    def _owner(self, file: str, function: str = "") -> Owner:
        if _BARE.match(file):
            return _owner_of_name(file, function, given=self._given)
        if file.startswith(_OWN_FOLDER) or _OURS.search(file) or _OURS_INSTALLED.search(file):
            return "unjam"
        named = next((owner for folder, owner in self._folders if file.startswith(folder)), None)
        if named:
            return named
        if _PACKAGES.match(file):
            return "library"
        if _STDLIB.match(file):
            return "stdlib"
        return "library" if self._only_src else "user"

    def _module(self, file: str) -> str:
        """The dotted name of the module in `file`; for files outside every known folder the bare name of the file."""
        if file.startswith("<frozen "):
            return file[len("<frozen ") : -1]
        root = next((folder for folder in self._roots if file.startswith(folder)), None)
        match = _PACKAGES.match(file) or _STDLIB.match(file)
        inside = file[len(root) :] if root else file[match.end(1) :] if match else re.split(r"[\\/]", file)[-1]
        return re.sub(r"[\\/]", ".", inside.strip("\\/").removesuffix(".py")).removesuffix(".__init__")


@lru_cache(16)
def _origins(src: tuple[str, ...], stdlib: tuple[str, ...], site: tuple[str, ...], *, given: bool) -> Origins:
    return Origins(src=src, stdlib=stdlib, site=site, given=given)


def _owner_of_name(file: str, function: str, *, given: bool) -> Owner:
    if file.startswith("<frozen "):
        return "stdlib"
    typed = given if file == _GIVEN else file.startswith(_TYPED_IN)
    return "user" if typed and _GENERATED not in function else "library"


def _script_folders(prefixes: Iterable[str]) -> list[str]:
    """Where the scripts of the environments lie (bin/uvicorn): made by pip, not by the user."""
    bases = {re.split(r"[\\/][Ll]ib(?:64)?(?:[\\/]|$)", each)[0] for each in prefixes}
    return [f"{base}/{name}/" for base in bases if base for name in ("bin", "Scripts")]


def _folder(path: str) -> str:
    return path.rstrip("\\/") + ("\\" if "\\" in path and "/" not in path else "/")


def _texts(values: object) -> list[str]:
    return [each for each in values if isinstance(each, str) and each] if isinstance(values, list) else []
