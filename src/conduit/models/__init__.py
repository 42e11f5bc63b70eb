"""Any language model behind one request and one response.

A *wire* translates Conduit's nouns to one published protocol and back (pure functions), a
*transport* carries bytes, a *provider* joins the two, and the *registry* decides who is asked:
the active provider, then the chain, skipping those whose circuit is open.
"""
