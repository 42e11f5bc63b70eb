"""OpenAPI documents as blocks: one for each operation, apart for each organisation."""
