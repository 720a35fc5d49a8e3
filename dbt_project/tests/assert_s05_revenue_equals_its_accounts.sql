-- depends_on: {{ ref('revenue_by_service_period') }}
{{ sub_ledger_breaks('revenue', 'revenue_account', "<> 'prepaid'") }}
