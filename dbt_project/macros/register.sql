{#- The register mirror is read in three phases of a close (opening, issued, closing), each through its own dbt source
    over the same relations, so that the graph stays acyclic. These macros are the one reading of it. -#}

{% macro register_documents(phase) -%}
with

documents as (
    select * from {{ source('register_' ~ phase, 'documents') }}
),

transitions as (
    select * from {{ source('register_' ~ phase, 'transitions') }}
),

latest_transitions as (
    select
        ranked.document_position,
        ranked.state,
        ranked.remote_id,
        ranked.remote_number,
        ranked.reason,
        ranked.at
    from (
        select
            transitions.*,
            row_number() over (partition by document_position order by position desc) as recency
        from transitions
    ) as ranked
    where ranked.recency = 1
),

remote_identities as (
    select
        document_position,
        max(remote_id) as remote_id,
        max(remote_number) as remote_number
    from transitions
    group by document_position
),

final as (
    select
        documents.position as document_position,
        documents.business_key,
        documents.system,
        documents.entity,
        documents.document_type,
        documents.natural_id,
        documents.revision,
        documents.operation,
        documents.number,
        documents.document_date,
        documents.posting_date,
        documents.period,
        documents.currency,
        documents.total_minor,
        documents.subtracted_key,
        documents.cause,
        documents.content_hash,
        documents.reference,
        documents.payload,
        documents.correlation_id,
        documents.sealed_at,
        coalesce(latest_transitions.state, 'pending') as state,
        remote_identities.remote_id,
        remote_identities.remote_number,
        latest_transitions.reason,
        latest_transitions.at as state_since
    from documents
    left join latest_transitions on documents.position = latest_transitions.document_position
    left join remote_identities on documents.position = remote_identities.document_position
)

select * from final
{%- endmacro %}

{% macro register_billing_lines(documents) -%}
{#- The lines of issued invoices and credit memos, credit memos negative; a cancelled document was never issued. -#}
{%- set members = ['customer_id', 'invoice_key', 'functional_currency', 'exchange_rate', 'exchange_rate_date', 'decision_id'] -%}
{%- set line_members = [
    'line_key', 'rated_line_key', 'corrects_line_key', 'group_key', 'kind', 'description', 'subscription_id',
    'charge_id', 'meter', 'product', 'amount_minor', 'tax_minor', 'tax_code', 'tax_rate', 'event_count',
    'service_period_start', 'service_period_end', 'billing_month', 'receivable_account', 'revenue_account',
    'deferred_account', 'tax_account', 'rounding_account', 'credits_expire_on', 'country', 'tax_behavior', 'inclusive_tax_rounding',
    'tax_treatment', 'exemption_reason', 'exemption_certificate', 'customer_tax_id', 'quantity', 'price_version', 'gross_minor', 'discount_minor',
    'customer_id', 'landing_position', 'covered_events'
] -%}
with

documents as (
    select * from {{ documents }}
    where
        document_type in ('invoice', 'credit_memo')
        and state <> 'cancelled'
),

records as (
    select
        document_position,
        business_key,
        document_type,
        entity,
        period,
        currency,
        number,
        document_date,
        posting_date,
        cause,
        case when document_type = 'credit_memo' then -1 else 1 end as sign,
        {{ json_record('payload', members, line_members) }} as record
    from documents
),

elements as (
    select
        records.*,
        {{ record_lines('record') }} as line
    from records
),

final as (
    select
        document_position,
        business_key,
        document_type,
        entity,
        period,
        currency,
        number,
        document_date,
        posting_date,
        cause,
        -- Lines that were sealed before they had a customer of their own are of the document's.
        coalesce({{ record_member('line', 'customer_id') }}, {{ record_member('record', 'customer_id') }}) as customer_id,
        {{ record_member('record', 'customer_id') }} as bill_to_customer_id,
        {{ record_member('record', 'invoice_key') }} as invoice_key,
        {{ record_member('record', 'functional_currency') }} as functional_currency,
        {{ record_member('record', 'exchange_rate') }} as exchange_rate,
        {{ record_member('record', 'exchange_rate_date') }} as exchange_rate_date,
        {{ record_member('line', 'line_key') }} as document_line_key,
        {{ stable_line_key(record_member('line', 'rated_line_key'), record_member('line', 'subscription_id'), record_member('line', 'charge_id')) }} as line_key,
        {{ record_member('line', 'corrects_line_key') }} as corrects_line_key,
        {{ stable_group_key(record_member('line', 'group_key'), record_member('line', 'subscription_id')) }} as group_key,
        {{ record_member('line', 'kind') }} as kind,
        {{ record_member('line', 'description') }} as description,
        {{ record_member('line', 'subscription_id') }} as subscription_id,
        {{ record_member('line', 'charge_id') }} as charge_id,
        {{ record_member('line', 'meter') }} as meter,
        {{ record_member('line', 'product') }} as product,
        sign * cast({{ record_member('line', 'amount_minor') }} as bigint) as amount_minor,
        sign * cast({{ record_member('line', 'tax_minor') }} as bigint) as tax_minor,
        {{ record_member('line', 'tax_code') }} as tax_code,
        cast({{ record_member('line', 'tax_rate') }} as {{ rate_type() }}) as tax_rate,
        cast({{ record_member('line', 'event_count') }} as bigint) as event_count,
        cast({{ record_member('line', 'service_period_start') }} as date) as service_period_start,
        cast({{ record_member('line', 'service_period_end') }} as date) as service_period_end,
        cast({{ record_member('line', 'billing_month') }} as date) as billing_month,
        {{ record_member('line', 'receivable_account') }} as receivable_account,
        {{ record_member('line', 'revenue_account') }} as revenue_account,
        {{ record_member('line', 'deferred_account') }} as deferred_account,
        {{ record_member('line', 'tax_account') }} as tax_account,
        {{ record_member('line', 'rounding_account') }} as rounding_account,
        cast({{ record_member('line', 'credits_expire_on') }} as date) as credits_expire_on,
        {{ record_member('line', 'country') }} as country,
        -- Lines that were sealed before these facts were frozen had tax added to their price.
        coalesce({{ record_member('line', 'tax_behavior') }}, 'exclusive') as tax_behavior,
        {{ record_member('line', 'inclusive_tax_rounding') }} as inclusive_tax_rounding,
        coalesce({{ record_member('line', 'tax_treatment') }}, 'taxed') as tax_treatment,
        {{ record_member('line', 'exemption_reason') }} as exemption_reason,
        {{ record_member('line', 'exemption_certificate') }} as exemption_certificate,
        {{ record_member('line', 'customer_tax_id') }} as customer_tax_id,
        {{ record_member('record', 'decision_id') }} as decision_id,
        -- What a person decided is no part of what rating issued, and what is to be billed again no longer is.
        cause not in ({{ decision_causes() }})
        and max(case when cause = 'void_and_rebill' then 1 else 0 end) over (
            partition by coalesce({{ record_member('record', 'invoice_key') }}, business_key)
        ) = 0 as counts_as_issued,
        {{ record_member('line', 'price_version') }} as price_version,
        cast({{ record_member('line', 'quantity') }} as {{ quantity_type() }}) as quantity,
        cast({{ record_member('line', 'gross_minor') }} as bigint) as gross_minor,
        cast({{ record_member('line', 'discount_minor') }} as bigint) as discount_minor,
        cast({{ record_member('line', 'landing_position') }} as bigint) as landing_position,
        cast({{ record_member('line', 'covered_events') }} as bigint) as covered_events
    from elements
    {{ stable_keys_of_issued_lines(record_member('line', 'rated_line_key'), record_member('line', 'subscription_id'), record_member('line', 'charge_id')) }}
)

select * from final
{%- endmacro %}

{% macro register_journal_lines(documents) -%}
{%- set members = ['source_document', 'event'] -%}
{%- set line_members = [
    'line_key', 'account', 'side', 'amount_minor', 'functional_minor', 'customer_id', 'source_line_key'
] -%}
with

documents as (
    select * from {{ documents }}
    where
        document_type = 'journal_entry'
        and state <> 'cancelled'
),

records as (
    select
        document_position,
        business_key,
        natural_id,
        entity,
        period,
        posting_date,
        currency,
        reference,
        state,
        {{ json_record('payload', members, line_members) }} as record
    from documents
),

elements as (
    select
        records.*,
        {{ record_lines('record') }} as line
    from records
),

final as (
    select
        document_position,
        business_key,
        natural_id,
        entity,
        period,
        posting_date,
        currency,
        reference,
        state,
        {{ record_member('record', 'source_document') }} as source_document,
        {{ record_member('record', 'event') }} as event,
        {{ record_member('line', 'line_key') }} as line_key,
        {{ record_member('line', 'account') }} as account,
        {{ record_member('line', 'side') }} as side,
        cast({{ record_member('line', 'amount_minor') }} as bigint) as amount_minor,
        cast({{ record_member('line', 'functional_minor') }} as bigint) as functional_minor,
        {{ record_member('line', 'customer_id') }} as customer_id,
        {{ record_member('line', 'source_line_key') }} as source_line_key
    from elements
)

select * from final
{%- endmacro %}
