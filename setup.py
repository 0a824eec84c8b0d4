"""Build the C core as one abi3 shared object, or nothing: the pure-Python twin serves where it cannot be built."""

import os
import sys
import sysconfig
from pathlib import Path

from setuptools import Extension, setup

# 3.11: the oldest interpreter supported, so that one object serves every later one (PEP 384).
LIMITED_API = "0x030B0000"
SOURCES = sorted(str(path) for path in Path("src/unjam/native").glob("*.c"))


def extensions() -> list[Extension]:
    """The C core where it can work: Linux, CPython with a GIL, not switched off by UNJAM_NO_NATIVE=1."""
    free_threaded = bool(sysconfig.get_config_var("Py_GIL_DISABLED"))
    wanted = sys.platform == "linux" and sys.implementation.name == "cpython" and not free_threaded
    if not SOURCES or not wanted or os.environ.get("UNJAM_NO_NATIVE") == "1":
        return []
    return [
        Extension(
            "unjam.native._core",
            SOURCES,
            depends=sorted(str(path) for path in Path("src/unjam/native").glob("*.h")),
            define_macros=[("Py_LIMITED_API", LIMITED_API)],
            extra_compile_args=["-std=c11", "-O2", "-fwrapv", "-fvisibility=hidden", "-Wall", "-Wextra"],
            py_limited_api=True,
            optional=True,
        )
    ]


setup(ext_modules=extensions())
