with

rated_lines as (
    select * from {{ ref('rated_lines') }}
),

issued_lines as (
    select * from {{ ref('issued_line_balances') }}
),

decision_credits as (
    select * from {{ ref('decision_credits') }}
),

entities as (
    select * from {{ ref('stg_register_opening__entities') }}
),

issued as (
    select
        line_key,
        min(group_key) as group_key,
        min(kind) as kind,
        min(customer_id) as customer_id,
        min(entity) as entity,
        min(currency) as currency,
        min(subscription_id) as subscription_id,
        min(charge_id) as charge_id,
        min(meter) as meter,
        min(product) as product,
        min(tax_code) as tax_code,
        min(description) as description,
        min(service_period_start) as service_period_start,
        max(service_period_end) as service_period_end,
        min(billing_month) as billing_month,
        {{ sum_whole('issued_minor') }} as issued_minor,
        max(event_count) as issued_event_count
    from issued_lines
    where counts_as_issued
    group by line_key
),

-- What is left to be credited once the decisions of people are carried out.
creditable as (
    select
        issued_lines.line_key,
        {{ sum_whole('issued_lines.remaining_minor - coalesce(decision_credits.credit_minor, 0)') }} as creditable_minor
    from issued_lines
    left join decision_credits on issued_lines.document_line_key = decision_credits.document_line_key
    where issued_lines.counts_as_issued
    group by issued_lines.line_key
),

compared as (
    select
        coalesce(rated_lines.line_key, issued.line_key) as line_key,
        coalesce(issued.group_key, rated_lines.group_key) as group_key,
        coalesce(rated_lines.kind, issued.kind) as kind,
        coalesce(rated_lines.customer_id, issued.customer_id) as customer_id,
        -- What was issued under one entity and currency is corrected there, wherever the customer has moved since.
        coalesce(issued.entity, rated_lines.entity) as entity,
        coalesce(issued.currency, rated_lines.currency) as currency,
        rated_lines.country,
        coalesce(rated_lines.subscription_id, issued.subscription_id) as subscription_id,
        coalesce(rated_lines.charge_id, issued.charge_id) as charge_id,
        coalesce(rated_lines.meter, issued.meter) as meter,
        coalesce(rated_lines.product, issued.product) as product,
        coalesce(rated_lines.tax_code, issued.tax_code) as tax_code,
        coalesce(rated_lines.description, issued.description) as description,
        coalesce(rated_lines.service_period_start, issued.service_period_start) as service_period_start,
        coalesce(rated_lines.service_period_end, issued.service_period_end) as service_period_end,
        coalesce(issued.billing_month, rated_lines.billing_month) as billing_month,
        rated_lines.quantity,
        coalesce(rated_lines.event_count, 0) as event_count,
        rated_lines.price_version,
        rated_lines.amount_precise,
        coalesce(rated_lines.amount_minor, 0) as rated_minor,
        coalesce(issued.issued_minor, 0) as issued_minor,
        coalesce(rated_lines.amount_minor, 0) - coalesce(issued.issued_minor, 0) as uncapped_minor,
        issued.line_key is not null as was_issued,
        rated_lines.fingerprint,
        case
            when coalesce(issued.kind, '') = 'usage' and coalesce(rated_lines.event_count, 0) < issued.issued_event_count then 'coverage_shrunk'
            else rated_lines.hold_reason
        end as hold_reason,
        rated_lines.gross_minor,
        rated_lines.discount_minor
    from rated_lines
    full outer join issued on rated_lines.line_key = issued.line_key
),

-- A credit never exceeds its line: what decisions have given back of it is not given back again.
capped as (
    select
        compared.*,
        cast(greatest(-compared.uncapped_minor - coalesce(creditable.creditable_minor, 0), 0) as bigint) as absorbed_minor
    from compared
    left join creditable on compared.line_key = creditable.line_key
),

final as (
    select
        capped.line_key,
        capped.group_key,
        capped.kind,
        capped.customer_id,
        capped.entity,
        capped.currency,
        capped.country,
        capped.subscription_id,
        capped.charge_id,
        capped.meter,
        capped.product,
        capped.tax_code,
        capped.description,
        capped.service_period_start,
        capped.service_period_end,
        capped.billing_month,
        capped.quantity,
        capped.event_count,
        capped.price_version,
        capped.amount_precise,
        capped.rated_minor,
        capped.issued_minor,
        capped.uncapped_minor + capped.absorbed_minor as delta_minor,
        capped.was_issued,
        capped.fingerprint,
        capped.hold_reason,
        -- What belongs to a closed period is issued in the first open one and keeps its service period.
        greatest(capped.billing_month, coalesce(entities.first_open_month, capped.billing_month)) as document_month,
        capped.absorbed_minor,
        capped.gross_minor,
        capped.discount_minor
    from capped
    left join entities on capped.entity = entities.entity
)

select * from final
