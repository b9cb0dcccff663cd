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
    "ext.scripts",
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
]
myst_enable_extensions = ["colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3
napoleon_custom_sections = [("Call arguments", "params_style")]
html_math_renderer = "mathml"
# Dashes alone: quotation marks stay as they are typed.
smartquotes_action = "D"
html_theme = "furo"
html_title = f"tfnas {release}"
html_static_path = ["_static"]
html_css_files = ["manual.css"]
html_copy_source = False
html_show_copyright = False
