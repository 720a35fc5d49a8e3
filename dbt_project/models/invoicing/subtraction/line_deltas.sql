with

-- What the billing platform rates is no line of ours: platform_rated_lines has it.
rated_lines as (
    select
        rated_lines.*,
        case when subscription_patterns.violation is not null then 'refused_pattern' end as pattern_hold_reason
    from {{ ref('rated_lines') }} as rated_lines
    left join {{ ref('subscription_patterns') }} as subscription_patterns on rated_lines.group_key = subscription_patterns.group_key
    where coalesce(subscription_patterns.rated_by, 'warehouse') = 'warehouse'
),

issued_lines as (
    select * from {{ ref('issued_line_balances') }}
),

decision_credits as (
    select
        document_line_key,
        {{ sum_whole('credit_minor') }} as credit_minor,
        {{ sum_whole('credit_tax_minor') }} as credit_tax_minor
    from {{ ref('decision_credits') }}
    group by document_line_key
),

usage_coverage as (
    select * from {{ ref('usage_coverage') }}
),

entities as (
    select * from {{ ref('stg_register_opening__entities') }}
),

bill_to_customers as (
    select * from {{ ref('bill_to_customers') }}
),

refused_aliases as (
    select * from {{ ref('refused_aliases') }}
),

running_thresholds as (
    select * from {{ ref('running_thresholds') }}
),

-- What the former system billed counts as issued.
billed_before as (
    select
        line_key,
        entity,
        currency,
        {{ sum_whole('amount_minor') }} as amount_minor
    from {{ ref('stg_register_opening__openings') }}
    where opening = 'billed_line'
    group by
        line_key,
        entity,
        currency
),

opening_plans as (
    select * from {{ ref('opening_plans') }}
    where hold_reason is not null
),

issued as (
    select
        issued_lines.line_key,
        min(issued_lines.group_key) as group_key,
        min(issued_lines.kind) as kind,
        min(issued_lines.customer_id) as customer_id,
        min(issued_lines.entity) as entity,
        min(issued_lines.currency) as currency,
        min(issued_lines.subscription_id) as subscription_id,
        min(issued_lines.charge_id) as charge_id,
        min(issued_lines.meter) as meter,
        min(issued_lines.product) as product,
        min(issued_lines.tax_code) as tax_code,
        min(issued_lines.tax_behavior) as tax_behavior,
        min(issued_lines.description) as description,
        min(issued_lines.service_period_start) as service_period_start,
        max(issued_lines.service_period_end) as service_period_end,
        min(issued_lines.billing_month) as billing_month,
        min(issued_lines.country) as country,
        {{ sum_whole('issued_lines.issued_minor') }} as issued_net_minor,
        {{ sum_whole('issued_lines.issued_tax_minor') }} as issued_tax_minor,
        max(case when issued_lines.cause is distinct from 'threshold' then 1 else 0 end) = 1 as was_billed_when_due,
        -- What is left to be credited once the decisions of people are carried out.
        {{ sum_whole('issued_lines.remaining_minor - coalesce(decision_credits.credit_minor, 0)') }} as creditable_minor,
        {{ sum_whole('issued_lines.remaining_tax_minor - coalesce(decision_credits.credit_tax_minor, 0)') }} as creditable_tax_minor
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
        -- What was issued to a customer under one entity and currency is corrected there, wherever subscription and customer have moved since.
        coalesce(issued.customer_id, rated_lines.customer_id) as customer_id,
        coalesce(issued.entity, rated_lines.entity) as entity,
        coalesce(issued.currency, rated_lines.currency) as currency,
        case when issued.customer_id <> rated_lines.customer_id then issued.country else rated_lines.country end as country,
        coalesce(rated_lines.subscription_id, issued.subscription_id) as subscription_id,
        coalesce(rated_lines.charge_id, issued.charge_id) as charge_id,
        coalesce(rated_lines.meter, issued.meter) as meter,
        coalesce(rated_lines.product, issued.product) as product,
        coalesce(rated_lines.tax_code, issued.tax_code) as tax_code,
        coalesce(rated_lines.tax_behavior, issued.tax_behavior) as tax_behavior,
        coalesce(rated_lines.description, issued.description) as description,
        coalesce(rated_lines.service_period_start, issued.service_period_start) as service_period_start,
        coalesce(rated_lines.service_period_end, issued.service_period_end) as service_period_end,
        coalesce(issued.billing_month, rated_lines.billing_month) as billing_month,
        rated_lines.quantity,
        coalesce(rated_lines.event_count, 0) as event_count,
        rated_lines.price_version,
        rated_lines.amount_precise,
        coalesce(rated_lines.amount_minor, 0) as rated_minor,
        -- In the terms of the price: with its tax where the price includes it, whatever rate was within it when it was issued.
        coalesce({{ charged_amount('issued.issued_net_minor', 'issued.issued_tax_minor', 'coalesce(rated_lines.tax_behavior, issued.tax_behavior)') }}, 0)
        + coalesce(billed_before.amount_minor, 0) as issued_minor,
        {{ charged_amount('issued.creditable_minor', 'issued.creditable_tax_minor', 'coalesce(rated_lines.tax_behavior, issued.tax_behavior)') }} as creditable_minor,
        issued.line_key is not null as was_issued,
        coalesce(issued.was_billed_when_due, false) as was_billed_when_due,
        rated_lines.fingerprint,
        case
            when coalesce(issued.kind, '') = 'usage' and usage_coverage.is_shrunk then 'coverage_shrunk'
            -- Before the cutover the former system bills, unless it says what it has billed.
            when rated_lines.hold_reason = 'before_cutover' and billed_before.line_key is not null then rated_lines.pattern_hold_reason
            else coalesce(rated_lines.pattern_hold_reason, rated_lines.hold_reason)
        end as own_hold_reason,
        billed_before.line_key is not null as was_billed_before,
        rated_lines.gross_minor,
        rated_lines.discount_minor
    from rated_lines
    full outer join issued on rated_lines.line_key = issued.line_key
    left join usage_coverage on issued.line_key = usage_coverage.line_key
    left join billed_before
        on
            rated_lines.line_key = billed_before.line_key
            and coalesce(issued.entity, rated_lines.entity) = billed_before.entity
            and coalesce(issued.currency, rated_lines.currency) = billed_before.currency
),

