with

control_totals as (
    select * from {{ ref('stg_product__control_totals') }}
    where violation is null
),

delivered_files as (
    select * from {{ ref('stg_product__delivered_files') }}
),

dispositions as (
    select * from {{ ref('usage_event_dispositions') }}
),

last_landing as (
    select max(landed_on) as last_day
    from delivered_files
),

-- From its first control total on a source tells every day, up to the one that it calls its last.
telling as (
    select
        control_totals.source_name,
        min(control_totals.delivered_on) as first_day,
        coalesce(
            min(case when control_totals.is_last_day then control_totals.delivered_on end),
            greatest(max(control_totals.delivered_on), max(last_landing.last_day))
        ) as last_day
    from control_totals
    cross join last_landing
    group by control_totals.source_name
),

numbered_days as (
    select
        source_name,
        first_day,
        {{ whole_numbers_from('0', days_between('first_day', 'last_day')) }} as day_number
    from telling
),

days as (
    select
        source_name,
        {{ add_days('first_day', 'day_number') }} as delivered_on
    from numbered_days
),

told_days as (
    select
        source_name,
        delivered_on,
        cast(1 as bigint) as told_count
    from control_totals
    group by
        source_name,
        delivered_on
),

quantities as (
    select
        file_name,
        sum(quantity) as quantity
    from dispositions
    group by file_name
),

sent as (
    select
        '*' as entity,
        {{ period_of('delivered_on') }} as period,
        'rows' as measure,
        'rows' as unit,
        file_name as subject,
        row_count as compared_value,
        0 as excused_value,
        cast(null as varchar) as explanation,
        true as must_exist
    from control_totals
    where file_name is not null
    union all
    select
        '*' as entity,
        {{ period_of('delivered_on') }} as period,
        'quantity' as measure,
        'units' as unit,
        file_name as subject,
        quantity as compared_value,
        0 as excused_value,
        cast(null as varchar) as explanation,
        true as must_exist
    from control_totals
    where
        file_name is not null
        and quantity is not null
    union all
    select
        '*' as entity,
        {{ period_of('days.delivered_on') }} as period,
        'days' as measure,
        'days' as unit,
        {{ dbt.concat(["days.source_name", "' '", "cast(days.delivered_on as varchar)"]) }} as subject,
        cast(1 as bigint) as compared_value,
        0 as excused_value,
        cast(null as varchar) as explanation,
        true as must_exist
    from days
    -- Where nobody says what was sent, what was received is listed and proves nothing.
    union all
    select
        '*' as entity,
        {{ period_of('delivered_files.landed_on') }} as period,
        'rows' as measure,
        'rows' as unit,
        delivered_files.file_name as subject,
        0 as compared_value,
        -delivered_files.delivered_count as excused_value,
        'no control totals' as explanation,
        false as must_exist
    from delivered_files
    left join telling on delivered_files.source_name = telling.source_name
    where
        telling.source_name is null
        or delivered_files.landed_on < telling.first_day
),

received as (
    select
        '*' as entity,
        {{ period_of('landed_on') }} as period,
        'rows' as measure,
        'rows' as unit,
        file_name as subject,
        delivered_count as compared_value
    from delivered_files
    union all
    select
        '*' as entity,
        {{ period_of('control_totals.delivered_on') }} as period,
        'quantity' as measure,
        'units' as unit,
        control_totals.file_name as subject,
        quantities.quantity as compared_value
    from control_totals
    inner join quantities on control_totals.file_name = quantities.file_name
    where control_totals.quantity is not null
    union all
    select
        '*' as entity,
        {{ period_of('delivered_on') }} as period,
        'days' as measure,
        'days' as unit,
        {{ dbt.concat(["source_name", "' '", "cast(delivered_on as varchar)"]) }} as subject,
        told_count as compared_value
    from told_days
),

final as (
    {{ comparison('sent', 'received', 'K0') }}
)

select * from final
