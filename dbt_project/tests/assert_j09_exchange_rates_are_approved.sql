-- What is issued in a foreign currency is converted at a landed rate that was valid on the date of its document and no older than allowed;
-- what corrects an invoice has the rate of that invoice.
with

documents as (
    select * from {{ ref('stg_register_closing__documents') }}
    where
        document_type in ('invoice', 'credit_memo')
        and state <> 'cancelled'
),

billing_lines as (
    select * from {{ ref('stg_register_closing__billing_lines') }}
),

-- A later version of a rate does not make wrong what was issued with an earlier one.
landed_rates as (
    select distinct
        {{ safe_cast_to('rate_date', 'date') }} as rate_date,
        upper(from_currency) as from_currency,
        upper(to_currency) as to_currency,
        {{ safe_cast_to('rate', rate_type()) }} as exchange_rate
    from {{ source('raw_finance', 'exchange_rates') }}
),

frozen as (
    select distinct
        billing_lines.business_key,
        billing_lines.entity,
        billing_lines.document_type,
        billing_lines.invoice_key,
        billing_lines.currency,
        billing_lines.functional_currency,
        documents.document_date,
        cast(billing_lines.exchange_rate as {{ rate_type() }}) as exchange_rate,
        cast(billing_lines.exchange_rate_date as date) as exchange_rate_date
    from billing_lines
    inner join documents on billing_lines.business_key = documents.business_key
),

judged as (
    select
        frozen.business_key,
        frozen.entity,
        frozen.currency,
        frozen.functional_currency,
        frozen.document_date,
        frozen.exchange_rate,
        frozen.exchange_rate_date,
        case
            when frozen.document_type = 'credit_memo' and corrected.business_key is null then 'it corrects no invoice that is there'
            when
                frozen.document_type = 'credit_memo'
                and (corrected.exchange_rate <> frozen.exchange_rate or corrected.exchange_rate_date <> frozen.exchange_rate_date)
                then 'it has another rate than what it corrects'
            when frozen.document_type = 'credit_memo' then null
            when frozen.currency = frozen.functional_currency and frozen.exchange_rate <> 1 then 'it converts its own currency'
            when frozen.currency = frozen.functional_currency then null
            when landed_rates.exchange_rate is null then 'the rate is not in the table'
            when frozen.exchange_rate_date > frozen.document_date then 'the rate is of a day after the document'
            when frozen.exchange_rate_date < {{ add_days('frozen.document_date', -1 * var('exchange_rate_days')) }} then 'the rate is too old'
        end as what
    from frozen
    left join frozen as corrected
        on
            frozen.invoice_key = corrected.business_key
            and frozen.document_type = 'credit_memo'
    left join landed_rates
        on
            frozen.currency = landed_rates.from_currency
            and frozen.functional_currency = landed_rates.to_currency
            and frozen.exchange_rate_date = landed_rates.rate_date
            and frozen.exchange_rate = landed_rates.exchange_rate
)

select * from judged
where what is not null
