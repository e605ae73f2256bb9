-- The caller that submitted it, NULL where nobody was asked. What has no owner is in none of its indexes.
ALTER TABLE submissions ADD COLUMN owner TEXT;

-- A caller's own list, and its counts.
CREATE INDEX submissions_owner ON submissions (owner, id) WHERE owner IS NOT NULL;
-- The same of statuses that are rare, and what its retry of all looks for.
CREATE INDEX submissions_owner_unsuccessful ON submissions (owner, status, id)
    WHERE owner IS NOT NULL AND status >= 3;
