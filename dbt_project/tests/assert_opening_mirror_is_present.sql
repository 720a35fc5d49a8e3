-- An absent mirror would read as "nothing was ever issued" and propose all of history again.
select mirror_rows.row_count
from (
    select count(*) as row_count from {{ ref('stg_register_opening__mirror') }}
) as mirror_rows
where mirror_rows.row_count <> 1
