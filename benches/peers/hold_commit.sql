-- Hold, then commit, as one would do it in PostgreSQL: accounts and holds, each call a transaction of its own; a repeat
-- changes nothing. A commit of what is not held is an error, so that no run counts what it did not do.

CREATE TABLE account (
    number integer PRIMARY KEY,
    held bigint NOT NULL DEFAULT 0,
    debits bigint NOT NULL DEFAULT 0,
    cap bigint NOT NULL
) WITH (fillfactor = 50);
INSERT INTO account (number, cap) SELECT n, 1000000000000 FROM generate_series(1, 100000) AS n;

CREATE TABLE hold (
    id bigint PRIMARY KEY,
    account integer NOT NULL,
    amount bigint NOT NULL,
    committed boolean NOT NULL DEFAULT false
) WITH (fillfactor = 70);

CREATE FUNCTION hold(the_id bigint, the_account integer, the_amount bigint) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO hold (id, account, amount) VALUES (the_id, the_account, the_amount) ON CONFLICT DO NOTHING;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    UPDATE account SET held = held + the_amount
        WHERE number = the_account AND held + debits + the_amount <= cap;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'declined';
    END IF;
END $$;

CREATE FUNCTION commit_hold(the_id bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    was hold;
BEGIN
    UPDATE hold SET committed = true WHERE id = the_id AND NOT committed RETURNING * INTO was;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'hold % is unknown', the_id;
    END IF;
    UPDATE account SET held = held - was.amount, debits = debits + was.amount WHERE number = was.account;
END $$;
