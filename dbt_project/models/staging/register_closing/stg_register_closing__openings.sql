{{ register_openings(ref('stg_register_closing__documents')) }}
