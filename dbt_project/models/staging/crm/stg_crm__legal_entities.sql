{%- set posting_granularity = "lower(coalesce(" ~ blank_to_null('latest.posting_granularity') ~ ", 'entry'))" %}
{%- set tax_rounding = "lower(coalesce(" ~ blank_to_null('latest.tax_rounding') ~ ", 'group'))" %}
{%- set inclusive_tax_rounding = "lower(coalesce(" ~ blank_to_null('latest.inclusive_tax_rounding') ~ ", 'net'))" %}
with

latest as (
    {{ latest_landed(source('raw_crm', 'legal_entities'), ['entity_id']) }}
),

currencies as (
    select * from {{ ref('currencies') }}
),

final as (
    select
        latest.entity_id as entity,
        latest.name as entity_name,
        latest.country,
        latest.functional_currency,
        currencies.exponent as functional_exponent,
        currencies.minor_units as functional_minor_units,
        coalesce({{ safe_cast_to(blank_to_null('latest.cutover_on'), 'date') }}, cast('1970-01-01' as date)) as cutover_on,
        case when {{ tax_rounding }} in ('group', 'line') then {{ tax_rounding }} end as tax_rounding,
        case when {{ inclusive_tax_rounding }} in ('net', 'tax') then {{ inclusive_tax_rounding }} end as inclusive_tax_rounding,
        case when {{ posting_granularity }} in ('entry', 'daily_summary') then {{ posting_granularity }} end as posting_granularity,
        coalesce({{ blank_to_null('latest.ledger') }}, 'tryton') as ledger,
        latest.file_name,
        latest.line_number,
        case
            when
                {{ tax_rounding }} not in ('group', 'line')
                or {{ inclusive_tax_rounding }} not in ('net', 'tax')
                or {{ posting_granularity }} not in ('entry', 'daily_summary')
                then 'unknown_word'
        end as violation
    from latest
    inner join currencies on latest.functional_currency = currencies.currency
)

select * from final
