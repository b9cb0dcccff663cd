"""One build: make, remake or add an entry, or check the zoo."""

from tfnas.build import comparisons, entries, rebuild, results, verify


def build(config):
    """Do the one thing asked for."""
    if config.table:
        print(results.printed(config.zoo))
    elif config.verify:
        verify.verify(config)
    elif config.comparison:
        comparisons.keep(config)
    elif config.run:
        entries.of_run(config)
    else:
        rebuild.rebuild(config)
