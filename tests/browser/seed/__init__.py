"""Fills a shop for the browser, one module a subject; ``python -m tests.browser.seed`` runs it."""
