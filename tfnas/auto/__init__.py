"""From a folder of images to an exported network, in a given time.

`look` measures the images and the machine, `rules` has the choices and their
evidence, `plan` makes a plan of both, `run` does its steps, each an ordinary
command, `cells` fits widths to found cells, `rounds` goes on after a plan,
`clock` keeps the time, `answers` asks the exported file, `page` writes the
report.
"""

from tfnas.auto.config import AutoConfig, main

__all__ = ["AutoConfig", "main"]
