"""One sweep: its tasks on an engine, and the table of finished runs."""

from tfnas.sweep import engines, results


def sweep(config, tasks):
    """Run the unfinished tasks, and write the finished to results.csv.

    On SIGTERM or Ctrl-C it raises `Interrupted`, after the runs' checkpoints.
    """
    if config.gather:
        _gather(config)
        return
    if config.task is not None:
        engines.run_here([tasks[config.task]])
        return
    try:
        if config.engine == "ray":
            engines.run_on_ray(tasks, config.cpus, config.gpus)
        else:
            engines.run_here(tasks)
    finally:
        if any(task.finished() for task in tasks):
            _gather(config)


def _gather(config):
    print(*results.gather(config.out), sep="\n")
