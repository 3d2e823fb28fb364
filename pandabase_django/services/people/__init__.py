"""One person in all tables of this app: found by an e-mail address, exported, erased."""
