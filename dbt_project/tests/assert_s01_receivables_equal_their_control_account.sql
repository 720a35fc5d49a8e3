-- depends_on: {{ ref('receivables_roll_forward') }}
{{ sub_ledger_breaks('receivables', 'receivable_account') }}
