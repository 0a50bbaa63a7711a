BEGIN
--next
COMMIT
--next
START TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY
--next
ROLLBACK
--next
SELECT 1
--next
SELECT version()
--next
SET client_encoding = 'UTF8'
--next
SET NAMES 'utf8'
--next
SET standard_conforming_strings = on
--next
SET client_min_messages TO warning
--next
SET TIME ZONE 'UTC'
--next
SET datestyle TO ISO
--next
SET application_name = 'desk'
--next
SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL READ COMMITTED
--next
SHOW search_path
--next
SHOW TRANSACTION ISOLATION LEVEL
--next
RESET application_name
--next
SELECT current_schema(), current_user, current_database()
--next
SELECT set_config('extra_float_digits', '3', false)
--next
SELECT pg_catalog.set_config('search_path', 'app, public', false)
--next
SELECT NULL AS "?column?", current_setting('server_version_num')
--next
SELECT t.oid, typarray FROM pg_type t JOIN pg_namespace ns ON typnamespace = ns.oid WHERE typname = 'hstore'
--next
SELECT typname, typnamespace, oid FROM pg_type WHERE oid IN (16, 17, 20)
--next
SELECT c.relname FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind = ANY (ARRAY['r', 'p']) AND n.nspname = 'app' ORDER BY 1
--next
SELECT a.attname, format_type(a.atttypid, a.atttypmod), pg_get_expr(d.adbin, d.adrelid), a.attnotnull FROM pg_attribute a LEFT JOIN pg_attrdef d ON a.attrelid = d.adrelid AND a.attnum = d.adnum WHERE a.attrelid = '"app"."articles"'::regclass AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum
--next
SELECT table_schema, table_name, column_name, data_type FROM information_schema.columns WHERE table_schema = 'app' ORDER BY 1, 2, ordinal_position
--next
SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = 'app.ballots'::regclass
--next
SELECT nspname FROM pg_namespace WHERE nspname NOT LIKE 'pg\_%' ORDER BY 1
--next
SELECT * FROM articles ORDER BY id
--next
SELECT "articles".* FROM "articles" WHERE "articles"."id" = 3 LIMIT 1
--next
SELECT "articles"."id" AS a1, "articles"."title" AS a2 FROM "articles" WHERE ("articles"."title" ILIKE '%le 1%') ORDER BY "articles"."id" ASC LIMIT 21
--next
SELECT DISTINCT tags[1] FROM articles ORDER BY 1
--next
SELECT string_agg(title, ',' ORDER BY id) FROM articles
--next
SELECT json_agg(a ORDER BY id) FROM articles a
--next
SELECT id, lag(title) OVER (ORDER BY id) FROM articles ORDER BY id
--next
WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t WHERE n < 5) SELECT n FROM t
--next
SELECT data ->> 'n', data @> '{"n": 1}' FROM articles ORDER BY id
--next
SELECT to_tsvector('simple', title) @@ plainto_tsquery('simple', 'title') FROM articles
--next
INSERT INTO articles (title, body) VALUES ('New', 'Text') RETURNING title
--next
UPDATE articles SET title = 'Changed' WHERE id = 2 RETURNING id, title
--next
DELETE FROM articles WHERE id = 3
--next
INSERT INTO articles (id, title) VALUES (1, 'x') ON CONFLICT (id) DO UPDATE SET title = excluded.title RETURNING id, title
--next
SELECT nextval('app.counter')
--next
SELECT pg_advisory_lock(42)
--next
SELECT pg_notify('changes', 'x')
--next
LISTEN changes
--next
NOTIFY changes, 'payload'
--next
CREATE TEMP TABLE scratch (a int, b text)
--next
INSERT INTO scratch SELECT id, title FROM articles
--next
SELECT count(*), min(a) FROM scratch
--next
CREATE TABLE app.new_table (id bigserial PRIMARY KEY, made timestamptz DEFAULT now(), CHECK (id > 0))
--next
CREATE INDEX ON app.articles (lower(title))
--next
ALTER TABLE app.articles ADD COLUMN extra text DEFAULT 'x'
--next
CREATE VIEW app.short AS SELECT id FROM articles
--next
SAVEPOINT s1
--next
RELEASE SAVEPOINT s1
--next
EXPLAIN (COSTS off) SELECT * FROM articles WHERE id = 1
--next
DISCARD SEQUENCES
--next
SELECT * FROM voters WHERE id = 5
--next
SELECT v.id, v.surname FROM voters v WHERE v.surname ILIKE 'sur%' ORDER BY v.id LIMIT 5 OFFSET 2
--next
SELECT surname, given FROM voters ORDER BY id
--next
SELECT "voters"."surname" FROM "app"."voters" WHERE "voters"."id" = 3
--next
SELECT 1 AS one FROM voters WHERE id = 3 LIMIT 1
--next
SELECT id AS voter FROM voters WHERE ward IN (1, 2) ORDER BY 1
--next
SELECT id, surname FROM voters WHERE id = ANY ('{1,2,3}') ORDER BY id
--next
SELECT count(*) FROM voters
--next
SELECT ward, count(*) AS n FROM voters GROUP BY ward ORDER BY ward
--next
SELECT w.name, count(v.id) FROM wards w JOIN voters v ON v.ward = w.id GROUP BY w.name ORDER BY 1
--next
SELECT date_trunc('year', born) AS y, count(*) FROM voters WHERE ward = 1 GROUP BY 1 HAVING count(*) > 100
--next
SELECT count(*) FROM (SELECT 1 FROM voters WHERE ward = 2 LIMIT 100) x
--next
SELECT avg(weight), sum(weight), count(DISTINCT ward) FROM voters
--next
SELECT b.office, v.surname FROM ballots b JOIN voters v ON v.id = b.voter_id ORDER BY b.id
--next
SELECT b.id, v.surname FROM ballots b LEFT JOIN voters v ON v.id = b.voter_id ORDER BY b.id
--next
SELECT v.surname, w.name FROM voters v JOIN wards w ON w.id = v.ward ORDER BY v.id
--next
SELECT * FROM voters v JOIN wards w ON w.id = v.ward ORDER BY v.id LIMIT 3
--next
SELECT v.*, w.name FROM voters v, wards w WHERE v.ward = w.id AND v.id < 4 ORDER BY v.id
--next
SELECT b.id, (SELECT v.surname FROM voters v WHERE v.id = b.voter_id) AS s FROM ballots b ORDER BY b.id
--next
SELECT b.id FROM ballots b WHERE EXISTS (SELECT 1 FROM voters v WHERE v.id = b.voter_id AND v.ward = 1) ORDER BY b.id
--next
SELECT b.id FROM ballots b WHERE b.voter_id IN (SELECT v.id FROM voters v WHERE v.ward = 2) ORDER BY b.id
--next
SELECT v.id FROM voters v WHERE EXISTS (SELECT 1 FROM ballots b WHERE b.voter_id = v.id) ORDER BY v.id
--next
SELECT v.id FROM voters v WHERE v.id NOT IN (SELECT voter_id FROM ballots) ORDER BY v.id
--next
SELECT id, row_number() OVER (ORDER BY surname), count(*) OVER () FROM voters ORDER BY 2 LIMIT 10
--next
SELECT DISTINCT v.id, v.surname FROM voters v JOIN ballots b ON b.voter_id = v.id ORDER BY v.id
--next
SELECT v.id, v.surname, count(b.id) FROM voters v LEFT JOIN ballots b ON b.voter_id = v.id GROUP BY v.id ORDER BY v.id
--next
SELECT v.id, string_agg(b.office, ',') FROM voters v JOIN ballots b ON b.voter_id = v.id GROUP BY v.id, v.surname ORDER BY v.id
--next
SELECT x.surname FROM (SELECT * FROM voters WHERE ward = 1) x ORDER BY x.surname
--next
WITH chosen AS (SELECT id, surname FROM voters WHERE ward = 1) SELECT c.surname, b.office FROM chosen c LEFT JOIN ballots b ON b.voter_id = c.id ORDER BY c.id
--next
SELECT surname FROM voters WHERE id = 1 UNION ALL SELECT title FROM articles WHERE id = 1
--next
SELECT upper(surname) || ', ' || given, extract(year FROM born), to_char(born, 'YYYY'), age(date '2024-01-01', born) FROM voters ORDER BY id
--next
SELECT CASE WHEN ward = 1 THEN 'first' ELSE 'other' END, coalesce(phone, '-') FROM voters ORDER BY id
--next
SELECT surname FROM voter_names ORDER BY 1
--next
SELECT * FROM voter_list ORDER BY voter
--next
SELECT * FROM ward_counts ORDER BY id
--next
SELECT surname FROM voters WHERE born BETWEEN '1940-01-01' AND '1990-01-01' AND (phone IS NOT NULL OR ward = 2) ORDER BY surname, id
--next
UPDATE voters SET phone = '+00555' WHERE id = 5
--next
UPDATE voters SET note = 'moved' WHERE id = 5 RETURNING id, note
--next
INSERT INTO voters (id, given, surname, born, ward, weight) VALUES (77, 'A', 'B', '1990-01-01', 1, 50) RETURNING id
--next
DELETE FROM voters WHERE id = 38
--next
COPY voters TO STDOUT
--next
COPY (SELECT id, surname FROM voters ORDER BY id) TO STDOUT (FORMAT csv)
--next
COPY articles TO STDOUT
--next
LOCK TABLE voters IN ACCESS SHARE MODE
--next
SELECT * FROM other.voters
--next
SELECT v.id, x.n FROM voters v, LATERAL (SELECT count(*) AS n FROM ballots b WHERE b.voter_id = v.id) x ORDER BY v.id
--next
SELECT id FROM voters WHERE (surname, given) > ('Sur5', 'Giv') ORDER BY surname, given, id LIMIT 5
--next
SELECT v.surname FROM voters v WHERE v.ward = (SELECT id FROM wards WHERE name = 'Ward 2') ORDER BY v.id
--next
SELECT surname FROM voters WHERE id = $1
--next
SELECT v.id, v.surname FROM voters v WHERE v.surname LIKE $1 ORDER BY v.surname LIMIT $2
--next
SELECT b.id FROM ballots b WHERE EXISTS (SELECT 1 FROM voters v WHERE v.id = $1 AND v.ward = b.id)
--next
SELECT EXISTS (SELECT 1 FROM voters WHERE surname = $1)
--next
INSERT INTO articles (title) VALUES ($1) RETURNING id
--next
SELECT id FROM voters WHERE id IN ($1, $2, $3)
--next
SELECT relname, n_live_tup FROM pg_stat_user_tables ORDER BY 1
--next
SELECT pid FROM pg_locks LIMIT 0
