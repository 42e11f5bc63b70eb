"""`providers.yaml` and the presets: read, checked, compared, swapped while requests go on, shared.

`file.py` reads the whole file into `settings.py`; the other readers each read one part of it.
"""
