{{ register_openings(ref('stg_register_opening__documents')) }}
