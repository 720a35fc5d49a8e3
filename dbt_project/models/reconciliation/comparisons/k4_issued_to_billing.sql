{%- set line_measures = {'line amount': 'amount_minor', 'line tax': 'tax_minor'} -%}

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

stripe_documents as (
    select * from {{ ref('stg_stripe__documents') }}
    where reference is not null
),

stripe_lines as (
    select * from {{ ref('stg_stripe__document_lines') }}
),

issued as (
    select
        entity,
        period,
        'total' as measure,
        currency as unit,
        {{ dbt.concat(["reference", "' '", "cast(document_date as varchar)", "' '", "case when document_type = 'invoice' then number else 'credit' end"]) }} as subject,
        case when document_type = 'credit_memo' then -total_minor else total_minor end as compared_value,
        0 as excused_value,
        cast(null as varchar) as explanation,
        true as must_exist
    from documents
    union all
    -- What the customer is asked to pay, after prepaid credits.
    select
        entity,
        period,
        'amount due' as measure,
        currency as unit,
        reference as subject,
        coalesce(cast({{ json_text('payload', 'amount_due_minor') }} as bigint), total_minor) as compared_value,
        0 as excused_value,
        cast(null as varchar) as explanation,
        true as must_exist
    from documents
    where document_type = 'invoice'
    union all
    {% for measure, column in line_measures.items() %}
        select
            billing_lines.entity,
            billing_lines.period,
            '{{ measure }}' as measure,
            billing_lines.currency as unit,
            {{ dbt.concat(["documents.reference", "' '", "billing_lines.document_line_key"]) }} as subject,
            billing_lines.{{ column }} as compared_value,
            0 as excused_value,
            cast(null as varchar) as explanation,
            true as must_exist
        from billing_lines
        inner join documents on billing_lines.document_position = documents.document_position
        {{ 'union all' if not loop.last }}
    {% endfor %}
),

-- What is there twice counts twice.
held_by_stripe as (
    select
        entity,
        period,
        'total' as measure,
        currency as unit,
        {{ dbt.concat(["reference", "' '", "cast(document_date as varchar)", "' '", "case when document_type = 'invoice' then coalesce(number, 'none') else 'credit' end"]) }} as subject,
        sum(total_minor) as compared_value
    from stripe_documents
    where status not in ('draft', 'void')
    group by
        entity,
        period,
        currency,
        reference,
        document_date,
        document_type,
        number
    union all
    select
        entity,
        period,
        'amount due' as measure,
        currency as unit,
        reference as subject,
        -- A read-back that does not tell it knew of no credits.
        sum(coalesce(amount_due_minor, total_minor)) as compared_value
    from stripe_documents
    where
        status not in ('draft', 'void')
        and document_type = 'invoice'
    group by
        entity,
        period,
        currency,
        reference
    union all
    {% for measure, column in line_measures.items() %}
        select
            stripe_lines.entity,
            stripe_lines.period,
            '{{ measure }}' as measure,
            stripe_documents.currency as unit,
            {{ dbt.concat(["stripe_documents.reference", "' '", "coalesce(stripe_lines.line_key, 'line without key')"]) }} as subject,
            sum(stripe_lines.{{ column }}) as compared_value
        from stripe_lines
        inner join stripe_documents
            on
                stripe_lines.remote_id = stripe_documents.remote_id
                and stripe_lines.entity = stripe_documents.entity
                and stripe_lines.period = stripe_documents.period
        group by
            stripe_lines.entity,
            stripe_lines.period,
            stripe_documents.currency,
            stripe_documents.reference,
            stripe_lines.line_key
        {{ 'union all' if not loop.last }}
    {% endfor %}
),

final as (
    {{ comparison('issued', 'held_by_stripe', 'K4') }}
)

select * from final
