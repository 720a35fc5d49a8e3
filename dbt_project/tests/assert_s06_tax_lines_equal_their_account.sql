-- depends_on: {{ ref('tax_roll_forward') }}
{{ sub_ledger_breaks('tax', 'tax_account') }}
