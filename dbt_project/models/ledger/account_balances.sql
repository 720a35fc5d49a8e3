{{ balances_of(ref('general_ledger'), ['entity']) }}
