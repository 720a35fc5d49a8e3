"""QuickBooks Online (https://developer.intuit.com/app/developer/qbo/docs/api/accounting, minor version 75): journal entries and customers.

Class B: document numbers may repeat, and how long a request id is remembered is not published, so what had no answer is looked up by its document
number, which is our reference. Each legal entity is a company of its own (option ``realm``).
"""

from reverse_etl.systems.quickbooks.links import document_url
from reverse_etl.systems.quickbooks.system import MANIFEST, QuickBooks, open_system

__all__ = ["MANIFEST", "QuickBooks", "document_url", "open_system"]
