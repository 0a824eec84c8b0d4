"""UJ503: the process or the machine was stopped."""

from __future__ import annotations

from unjam.knowledge.records import Rule, allowance

RULE = Rule(
    code="UJ503",
    cause="suspended",
    title="The process or the machine was stopped",
    one="the whole process stood still for {ms} ms: stopped from outside, not a stall of your code",
    many="times the whole process stood still, {ms} ms in all: stopped from outside",
    what="""\
SIGSTOP or a debugger, a frozen container, a virtual machine that was moved, a laptop that slept.
""",
    why="""\
Nothing in the process ran, so nothing in it can be the cause. It is reported so that nobody searches for one, and is not counted as a stall.
""",
    looks="""\
```
$ kill -STOP 4242; sleep 2; kill -CONT 4242
```
""",
    todo="""\
1. Nothing in the program.
2. If it happens often: ask those who run the machine (live migration, overcommitted hosts, frozen cgroups).
""",
    costs="""\
Timers and time-outs that came due meanwhile fire all at once afterwards.
""",
    allow=allowance(
        "UJ503",
        reason="laptop, sleeps at night",
        when="It never counts as a stall; there is nothing to allow.",
    ),
    advice=("leave-suspended",),
)
