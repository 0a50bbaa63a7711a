# A clerk's day with psycopg, through an enforcing guard: argv is a driver and a connection string.
import importlib
import sys

driver = importlib.import_module(sys.argv[1])
conn = driver.connect(sys.argv[2])
cur = conn.cursor()


def state(e):
    return getattr(e, "pgcode", None) or e.sqlstate


# looked up one by one, with parameters
for voter in range(1000, 1005):
    cur.execute("SELECT id, name, born FROM voters WHERE id = %s", (voter,))
    rows = cur.fetchall()
    assert [r[0] for r in rows] == [voter] and rows[0][1].startswith("Voter "), rows
conn.commit()

# what cannot be metered is refused, and the reason arrives
try:
    cur.execute("SELECT string_agg(name, ',') FROM voters")
    raise SystemExit("an aggregate of names passed")
except driver.Error as e:
    assert state(e) == "42501", (state(e), str(e))
    assert e.diag.message_hint, str(e)
conn.rollback()

# a cursor on the server, a few rows at a time
named = conn.cursor(name="batch")
named.itersize = 7
named.execute("SELECT id, name FROM voters WHERE id BETWEEN 1100 AND 1119 ORDER BY id")
assert [r[0] for r in named] == list(range(1100, 1120))
conn.commit()

# more than the day allows
named = conn.cursor(name="bulk")
named.execute("SELECT id, name FROM voters WHERE id BETWEEN 2000 AND 2999 ORDER BY id")
got = [r[0] for r in named.fetchmany(10)]
try:
    while True:
        rows = named.fetchmany(10)
        assert rows, "the whole of it passed"
        got += [r[0] for r in rows]
except driver.Error as e:
    assert state(e) == "53400", (state(e), str(e))
    assert "each clerk" in str(e) and e.diag.message_hint, str(e)
conn.rollback()
assert got == list(range(2000, 2000 + len(got))) and len(got) <= 25, got

# who was read today already costs nothing, and the session goes on
cur.execute("SELECT name FROM voters WHERE id IN (1000, 1004)")
assert len(cur.fetchall()) == 2
cur.execute("SELECT name FROM offices")
assert cur.fetchall() == [("Town Hall",)]
conn.commit()
try:
    cur.execute("SELECT id FROM voters WHERE id = 50000")
    raise SystemExit("one more left")
except driver.Error as e:
    assert state(e) == "53400", (state(e), str(e))
print("ok")
