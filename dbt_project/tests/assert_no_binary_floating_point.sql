-- One DOUBLE in the way of an amount and no total can be trusted to the cent.
-- depends_on: {{ ref('checkpoints') }}
select
    table_schema,
    table_name,
    column_name,
    data_type
from information_schema.columns
where
    upper(data_type) in ('DOUBLE', 'FLOAT', 'REAL', 'DOUBLE PRECISION')
    and table_schema in ('raw', 'register', 'staging', 'cutover', 'usage', 'rating', 'invoicing', 'prepaid', 'platform', 'canonical', 'accounting', 'outbox', 'reconciliation', 'constants', 'approvals', 'ledger', 'analytics')
