"""Pages of mirrored rows. They are read, never written."""
