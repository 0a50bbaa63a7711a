//go:build unix

package wire

import (
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
)

// TestSameDecision: a look-up like the last one is known by what was decided about it, and allocates its text alone.
func TestSameDecision(t *testing.T) {
	g := &fixedSession{fixed: &fixed{decision: Decision{Text: "select 2", Results: []Result{{Metered: true, KeyColumns: []int{0}}}}}}
	c := &clientWalker{session: &session{guarded: g}}
	text := []byte("select 1")
	first, _, err := c.statement(t.Context(), text, true)
	must(t, err)
	if n := testing.AllocsPerRun(100, func() {
		again, send, err := c.statement(t.Context(), text, true)
		if again != first || send != "select 2" || err != nil {
			t.Fatal("not the same decision")
		}
	}); n > 1 {
		t.Errorf("%v allocations", n)
	}
}

// TestDecisionsThatDiffer: what differs in anything is another decision, and tags need not be comparable.
func TestDecisionsThatDiffer(t *testing.T) {
	results := []Result{{Metered: true}, {}}
	d := Decision{Results: results}
	for name, o := range map[string]Decision{
		"other results":       {Results: []Result{{Metered: true}, {}}},
		"fewer":               {Results: results[:1]},
		"passed":              {Results: results, Pass: true},
		"a tag":               {Results: results, Tag: 1},
		"a tag like no other": {Results: results, Tag: []int{1}},
	} {
		if d.same(&o) || o.same(&d) || name == "a tag like no other" && o.same(&o) {
			t.Errorf("%s: the same", name)
		}
	}
	if !d.same(&Decision{Results: results}) {
		t.Error("the same is not")
	}
}

// TestDroppedStaysDropped: what was dropped of what waits to leave does not come back with a later mark.
func TestDroppedStaysDropped(t *testing.T) {
	o := outbound{run: []byte("run"), anew: append(make([]byte, 0, 64), "anew"...)}
	o.truncate(5)
	if o.truncate(6); string(o.run)+string(o.anew) != "runan" {
		t.Errorf("%q %q", o.run, o.anew)
	}
	o.truncate(0)
	if o.truncate(5); o.size() != 0 {
		t.Errorf("%q %q came back", o.run, o.anew)
	}
}

// TestDescriptionsOfOneResult: statements that were decided alike are described, and their keys read, each as PostgreSQL says.
func TestDescriptionsOfOneResult(t *testing.T) {
	postgres(t)
	results := []Result{{Metered: true, KeyColumns: []int{1}, Hidden: 1}}
	g := &scripted{budget: -1, decide: func(text string) (Decision, error) {
		if strings.Contains(text, "voter") && !strings.HasPrefix(text, "declare") || strings.HasPrefix(text, "fetch") {
			return Decision{Results: results}, nil
		}
		return Decision{Results: []Result{{}}}, nil
	}}
	conn := connect(t, gateway(t, g, nil), "default_query_exec_mode=simple_protocol")
	for _, text := range []string{
		"begin", "declare a cursor for select name as a, id from voter where id in (258, 259) order by id", "declare b binary cursor for select name as b, id from voter where id in (260, 261) order by id",
	} {
		_, err := conn.Exec(t.Context(), text)
		must(t, err)
	}
	for _, c := range []struct{ text, shown string }{
		{"fetch 1 from a", "a=Name 258"}, {"fetch 1 from b", "b=Name 260"}, {"fetch 1 from a", "a=Name 259"}, {"fetch 1 from b", "b=Name 261"},
		{"select name as c, id from voter where id = 5", "c=Name 5"}, {"select name as c, id from voter where id = 6", "c=Name 6"},
	} {
		rows, err := conn.Query(t.Context(), c.text, pgx.QueryExecModeSimpleProtocol)
		must(t, err)
		var got string
		for rows.Next() {
			got = rows.FieldDescriptions()[0].Name + "=" + string(rows.RawValues()[0])
		}
		must(t, rows.Err())
		if got != c.shown || len(rows.FieldDescriptions()) != 1 {
			t.Errorf("%s: got %q, %d columns", c.text, got, len(rows.FieldDescriptions()))
		}
	}
	if keys := strings.Join(g.seen(), " "); keys != "258 260 259 261 5 6" {
		t.Errorf("keys %s", keys)
	}
}
