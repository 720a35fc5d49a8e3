with

-- What is prepaid is served, and charged between the entities, with the documents that draw it.
billing_lines as (
    select * from {{ ref('canonical_document_lines') }}
    where
        selling_entity is not null
        and kind <> 'prepaid'
),

cumulated as (
    select
        billing_lines.*,
        cast(sum(amount_minor) over (
            partition by entity, coalesce(corrects_line_key, document_line_key)
            order by coalesce(document_position, 0) asc, posting_date asc, document_line_key asc
            rows between unbounded preceding and current row
        ) as bigint) as cumulative_minor
    from billing_lines
),

-- Rounded on what is left of the line, so that credits take back what was charged.
final as (
    select
        business_key,
        document_line_key,
        entity as contracting_entity,
        selling_entity,
        currency,
        transfer_share,
        amount_minor as net_minor,
        {{ apply_rate('cumulative_minor', 'transfer_share') }} - {{ apply_rate('cumulative_minor - amount_minor', 'transfer_share') }} as transfer_minor,
        service_period_start,
        service_period_end
    from cumulated
)

select * from final
