with

gated_lines as (
    select * from {{ ref('gated_lines') }}
),

limits as (
    select * from {{ ref('run_gate_limits') }}
),

norms as (
    select * from {{ ref('billing_norms') }}
),

requests as (
    select * from {{ ref('stg_register_opening__approval_requests') }}
    where kind = 'run_gate'
),

currencies as (
    select * from {{ ref('currencies') }}
),

-- What is regular is measured by customer too: one wrong document is lost in the sum of all.
scoped as (
    select
        gated_lines.*,
        '*' as gated_customer_id
    from gated_lines
    union all
    select
        gated_lines.*,
        gated_lines.customer_id as gated_customer_id
    from gated_lines
    where gated_lines.cause = 'usage_and_fees'
),

-- The plan is what a person judges: lines, amounts and what they were computed from. Which open month issues it is no part of it.
plans as (
    select
        entity,
        document_month,
        cause,
        gated_customer_id as customer_id,
        min(functional_currency) as functional_currency,
        count(*) as line_count,
        count(distinct customer_id) as customer_count,
        {{ sum_whole('gross_minor') }} as gross_minor,
        {{ secure_digest(ordered_text(
            dbt.concat(["gated_key", "'|'", "currency", "'|'", "cast(signed_minor as varchar)", "'|'", "fingerprint"]),
            "gated_key, fingerprint"
        )) }} as lines_hash
    from scoped
    group by
        entity,
        document_month,
        cause,
        gated_customer_id
),

limited as (
    select
        plans.*,
        limits.gross_limit,
        limits.line_limit,
        limits.norm_factor,
        limits.norm_floor,
        limits.customer_factor,
        limits.customer_floor,
        row_number() over (
            partition by plans.entity, plans.document_month, plans.cause, plans.customer_id
            order by case when limits.entity = '*' then 1 else 0 end asc
        ) as preference
    from plans
    left join limits
        on
            plans.cause = limits.cause
            and (limits.entity = plans.entity or limits.entity = '*')
            and limits.scope = case when plans.customer_id = '*' then 'entity' else 'customer' end
),

measured as (
    select
        limited.*,
        norms.norm_months,
        norms.norm_minor,
        norms.norm_customers,
        case
            when limited.customer_id = '*' then {{ dbt.concat(["limited.entity", "'/'", "limited.cause"]) }}
            else {{ dbt.concat(["limited.entity", "'/'", "limited.cause", "'/'", "limited.customer_id"]) }}
        end as subject,
        coalesce(
            cast(limited.gross_minor as decimal(19, 0)) > cast(limited.gross_limit as decimal(19, 0)) * cast(currencies.minor_units as decimal(4, 0)), false
        )
        or coalesce(limited.line_count > limited.line_limit, false) as is_over_limit,
        -- Against the mean of the months before, compared as a sum so that nothing is divided. Who has none is new, and has no norm.
        coalesce(
            cast(limited.gross_minor as decimal(19, 0)) > cast(limited.norm_floor as decimal(15, 0)) * cast(currencies.minor_units as decimal(4, 0))
            and cast(limited.gross_minor as decimal(19, 0)) * cast(norms.norm_months as decimal(4, 0))
            > cast(norms.norm_minor as decimal(19, 0)) * cast(limited.norm_factor as decimal(6, 0)),
            false
        )
        or coalesce(
            limited.customer_count > limited.customer_floor
            and limited.customer_count * norms.norm_months > norms.norm_customers * limited.customer_factor,
            false
        ) as is_over_norm
    from limited
    inner join currencies on limited.functional_currency = currencies.currency
    left join norms
        on
            limited.entity = norms.entity
            and limited.customer_id = norms.customer_id
    where limited.preference = 1
),

hashed as (
    select
        measured.*,
        {{ secure_digest(dbt.concat(["measured.subject", "'/'", "measured.lines_hash"])) }} as plan_hash
    from measured
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
        hashed.entity,
        hashed.document_month,
        hashed.cause,
        hashed.customer_id,
        hashed.subject,
        hashed.functional_currency,
        hashed.line_count,
        hashed.customer_count,
        hashed.gross_minor,
        hashed.gross_limit,
        hashed.line_limit,
        hashed.norm_factor,
        hashed.norm_floor,
        hashed.customer_factor,
        hashed.customer_floor,
        hashed.norm_months,
        hashed.norm_minor,
        hashed.norm_customers,
        hashed.is_over_norm,
        hashed.plan_hash,
        verdicts.request_id,
        case
            when not (hashed.is_over_limit or hashed.is_over_norm) then 'within limits'
            else coalesce(verdicts.status, 'unasked')
        end as status,
        (hashed.is_over_limit or hashed.is_over_norm) and {{ var('run_gates') }} and coalesce(verdicts.status, 'unasked') <> 'approved' as is_stopped
    from hashed
    left join verdicts
        on
            hashed.entity = verdicts.entity
            and hashed.plan_hash = verdicts.content_hash
)

select * from final
