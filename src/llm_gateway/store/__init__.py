"""The only folder that knows SQL: tables, queries and migrations, the same on SQLite and PostgreSQL.

`connect.Store` opens it, `threads.Threads` runs work on it beside an event loop, the other modules hold one table's queries each:
plain functions that take a Connection. Times are Unix milliseconds, money is nano-dollars, documents are JSON texts.
"""
