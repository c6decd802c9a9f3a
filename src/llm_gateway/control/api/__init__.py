"""The admin API's frame: what a route is, and all that is the same for each of them.

A resource gives a table of Routes (route.py). The frame (frame.py) finds out who asks and what he may, reads and checks what was
sent, answers repeated requests with what was answered before, puts an entry into the audit log with each change, and tells every
error in one envelope. The OpenAPI document (openapi.py) is made from the same table.
"""
