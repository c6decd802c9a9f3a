"""How the schema gets from one version to the next, on Alembic's operations, with a history of our own (requirements D1).

Versions N and N+1 of the gateway run on one database while a cluster is brought up to date: a release only expands the schema
(new tables, new columns with a default); what the release before still reads is taken away one release later.
"""
