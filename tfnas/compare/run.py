"""One comparison: run the unfinished tasks, then compare all results."""

from tfnas import search, sweep
from tfnas.compare import comparison, files, measuring, records, tried


def compare(config, tasks, given):
    """Run the unfinished tasks, and compare the finished ones.

    On SIGTERM or Ctrl-C it raises `Interrupted`, after the runs' checkpoints.
    """
    whole = False
    try:
        if not config.gather:
            sweep.run_here(tasks)
        whole = True
    finally:
        if config.gather or any(task.finished() for task in tasks):
            # Start no measurements after a signal to stop.
            _compare(config, given, measure=config.measure and whole)


def _compare(config, given, measure):
    dataset = given.get("dataset")
    if not config.gather:
        dataset = dataset or search.SearchConfig().dataset
    narrowed = not config.gather
    found, unfinished = records.read(
        config.out,
        labels=config.methods if narrowed or "methods" in given else None,
        seeds=config.seeds if narrowed or "seeds" in given else None,
        dataset=dataset,
    )
    if measure:
        measuring.measure_all(found)
        found = records.again(found)
    settings = tried.settings(config)
    tried.refuse(settings, {each.seed for each in found})
    compared = comparison.compare(found, unfinished, config, given, settings)
    print(files.write(compared, config.out))
