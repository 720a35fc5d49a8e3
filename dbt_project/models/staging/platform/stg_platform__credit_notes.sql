{{ config(materialized='view') }}

{{ platform_documents_over_time('platform_credit_notes', ['invoice_remote_id']) }}
