{{ register_credit_applications(ref('stg_register_opening__documents')) }}
