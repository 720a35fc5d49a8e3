with

rated_lines as (
    select * from {{ ref('rated_lines') }}
),

final as (
    select
        group_key,
        entity,
        currency,
        customer_id,
        subscription_id,
        {{ month_start('min(service_period_start)') }} as service_month,
        count(*) as line_count,
        {{ sum_whole('event_count') }} as event_count,
        sum(amount_precise) as amount_precise,
        {{ sum_whole('amount_minor') }} as amount_minor,
        count(hold_reason) as held_line_count,
        {{ digest(ordered_text(dbt.concat(["line_key", "':'", "fingerprint"]), "line_key")) }} as fingerprint
    from rated_lines
    group by
        group_key,
        entity,
        currency,
        customer_id,
        subscription_id
)

select * from final
