"""Addresses of the services whose requests are more than a JSON body."""
