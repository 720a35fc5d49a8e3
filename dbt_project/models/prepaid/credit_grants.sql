{{ credit_grants(ref('stg_register_opening__billing_lines'), ref('stg_register_opening__openings')) }}
