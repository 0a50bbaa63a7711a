package lineage_test

import (
	"os"
	"slices"
	"strings"
	"testing"

	"portcullis.example/portcullis/internal/register/lineage"
)

type entry struct {
	name, want string
	steps      []string
}

func corpus(t testing.TB, path string) (out []entry) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range strings.Split("\n"+string(data), "\n### ")[1:] {
		head, body, _ := strings.Cut(part, "\n")
		name, want, _ := strings.Cut(head, " | ")
		var steps []string
		for _, step := range strings.Split("\n"+body, "\n--next\n") {
			steps = append(steps, strings.TrimSpace(step))
		}
		out = append(out, entry{name, want, steps})
	}
	return out
}

// TestBypass runs each way around the guard that we could think of, on two registers that differ in the voters'
// values only. Nothing of a voter may be seen without their key counted, and what no key stands for must be the same
// on both: else it tells of a voter.
func TestBypass(t *testing.T) {
	one, two := newRegister(t, "ONE"), newRegister(t, "TWO")
	a, b := one.analyse(t, lineage.Options{}), two.analyse(t, lineage.Options{})
	leaks, refused, entries := 0, 0, corpus(t, "testdata/bypass.sql")
	for _, e := range entries {
		t.Run(e.name, func(t *testing.T) {
			first, second := one.play(t, a, e.steps), two.play(t, b, e.steps)
			if got := first.outcome(); got != e.want {
				t.Errorf("is %s, want %s (%v)", got, e.want, first.refused)
			}
			if ids := one.uncounted(first); len(ids) > 0 {
				t.Errorf("uncounted: %v", ids)
			}
			if first.outcome() != "predicate" && first.unkeyed.String() != second.unkeyed.String() {
				t.Errorf("what no key stands for differs:\n%s\n%s", first.unkeyed.String(), second.unkeyed.String())
			}
			if first.outcome() == "refused" {
				refused++
			}
			if one.direct(t, e.steps) {
				leaks++
			}
		})
	}
	t.Logf("%d ways; %d give voters' values away without the guard; %d are refused, the others counted", len(entries), leaks, refused)
}

func (r *register) play(t *testing.T, a *lineage.Analyser, steps []string) *session {
	conn := r.connect(t)
	conn.Exec(t.Context(), "BEGIN").ReadAll()
	s := newSession(conn, a)
	for _, step := range steps {
		if s.refused == nil {
			s.run(t.Context(), step)
		}
	}
	conn.Close(t.Context())
	return s
}

func (s *session) outcome() string {
	if slices.Contains(s.kinds, lineage.Refused) {
		return "refused"
	}
	return s.kinds[len(s.kinds)-1].String()
}

// direct tells whether the steps give a voter's values away when nobody stands between.
func (r *register) direct(t *testing.T, steps []string) bool {
	var notices strings.Builder
	conn := r.connect(t)
	conn.Exec(t.Context(), "BEGIN").ReadAll()
	s := &session{counted: map[int]bool{}}
	for _, step := range steps {
		results, err := conn.Exec(t.Context(), step).ReadAll()
		for _, res := range results {
			for _, row := range res.Rows {
				s.row(nil, row)
			}
		}
		if err != nil {
			s.seen.WriteString(err.Error())
		}
	}
	conn.Close(t.Context())
	s.seen.WriteString(notices.String())
	return len(r.uncounted(s)) > 0
}
