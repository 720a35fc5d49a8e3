{{ register_openings(ref('stg_register_issued__documents')) }}
