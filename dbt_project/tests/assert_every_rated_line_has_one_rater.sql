-- A rated line that neither we nor the platform bills is revenue nobody asks for; one that both bill is asked for twice.
with

ours as (
    select line_key from {{ ref('line_deltas') }}
),

the_platforms as (
    select line_key from {{ ref('platform_rated_lines') }}
)

select
    rated_lines.line_key,
    ours.line_key as our_line_key,
    the_platforms.line_key as platform_line_key
from {{ ref('rated_lines') }} as rated_lines
left join ours on rated_lines.line_key = ours.line_key
left join the_platforms on rated_lines.line_key = the_platforms.line_key
where (ours.line_key is null) = (the_platforms.line_key is null)
