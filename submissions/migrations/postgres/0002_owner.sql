-- The caller that submitted it, NULL where nobody was asked. It never changes, so its indexes cost a claim or a PASSED
-- nothing; and what has no owner is in none of them.
ALTER TABLE submissions ADD COLUMN owner text;

-- A caller's own list, and its counts.
CREATE INDEX submissions_owner ON submissions (owner, id) WHERE owner IS NOT NULL;
-- The same of these statuses, and what its retry of all looks for.
CREATE INDEX submissions_owner_unsuccessful ON submissions (owner, unsuccessful, id)
    WHERE owner IS NOT NULL AND unsuccessful IS NOT NULL;
