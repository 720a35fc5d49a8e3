{{ sub_ledger_breaks('receivables', 'receivable_account') }}
