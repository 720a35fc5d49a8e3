{{ config(materialized='view') }}

{{ platform_documents_over_time(
    'platform_invoices',
    ['customer_remote_id', 'subscription_remote_id', 'subscription_id', 'period_start', 'period_end'],
    {'amount_remaining_minor': 'current_remaining_minor'},
    'documents.finalized_on is not null'
) }}
