"""The wire: permissions, signing, transport, operations, client, schemas. Free of Django."""
