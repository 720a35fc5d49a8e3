{{ register_billing_lines(ref('stg_register_issued__documents')) }}
