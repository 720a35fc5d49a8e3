"""One room per kind of system: a declared manifest, pure mappings, and what performs them.

The module ``reverse_etl.systems.<kind>`` exports ``MANIFEST`` and ``open_system(settings, name)``, and may export
``check(settings, name)``, which tells more of how it is set up; nothing else lists it.
"""

from reverse_etl.systems.registry import adjusted, check, kinds, open_system

__all__ = ["adjusted", "check", "kinds", "open_system"]
