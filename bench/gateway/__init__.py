"""The gateway beside its peers: what a request costs in it, and what it does under load."""