-- Nobody can say what a line was issued as under another key while the alias that would is refused.
identified as (
    select
        compared.*,
        case
            when coalesce(refused_subscriptions.refused_key, refused_charges.refused_key, refused_customers.refused_key) is not null then 'refused_alias'
        end as alias_hold_reason
    from compared
    left join refused_aliases as refused_subscriptions
        on
            compared.subscription_id = refused_subscriptions.refused_key
            and refused_subscriptions.kind = 'subscription'
    left join refused_aliases as refused_charges
        on
            compared.charge_id = refused_charges.refused_key
            and refused_charges.kind = 'charge'
    left join refused_aliases as refused_customers
        on
            compared.customer_id = refused_customers.refused_key
            and refused_customers.kind = 'customer'
            and compared.service_period_end > refused_customers.effective_from
),

-- Whoever cannot be billed with its parent waits alone.
addressed as (
    select
        identified.*,
        case
            when identified.own_hold_reason is not null then identified.own_hold_reason
            when identified.rated_minor = identified.issued_minor then null
            when opening_plans.hold_reason is not null then opening_plans.hold_reason
            -- What was billed elsewhere cannot be credited here.
            when
                identified.was_billed_before
                and identified.issued_minor - identified.rated_minor > coalesce(identified.creditable_minor, 0)
                then 'billed_by_former_system'
            else identified.alias_hold_reason
        end as hold_reason,
        bill_to_customers.bill_to_customer_id as parent_or_self_id,
        case
            when bill_to_customers.hold_reason is not null then bill_to_customers.hold_reason
            when bill_to_customers.has_parent and coalesce(bill_to_customers.bill_to_entity, 'unassigned') <> identified.entity then 'parent_of_another_entity'
            when bill_to_customers.has_parent and coalesce(bill_to_customers.bill_to_currency, 'XXX') <> identified.currency then 'parent_of_another_currency'
        end as bill_to_hold_reason
    from identified
    left join bill_to_customers on identified.customer_id = bill_to_customers.customer_id
    left join opening_plans on identified.entity = opening_plans.entity
),

subtracted as (
    select
        addressed.*,
        case
            when addressed.bill_to_hold_reason is null then coalesce(addressed.parent_or_self_id, addressed.customer_id)
            else addressed.customer_id
        end as bill_to_customer_id,
        addressed.rated_minor - addressed.issued_minor as uncapped_minor
    from addressed
),

-- A credit never exceeds its line: what decisions have given back of it is not given back again.
capped as (
    select
        subtracted.*,
        cast(greatest(
            -subtracted.uncapped_minor
            - coalesce(subtracted.creditable_minor, 0),
            0
        ) as bigint) as absorbed_minor
    from subtracted
),

proposable as (
    select
        capped.*,
        capped.uncapped_minor + capped.absorbed_minor as delta_minor
    from capped
),

-- Usage of a running period is due before it ends once what is not billed of it reaches the threshold of its plan. Fees, and what completes a
-- commitment, are due when they always are.
measured as (
    select
        proposable.*,
        running_thresholds.as_of,
        proposable.kind = 'usage'
        and proposable.hold_reason is null
        and proposable.delta_minor > 0
        and running_thresholds.threshold_minor is not null
        and sum(case when proposable.kind = 'usage' and proposable.hold_reason is null then proposable.delta_minor else 0 end) over (
            partition by proposable.group_key, proposable.entity, proposable.currency
        ) >= running_thresholds.threshold_minor as is_due_early
    from proposable
    left join running_thresholds
        on
            proposable.group_key = running_thresholds.group_key
            and proposable.currency = running_thresholds.currency
),

dated as (
    select
        measured.*,
        -- What belongs to a closed period is issued in the first open one and keeps its service period.
        greatest(
            case when measured.is_due_early then {{ month_start('measured.as_of') }} else measured.billing_month end,
            coalesce(entities.first_open_month, measured.billing_month)
        ) as document_month
    from measured
    left join entities on measured.entity = entities.entity
),

final as (
    select
        line_key,
        group_key,
        kind,
        customer_id,
        entity,
        currency,
        country,
        subscription_id,
        charge_id,
        meter,
        product,
        tax_code,
        tax_behavior,
        description,
        service_period_start,
        service_period_end,
        billing_month,
        quantity,
        event_count,
        price_version,
        amount_precise,
        rated_minor,
        issued_minor,
        delta_minor,
        was_issued,
        was_billed_when_due,
        fingerprint,
        hold_reason,
        is_due_early,
        document_month,
        case
            when is_due_early then greatest(as_of, document_month)
            else {{ add_days(add_months('document_month', 1), -1) }}
        end as document_date,
        absorbed_minor,
        gross_minor,
        discount_minor,
        bill_to_customer_id,
        bill_to_hold_reason
    from dated
)

select * from final
