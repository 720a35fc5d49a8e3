{{ sub_ledger_breaks('prepaid_credits', 'revenue_account', "= 'prepaid'") }}
