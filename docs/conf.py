"""How Sphinx builds the site from these pages: ``make docs``, without a network.

Pages are Markdown (MyST), so that they can be read in the repository as well. Nothing is fetched
while the site is built or read: no inventories of other projects, no fonts, no scripts of others.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import django
from django.conf import settings
from sphinx.application import Sphinx

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "docs")]

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

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "from_code"]
exclude_patterns = ["_build"]

# Links to headings, as they are written for the repository's own view of the pages.
myst_heading_anchors = 4
myst_enable_extensions = ["deflist", "tasklist"]

autodoc_typehints = "description"
autodoc_typehints_description_target = "documented"
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


def setup(app: Sphinx) -> None:
    app.connect("autodoc-process-signature", _without_signatures_of_errors)


def _without_signatures_of_errors(app: Sphinx, what: str, *given: Any) -> tuple[str, None] | None:
    """Nobody but this package makes them."""
    arguments = given[-2]
    return ("", None) if what == "exception" and arguments else None
