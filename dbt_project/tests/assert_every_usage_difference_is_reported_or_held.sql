-- Usage that is neither reported nor held would be billed by nobody.
select
    usage_deltas.usage_key,
    usage_deltas.delta_value,
    outbox.natural_id
from {{ ref('usage_deltas') }} as usage_deltas
left join {{ ref('outbox_usage_reports') }} as outbox
    on outbox.natural_id = usage_deltas.usage_key || ':' || cast(usage_deltas.report_count + 1 as varchar)
where
    (usage_deltas.delta_value is distinct from 0 or outbox.natural_id is not null)
    and (usage_deltas.hold_reason is null) is distinct from (outbox.natural_id is not null)
