"""What signaling servers share: who owns which room, who is where, and which worker has which job."""
