"""Files and folders: every system call below os, io and pathlib releases the GIL (Modules/posixmodule.c, _io/fileio.c)."""

from __future__ import annotations

from functools import partial

from unjam.knowledge.records import Call, Gil, Weight, family

_POSIX = "https://github.com/python/cpython/blob/3.13/Modules/posixmodule.c"
_FILEIO = "https://github.com/python/cpython/blob/3.13/Modules/_io/fileio.c"
_PATHLIB = ("pathlib._local:Path.{name}", "pathlib._abc:PathBase.{name}")
"""Where the methods of pathlib.Path lie in 3.13."""

_work = partial(family, rule="UJ102", gil=Gil.RELEASES, weight=Weight.MILLISECONDS, remedy="file-thread")
"""Work with files, worth a hop to a thread."""
_look = partial(family, rule="UJ102", gil=Gil.RELEASES, weight=Weight.MICROSECONDS, remedy="leave-alone")
"""A look at a file's entry or a change of it, cheaper than the hop: os.mkdir takes some 30 us on a local disk."""
_listing = partial(family, rule="UJ102", gil=Gil.RELEASES, weight=Weight.MICROSECONDS, remedy="file-thread")
"""One folder read, or one file made: some 20 to 60 us on a local disk. Where a run sees it stall, the disk is not local."""

