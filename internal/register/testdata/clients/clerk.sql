\set VERBOSITY verbose
\set ON_ERROR_STOP 0
SELECT id, name, born FROM voters WHERE id = 1000;
SELECT id, name, born FROM voters WHERE id BETWEEN 1001 AND 1004 ORDER BY id;
SELECT string_agg(name, ',') FROM voters;
\echo FETCHED
\set FETCH_COUNT 7
SELECT id, name FROM voters WHERE id BETWEEN 1100 AND 1119 ORDER BY id;
\set FETCH_COUNT 0
\echo BULK
\copy (SELECT id, name FROM voters WHERE id BETWEEN 2000 AND 2999 ORDER BY id) TO STDOUT
\echo AFTER
SELECT count(*) FROM offices;
SELECT name FROM voters WHERE id IN (1000, 1004);
SELECT id FROM voters WHERE id = 50000;
\d voters
