package register

import (
	"strings"
	"testing"

	"portcullis.example/portcullis/internal/register/lineage"
)

// plainPlan is a statement as the analyser tells of it, as far as settings go.
func plainPlan(text string) *lineage.Plan {
	p := &lineage.Plan{Text: text, Statement: "TRANSACTION"}
	words := wordsOf(text)
	switch strings.ToUpper(words[0]) {
	case "SET":
		p.Statement = "SET"
		_, value, _ := strings.Cut(text, "=")
		p.Sets = []lineage.Setting{{Name: "portcullis.person", Value: strings.TrimSpace(value), Local: strings.EqualFold(words[1], "LOCAL")}}
	case "RESET":
		p.Statement = "SET"
		p.Sets = []lineage.Setting{{Name: "all", Reset: true}}
	case "DISCARD":
		p.Statement = "DISCARD"
	}
	return p
}

// TestSaid has transactions take back what was set in them, and only that.
func TestSaid(t *testing.T) {
	for _, c := range []struct{ run, want string }{
		{"SET person = a; COMMIT", "a"},
		{"BEGIN; SET person = a; ROLLBACK", ""},
		{"BEGIN; SET person = a; abort", ""},
		{"SET person = a; COMMIT; BEGIN; SET LOCAL person = b; COMMIT", "a"},
		{"SET person = a; COMMIT; BEGIN; SET LOCAL person = b", "b"},
		{"SET person = a; COMMIT; BEGIN; SET person = c; SET LOCAL person = b; END", "c"},
		{"BEGIN; SET person = a; SAVEPOINT s; SET person = b; ROLLBACK TO s", "a"},
		{"BEGIN; SET person = a; SAVEPOINT s; SET person = b; ROLLBACK TO s; COMMIT", "a"},
		{"BEGIN; SET person = a; SAVEPOINT s; SET person = b; RELEASE SAVEPOINT s; COMMIT", "b"},
		{"BEGIN; SAVEPOINT s; SET person = a; SAVEPOINT \"S\"; SET person = b; ROLLBACK WORK TO SAVEPOINT \"S\"", "a"},
		{"BEGIN; SAVEPOINT s; SET person = a; SAVEPOINT s; SET person = b; ROLLBACK TO s; ROLLBACK TO s", "a"},
		{"BEGIN; SET person = a; SAVEPOINT s; SET person = b; /* TO */ ROLLBACK -- to s\n", ""},
		{"BEGIN; SET person = a; COMMIT; BEGIN; SET person = b; ROLLBACK AND CHAIN; SET LOCAL person = c; COMMIT AND CHAIN", "a"},
		{"BEGIN; SET person = a; PREPARE TRANSACTION 'x'", "a"},
		{"SET person = a; COMMIT; ROLLBACK PREPARED 'x'", "a"},
		{"SET person = a; COMMIT; RESET ALL", ""},
		{"SET person = a; COMMIT; DISCARD ALL", ""},
	} {
		first := setting{role: "desk"}
		a := saidAtFirst(first)
		for text := range strings.SplitSeq(c.run, "; ") {
			step := stepOf(plainPlan(text))
			a.do(&step, &first)
		}
		if a.now.person != c.want || a.now.role != "desk" {
			t.Errorf("%s: %+v, want %q", c.run, a.now, c.want)
		}
	}
}

// TestFollowable: a savepoint whose name PostgreSQL may read otherwise than the guard is not gone back to.
func TestFollowable(t *testing.T) {
	long := strings.Repeat("a", maxSavepoint)
	for text, want := range map[string]bool{
		"BEGIN": true, "SAVEPOINT s": true, `ROLLBACK TO "S s"`: true, "RELEASE SAVEPOINT " + long: true, "COMMIT AND CHAIN": true,
		"SAVEPOINT " + long + "b": false, `ROLLBACK TO U&"\0073"`: false, `ROLLBACK TO u&"\0073"`: false, "SAVEPOINT é": false, `SAVEPOINT "É"`: false,
	} {
		if got := followable(plainPlan(text)); got != want {
			t.Errorf("%s: %t", text, got)
		}
	}
	if !followable(&lineage.Plan{Statement: "SELECT", Text: `SELECT U&"\0073" FROM é`}) {
		t.Error("a statement that names no savepoint was not followed")
	}
}
