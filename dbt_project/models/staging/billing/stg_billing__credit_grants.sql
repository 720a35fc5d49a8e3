with

latest as (
    {{ latest_landed(source('raw_billing', 'credit_grants'), ['grant_id']) }}
),

currencies as (
    select * from {{ ref('currencies') }}
),

typed as (
    select
        grant_id,
        customer_id,
        upper({{ blank_to_null('currency') }}) as currency,
        lower({{ blank_to_null('kind') }}) as kind,
        {{ safe_cast_to(blank_to_null('amount'), quantity_type()) }} as amount,
        {{ safe_cast_to("coalesce(" ~ blank_to_null('credit_rate') ~ ", '1')", unit_price_type()) }} as credit_rate,
        {{ safe_cast_to(blank_to_null('granted_on'), 'date') }} as granted_on,
        {{ safe_cast_to(blank_to_null('expires_on'), 'date') }} as expires_on,
        {{ blank_to_null('expires_on') }} is not null as has_end,
        {{ safe_cast_to("coalesce(" ~ blank_to_null('priority') ~ ", '0')", 'integer') }} as priority,
        coalesce({{ blank_to_null('product') }}, '*') as product,
        file_name,
        line_number
    from latest
),

valued as (
    select
        typed.*,
        -- Beyond this the product would not fit.
        case
            when {{ product_fits(scaled_quantity('typed.amount'), scaled_unit_price('typed.credit_rate'), 37) }}
                then {{ to_minor(multiply_exact('typed.amount', 'typed.credit_rate'), 'currencies.minor_units') }}
        end as granted_minor,
        currencies.currency is not null as is_known_currency
    from typed
    left join currencies on typed.currency = currencies.currency
),

final as (
    select
        grant_id,
        customer_id,
        currency,
        kind,
        amount,
        credit_rate,
        granted_minor,
        granted_on,
        expires_on,
        priority,
        product,
        file_name,
        line_number,
        case
            when not is_known_currency then 'unknown_currency'
            when kind is null or kind not in ('paid', 'promotional') then 'unknown_word'
            when granted_on is null or (has_end and expires_on is null) then 'not_a_date'
            when expires_on <= granted_on then 'ends_before_it_starts'
            when amount is null or credit_rate is null or priority is null then 'not_a_number'
            when amount <= 0 or credit_rate <= 0 then 'not_positive'
            when granted_minor is null then 'amount_out_of_range'
        end as violation
    from valued
)

select * from final
