{{ sub_ledger_breaks('tax', 'tax_account') }}
