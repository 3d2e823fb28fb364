"""Knows erased persons again in what the remote shows, and leaves their data out.

Whatever a client reads goes through ``scrubber``, before anything is made of it: so rows, digests,
dry runs and audits all see the same form, and an erased person comes back by no sync, no webhook
and no replay. It costs one query a client as long as nobody was erased.
"""
