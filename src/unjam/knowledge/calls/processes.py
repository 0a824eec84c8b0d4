"""Child processes and the console."""

from __future__ import annotations

from unjam.knowledge.records import Call, Gil, Weight, family

_SUBPROCESS = "https://docs.python.org/3/library/subprocess.html"
_OS = "https://github.com/python/cpython/blob/3.13/Modules/posixmodule.c"
_GIT = "https://gitpython.readthedocs.io/en/stable/reference.html"

CALLS: tuple[Call, ...] = (
    *family(
        "subprocess",
        "run call check_call check_output getoutput getstatusoutput",
        "UJ107",
        gil=Gil.RELEASES,
        remedy="process-api",
        twin="asyncio.create_subprocess_exec",
        source=_SUBPROCESS,
    ),
    Call(
        "subprocess.Popen.wait",
        "UJ107",
        Gil.RELEASES,
        remedy="process-api",
        twin="asyncio.subprocess.Process.wait",
        frames=("subprocess:Popen._wait", "subprocess:Popen.__exit__"),
        source=_SUBPROCESS,
    ),
    Call(
        "subprocess.Popen.communicate",
        "UJ107",
        Gil.RELEASES,
        remedy="process-api",
        twin="asyncio.subprocess.Process.communicate",
        frames=("subprocess:Popen._communicate",),
        source=_SUBPROCESS,
    ),
    *(  # a file by its type, which has as much to read as the child has written
        call
        for stream in ("stdout", "stderr")
        for call in family(
            f"subprocess.Popen.{stream}",
            "read readline readlines __next__",
            "UJ107",
            gil=Gil.RELEASES,
            remedy="process-api",
            twin=f"asyncio.subprocess.Process.{stream}.readline",
            source=_SUBPROCESS + "#subprocess.Popen.stdout",
        )
    ),
    Call(
        "subprocess.Popen",
        "UJ107",
        weight=Weight.MILLISECONDS,
        remedy="process-api",
        twin="asyncio.create_subprocess_exec",
        frames=("subprocess:Popen._execute_child",),
        source="https://github.com/python/cpython/blob/3.13/Modules/_posixsubprocess.c",
    ),
    *family(
        "os",
        "system wait waitpid wait3 wait4 waitid spawnl spawnle spawnlp spawnlpe spawnv spawnve spawnvp spawnvpe",
        "UJ107",
        gil=Gil.RELEASES,
        remedy="process-api",
        twin="asyncio.create_subprocess_shell",
        source=_OS,
    ),
    Call("os.popen", "UJ107", Gil.RELEASES, remedy="process-api", twin="asyncio.create_subprocess_shell", source=_OS),
    *family("os._wrap_close", "close", "UJ107", gil=Gil.RELEASES, remedy="process-api", source=_OS),
    *family(
        "os",
        "fork forkpty posix_spawn posix_spawnp",
        "UJ107",
        weight=Weight.MILLISECONDS,
        remedy="process-api",
        source=_OS,
    ),
    Call("pty.spawn", "UJ107", Gil.RELEASES, remedy="to-thread", source="https://docs.python.org/3/library/pty.html"),
    Call(
        "multiprocessing.Process.start",
        "UJ107",
        weight=Weight.MILLISECONDS,
        remedy="process-pool",
        frames=("multiprocessing.process:BaseProcess.start",),
        source="https://docs.python.org/3/library/multiprocessing.html",
    ),
    *family(
        "psutil",
        "wait_procs Process.wait Popen.wait",
        "UJ107",
        remedy="to-thread",
        source="https://psutil.readthedocs.io/en/latest/#psutil.wait_procs",
    ),
    *family(
        "pexpect",
        "run spawn.expect spawn.expect_exact spawn.wait",
        "UJ107",
        remedy="to-thread",
        twin="pexpect.spawn.expect(..., async_=True)",
        frames=(
            "pexpect.spawnbase:SpawnBase.expect",
            "pexpect.spawnbase:SpawnBase.expect_exact",
            "pexpect.expect:Expecter.expect_loop",
            "pexpect.pty_spawn:spawn.wait",
        ),
        source="https://pexpect.readthedocs.io/en/stable/api/pexpect.html",
    ),
    *family(
        "sh", "Command.__call__ RunningCommand.wait", "UJ107", remedy="process-api", source="https://sh.readthedocs.io"
    ),
    *family(
        "invoke",
        "run Context.run",
        "UJ107",
        frames=("invoke.context:Context.run",),
        remedy="process-api",
        source="https://docs.pyinvoke.org",
    ),
    Call(
        "git.cmd.Git.execute",
        "UJ107",
        Gil.RELEASES,
        remedy="to-thread",
        frames=("git.cmd:Git._call_process",),
        source=_GIT,
    ),
    # It reads a few small files of the repository, half a millisecond, and starts no process.
    Call("git.Repo.__init__", "UJ102", Gil.RELEASES, Weight.MICROSECONDS, source=_GIT),
    *family(
        "git.Repo",
        "clone_from clone",
        "UJ107",
        frames=("git.repo.base:Repo.{name}",),
        remedy="to-thread",
        source=_GIT,
    ),
    *family(
        "git.Repo",
        "is_dirty",
        "UJ107",
        frames=("git.repo.base:Repo.{name}",),
        weight=Weight.MILLISECONDS,
        remedy="to-thread",
        source=_GIT,
    ),
    Call(
        "builtins.input",
        "UJ108",
        Gil.RELEASES,
        remedy="stdin-thread",
        source="https://docs.python.org/3/library/functions.html#input",
    ),
    Call(
        "builtins.breakpoint",
        "UJ108",
        remedy="stdin-thread",
        frames=("pdb:Pdb.interaction", "bdb:Bdb.dispatch_line", "cmd:Cmd.cmdloop"),
    ),
    *family(
        "sys.stdin",
        "read readline readlines buffer.read buffer.readline",
        "UJ108",
        gil=Gil.RELEASES,
        remedy="stdin-thread",
        source="https://docs.python.org/3/library/sys.html#sys.stdin",
    ),
    *family(
        "getpass",
        "getpass unix_getpass",
        "UJ108",
        gil=Gil.RELEASES,
        remedy="stdin-thread",
        source="https://docs.python.org/3/library/getpass.html",
    ),
    *family("code", "interact InteractiveConsole.interact", "UJ108", remedy="stdin-thread"),
    *family(
        "click",
        "prompt confirm pause getchar edit",
        "UJ108",
        remedy="stdin-thread",
        frames=("click.termui:{name}",),
        source="https://click.palletsprojects.com/en/stable/prompts/",
    ),
    *family(
        "rich.prompt.PromptBase",
        "ask __call__",
        "UJ108",
        remedy="stdin-thread",
        source="https://rich.readthedocs.io/en/stable/prompt.html",
    ),
    Call(
        "prompt_toolkit.prompt",
        "UJ108",
        remedy="async-twin",
        twin="prompt_toolkit.PromptSession.prompt_async",
        frames=("prompt_toolkit.shortcuts.prompt:prompt", "prompt_toolkit.shortcuts.prompt:PromptSession.prompt"),
        source="https://python-prompt-toolkit.readthedocs.io",
    ),
)
