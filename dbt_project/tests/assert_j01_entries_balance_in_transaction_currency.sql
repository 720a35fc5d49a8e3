-- An entry that does not balance would be refused by the ERP, or worse, accepted.
select
    natural_id,
    entity,
    currency,
    debit_minor,
    credit_minor
from {{ ref('journal_entries') }}
where debit_minor is distinct from credit_minor
