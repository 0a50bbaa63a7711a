# What psycopg makes of the gateway: argv is host, port and the module's name.
import importlib
import sys

psycopg = importlib.import_module(sys.argv[3])
conn = psycopg.connect(host=sys.argv[1], port=sys.argv[2], user="postgres", dbname="postgres", sslmode="disable")
cur = conn.cursor()
cur.execute("select id, name from voter where id <= %s order by id", (5,))
assert [r[0] for r in cur.fetchall()] == [1, 2, 3, 4, 5]
try:
    cur.execute("select forbidden")
    raise SystemExit("a refused statement passed")
except psycopg.Error as e:
    state = getattr(e, "pgcode", None) or e.sqlstate
    assert state == "42501", state
    hint = e.diag.message_hint
    assert hint == "Ask for it.", hint
conn.rollback()
named = conn.cursor(name="rows")  # a cursor on the server
named.execute("select id from voter where id <= 10")
try:
    rows = named.fetchall()
    raise SystemExit("%d rows beyond the budget" % len(rows))
except psycopg.Error as e:
    assert (getattr(e, "pgcode", None) or e.sqlstate) == "53400", e
conn.rollback()
cur.execute("select 1")
assert cur.fetchone() == (1,)
print("ok")
