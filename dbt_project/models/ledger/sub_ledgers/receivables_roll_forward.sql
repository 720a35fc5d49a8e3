{% set movements = ['invoiced', 'credited', 'voided', 'drawn', 'paid', 'refunded', 'written_off'] %}
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
        {% for movement in movements %}
            {{ sum_whole("case when movement = '" ~ movement ~ "' then amount_minor else 0 end") }} as {{ movement }}_minor{{ ',' if not loop.last }}
        {% endfor %}
    from receivable_movements
    group by
        entity,
        period,
        account,
        currency
),

final as (
    {{ rolled_forward('moved', ['account', 'currency'], {
        'invoiced_minor': '+', 'credited_minor': '+', 'voided_minor': '+', 'drawn_minor': '+', 'paid_minor': '+', 'refunded_minor': '+', 'written_off_minor': '+'
    }) }}
)

select * from final
