-- A refused row is never used, and what would need it waits; it should not wait until somebody misses the invoice.
{{ config(severity='warn') }}

select
    file_name,
    line_number,
    subject,
    rule,
    what_to_do
from {{ ref('refused_reference_rows') }}
