with

missing_translations as (
    select distinct
        entity,
        period
    from {{ ref('missing_translations') }}
),

-- What lacks a rate is missing, never zero.
translated_balances as (
    select translated.*
    from {{ ref('translated_balances') }} as translated
    left join missing_translations
        on
            translated.entity = missing_translations.entity
            and translated.period = missing_translations.period
    where missing_translations.entity is null
),

currencies as (
    select * from {{ ref('currencies') }}
),

layered as (
    {% for layer, amount in [
        ("entity", "closing_minor"),
        ("translation", "translated_minor - closing_minor"),
        ("elimination", "-intercompany_minor"),
    ] %}
        select
            period,
            '{{ layer }}' as layer,
            entity,
            account,
            account_name,
            account_type,
            group_currency,
            {{ amount }} as amount_minor
        from translated_balances
        where {{ amount }} <> 0
        {{ 'union all' if not loop.last }}
    {% endfor %}
),

-- What rounding and different rates leave over in a layer of an entity is a line of its own, so that each of them sums to zero.
differences as (
    select
        period,
        layer,
        entity,
        'translation_difference' as account,
        'Translation difference' as account_name,
        'equity' as account_type,
        group_currency,
        -{{ sum_whole('amount_minor') }} as amount_minor
    from layered
    group by
        period,
        layer,
        entity,
        group_currency
    having sum(amount_minor) <> 0
),

combined as (
    select * from layered
    union all
    select * from differences
),

final as (
    select
        combined.period,
        combined.layer,
        combined.entity,
        combined.account,
        combined.account_name,
        combined.account_type,
        combined.group_currency,
        currencies.exponent as group_exponent,
        cast(combined.amount_minor as bigint) as amount_minor
    from combined
    inner join currencies on combined.group_currency = currencies.currency
)

select * from final
