"""What models are given to act with: the web, mathematics, code, other servers' tools."""
