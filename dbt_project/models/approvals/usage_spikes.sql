with

usage_summaries as (
    select * from {{ ref('usage_summaries') }}
    where
        subscription_id is not null
        and quantity > 0
),

rated_lines as (
    select * from {{ ref('rated_lines') }}
    where kind = 'usage'
),

requests as (
    select * from {{ ref('stg_register_opening__approval_requests') }}
    where
        kind = 'usage_spike'
        and status = 'approved'
),

-- Seven decimals are enough for a comparison of a hundred to one, and leave room for the product.
metered as (
    select
        subscription_id,
        meter,
        service_period_start,
        cast(sum(quantity) as decimal(32, 7)) as quantity
    from usage_summaries
    group by
        subscription_id,
        meter,
        service_period_start
),

-- The norm is the mean of the last three periods that had usage, or of as many as there are; compared as a sum, so that nothing is divided.
normed as (
    select
        metered.*,
        cast(sum(quantity) over (
            partition by subscription_id, meter
            order by service_period_start asc
            rows between 3 preceding and 1 preceding
        ) as decimal(32, 7)) as norm_total,
        count(*) over (
            partition by subscription_id, meter
            order by service_period_start asc
            rows between 3 preceding and 1 preceding
        ) as norm_periods
    from metered
),

spikes as (
    select * from normed
    where
        norm_periods > 0
        and quantity * cast(norm_periods as decimal(6, 0)) > norm_total * cast({{ var('storm_factor') }} as decimal(6, 0))
),

final as (
    select
        usage_summaries.usage_key as line_key,
        usage_summaries.customer_id,
        usage_summaries.subscription_id,
        usage_summaries.meter,
        usage_summaries.service_period_start,
        spikes.quantity,
        spikes.norm_total,
        cast(spikes.norm_periods as bigint) as norm_periods,
        rated_lines.fingerprint,
        requests.request_id is not null as is_approved
    from spikes
    inner join usage_summaries
        on
            spikes.subscription_id = usage_summaries.subscription_id
            and spikes.meter = usage_summaries.meter
            and spikes.service_period_start = usage_summaries.service_period_start
    inner join rated_lines on usage_summaries.usage_key = rated_lines.line_key
    left join requests
        on
            usage_summaries.usage_key = requests.subject
            and rated_lines.fingerprint = requests.content_hash
)

select * from final
