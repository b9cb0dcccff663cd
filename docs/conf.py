"""How Sphinx builds the manual: python -m sphinx -W docs build/docs."""

import tfnas

project = "tfnas"
author = "The tfnas authors"
release = tfnas.__version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.mathjax",
    "sphinx.ext.napoleon",
]
myst_enable_extensions = ["colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3
exclude_patterns = []
html_theme = "furo"
html_title = f"tfnas {release}"
html_static_path = ["_static"]
