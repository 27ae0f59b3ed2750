"""The room server: browsers, other clients and workers meet here. It never touches media.

messages (the wire) > registry (rooms) | dispatch (workers and jobs) > node (performs what both decide) > server.
"""
