"""Events to findings: pure functions, no clock, no I/O.

The way of a stall: `events` (typed, tolerant) -> `case` (one process) -> `pieces` (sample groups with `view`, `judge` and `accounting`)
-> `outside` and `own`, refined by `congestion` (blames) -> `findings` (evidence, remedies, groups). Beside it `pools`, `timeouts` and
`loops` read their own events, and `verdict` says it all in one sentence. `waits` and `hang` judge wait-for graphs; a watched process
imports only these, when it is asked: nothing is imported here.
"""
