with

revenue_movements as (
    select * from {{ ref('revenue_movements') }}
),

general_ledger as (
    select * from {{ ref('general_ledger') }}
),

customers as (
    select * from {{ ref('stg_crm__customers') }}
),

periods as (
    select * from {{ ref('sub_ledger_periods') }}
),

moved as (
    {% for dimension, column in {'customer': 'customer_id', 'product': 'product'}.items() %}
        select
            '{{ dimension }}' as dimension,
            {{ column }} as subject,
            entity,
            period,
            currency,
            amount_minor
        from revenue_movements
        where {{ column }} is not null
        union all
    {% endfor %}
    select
        'account' as dimension,
        account as subject,
        entity,
        period,
        currency,
        signed_minor as amount_minor
    from general_ledger
),

totals as (
    select
        dimension,
        subject,
        entity,
        period,
        currency,
        {{ sum_whole('amount_minor') }} as amount_minor
    from moved
    group by
        dimension,
        subject,
        entity,
        period,
        currency
),

-- A month with nothing after one with something is a movement too.
following as (
    select
        totals.dimension,
        totals.subject,
        totals.entity,
        periods.period,
        totals.currency,
        totals.amount_minor as previous_minor
    from totals
    inner join periods
        on
            totals.entity = periods.entity
            and totals.period = {{ period_of(month_start(add_days(month_start('periods.last_day'), -1))) }}
),

names as (
    select
        'customer' as dimension,
        '*' as entity,
        customer_id as subject,
        customer_name as subject_name
    from customers
    union all
    select
        'account' as dimension,
        entity,
        account as subject,
        min(account_name) as subject_name
    from general_ledger
    group by
        entity,
        account
),

compared as (
    select
        coalesce(totals.dimension, following.dimension) as dimension,
        coalesce(totals.subject, following.subject) as subject,
        coalesce(totals.entity, following.entity) as entity,
        coalesce(totals.period, following.period) as period,
        coalesce(totals.currency, following.currency) as currency,
        coalesce(totals.amount_minor, 0) as amount_minor,
        coalesce(following.previous_minor, 0) as previous_minor
    from totals
    full outer join following
        on
            totals.dimension = following.dimension
            and totals.subject = following.subject
            and totals.entity = following.entity
            and totals.period = following.period
            and totals.currency = following.currency
),

final as (
    select
        compared.entity,
        compared.period,
        compared.currency,
        compared.dimension,
        compared.subject,
        coalesce(names.subject_name, compared.subject) as subject_name,
        cast(compared.amount_minor as bigint) as amount_minor,
        cast(compared.previous_minor as bigint) as previous_minor,
        cast(compared.amount_minor - compared.previous_minor as bigint) as change_minor
    from compared
    left join names
        on
            compared.dimension = names.dimension
            and compared.subject = names.subject
            and (names.entity = '*' or compared.entity = names.entity)
)

select * from final
