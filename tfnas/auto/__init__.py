"""From a folder of images to an exported network, in a given time.

`look` measures the images and the machine, `rules` has the choices and their
evidence, `predict` and `budget` fill the time, `plan` and `steps` write it
down, `run` does the steps, each an ordinary command, `cells` fits widths to
found cells, `rounds` goes on after a plan, `clock` keeps the time, `trained`
chooses, `answers` asks the exported file, `page` writes the report.
"""

from tfnas.auto.config import AutoConfig, main

__all__ = ["AutoConfig", "main"]
