"""Whether a licence key is good: asked of Pandabase, and answered by the mirror without it."""
