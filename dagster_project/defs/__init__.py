"""The assets of a close, one module per stretch of the way from usage to ledger."""
