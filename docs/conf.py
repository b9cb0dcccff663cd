"""How Sphinx builds the manual: python -m sphinx -W docs build/docs."""

import sys
from pathlib import Path

import tfnas

sys.path.append(str(Path(__file__).parent))

project = "tfnas"
author = "The tfnas authors"
release = tfnas.__version__

extensions = [
    "ext.docstrings",
    "ext.made",
    "ext.mathml",
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
]
myst_enable_extensions = ["colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3
html_math_renderer = "mathml"
# Flags and code are shown as they are typed.
smartquotes = False
html_theme = "furo"
html_title = f"tfnas {release}"
html_static_path = ["_static"]
html_css_files = ["manual.css"]
html_copy_source = False
