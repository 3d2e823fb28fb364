"""How Sphinx builds the site from these pages: ``make docs``, without a network.

Pages are Markdown (MyST), so that they can be read in the repository as well. Nothing is fetched
while the site is built or read: no inventories of other projects, no fonts, no scripts of others.
"""

from __future__ import annotations

import sys
from pathlib import Path

import django
from django.conf import settings

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

# What is needed to import the models; no database is asked.
settings.configure(
    INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth", "pandabase_django"],
    USE_TZ=True,
)
django.setup()

from pandabase_django import __version__  # noqa: E402

project = "pandabase-django"
author = "the authors of pandabase-django"
copyright = author
version = release = __version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["_build"]
nitpicky = False

# Links to headings, as they are written for the repository's own view of the pages.
myst_heading_anchors = 4
myst_enable_extensions = ["deflist"]

autodoc_typehints = "description"
autodoc_member_order = "bysource"
napoleon_use_ivar = True

html_theme = "pydata_sphinx_theme"
html_title = f"{project} {version}"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sourcelink = False
html_theme_options = {
    "footer_end": [],
    "header_links_before_dropdown": 7,
    "navbar_align": "left",
    "secondary_sidebar_items": ["page-toc"],
}
