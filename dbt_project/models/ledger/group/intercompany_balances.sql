with

intercompany_lines as (
    select
        general_ledger.*,
        {{ intercompany_role('general_ledger.line_key') }} as intercompany_role
    from {{ ref('general_ledger') }} as general_ledger
    where general_ledger.partner_entity is not null
),

periods as (
    select distinct period
    from {{ ref('general_ledger') }}
),

movements as (
    select
        entity,
        partner_entity,
        period,
        currency,
        {{ sum_whole("case when intercompany_role = 'receivable' then signed_minor else 0 end") }} as receivable_minor,
        {{ sum_whole("case when intercompany_role = 'payable' then signed_minor else 0 end") }} as payable_minor,
        {{ sum_whole("case when intercompany_role = 'revenue' then signed_minor else 0 end") }} as revenue_minor,
        {{ sum_whole("case when intercompany_role = 'expense' then signed_minor else 0 end") }} as expense_minor
    from intercompany_lines
    group by
        entity,
        partner_entity,
        period,
        currency
),

first_periods as (
    select
        entity,
        partner_entity,
        currency,
        min(period) as first_period
    from movements
    group by
        entity,
        partner_entity,
        currency
),

-- A balance stands in every later period of the group, moved or not.
spine as (
    select
        first_periods.*,
        periods.period
    from first_periods
    inner join periods on first_periods.first_period <= periods.period
),

final as (
    select
        spine.entity,
        spine.partner_entity,
        spine.period,
        spine.currency,
        cast(sum(coalesce(movements.receivable_minor, 0)) over balance as bigint) as receivable_minor,
        cast(sum(coalesce(movements.payable_minor, 0)) over balance as bigint) as payable_minor,
        cast(sum(coalesce(movements.revenue_minor, 0)) over balance as bigint) as revenue_minor,
        cast(sum(coalesce(movements.expense_minor, 0)) over balance as bigint) as expense_minor
    from spine
    left join movements
        on
            spine.entity = movements.entity
            and spine.partner_entity = movements.partner_entity
            and spine.currency = movements.currency
            and spine.period = movements.period
    window
        balance as (
            partition by spine.entity, spine.partner_entity, spine.currency
            order by spine.period asc
            rows between unbounded preceding and current row
        )
)

select * from final
