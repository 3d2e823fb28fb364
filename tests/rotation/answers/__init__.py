"""What becomes of a rotation by its answer: late, lost, odd or kept in the spool."""
