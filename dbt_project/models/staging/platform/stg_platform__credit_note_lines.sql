{{ config(materialized='view') }}

with

lines as (
    select * from {{ source('platform', 'platform_credit_note_lines') }}
),

credit_notes as (
    select * from {{ ref('stg_platform__credit_notes') }}
),

final as (
    select
        lines.entity,
        lines.remote_id,
        lines.remote_line_id,
        credit_notes.invoice_remote_id,
        lines.invoice_line_remote_id,
        lines.amount_minor,
        lines.tax_minor,
        lines.description
    from lines
    inner join credit_notes
        on
            lines.entity = credit_notes.entity
            and lines.remote_id = credit_notes.remote_id
            and lines.read_id = credit_notes.first_read_id
)

select * from final
