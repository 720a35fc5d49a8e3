with

receivable_movements as (
    select * from {{ ref('receivable_movements') }}
),

moved as (
    select
        entity,
        period,
        account,
        currency,
        {{ sum_whole("case when movement = 'opened' then amount_minor else 0 end") }} as opened_minor,
        {{ sum_whole("case when movement = 'invoiced' then amount_minor else 0 end") }} as invoiced_minor,
        {{ sum_whole("case when movement = 'credited' then amount_minor else 0 end") }} as credited_minor,
        {{ sum_whole("case when movement = 'voided' then amount_minor else 0 end") }} as voided_minor,
        {{ sum_whole("case when movement = 'drawn' then amount_minor else 0 end") }} as drawn_minor,
        {{ sum_whole("case when movement = 'paid' then amount_minor else 0 end") }} as paid_minor,
        {{ sum_whole("case when movement = 'refunded' then amount_minor else 0 end") }} as refunded_minor,
        {{ sum_whole("case when movement = 'written_off' then amount_minor else 0 end") }} as written_off_minor
    from receivable_movements
    group by
        entity,
        period,
        account,
        currency
),

final as (
    {{ rolled_forward('moved', ['account', 'currency'], [
        'opened_minor', 'invoiced_minor', 'credited_minor', 'voided_minor', 'drawn_minor', 'paid_minor', 'refunded_minor', 'written_off_minor'
    ]) }}
)

select * from final
