with

latest as (
    {{ latest_landed(source('raw_finance', 'opening_invoices'), [blank_to_null('entity_id'), blank_to_null('number')]) }}
),

customers as (
    select * from {{ ref('stg_crm__customers') }}
),

typed as (
    select
        {{ blank_to_null('entity_id') }} as entity,
        {{ blank_to_null('number') }} as number,
        {{ blank_to_null('customer_id') }} as customer_id,
        {{ safe_cast_to(blank_to_null('document_date'), 'date') }} as document_date,
        {{ safe_cast_to(blank_to_null('due_on'), 'date') }} as due_date,
        upper({{ blank_to_null('currency') }}) as currency,
        {{ typed_amounts('open_amount') }},
        file_name,
        line_number
    from latest
),

valued as (
    {{ opened_amounts('typed') }}
),

final as (
    select
        valued.entity,
        valued.number,
        valued.customer_id,
        valued.document_date,
        valued.due_date,
        valued.currency,
        valued.currency_exponent,
        valued.functional_currency,
        valued.exchange_rate,
        valued.amount_minor,
        valued.functional_minor,
        valued.opening_date,
        valued.file_name,
        valued.line_number,
        case
            when valued.amount_violation is not null then valued.amount_violation
            when valued.number is null then 'missing_invoice'
            when customers.customer_id is null then 'unknown_customer'
            when valued.document_date is null or valued.due_date is null then 'not_a_date'
            when valued.document_date >= valued.opening_date then 'not_before_cutover'
        end as violation
    from valued
    left join customers on valued.customer_id = customers.customer_id
)

select * from final
