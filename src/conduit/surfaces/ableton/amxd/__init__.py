"""``.amxd``, the file of a Max for Live device: read, written, taken apart and put together.

Pure: bytes in, bytes out. ``reading`` and ``writing`` are the file, ``patcher`` and ``maxpat`` the
JSON in it, ``folder`` a device as a folder that people can edit.
"""
