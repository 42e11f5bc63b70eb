"""Searching the web through whoever is configured: one small file for each provider."""
