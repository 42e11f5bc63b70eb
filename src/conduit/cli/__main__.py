"""``python -m conduit.cli`` is ``conduit``."""

from conduit.cli.main import main

main()
