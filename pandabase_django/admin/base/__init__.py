"""What the admin pages share: rights, rows by store, lists, buttons, export."""
