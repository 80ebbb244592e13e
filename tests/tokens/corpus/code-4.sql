-- Invoices, payments, and a report of what is still open.
BEGIN;

CREATE TABLE customers (
    customer_id   BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    email         TEXT NOT NULL UNIQUE CHECK (position('@' IN email) > 1),
    display_name  VARCHAR(120) NOT NULL,
    country_code  CHAR(2) NOT NULL DEFAULT 'DE',
    created_at    TIMESTAMPTZ NOT NULL DEFAULT now()
);

CREATE TABLE invoices (
    invoice_id    BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    customer_id   BIGINT NOT NULL REFERENCES customers (customer_id) ON DELETE RESTRICT,
    number        TEXT NOT NULL UNIQUE,
    issued_on     DATE NOT NULL,
    due_on        DATE NOT NULL,
    currency      CHAR(3) NOT NULL DEFAULT 'EUR',
    total_cents   BIGINT NOT NULL CHECK (total_cents >= 0),
    CONSTRAINT due_after_issue CHECK (due_on >= issued_on)
);

CREATE INDEX invoices_by_customer ON invoices (customer_id, issued_on DESC);
CREATE INDEX invoices_overdue ON invoices (due_on) WHERE total_cents > 0;

CREATE TABLE payments (
    payment_id    UUID PRIMARY KEY DEFAULT gen_random_uuid(),
    invoice_id    BIGINT NOT NULL REFERENCES invoices (invoice_id),
    paid_at       TIMESTAMPTZ NOT NULL,
    amount_cents  BIGINT NOT NULL CHECK (amount_cents <> 0),
    method        TEXT NOT NULL CHECK (method IN ('card', 'transfer', 'direct_debit', 'refund'))
);

CREATE OR REPLACE VIEW open_invoices AS
SELECT i.invoice_id,
       i.number,
       c.email,
       i.due_on,
       i.total_cents - COALESCE(SUM(p.amount_cents), 0) AS open_cents,
       GREATEST(CURRENT_DATE - i.due_on, 0)             AS days_overdue
FROM invoices AS i
JOIN customers AS c USING (customer_id)
LEFT JOIN payments AS p USING (invoice_id)
GROUP BY i.invoice_id, c.email
HAVING i.total_cents > COALESCE(SUM(p.amount_cents), 0);

-- Aging report by country: 0-30, 31-60, 61-90 and more than 90 days.
WITH aged AS (
    SELECT c.country_code,
           o.open_cents,
           CASE
               WHEN o.days_overdue <= 30 THEN '0-30'
               WHEN o.days_overdue <= 60 THEN '31-60'
               WHEN o.days_overdue <= 90 THEN '61-90'
               ELSE '90+'
           END AS age_group
    FROM open_invoices AS o
    JOIN customers AS c ON c.email = o.email
)
SELECT country_code,
       age_group,
       COUNT(*)                                AS invoices,
       ROUND(SUM(open_cents) / 100.0, 2)       AS open_amount,
       ROUND(100.0 * SUM(open_cents) / NULLIF(SUM(SUM(open_cents)) OVER (PARTITION BY country_code), 0), 1) AS share
FROM aged
GROUP BY country_code, age_group
ORDER BY country_code, age_group;

UPDATE invoices
SET total_cents = 0
WHERE invoice_id IN (SELECT invoice_id FROM invoices WHERE issued_on < DATE '2019-01-01' LIMIT 500)
RETURNING invoice_id, number;

COMMIT;
