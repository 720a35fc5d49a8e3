with

unbilled_items as (
    select * from {{ ref('unbilled_items') }}
),

-- What is accrued at the end of a month is taken back on the first day of the next.
movements as (
    select
        entity,
        period,
        account,
        currency,
        amount_minor as accrued_minor,
        0 as reversed_minor
    from unbilled_items
    union all
    select
        entity,
        {{ period_of(add_months("cast(" ~ dbt.concat(["period", "'-01'"]) ~ " as date)", 1)) }} as period,
        account,
        currency,
        0 as accrued_minor,
        -amount_minor as reversed_minor
    from unbilled_items
),

moved as (
    select
        entity,
        period,
        account,
        currency,
        {{ sum_whole('accrued_minor') }} as accrued_minor,
        {{ sum_whole('reversed_minor') }} as reversed_minor
    from movements
    group by
        entity,
        period,
        account,
        currency
),

rolled as (
    {{ rolled_forward('moved', ['account', 'currency'], ['accrued_minor', 'reversed_minor']) }}
),

listed as (
    select
        entity,
        period,
        account,
        currency,
        {{ sum_whole('amount_minor') }} as amount_minor
    from unbilled_items
    group by
        entity,
        period,
        account,
        currency
),

final as (
    select
        rolled.entity,
        rolled.period,
        rolled.account,
        rolled.currency,
        rolled.opening_minor,
        rolled.accrued_minor,
        rolled.reversed_minor,
        rolled.closing_minor,
        cast(coalesce(listed.amount_minor, 0) as bigint) as unbilled_items_minor
    from rolled
    left join listed
        on
            rolled.entity = listed.entity
            and rolled.period = listed.period
            and rolled.account = listed.account
            and rolled.currency = listed.currency
)

select * from final
