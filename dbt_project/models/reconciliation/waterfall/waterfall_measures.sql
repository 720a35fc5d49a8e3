{#- What the comparisons list on the way from rated to issued, by the words that they explain it with. -#}
{%- set held = "explanation like 'held: %' or explanation like 'stopped by the run gate: %' or explanation like 'usage held: %' or explanation like 'not rated here: %'" -%}

with

line_deltas as (
    select * from {{ ref('line_deltas') }}
),

platform_rated_lines as (
    select * from {{ ref('platform_rated_lines') }}
),

rated_to_issued as (
    select * from {{ ref('k3_rated_to_issued') }}
),

rated_to_platform as (
    select * from {{ ref('k3_rated_to_platform') }}
),

documents as (
    select * from {{ ref('canonical_documents') }}
    where document_type <> 'opening' and issue_event <> 'opening_balance'
),

register_lines as (
    select * from {{ ref('stg_register_closing__billing_lines') }}
),

platform_lines as (
    select
        lines.*,
        documents.period,
        documents.currency,
        documents.status
    from {{ ref('platform_document_lines') }} as lines
    inner join {{ ref('platform_documents') }} as documents on lines.business_key = documents.business_key
),

openings as (
    select * from {{ ref('stg_register_closing__openings') }}
    where opening = 'billed_line'
),

entities as (
    select * from {{ ref('stg_crm__legal_entities') }}
),

canonical_lines as (
    select * from {{ ref('canonical_document_lines') }}
),

served_revenue as (
    select * from {{ ref('served_revenue') }}
),

revenue_movements as (
    select * from {{ ref('revenue_movements') }}
),

sub_ledger_balances as (
    select * from {{ ref('sub_ledger_balances') }}
    where sub_ledger <> 'revenue'
),

journal_lines as (
    select * from {{ ref('stg_register_closing__journal_lines') }}
),

moves as (
    select * from {{ ref('stg_ledger__moves') }}
    where state = 'posted'
),

move_lines as (
    select * from {{ ref('stg_ledger__move_lines') }}
),

foreign_entries as (
    select * from {{ ref('foreign_entries') }}
    where status = 'listed'
),

-- Those that are frozen on the lines, and those of what is earned without one.
revenue_accounts as (
    select
        entity,
        revenue_account as account
    from canonical_lines
    where
        kind <> 'prepaid'
        and revenue_account is not null
    union
    select
        entity,
        account
    from revenue_movements
),

compared as (
    select
        entity,
        period,
        unit,
        coalesce(left_value, 0) as rated_value,
        excused_value,
        coalesce(explanation, 'unbilled') as explanation,
        'unbilled' as otherwise
    from rated_to_issued
    union all
    select
        entity,
        period,
        unit,
        coalesce(left_value, 0) as rated_value,
        excused_value,
        coalesce(explanation, 'settled') as explanation,
        'settled_at_platform' as otherwise
    from rated_to_platform
),

-- In the terms of the price, with its tax where the price includes it; a line that counts as issued is compared with what is rated of its month.
document_lines as (
    select
        register_lines.entity,
        register_lines.period,
        {{ period_of('register_lines.billing_month') }} as billing_period,
        register_lines.currency,
        register_lines.document_type,
        register_lines.counts_as_issued,
        {{ charged_amount('register_lines.amount_minor', 'register_lines.tax_minor', 'coalesce(line_deltas.tax_behavior, register_lines.tax_behavior)') }}
            as charged_minor,
        register_lines.amount_minor,
        register_lines.tax_minor
    from register_lines
    left join line_deltas on register_lines.line_key = line_deltas.line_key
    union all
    select
        platform_lines.entity,
        platform_lines.period,
        {{ period_of('coalesce(platform_rated_lines.billing_month, platform_lines.billing_month)') }} as billing_period,
        platform_lines.currency,
        platform_lines.document_type,
        platform_lines.issue_event = 'invoice_issued' and platform_lines.status <> 'void' as counts_as_issued,
        platform_lines.amount_minor as charged_minor,
        platform_lines.amount_minor,
        platform_lines.tax_minor
    from platform_lines
    left join platform_rated_lines
        on
            platform_lines.entity = platform_rated_lines.entity
            and platform_lines.line_key = platform_rated_lines.line_key
),

-- As K3 compares it.
former_system as (
    select
        openings.entity,
        {{ period_of("coalesce(line_deltas.billing_month, " ~ month_start(add_days('openings.service_period_end', -1)) ~ ")") }} as period,
        openings.currency,
        openings.amount_minor
    from openings
    inner join entities on openings.entity = entities.entity
    left join line_deltas on openings.line_key = line_deltas.line_key
    where
        line_deltas.line_key is not null
        or openings.service_period_end > {{ month_start('entities.cutover_on') }}
),

schedules as (
    select
        canonical_lines.entity,
        {{ period_of('served_revenue.recognition_month') }} as period,
        canonical_lines.currency,
        case
            when canonical_lines.document_type <> 'opening' and canonical_lines.period = {{ period_of('served_revenue.recognition_month') }} then 'deferred'
            else 'prior_deferred'
        end as step,
        served_revenue.amount_minor
    from served_revenue
    inner join canonical_lines on served_revenue.document_line_key = canonical_lines.document_line_key
    where canonical_lines.kind <> 'prepaid'
),

booked as (
    select
        journal_lines.entity,
        journal_lines.period,
        journal_lines.currency,
        journal_lines.system,
        journal_lines.state,
        case when journal_lines.side = 'credit' then journal_lines.amount_minor else -journal_lines.amount_minor end as amount_minor
    from journal_lines
    inner join revenue_accounts
        on
            journal_lines.entity = revenue_accounts.entity
            and journal_lines.account = revenue_accounts.account
),

in_the_ledger as (
    select
        move_lines.entity,
        move_lines.period,
        coalesce(move_lines.currency, entities.functional_currency) as currency,
        move_lines.remote_id,
        moves.reference,
        case
            when coalesce(move_lines.currency, entities.functional_currency) = entities.functional_currency then -move_lines.signed_functional_minor
            else -move_lines.signed_minor
        end as amount_minor
    from move_lines
    inner join moves
        on
            move_lines.entity = moves.entity
            and move_lines.period = moves.period
            and move_lines.remote_id = moves.remote_id
    inner join entities on move_lines.entity = entities.entity
    inner join revenue_accounts
        on
            move_lines.entity = revenue_accounts.entity
            and move_lines.account_code = revenue_accounts.account
),

measured as (
    select
        entity,
        {{ period_of('billing_month') }} as period,
        currency,
        case kind when 'usage' then 'usage' when 'commitment' then 'commitments' when 'adjustment' then 'commitments' else 'fees' end as step,
        coalesce(gross_minor, rated_minor) as amount_minor
    from line_deltas
    where rated_minor <> 0 or coalesce(gross_minor, 0) <> 0
    union all
    select
        entity,
        {{ period_of('billing_month') }} as period,
        currency,
        'discounts' as step,
        rated_minor - gross_minor as amount_minor
    from line_deltas
    where gross_minor <> rated_minor
    union all
    select
        entity,
        {{ period_of('billing_month') }} as period,
        currency,
        case kind when 'usage' then 'usage' when 'commitment' then 'commitments' when 'adjustment' then 'commitments' else 'fees' end as step,
        coalesce(amount_minor, 0) as amount_minor
    from platform_rated_lines
    where amount_minor <> 0
    union all
    select
        entity,
        period,
        unit as currency,
        'rated' as step,
        cast(rated_value as bigint) as amount_minor
    from compared
    where rated_value <> 0
    union all
    select
        entity,
        period,
        unit as currency,
        case
            when {{ held }} then 'held'
            when explanation = 'credited by a decision' then 'absorbed'
            else otherwise
        end as step,
        cast(-excused_value as bigint) as amount_minor
    from compared
    where excused_value <> 0
    union all
    select
        entity,
        period,
        currency,
        'former_system' as step,
        -amount_minor as amount_minor
    from former_system
    where amount_minor <> 0
    union all
    select
        entity,
        billing_period as period,
        currency,
        'other_periods' as step,
        -charged_minor as amount_minor
    from document_lines
    where
        counts_as_issued
        and billing_period <> period
    union all
    select
        entity,
        period,
        currency,
        case
            when not counts_as_issued then 'decisions'
            when document_type = 'invoice' then 'late_usage'
            else 'corrections'
        end as step,
        charged_minor as amount_minor
    from document_lines
    where
        not counts_as_issued
        or billing_period <> period
    union all
    select
        entity,
        period,
        currency,
        'tax' as step,
        amount_minor + tax_minor - charged_minor as amount_minor
    from document_lines
    where amount_minor + tax_minor <> charged_minor
    union all
    select
        entity,
        period,
        currency,
        'invoiced' as step,
        total_minor as amount_minor
    from documents
    union all
    select
        entity,
        period,
        currency,
        'held_documents' as step,
        -total_minor as amount_minor
    from documents
    where hold_reason is not null
    union all
    select
        entity,
        period,
        currency,
        'tax_payable' as step,
        -tax_minor as amount_minor
    from canonical_lines
    where
        document_type <> 'opening'
        and tax_minor <> 0
    union all
    select
        entity,
        period,
        currency,
        case kind when 'fee' then 'deferred' else 'prepaid_credits' end as step,
        -amount_minor as amount_minor
    from canonical_lines
    where
        document_type <> 'opening'
        and kind in ('fee', 'prepaid')
    union all
    select
        entity,
        period,
        currency,
        step,
        amount_minor
    from schedules
    where amount_minor <> 0
    union all
    select
        entity,
        period,
        currency,
        case
            when earned_by = 'promotional_credit' then 'promotional_credits'
            when earned_by = 'breakage' then 'breakage'
            when period = service_period then 'accrued'
            else 'accrual_reversed'
        end as step,
        amount_minor
    from revenue_movements
    where earned_by in ('promotional_credit', 'breakage', 'accrual')
    union all
    select
        sub_ledger_balances.entity,
        sub_ledger_balances.period,
        sub_ledger_balances.currency,
        'other_sub_ledgers' as step,
        sub_ledger_balances.opening_minor - sub_ledger_balances.closing_minor as amount_minor
    from sub_ledger_balances
    inner join revenue_accounts
        on
            sub_ledger_balances.entity = revenue_accounts.entity
            and sub_ledger_balances.account = revenue_accounts.account
    where sub_ledger_balances.opening_minor <> sub_ledger_balances.closing_minor
    -- What the register holds and no destination has: carried over, refused for good, or still on its way.
    union all
    select
        entity,
        period,
        currency,
        case
            when system = 'register' then 'carried_over'
            when state = 'rejected' then 'refused'
            else 'not_posted'
        end as step,
        -amount_minor as amount_minor
    from booked
    where
        system = 'register'
        or state not in ('posted', 'verified', 'reversed')
    union all
    select
        entity,
        period,
        currency,
        'posted' as step,
        amount_minor
    from booked
    where
        system <> 'register'
        and state in ('posted', 'verified', 'reversed')
    union all
    select
        in_the_ledger.entity,
        in_the_ledger.period,
        in_the_ledger.currency,
        'entries_of_others' as step,
        in_the_ledger.amount_minor
    from in_the_ledger
    inner join foreign_entries
        on
            in_the_ledger.entity = foreign_entries.entity
            and in_the_ledger.period = foreign_entries.period
            and in_the_ledger.remote_id = foreign_entries.remote_id
    union all
    select
        entity,
        period,
        currency,
        'ledger' as step,
        amount_minor
    from in_the_ledger
),

final as (
    select
        entity,
        period,
        currency,
        step,
        {{ sum_whole('amount_minor') }} as amount_minor,
        count(*) as item_count
    from measured
    group by
        entity,
        period,
        currency,
        step
)

select * from final
