"""The numbers of this process as every metrics back-end takes them: what there is, and what it is now. Standard library only.

`catalogue` lists the metrics with their names, units and labels; `meter` gathers; `reading` is one look at it all, and `points`
makes the catalogue's values of it. `unjam.integrations.prometheus` and `unjam.integrations.otel` hand those on.
"""
