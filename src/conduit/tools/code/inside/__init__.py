"""What runs inside a sandbox, before the code that is not trusted and around it.

Only the standard library is imported here, and the modules import each other relatively: a bare
interpreter runs them from this folder alone, with nothing of Conduit in sight.
"""
