"""How `python -m tfnas.benchmark` measures.

`session` starts a `worker` process for each `case` and lets them take turns;
a worker runs one of the `subjects` and answers with seconds; `limits` says
what the machine would need at its best, `table` prints.
"""
