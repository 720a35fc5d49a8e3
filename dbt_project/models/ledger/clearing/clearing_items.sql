with

{% for role, (model, dated_on, item, sub_ledger) in clearing_roles().items() %}
    {{ role }}_items as (
        select
            '{{ role }}' as clearing_role,
            entity,
            period,
            {{ item }} as item,
            account,
            currency,
            {{ dated_on }} as dated_on,
            amount_minor
        from {{ ref(model) }}
    ),
{% endfor %}

items as (
    {% for role in clearing_roles() %}
        select * from {{ role }}_items
        {{ 'union all' if not loop.last }}
    {% endfor %}
),

clearing_accounts as (
    select distinct
        entity,
        account
    from items
),

openings as (
    select * from {{ ref('stg_register_issued__openings') }}
    where opening = 'balance'
),

periods as (
    select * from {{ ref('sub_ledger_periods') }}
),

-- What the former system left on such an account is an item of the day of the cutover.
carried_over as (
    select
        'opening' as clearing_role,
        openings.entity,
        periods.period,
        openings.natural_id as item,
        openings.account,
        openings.currency,
        openings.posting_date as dated_on,
        openings.signed_minor as amount_minor
    from openings
    inner join clearing_accounts
        on
            openings.entity = clearing_accounts.entity
            and openings.account = clearing_accounts.account
    inner join periods
        on
            openings.entity = periods.entity
            and openings.period <= periods.period
),

combined as (
    select * from items
    union all
    select * from carried_over
),

final as (
    select
        combined.clearing_role,
        combined.entity,
        combined.period,
        combined.item,
        combined.account,
        combined.currency,
        combined.dated_on,
        cast({{ days_between('combined.dated_on', 'periods.last_day') }} as bigint) as age_days,
        cast(combined.amount_minor as bigint) as amount_minor
    from combined
    left join periods
        on
            combined.entity = periods.entity
            and combined.period = periods.period
)

select * from final
