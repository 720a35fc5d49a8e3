-- What is far above its norm is a mistake until two people have seen it.
with

run_gates as (
    select * from {{ ref('run_gates') }}
    where is_over_norm
),

stopped_lines as (
    select * from {{ ref('stopped_lines') }}
),

proposed_invoice_lines as (
    select * from {{ ref('proposed_invoice_lines') }}
)

select
    entity,
    subject,
    'goes on by itself' as anomaly,
    gross_minor
from run_gates
where
    status <> 'approved'
    and not is_stopped
    and {{ var('run_gates') }}

union all

select
    proposed_invoice_lines.entity,
    proposed_invoice_lines.line_key as subject,
    'is proposed though it is stopped' as anomaly,
    proposed_invoice_lines.amount_minor as gross_minor
from proposed_invoice_lines
inner join stopped_lines
    on
        proposed_invoice_lines.line_key = stopped_lines.line_key
        and proposed_invoice_lines.entity = stopped_lines.entity
        and proposed_invoice_lines.cause = stopped_lines.cause
