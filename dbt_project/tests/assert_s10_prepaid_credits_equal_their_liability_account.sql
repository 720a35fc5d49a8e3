-- depends_on: {{ ref('prepaid_credit_roll_forward') }}
{{ sub_ledger_breaks('prepaid_credits', 'revenue_account', "= 'prepaid'") }}
