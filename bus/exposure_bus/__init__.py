"""How it travels: settings, connections, topology, and the ``exposure-bus`` command."""
