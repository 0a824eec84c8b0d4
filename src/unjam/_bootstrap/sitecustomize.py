# mypy: ignore-errors
"""Has this process watch itself, then steps out of the way of the program's own `sitecustomize`.

Any Python from 2.7 on may meet this file, so it is written in what all of them read.
"""

import os
import sys

OLDEST = (3, 11)


def _leave_path(folder):
    """Undo what PYTHONPATH did to this process; the variable itself is for its children."""
    sys.path[:] = [path for path in sys.path if os.path.abspath(path) != folder]
    sys.path_importer_cache.pop(folder, None)


def _watch(package):
    """Import `unjam` from its own folder, with nothing else of the environment that it is installed in."""
    beside = os.path.dirname(package)
    path_finder = sys.modules["_frozen_importlib_external"].PathFinder

    class OnlyUnjam:
        @staticmethod
        def find_spec(name, path=None, target=None):
            return path_finder.find_spec(name, [beside]) if name == "unjam" else None

    known = beside in sys.path_importer_cache
    sys.meta_path.insert(0, OnlyUnjam)
    try:
        import unjam.monitor
        from unjam.model.settings import Settings
    finally:
        sys.meta_path.remove(OnlyUnjam)
        if not known:
            sys.path_importer_cache.pop(beside, None)
    unjam.monitor.install_settings(Settings.from_environ(os.environ))


def _say_unsupported(folder):
    """Leave a header in the recording, so that the report can say which process was not watched, and why."""
    name = "PyPy" if "PyPy" in sys.version else "Python"
    version = "%d.%d.%d" % sys.version_info[:3]
    reason = "%s %s is not supported: unjam watches CPython 3.11 and newer" % (name, version)
    line = '{"e":"process","t":0,"v":1,"pid":%d,"python":"%s","tier":"none","tier_reason":"%s"}\n'
    fd = os.open(os.path.join(folder, "%d.jsonl" % os.getpid()), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        os.write(fd, (line % (os.getpid(), version, reason)).encode("ascii"))
    finally:
        os.close(fd)


def _start():
    here = os.path.dirname(os.path.abspath(__file__))
    _leave_path(here)
    recording = os.environ.get("UNJAM_DIR")
    if not recording:
        return
    try:
        if sys.version_info >= OLDEST and "PyPy" not in sys.version:
            _watch(os.path.dirname(here))
        else:
            _say_unsupported(recording)
    except Exception as error:
        if sys.version_info >= OLDEST:
            line = "unjam: this process is not watched: %s: %s; your program is unaffected\n" % (
                type(error).__name__,
                error,
            )
            os.write(2, line.encode("ascii", "backslashreplace"))


_start()

# The next one on the path is the program's own. The import system takes what it finds under the name afterwards, and where
# there is none, the error is the same that `site` expects without us. The module is kept alive while its code runs.
_ourselves = sys.modules.pop("sitecustomize", None)
import sitecustomize
