{{ register_credit_applications(ref('stg_register_closing__documents')) }}
