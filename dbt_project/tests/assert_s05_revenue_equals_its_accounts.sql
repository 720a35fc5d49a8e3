{{ sub_ledger_breaks('revenue', 'revenue_account', "<> 'prepaid'") }}
