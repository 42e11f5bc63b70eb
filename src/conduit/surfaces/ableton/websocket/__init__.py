"""WebSocket (RFC 6455), the side of a server: pure, without extensions."""