CALLS: tuple[Call, ...] = (
    Call("builtins.open", "UJ102", Gil.RELEASES, Weight.MILLISECONDS, "file-thread", "aiofiles.open", source=_FILEIO),
    *_work(
        "io",
        "open open_code",
        source=_FILEIO,
    ),
    *(
        call
        for prefix in ("io.TextIOWrapper", "_io.TextIOWrapper", "_io._TextIOBase", "typing.IO", "typing.TextIO")
        for call in _work(
            prefix,
            "read readline readlines write writelines",
            source=_FILEIO,
        )
    ),
    *(
        call
        for prefix in (
            *("io.BufferedReader", "io.BufferedWriter", "io.BufferedRandom", "io.FileIO"),
            *("_io.BufferedReader", "_io.BufferedWriter", "_io.BufferedRandom", "_io.FileIO", "typing.BinaryIO"),
        )
        for call in _work(
            prefix,
            "read readline readlines write writelines",
            source=_FILEIO,
        )
    ),
    *(  # what is left in the buffer, which is io.DEFAULT_BUFFER_SIZE at most: more is written at once
        call
        for prefix in (
            *(
                "io.TextIOWrapper",
                "_io.TextIOWrapper",
                "_io._TextIOBase",
                "typing.IO",
                "typing.TextIO",
                "typing.BinaryIO",
            ),
            *("io.BufferedReader", "io.BufferedWriter", "io.BufferedRandom", "io.FileIO"),
            *("_io.BufferedReader", "_io.BufferedWriter", "_io.BufferedRandom", "_io.FileIO"),
        )
        for call in _look(prefix, "flush", source=_FILEIO)
    ),
    *(
        call
        for prefix in (
            "io.TextIOWrapper",
            "_io.TextIOWrapper",
            "io.BufferedReader",
            "_io.BufferedReader",
            "io.FileIO",
            "_io.FileIO",
        )
        for call in _work(prefix, "__next__", source=_FILEIO)
    ),
    *_look(
        "os",
        "stat lstat access getcwd readlink statvfs listxattr getxattr path.exists path.lexists path.isfile path.isdir path.islink "
        "path.ismount path.getsize path.getmtime path.getatime path.getctime path.samefile path.realpath fstat "
        "mkdir makedirs chmod chown close",
        source=_POSIX,
    ),
    *_look(
        "genericpath",
        "exists isfile isdir getsize getmtime getatime getctime samefile",
        source=_POSIX,
    ),
    *_look(
        "posixpath",
        "exists lexists isfile isdir islink ismount getsize getmtime getatime getctime samefile realpath",
        frames=("genericpath:{name}",),
        source=_POSIX,
    ),
    *_work(
        "os",
        "open read write pread pwrite readv writev walk fwalk removedirs renames truncate ftruncate "
        "setxattr sendfile copy_file_range",
        source=_POSIX,
    ),
    *_listing("os", "listdir scandir", source=_POSIX),
    *_look("os", "rmdir remove unlink rename replace link symlink utime mkfifo", source=_POSIX),
    *_work("os", "fsync fdatasync sync", source=_POSIX),
    *_work("os", "lockf", source=_POSIX, weight=Weight.UNBOUNDED),
    *family(
        "fcntl",
        "flock lockf",
        "UJ102",
        gil=Gil.RELEASES,
        remedy="lock-thread",
        source="https://github.com/python/cpython/blob/3.13/Modules/fcntlmodule.c",
    ),
    *_look(
        "pathlib.Path",
        "stat lstat exists is_file is_dir is_symlink is_mount is_socket is_fifo is_block_device is_char_device samefile resolve "
        "readlink owner group cwd home expanduser mkdir chmod "
        "rmdir unlink rename replace touch symlink_to hardlink_to",
        twin="anyio.Path.{name}",
        frames=_PATHLIB,
        source=_POSIX,
    ),
    *_work(
        "pathlib.Path",
        "open read_text read_bytes write_text write_bytes glob rglob",
        twin="anyio.Path.{name}",
        frames=_PATHLIB,
        source=_POSIX,
    ),
    *_listing("pathlib.Path", "iterdir", twin="anyio.Path.{name}", frames=_PATHLIB, source=_POSIX),
    *_work(
        "shutil",
        "copymode copystat chown copy copy2 copyfile copyfileobj copytree rmtree make_archive unpack_archive",
        source="https://docs.python.org/3/library/shutil.html",
    ),
    *_look(  # what is moved is renamed, unless it is to another file system
        "shutil",
        "disk_usage which move",
        source="https://docs.python.org/3/library/shutil.html",
    ),
    *_listing(
        "tempfile",
        "NamedTemporaryFile TemporaryFile TemporaryDirectory mkstemp mkdtemp gettempdir",
        source="https://docs.python.org/3/library/tempfile.html",
    ),
    *_work(
        "glob",
        "glob iglob",
        frames=("glob:_iglob", "glob:_glob1", "glob:_glob2"),
        source="https://docs.python.org/3/library/glob.html",
    ),
    *_work(
        "filecmp",
        "cmp cmpfiles",
        source=_POSIX,
    ),
    *_work(
        "linecache",
        "getlines getline updatecache",
        weight=Weight.MICROSECONDS,
        source=_POSIX,
    ),
    *family(
        "mimetypes",
        "init guess_type guess_extension read_mime_types",
        "UJ102",
        gil=Gil.RELEASES,
        weight=Weight.MICROSECONDS,
        remedy="read-once",
        source="https://docs.python.org/3/library/mimetypes.html#mimetypes.init",
    ),
    Call(
        "zoneinfo.ZoneInfo",
        "UJ102",
        weight=Weight.MICROSECONDS,
        remedy="read-once",
        source="https://docs.python.org/3/library/zoneinfo.html#zoneinfo.ZoneInfo",
    ),
    Call("configparser.RawConfigParser.read", "UJ102", Gil.RELEASES, Weight.MILLISECONDS, "read-once", source=_FILEIO),
    Call("configparser.ConfigParser.read", "UJ102", Gil.RELEASES, Weight.MILLISECONDS, "read-once", source=_FILEIO),
    Call("netrc.netrc", "UJ102", Gil.RELEASES, Weight.MILLISECONDS, "read-once", source=_FILEIO),
    Call(
        "mmap.mmap.flush",
        "UJ102",
        Gil.RELEASES,
        Weight.MILLISECONDS,
        "file-thread",
        source="https://docs.python.org/3/library/mmap.html",
    ),
    Call("builtins.print", "UJ102", Gil.RELEASES, Weight.MICROSECONDS, "less-logging", source=_FILEIO),
    *family(
        "importlib.metadata",
        "distributions entry_points files requires packages_distributions",
        "UJ102",
        weight=Weight.MILLISECONDS,
        gil=Gil.RELEASES,
        remedy="read-once",
        source="https://docs.python.org/3/library/importlib.metadata.html",
    ),
    *family(  # one file of one package: 0.2 to 0.8 ms, CPython 3.11, 300 packages installed
        "importlib.metadata",
        "version distribution metadata",
        "UJ102",
        weight=Weight.MICROSECONDS,
        gil=Gil.RELEASES,
        remedy="read-once",
        source="https://docs.python.org/3/library/importlib.metadata.html",
    ),
    *family(
        "importlib.resources",
        "read_text read_binary open_text open_binary path as_file contents",
        "UJ102",
        weight=Weight.MILLISECONDS,
        gil=Gil.RELEASES,
        remedy="read-once",
        frames=(
            "importlib.resources._functional:{name}",
            "importlib.resources._legacy:{name}",
            "importlib.resources._common:{name}",
        ),
        source="https://docs.python.org/3/library/importlib.resources.html",
    ),
    *family(
        "inspect",
        "getsource getsourcelines findsource stack getmodule",
        "UJ102",
        weight=Weight.MILLISECONDS,
        remedy="read-once",
        source="https://docs.python.org/3/library/inspect.html#inspect.getsource",
    ),
    Call("pkgutil.get_data", "UJ102", Gil.RELEASES, Weight.MILLISECONDS, "read-once", source=_FILEIO),
    *_work(
        "zipfile.ZipFile",
        "__init__ read extract extractall write writestr open namelist testzip close",
        source="https://docs.python.org/3/library/zipfile.html",
    ),
    *_work(
        "tarfile.TarFile",
        "open add addfile extract extractall getmembers getnames list close",
        source="https://docs.python.org/3/library/tarfile.html",
    ),
    Call(
        "tarfile.open",
        "UJ102",
        Gil.RELEASES,
        Weight.MILLISECONDS,
        "file-thread",
        frames=("tarfile:TarFile.open",),
        source="https://docs.python.org/3/library/tarfile.html",
    ),
    *_work(
        "gzip",
        "open",
        source="https://docs.python.org/3/library/gzip.html",
    ),
    *_work(
        "gzip.GzipFile",
        "read write readline flush close",
        source="https://docs.python.org/3/library/gzip.html",
    ),
    *_work(
        "bz2",
        "open",
        source="https://docs.python.org/3/library/bz2.html",
    ),
    *_work(
        "lzma",
        "open",
        source="https://docs.python.org/3/library/lzma.html",
    ),
    *family(
        "psutil",
        "process_iter pids net_connections Process.children",
        "UJ102",
        weight=Weight.MILLISECONDS,
        remedy="file-thread",
        source="https://psutil.readthedocs.io",
    ),
    *_look("psutil", "disk_usage disk_partitions", source="https://psutil.readthedocs.io"),
    *family("watchfiles", "watch", "UJ102", remedy="async-twin", twin="watchfiles.awatch"),
)
