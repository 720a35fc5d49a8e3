-- What should exist minus what was issued is proposed or held; a line that is neither is revenue nobody asks for.
with

proposed as (
    select
        line_key,
        charged_minor
    from {{ ref('proposed_invoice_lines') }}
    union all
    select
        line_key,
        -charged_minor as charged_minor
    from {{ ref('proposed_credit_memo_lines') }}
),

proposed_totals as (
    select
        line_key,
        sum(charged_minor) as proposed_minor
    from proposed
    group by line_key
)

select
    line_deltas.line_key,
    line_deltas.delta_minor,
    proposed_totals.proposed_minor
from {{ ref('line_deltas') }} as line_deltas
left join proposed_totals on line_deltas.line_key = proposed_totals.line_key
left join {{ ref('held_lines') }} as held_lines on line_deltas.line_key = held_lines.line_key
where
    (held_lines.line_key is null and coalesce(proposed_totals.proposed_minor, 0) is distinct from line_deltas.delta_minor)
    or (held_lines.line_key is not null and proposed_totals.line_key is not null)
