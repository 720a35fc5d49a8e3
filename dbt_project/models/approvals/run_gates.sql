with

gated_lines as (
    select * from {{ ref('gated_lines') }}
),

limits as (
    select * from {{ ref('run_gate_limits') }}
),

requests as (
    select * from {{ ref('stg_register_opening__approval_requests') }}
    where kind = 'run_gate'
),

currencies as (
    select * from {{ ref('currencies') }}
),

-- The plan is what a person judges: lines, amounts and what they were computed from. Which open month issues it is no part of it.
plans as (
    select
        entity,
        document_month,
        cause,
        min(functional_currency) as functional_currency,
        count(*) as line_count,
        count(distinct customer_id) as customer_count,
        {{ sum_whole('gross_minor') }} as gross_minor,
        {{ secure_digest(ordered_text(
            dbt.concat(["gated_key", "'|'", "currency", "'|'", "cast(signed_minor as varchar)", "'|'", "fingerprint"]),
            "gated_key, fingerprint"
        )) }} as lines_hash
    from gated_lines
    group by
        entity,
        document_month,
        cause
),

limited as (
    select
        plans.*,
        limits.gross_limit,
        limits.line_limit,
        row_number() over (
            partition by plans.entity, plans.document_month, plans.cause
            order by case when limits.entity = '*' then 1 else 0 end asc
        ) as preference
    from plans
    left join limits
        on
            plans.cause = limits.cause
            and (limits.entity = plans.entity or limits.entity = '*')
),

measured as (
    select
        limited.*,
        {{ dbt.concat(["limited.entity", "'/'", "limited.cause"]) }} as subject,
        {{ secure_digest(dbt.concat(["limited.entity", "'/'", "limited.cause", "'/'", "limited.lines_hash"])) }} as plan_hash,
        coalesce(
            cast(limited.gross_minor as decimal(19, 0)) > cast(limited.gross_limit as decimal(19, 0)) * cast(currencies.minor_units as decimal(4, 0)), false
        )
        or coalesce(limited.line_count > limited.line_limit, false) as is_over_limit
    from limited
    inner join currencies on limited.functional_currency = currencies.currency
    where limited.preference = 1
),

verdicts as (
    select
        entity,
        content_hash,
        min(request_id) as request_id,
        min(status) as status
    from requests
    group by
        entity,
        content_hash
),

final as (
    select
        measured.entity,
        measured.document_month,
        measured.cause,
        measured.subject,
        measured.functional_currency,
        measured.line_count,
        measured.customer_count,
        measured.gross_minor,
        measured.gross_limit,
        measured.line_limit,
        measured.plan_hash,
        verdicts.request_id,
        case
            when not measured.is_over_limit then 'within limits'
            else coalesce(verdicts.status, 'unasked')
        end as status,
        measured.is_over_limit and {{ var('run_gates') }} and coalesce(verdicts.status, 'unasked') <> 'approved' as is_stopped
    from measured
    left join verdicts
        on
            measured.entity = verdicts.entity
            and measured.plan_hash = verdicts.content_hash
)

select * from final
