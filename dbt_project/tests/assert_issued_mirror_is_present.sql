-- Without the mirror no journal would be proposed, and nobody would notice.
select mirror_rows.row_count
from (
    select count(*) as row_count from {{ ref('stg_register_issued__mirror') }}
) as mirror_rows
where mirror_rows.row_count <> 1
