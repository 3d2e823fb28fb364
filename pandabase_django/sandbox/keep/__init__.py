"""The state of a store in a file, so that it outlives the process."""
