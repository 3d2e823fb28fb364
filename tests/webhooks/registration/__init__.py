"""Endpoints at the remote: registering, comparing, finding out what is wrong."""
