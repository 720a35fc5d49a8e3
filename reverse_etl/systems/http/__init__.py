"""Any JSON API, described in ``destinations/<name>.yaml`` of the home folder: nothing here knows one.

What the file does not claim counts as absent, so the manifest of the kind alone claims nothing.
"""

from reverse_etl.systems.http.destination import MANIFEST, check, document_url, open_system

__all__ = ["MANIFEST", "check", "document_url", "open_system"]
