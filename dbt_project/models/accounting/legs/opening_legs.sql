with

openings as (
    select * from {{ ref('stg_register_issued__openings') }}
    where signed_minor <> 0
),

-- Every balance stands against the equity of the opening, so that what is left there is what nobody has explained.
sides as (
    {% for leg, account, sign, customer in [("opened", "account", "", "case when opening = 'open_item' then customer_id end"), ("equity", "equity_account", "-", "cast(null as varchar)")] %}
        select
            openings.*,
            '{{ leg }}' as leg,
            {{ account }} as leg_account,
            {{ sign }}signed_minor as leg_minor,
            {{ sign }}signed_functional_minor as leg_functional_minor,
            {{ customer }} as party_id
        from openings
        {{ 'union all' if not loop.last }}
    {% endfor %}
),

final as (
    select
        {{ dbt.concat(["'opening:'", "natural_id"]) }} as natural_id,
        'opening_balance' as event,
        cast(null as varchar) as reverses,
        business_key as source_document,
        number as source_number,
        'opening' as source_document_type,
        entity,
        posting_date,
        currency,
        functional_currency,
        exchange_rate,
        rounding_account,
        leg,
        leg_account as account,
        cast(null as varchar) as dimensions,
        cast(leg_minor as bigint) as signed_minor,
        -- What was carried, whatever a rate would make of it.
        cast(leg_functional_minor as bigint) as signed_functional_minor,
        customer_id as document_customer_id,
        party_id as customer_id,
        cast(null as varchar) as partner_entity,
        cast(null as varchar) as source_line_key,
        service_period_start,
        service_period_end
    from sides
)

select * from final
