"""One room per kind of system: a declared manifest, pure mappings, and what performs them.

The module ``reverse_etl.systems.<kind>`` exports ``MANIFEST`` and ``open_system(settings, name)``; nothing else lists it.
"""

from reverse_etl.systems.registry import adjusted, kinds, open_system

__all__ = ["adjusted", "kinds", "open_system"]
