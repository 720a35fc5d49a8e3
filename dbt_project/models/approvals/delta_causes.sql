with

line_deltas as (
    select * from {{ ref('line_deltas') }}
),

billing_lines as (
    select * from {{ ref('stg_register_opening__billing_lines') }}
),

-- What the line was last issued with.
frozen as (
    select
        ranked.line_key,
        ranked.document_position,
        ranked.price_version,
        ranked.quantity,
        ranked.event_count,
        ranked.service_period_end,
        ranked.gross_minor
    from (
        select
            billing_lines.*,
            row_number() over (partition by line_key order by document_position desc, document_line_key desc) as recency
        from billing_lines
        where counts_as_issued
    ) as ranked
    where ranked.recency = 1
),

voided as (
    select
        line_key,
        max(document_position) as voided_at
    from billing_lines
    where cause = 'void_and_rebill'
    group by line_key
),

billed_groups as (
    select distinct group_key
    from billing_lines
    where
        counts_as_issued
        and kind not in ('fee', 'adjustment')
        and cause is distinct from 'threshold'
),

compared as (
    select
        line_deltas.line_key,
        line_deltas.group_key,
        line_deltas.kind,
        line_deltas.customer_id,
        line_deltas.currency,
        line_deltas.meter,
        line_deltas.product,
        line_deltas.service_period_start,
        line_deltas.entity,
        line_deltas.billing_month,
        line_deltas.document_month,
        line_deltas.delta_minor,
        line_deltas.was_issued,
        line_deltas.was_billed_when_due,
        line_deltas.is_due_early,
        coalesce(voided.voided_at > coalesce(frozen.document_position, 0), false) as is_rebilled,
        line_deltas.was_issued and coalesce(line_deltas.price_version <> coalesce(frozen.price_version, ''), false) as has_other_version,
        line_deltas.was_issued
        and line_deltas.kind <> 'commitment'
        and coalesce(line_deltas.gross_minor <> frozen.gross_minor, false) as has_other_gross,
        case line_deltas.kind
            when 'usage'
                then
                    not line_deltas.was_issued
                    or coalesce(line_deltas.event_count <> frozen.event_count, true)
                    or coalesce(line_deltas.quantity <> frozen.quantity, true)
            when 'fee' then not line_deltas.was_issued or coalesce(line_deltas.service_period_end <> frozen.service_period_end, true)
            else false
        end as is_served_otherwise,
        -- A line that was issued has lost events, or nothing of it is rated any more; another one, never issued, has some.
        line_deltas.was_issued and (line_deltas.fingerprint is null or coalesce(line_deltas.event_count < frozen.event_count, false)) as has_lost,
        not line_deltas.was_issued and line_deltas.delta_minor <> 0 and (line_deltas.kind <> 'usage' or line_deltas.event_count > 0) as is_new
    from line_deltas
    left join frozen on line_deltas.line_key = frozen.line_key
    left join voided on line_deltas.line_key = voided.line_key
),

-- What a line was issued with stands on another one: the same service of the same customer and period under another key.
moved as (
    select
        compared.*,
        (has_lost or is_new)
        and max(case when has_lost then 1 else 0 end) over (partition by entity, currency, customer_id, kind, coalesce(meter, product), service_period_start) = 1
        and max(case when is_new then 1 else 0 end) over (partition by entity, currency, customer_id, kind, coalesce(meter, product), service_period_start) = 1 as has_moved
    from compared
),

-- Lines of one settlement group follow from each other (late usage uses a commitment up), so that they go or stop together.
settlement_groups as (
    select
        group_key,
        max(case when delta_minor <> 0 and (has_other_version or (has_other_gross and not is_served_otherwise)) then 1 else 0 end) as has_other_price,
        max(case when is_served_otherwise then 1 else 0 end) as is_served_otherwise,
        max(case when has_moved then 1 else 0 end) as has_moved,
        max(case when kind <> 'commitment' and delta_minor < 0 then 1 else 0 end) as has_reduction
    from moved
    group by group_key
),

final as (
    select
        compared.line_key,
        compared.group_key,
        compared.entity,
        compared.document_month,
        compared.delta_minor,
        case
            when compared.is_due_early then 'threshold'
            when compared.is_rebilled then 'rebill'
            when compared.kind = 'adjustment' then 'adjustment'
            when not compared.was_billed_when_due and compared.billing_month = compared.document_month and billed_groups.group_key is null then 'usage_and_fees'
            when settlement_groups.has_moved = 1 then 're_keying'
            -- Another version, or another amount for what is served as before.
            when settlement_groups.has_other_price = 1 or settlement_groups.is_served_otherwise = 0 then 'price'
            when settlement_groups.has_reduction = 1 then 'correction'
            -- Its group was billed before, in this month or in an earlier one.
            else 'late_usage'
        end as cause
    from compared
    inner join settlement_groups on compared.group_key = settlement_groups.group_key
    left join billed_groups on compared.group_key = billed_groups.group_key
    where compared.delta_minor <> 0
)

select * from final
