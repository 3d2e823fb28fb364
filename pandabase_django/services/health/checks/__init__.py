"""What each subject finds that needs attention; ``report`` puts it together."""
