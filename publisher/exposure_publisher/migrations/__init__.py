"""How the ledger's tables came to be what they are, one file a revision; Alembic carries them out.

The ledger's tables are the same beside an exposure table of our own and beside one that we are attached to.
"""
