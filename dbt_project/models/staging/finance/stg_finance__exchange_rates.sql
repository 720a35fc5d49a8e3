with

latest as (
    {{ latest_landed(source('raw_finance', 'exchange_rates'), ['rate_date', 'from_currency', 'to_currency']) }}
),

final as (
    select
        {{ safe_cast_to('rate_date', 'date') }} as rate_date,
        upper(from_currency) as from_currency,
        upper(to_currency) as to_currency,
        {{ safe_cast_to('rate', rate_type()) }} as exchange_rate
    from latest
)

select * from final
where rate_date is not null and exchange_rate > 0
