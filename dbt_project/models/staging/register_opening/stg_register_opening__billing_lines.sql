{{ register_billing_lines(ref('stg_register_opening__documents')) }}
