### plain select without key | rows
SELECT surname FROM voters
### select star | rows
SELECT * FROM voters
### TABLE command | rows
TABLE voters
### TABLE command with schema | rows
TABLE app.voters
### aliased | rows
SELECT x.s FROM (SELECT surname AS s FROM voters) x
### key renamed over another column | rows
SELECT ward AS id, surname FROM voters
### key computed away | rows
SELECT id + 1000 AS id, surname FROM voters
### another column named as the key in a subquery | rows
SELECT id, surname FROM (SELECT ward AS id, surname FROM voters) v
### column alias list swaps names | rows
SELECT ward, id FROM voters AS v(ward, given, id)
### wrong key through a self join | rows
SELECT a.id, b.surname FROM voters a JOIN voters b ON b.id = a.id + 1
### cross join with self | rows
SELECT a.id, b.surname FROM voters a, voters b WHERE a.id = 1
### quoted identifier | rows
SELECT "surname" FROM "app"."voters"
### unicode identifier | rows
SELECT U&"\0073urname" FROM U&"v\006fters"
### unicode identifier with another escape | rows
SELECT surname FROM U&"v!006fters" UESCAPE '!'
### comments inside | rows
SELECT/**/surname/* from articles */FROM--x
voters
### nested comment | rows
SELECT /* /* */ FROM articles -- */ surname FROM voters
### dollar quotes hide nothing | rows
SELECT $q$; SELECT 1 FROM articles; $q$, surname FROM voters
### capitals | rows
SELECT SURNAME FROM VOTERS
### database name in front | rows
SELECT surname FROM app.voters
### two statements | rows
SELECT 1; SELECT surname FROM voters
### three statements, the middle one | rows
SELECT 1; SELECT surname FROM voters WHERE id < 5; SELECT 2 FROM voters WHERE id = 1
### search path changed in the text | pass
SET search_path = other, app; SELECT surname FROM app.voters; SELECT id FROM voters
### search path changed before | rows
SET search_path = other
--next
SET search_path = app
--next
SELECT surname FROM voters
### search path changed in a function call | refused
SELECT set_config('search_' || 'path', 'app', false), surname FROM voters
### search path changed between prepare and execute | execute
SET search_path = other
--next
PREPARE p1 AS SELECT * FROM voters
--next
SET search_path = app
--next
EXECUTE p1
### temporary table shadows the name | rows
CREATE TEMP TABLE voters AS SELECT 1 AS id
--next
DROP TABLE IF EXISTS pg_temp.nothing
--next
SELECT surname FROM app.voters
### with shadows the name, and reads it | rows
WITH voters AS (SELECT surname FROM voters) SELECT * FROM voters
### with shadows the key | rows
WITH v AS (SELECT surname, 1 AS id FROM voters) SELECT id, surname FROM v
### chained with | rows
WITH a AS (SELECT surname FROM voters), b AS (SELECT surname AS x FROM a), c AS MATERIALIZED (SELECT x FROM b) SELECT x FROM c
### recursive with | refused
WITH RECURSIVE r(id, s) AS (SELECT 1, surname FROM voters WHERE id = 1 UNION ALL SELECT r.id + 1, v.surname FROM r JOIN voters v ON v.id = r.id + 1) SELECT s FROM r
### string_agg | refused
SELECT string_agg(surname, ',') FROM voters
### array_agg | refused
SELECT array_agg(surname) FROM voters
### json_agg | refused
SELECT json_agg(v) FROM voters v
### jsonb_object_agg | refused
SELECT jsonb_object_agg(id, surname) FROM voters
### xmlagg | refused
SELECT xmlagg(xmlelement(name v, surname)) FROM voters
### SQL json aggregate | refused
SELECT JSON_ARRAYAGG(surname) FROM voters
### string_agg grouped | refused
SELECT ward, string_agg(surname, ',') FROM voters GROUP BY ward
### string_agg by key | rows
SELECT string_agg(surname, ',') FROM voters GROUP BY id
### string_agg as a window function | refused
SELECT id, string_agg(surname, ',') OVER () FROM voters LIMIT 1
### min and max of text | refused
SELECT min(surname), max(surname) FROM voters
### min over one person | refused
SELECT min(surname) FROM voters WHERE id = 3
### mode | refused
SELECT mode() WITHIN GROUP (ORDER BY surname) FROM voters
### percentile_disc | refused
SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY surname) FROM voters
### array constructor | refused
SELECT ARRAY(SELECT surname FROM voters)
### array_agg in lateral over outer column | rows
SELECT x FROM voters v, LATERAL (SELECT string_agg(c, '-') AS x FROM regexp_split_to_table(v.surname, '') c) y
### aggregate of the outer query in a subquery | refused
SELECT (SELECT string_agg(v.surname, ',')) FROM voters v
### row_to_json | rows
SELECT row_to_json(v) FROM voters v
### to_jsonb of whole rows | rows
SELECT to_jsonb(v) - 'id' FROM voters v
### whole row | rows
SELECT v FROM voters v
### whole row as text | rows
SELECT v::text FROM voters v
### whole row compared | rows
SELECT (v).surname FROM voters v
### functional notation of a column | refused
SELECT surname(v) FROM voters v
### function in attribute notation | refused
SELECT v.initcap FROM voters v
### a user's function named as one of PostgreSQL's | refused
SELECT initcap(v) FROM voters v
### format and concat | rows
SELECT format('%s', v), concat_ws('|', v.*) FROM voters v
### xml of a row | rows
SELECT xmlforest(surname, given) FROM voters
### query_to_xml | refused
SELECT query_to_xml('select * from app.voters', true, false, '')
### table_to_xml | refused
SELECT table_to_xml('app.voters', true, false, '')
### schema_to_xml | refused
SELECT schema_to_xml('app', true, false, '')
### database_to_xml | refused
SELECT database_to_xml(true, false, '')
### cursor_to_xml | refused
SELECT cursor_to_xml('c', 1, true, false, '')
### ts_stat runs a query | refused
SELECT * FROM ts_stat('select to_tsvector(surname) from app.voters')
### ts_rewrite runs a query | refused
SELECT ts_rewrite('a'::tsquery, 'select to_tsquery(surname), to_tsquery(surname) from app.voters')
### lag | refused
SELECT id, lag(surname) OVER (ORDER BY id) FROM voters
### lead and offset | refused
SELECT id FROM (SELECT id, lead(surname, 5) OVER (ORDER BY id) FROM voters) x
### first_value | refused
SELECT id, first_value(surname) OVER (PARTITION BY ward ORDER BY surname) FROM voters
### rank over probes | refused
SELECT g, rank() OVER (PARTITION BY g ORDER BY v.id) FROM generate_series(1, 100) g JOIN voters v ON v.id = 2 OR (v.id = 1 AND ascii(v.surname) = g)
### distinct | refused
SELECT DISTINCT surname FROM voters
### distinct with the key | rows
SELECT DISTINCT id, surname FROM voters
### distinct on | rows
SELECT DISTINCT ON (surname) surname FROM voters ORDER BY surname, given
### group by value | aggregate
SELECT surname FROM voters GROUP BY surname
### group by value, counted | aggregate
SELECT surname, count(*) FROM voters GROUP BY surname HAVING count(*) = 1
### group by key | rows
SELECT surname FROM voters GROUP BY id
### grouping sets | refused
SELECT surname, born, count(*) FROM voters GROUP BY GROUPING SETS ((surname), (born))
### cube | refused
SELECT surname, given, count(*) FROM voters GROUP BY CUBE (surname, given)
### count of one | aggregate
SELECT count(*) FROM voters WHERE id = 1 AND surname LIKE 'A%'
### count with filter | aggregate
SELECT count(*), count(*) FILTER (WHERE id = 1 AND surname LIKE 'S%') FROM voters
### count of case | refused
SELECT count(CASE WHEN id = 1 AND surname LIKE 'S%' THEN 1 END) FROM voters
### sum of case | refused
SELECT sum(CASE WHEN id = 1 THEN ascii(surname) ELSE 0 END) FROM voters
### sum of one | aggregate
SELECT sum(weight) FROM voters WHERE id = 3
### sum of probes | refused
SELECT sum(1 << g) FROM generate_series(0, 20) g JOIN voters v ON v.id > 1 OR (v.id = 1 AND ascii(v.surname) > g)
### groups of probes | refused
SELECT g, count(*) FROM generate_series(1, 100) g JOIN voters v ON (v.id = 1 AND ascii(v.surname) = g) OR v.id > 10 GROUP BY g
### groups of probes in a table | refused
SELECT n, count(*) FROM numbers, voters v WHERE (v.id = 1 AND ascii(v.surname) = n) OR v.id > 10 GROUP BY n
### counts per outer row | refused
SELECT n, (SELECT count(*) FROM voters v WHERE (v.id = 1 AND ascii(substr(v.surname, 5)) = n) OR v.id > 10) FROM numbers
### counts per outer row, lateral | refused
SELECT n, c FROM numbers, LATERAL (SELECT count(*) AS c FROM voters v WHERE (v.id = 1 AND ascii(v.surname) = n) OR v.id > 10) x
### sum over groups of a subquery | aggregate
SELECT sum(c) FROM (SELECT surname, count(*) AS c FROM voters GROUP BY surname) x
### aggregate of probes hidden in a subquery | refused
SELECT x.g, count(*) FROM (SELECT g, v.id FROM generate_series(1, 9) g, voters v WHERE v.id > 9 OR ascii(v.surname) > g) x GROUP BY x.g
### union | refused
SELECT surname FROM voters UNION SELECT title FROM articles
### union all | rows
SELECT surname FROM voters UNION ALL SELECT title FROM articles
### union all, key in the wrong place | rows
SELECT id, title FROM articles UNION ALL SELECT ward, surname FROM voters
### union all of two | rows
SELECT id, surname FROM voters UNION ALL SELECT b.id, v.surname FROM ballots b JOIN voters v ON v.id = b.voter_id + 3
### except | refused
SELECT chr(n) FROM numbers WHERE n > 31 EXCEPT SELECT substr(surname, 1, 1) FROM voters WHERE id = 1
### intersect | refused
SELECT chr(n) FROM numbers WHERE n > 31 INTERSECT SELECT substr(surname, 4, 1) FROM voters WHERE id = 1
### scalar subquery | rows
SELECT (SELECT surname FROM voters WHERE id = 3)
### scalar subquery by a subquery | refused
SELECT title, (SELECT surname FROM voters v ORDER BY born LIMIT 1) FROM articles
### scalar subquery beside rows | rows
SELECT office, (SELECT surname FROM voters v WHERE v.id = b.voter_id) FROM ballots b
### scalar aggregate subquery | refused
SELECT (SELECT string_agg(surname, ',') FROM voters)
### scalar subquery at random | refused
SELECT (SELECT surname FROM voters WHERE id = 1 + floor(random() * 1))
### subquery in VALUES | refused
VALUES ((SELECT surname FROM voters WHERE id = 1))
### subquery in LIMIT | refused
SELECT n FROM numbers LIMIT (SELECT ascii(substr(surname, 4)) FROM voters WHERE id = 1)
### subquery in ORDER BY | refused
SELECT n FROM numbers ORDER BY (SELECT surname FROM voters WHERE id = n)
### subquery in a function's argument in FROM | refused
SELECT * FROM regexp_split_to_table((SELECT surname FROM voters WHERE id = 1), '')
### subquery in HAVING | refused
SELECT n FROM numbers GROUP BY n HAVING n = (SELECT ascii(surname) FROM voters WHERE id = 1)
### exists | predicate
SELECT EXISTS (SELECT 1 FROM voters WHERE ward = 1 AND surname LIKE 'Sur%')
### exists for each letter | refused
SELECT n FROM numbers WHERE EXISTS (SELECT 1 FROM voters v WHERE v.ward = 1 AND ascii(substr(v.surname, 4, 1)) = n)
### many exists | refused
SELECT EXISTS (SELECT 1 FROM voters WHERE surname LIKE 'Sura%'), EXISTS (SELECT 1 FROM voters WHERE surname LIKE 'Surb%')
### exists in a case | refused
SELECT CASE WHEN EXISTS (SELECT 1 FROM voters WHERE surname LIKE 'Sura%') THEN n END FROM numbers
### not exists by key | rows
SELECT n FROM numbers WHERE NOT EXISTS (SELECT 1 FROM voters v WHERE v.id = 1 AND ascii(substr(v.surname, 4, 1)) = n)
### in by key | rows
SELECT n FROM numbers WHERE n IN (SELECT id FROM voters WHERE surname LIKE 'Sur%')
### in by value, of one | rows
SELECT n FROM numbers WHERE chr(n) IN (SELECT substr(surname, 4, 1) FROM voters WHERE id = 1)
### in by value | refused
SELECT n FROM numbers WHERE chr(n) IN (SELECT substr(surname, 4, 1) FROM voters WHERE ward = 1)
### full join by a key | rows
SELECT n, surname FROM numbers FULL JOIN voters v ON v.id = n
### anti join | refused
SELECT n FROM numbers LEFT JOIN voters v ON v.surname LIKE 'Sur' || chr(n) || '%' AND v.ward = 1 WHERE v.id IS NULL
### anti join by key | rows
SELECT n FROM numbers LEFT JOIN voters v ON v.id = 1 AND ascii(substr(v.surname, 4, 1)) = n WHERE v.id IS NULL
### anti join to a subquery | refused
SELECT n FROM numbers LEFT JOIN (SELECT ascii(substr(surname, 4, 1)) AS a FROM voters WHERE id = 1) v ON v.a = n WHERE v.a IS NULL
### full join | refused
SELECT n, surname FROM numbers FULL JOIN voters v ON v.id = n AND v.surname > 'Sur5'
### lateral left join | refused
SELECT n FROM numbers LEFT JOIN LATERAL (SELECT 1 AS x FROM voters v WHERE v.ward = 1 AND ascii(substr(surname, 4, 1)) = n) y ON true WHERE x IS NULL
### constant output | rows
SELECT 1 FROM voters WHERE surname LIKE 'Sur%'
### letters joined to the voter | rows
SELECT n FROM numbers JOIN voters v ON ascii(substr(v.surname, 4, 1)) = n
### system columns | rows
SELECT ctid, xmin, tableoid::regclass, surname FROM voters
### tablesample | rows
SELECT surname FROM voters TABLESAMPLE BERNOULLI (100)
### only | rows
SELECT surname FROM ONLY voters
### inheritance child | rows
SELECT surname FROM voters_archive
### inheritance through the parent | rows
SELECT surname FROM voters WHERE id > 100
### view without key | rows
SELECT * FROM voter_names
### view without key, renamed | rows
SELECT a, b FROM voter_names AS x(a, b)
### view with key under another name | rows
SELECT surname FROM voter_list
### view that aggregates values | refused
SELECT names FROM all_names
### view that counts | aggregate
SELECT * FROM ward_counts
### view that counts, filtered to one | aggregate
SELECT name FROM ward_counts WHERE voters = 10
### materialized view without key | refused
SELECT * FROM names_copy
### materialized view with key | rows
SELECT surname FROM voters_copy
### set-returning in the select list | rows
SELECT regexp_split_to_table(surname, '') FROM voters
### unnest of values | rows
SELECT x FROM voters, unnest(ARRAY[surname, given]) x
### lateral json | rows
SELECT value FROM voters v, jsonb_each_text(to_jsonb(v))
### ordered with limit and offset | rows
SELECT surname FROM voters ORDER BY born LIMIT 1 OFFSET 3
### fetch first with ties | rows
SELECT surname FROM voters ORDER BY ward FETCH FIRST 1 ROWS WITH TIES
### cast error carries the value | rows
SELECT id FROM voters WHERE surname::int = 1
### division error as a signal | rows
SELECT 1 / (CASE WHEN surname LIKE 'Sur%' THEN 0 ELSE 1 END) FROM voters WHERE id = 1
### cast error in a date | rows
SELECT (surname || given)::date FROM voters
### error in a subquery that never leaves | predicate
SELECT EXISTS (SELECT 1 FROM voters WHERE (surname || given)::uuid IS NULL)
### regular expression from a value | rows
SELECT 'x' ~ ('(' || surname) FROM voters
### sleep by value | refused
SELECT pg_sleep(CASE WHEN surname LIKE 'Sur%' THEN 0.01 ELSE 0 END) FROM voters WHERE id = 1
### advisory lock by value | refused
SELECT 1 FROM voters WHERE id = 1 AND pg_try_advisory_lock(ascii(surname))
### sequence by value | refused
SELECT setval('app.counter', ascii(surname)) FROM voters WHERE id = 1
### notify by value | refused
SELECT pg_notify('x', surname) FROM voters
### set_config by value | refused
SELECT set_config('application_name', surname, false) FROM voters WHERE id = 1
### custom setting by value | refused
SELECT set_config('my.x', surname, false) FROM voters WHERE id = 1
### large object | refused
SELECT lo_from_bytea(0, convert_to(surname, 'UTF8')) FROM voters
### large object table | refused
SELECT * FROM pg_largeobject
### SQL function that reads | refused
SELECT surname_of(1)
### SQL function in FROM | refused
SELECT * FROM app.surname_of(2)
### function that raises notices | refused
SELECT app.tell()
### operator that raises notices | refused
SELECT surname OPERATOR(app.===) 'x' FROM voters
### DO block | refused
DO $$ BEGIN RAISE NOTICE '%', (SELECT surname FROM app.voters WHERE id = 1); END $$
### create function | refused
CREATE FUNCTION app.f() RETURNS text LANGUAGE sql AS 'SELECT surname FROM app.voters LIMIT 1'
### create temporary function | refused
CREATE FUNCTION pg_temp.f() RETURNS text LANGUAGE sql AS 'SELECT surname FROM app.voters LIMIT 1'
### create view | refused
CREATE VIEW app.mine AS SELECT surname FROM voters
### create materialized view | refused
CREATE MATERIALIZED VIEW app.mine AS SELECT surname FROM voters
### create rule | refused
CREATE RULE r AS ON INSERT TO app.loot DO ALSO SELECT surname FROM app.voters
### create trigger | refused
CREATE TRIGGER t AFTER INSERT ON app.loot EXECUTE FUNCTION app.tell()
### create table as | refused
CREATE TABLE app.mine AS SELECT surname FROM voters
### create temp table as | refused
CREATE TEMP TABLE mine AS TABLE voters
### create table as execute | refused
PREPARE p2 AS SELECT surname FROM voters
--next
CREATE TEMP TABLE mine AS EXECUTE p2
### select into | refused
SELECT surname INTO app.mine FROM voters
### select into temp, in a subquery's shadow | refused
WITH v AS (SELECT surname FROM voters) SELECT surname INTO TEMP mine FROM v
### insert select | refused
INSERT INTO loot (a) SELECT surname FROM voters
### insert from a subquery | refused
INSERT INTO loot (a) VALUES ((SELECT surname FROM voters WHERE id = 1))
### insert returning in with | refused
WITH x AS (INSERT INTO loot (a) SELECT surname FROM voters RETURNING a) SELECT a FROM x
### update from | refused
UPDATE loot SET a = v.surname FROM voters v WHERE v.id = 1
### update by subquery | refused
UPDATE loot SET n = 1 WHERE EXISTS (SELECT 1 FROM voters WHERE surname LIKE 'Sur%')
### delete using | refused
DELETE FROM numbers USING voters v WHERE v.id = 1 AND ascii(v.surname) = n
### delete returning | rows
DELETE FROM voters WHERE id = 39 RETURNING surname
### update returning | rows
UPDATE voters SET note = 'x' WHERE ward = 2 RETURNING surname
### update returning everything | rows
UPDATE voters v SET note = surname FROM wards w WHERE w.id = v.ward AND w.id = 3 RETURNING v.surname, w.name
### update returning in with | rows
WITH x AS (UPDATE voters SET note = 'x' WHERE id < 4 RETURNING surname) SELECT * FROM x
### update copies from another voter | refused
UPDATE voters SET note = (SELECT surname FROM voters WHERE id = 1) WHERE id = 2
### update from itself | refused
UPDATE voters a SET note = b.surname FROM voters b WHERE b.id = a.id + 1
### update changes the key | refused
UPDATE voters SET id = 900 WHERE id = 1
### insert copies voters | refused
INSERT INTO voters (id, given, surname, born, ward, weight) SELECT id + 500, given, surname, born, ward, weight FROM voters
### insert on conflict returning | rows
INSERT INTO voters (id, given, surname, born, ward, weight) VALUES (5, '', '', now(), 1, 1) ON CONFLICT (id) DO UPDATE SET note = 'seen' RETURNING surname
### merge | refused
MERGE INTO loot USING voters v ON v.surname = loot.a WHEN NOT MATCHED THEN INSERT (a) VALUES (v.surname)
### copy to stdout | rows
COPY voters TO STDOUT
### copy of columns without key | refused
COPY voters (surname, given) TO STDOUT
### copy of a query | rows
COPY (SELECT id, surname FROM voters) TO STDOUT WITH (FORMAT csv, HEADER)
### copy of a query without key | refused
COPY (SELECT surname FROM voters) TO STDOUT
### copy of a child | rows
COPY voters_archive TO STDOUT
### copy to a program | refused
COPY voters TO PROGRAM 'cat'
### copy to a file | refused
COPY voters TO '/tmp/x'
### copy of another table to a program | refused
COPY loot TO PROGRAM 'cat'
### copy from a program | refused
COPY loot FROM PROGRAM 'psql -c "select * from app.voters"'
### cursor | execute
BEGIN
--next
DECLARE c CURSOR FOR SELECT surname FROM voters
--next
FETCH 5 FROM c
--next
FETCH ALL c
### cursor with hold | execute
DECLARE ch CURSOR WITH HOLD FOR SELECT surname FROM voters
--next
FETCH FORWARD 3 FROM ch
### scrolled cursor | execute
BEGIN
--next
DECLARE cs SCROLL CURSOR FOR SELECT id, surname FROM voters ORDER BY id
--next
FETCH LAST FROM cs
--next
FETCH ABSOLUTE 3 FROM cs
### prepared statement | execute
PREPARE p3 (int) AS SELECT surname FROM voters WHERE id = $1
--next
EXECUTE p3 (4)
### prepared statement with a query as argument | refused
PREPARE p4 (text) AS SELECT $1
--next
EXECUTE p4 ((SELECT surname FROM voters WHERE id = 1))
### explain analyze | refused
EXPLAIN (ANALYZE) SELECT 1 FROM voters WHERE surname LIKE 'Sur1%'
### explain estimates | refused
EXPLAIN SELECT 1 FROM voters WHERE surname < 'Sur5'
### explain analyze off | refused
EXPLAIN (ANALYZE off, VERBOSE) SELECT surname FROM voters
### statistics | refused
SELECT most_common_vals, histogram_bounds FROM pg_stats WHERE tablename = 'voters'
### statistics table | refused
SELECT stavalues1 FROM pg_catalog.pg_statistic
### other sessions' statements | refused
SELECT query FROM pg_stat_activity
### other sessions' statements by function | refused
SELECT query FROM pg_stat_get_activity(NULL)
### a server file | refused
SELECT pg_read_file('base/1/2619')
### directory of the server | refused
SELECT pg_ls_dir('.')
### rename | refused
ALTER TABLE voters RENAME TO harmless
### add a generated column | refused
ALTER TABLE voters ADD COLUMN s text GENERATED ALWAYS AS (surname) STORED
### inherit | refused
ALTER TABLE loot INHERIT voters
### drop | refused
DROP TABLE app.voters
### foreign key as an oracle | refused
CREATE TABLE app.probe (id int REFERENCES app.voters (id))
### backslash strings | refused
SET standard_conforming_strings = off
--next
SELECT '\'; SELECT surname FROM app.voters --'
### backslash strings by function | refused
SELECT set_config('standard_conforming_strings', 'off', false)
### client encoding with trailing quotes | refused
SET client_encoding = 'SJIS'
### client encoding by SET NAMES | refused
SET NAMES 'GBK'
### role does not matter | rows
SET ROLE postgres
--next
SELECT surname FROM voters
### row values in a comparison | rows
SELECT (surname, given) FROM voters WHERE (id, ward) > (3, 0)
### values joined to voters | rows
SELECT v.surname FROM (VALUES (1), (2)) AS p(i) JOIN voters v ON v.id = p.i
### using merges the key | rows
SELECT id, surname FROM voters JOIN numbers ON n = id
### using | rows
SELECT * FROM voters JOIN (SELECT voter_id AS id, office FROM ballots) b USING (id)
### natural join | rows
SELECT surname, office FROM voters NATURAL JOIN (SELECT voter_id AS id, office FROM ballots) b
### named join | refused
SELECT j.surname FROM (voters v JOIN ballots b ON b.voter_id = v.id) AS j
### star through layers | rows
SELECT * FROM (SELECT * FROM (SELECT surname, given FROM voters) a) b
### star beside a temporary table | refused
CREATE TEMP TABLE t9 (x int)
--next
INSERT INTO t9 VALUES (1)
--next
SELECT * FROM t9, voters
### the key of a right join | rows
SELECT surname FROM ballots b RIGHT JOIN voters v ON b.voter_id = v.id
### lock for update | rows
SELECT surname FROM voters WHERE id = 2 FOR UPDATE
### call | refused
CALL app.purge()
### dblink | refused
SELECT * FROM dblink('dbname=x', 'select surname from app.voters') AS t(s text)
### replication slots | refused
SELECT pg_create_logical_replication_slot('x', 'test_decoding')
### toast | refused
SELECT * FROM pg_toast.pg_toast_1255
### create extension | refused
CREATE EXTENSION IF NOT EXISTS dblink
### policy predicate | refused
CREATE POLICY p ON app.loot USING (app.tell() = 1)
### security label of many unions | rows
SELECT surname FROM voters WHERE id = 1 UNION ALL SELECT surname FROM voters WHERE id = 2 UNION ALL SELECT 'x'
### nested json of a subquery | rows
SELECT json_build_object('x', (SELECT v.surname)) FROM voters v
### boolean aggregate | refused
SELECT bool_or(surname LIKE 'Sura%') FROM voters
### range aggregate | refused
SELECT range_agg(int4range(id, id + weight)) FROM voters
### hidden name guessed | refused
SELECT portcullis_key_1, surname FROM (SELECT surname FROM voters) x
### lateral values | rows
SELECT s FROM voters v, LATERAL (VALUES (v.surname), (v.given)) x(s)
### grouping by an expression of the key | aggregate
SELECT id / 1 AS k, count(*) FROM voters GROUP BY id / 1
### having by value | aggregate
SELECT ward, count(*) FROM voters GROUP BY ward HAVING sum(weight) > 0
### join with counts | aggregate
SELECT w.name, count(*), avg(v.weight) FROM wards w JOIN voters v ON v.ward = w.id GROUP BY w.name
### sum over few through a join | aggregate
SELECT b.office, sum(v.weight) FROM ballots b JOIN voters v ON v.id = b.voter_id WHERE b.id < 3 GROUP BY b.office
### probe written as another number | rows
SELECT n FROM numbers WHERE EXISTS (SELECT 1 FROM voters v WHERE v.id = 1.0 AND ascii(substr(v.surname, 4, 1)) = n)
### probe written as text | rows
SELECT title, (SELECT surname FROM voters WHERE id = ' 04 ') FROM articles
### groups of a function's rows | refused
SELECT g, count(*) FROM (SELECT id, surname, generate_series(32, 126) AS g FROM voters) x WHERE (id = 1 AND ascii(surname) = g) OR id > 20 GROUP BY g
### groups of a function's rows in place | refused
SELECT generate_series(1, 9) AS g, count(*) FROM voters GROUP BY 1
### groups by an equality that mixes tables | refused
SELECT n, ascii(v.surname) = n, count(*) FROM numbers, voters v GROUP BY 1, 2
### filter that mixes tables | refused
SELECT n, count(*) FILTER (WHERE ascii(substr(v.surname, 4, 1)) = n) FROM numbers JOIN voters v ON v.ward = n GROUP BY n
### groups over a list of guesses | refused
SELECT l.n, count(*) FROM loot l JOIN voters v ON v.surname = l.a GROUP BY l.n
### sum of numbers that stand for guesses | refused
SELECT sum(l.n) FROM loot l JOIN voters v ON v.surname = l.a
### window over a join that mixes | refused
SELECT v.id, count(*) OVER (PARTITION BY ascii(v.surname) = n) FROM voters v JOIN numbers ON n = v.ward
### schema with statements inside | refused
CREATE SCHEMA x CREATE TRIGGER t AFTER INSERT ON app.loot EXECUTE FUNCTION app.tell()
### schema renamed | refused
ALTER SCHEMA other RENAME TO another
### function renamed to a harmless name | refused
ALTER FUNCTION app.surname_of(int) RENAME TO abs
### database copied | refused
CREATE DATABASE thief TEMPLATE postgres
### explain of create table as execute | refused
EXPLAIN ANALYZE CREATE TABLE app.mine AS EXECUTE p
### attribute that is a function | refused
SELECT l.tell_loot FROM loot l
### attribute that is a function, in brackets | refused
SELECT (l).tell_loot FROM loot l
### alter system | refused
ALTER SYSTEM SET log_statement = 'all'
### load a library | refused
LOAD 'auto_explain'
### move and count | execute
BEGIN
--next
DECLARE cm SCROLL CURSOR FOR SELECT surname FROM voters WHERE surname LIKE 'Sur%'
--next
MOVE ALL IN cm
--next
FETCH PRIOR FROM cm
### cast error in a prepared statement | execute
PREPARE p7 AS SELECT surname::int FROM voters
--next
EXECUTE p7
### cast error in a cursor | execute
DECLARE c7 CURSOR FOR SELECT (surname || given)::int FROM voters
--next
FETCH c7
### probe inside a probe | refused
SELECT n FROM numbers WHERE EXISTS (SELECT 1 FROM voters v WHERE v.id = n AND EXISTS (SELECT 1 FROM voters u WHERE u.id = 1 AND ascii(substr(u.surname, 4, 1)) > n))
### count of probes that may be missing | aggregate
SELECT count(v.id) FROM numbers LEFT JOIN voters v ON v.id = n AND v.surname LIKE 'Sura%'
### count of probes that may be missing, below | refused
SELECT count(id) FROM (SELECT v.id FROM numbers LEFT JOIN voters v ON v.id = n AND v.surname LIKE 'Sura%') x
### count of a correlated subquery inside | refused
SELECT n, c FROM numbers, LATERAL (SELECT count(*) AS c FROM (SELECT 1 FROM voters v WHERE (v.id = 1 AND ascii(v.surname) > n) OR v.id > 10) y) x
### count of a correlated WITH | refused
SELECT n, c FROM numbers, LATERAL (WITH y AS (SELECT v.id FROM voters v WHERE (v.id = 1 AND ascii(v.surname) > n) OR v.id > 10) SELECT count(*) AS c FROM y UNION ALL SELECT 0) x
### choice per probe | refused
SELECT n FROM numbers, LATERAL (SELECT id FROM voters v WHERE v.id = 2 OR (v.id = 1 AND ascii(substr(v.surname, 4, 1)) > n) ORDER BY id LIMIT 1) x WHERE id = 2
### choice per probe by DISTINCT ON | refused
SELECT n FROM (SELECT DISTINCT ON (n) n, v.id FROM numbers JOIN voters v ON v.id = 2 OR (v.id = 1 AND ascii(substr(v.surname, 4, 1)) > n) ORDER BY n, v.id) x WHERE id = 2
### window per probe | refused
SELECT n, c FROM numbers, LATERAL (SELECT id, count(*) OVER () AS c FROM voters v WHERE v.id = 2 OR (v.id = 1 AND ascii(substr(v.surname, 4, 1)) > n)) x WHERE id = 2
### natural join of a query with itself | rows
WITH x AS (SELECT ward, surname FROM voters) SELECT a.surname FROM x a NATURAL JOIN x b
