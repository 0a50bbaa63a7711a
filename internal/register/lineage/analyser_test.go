package lineage_test

import (
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"portcullis.example/portcullis/internal/register/lineage"
)

var appPath = lineage.NewSettings([]string{"app", "public"}, "", nil, nil)

func analyseOne(t testing.TB, a *lineage.Analyser, text string) *lineage.Plan {
	t.Helper()
	plans, err := a.Analyse(text, appPath)
	if err != nil || len(plans) != 1 {
		t.Fatalf("%s: %v", text, err)
	}
	return &plans[0]
}

// TestResult looks at what a guard reads of a plan: where keys, flags and copies of columns are.
func TestResult(t *testing.T) {
	r := newRegister(t, "ONE")
	a := r.analyse(t, lineage.Options{})
	p := analyseOne(t, a, "SELECT born, upper(surname) AS s, v.id AS k FROM voters v WHERE phone IS NOT NULL")
	if p.Kind != lineage.Rows || !slices.Equal(p.Result.KeyColumns, []int{2}) || !slices.Equal(p.Result.HiddenFlags, []int{3}) || p.Result.Hidden != 1 {
		t.Errorf("%+v %+v", p, p.Result)
	}
	if c := p.Result.Outputs[0].Plain; c == nil || *c != (lineage.Column{Relation: "app.voters", Name: "born"}) {
		t.Errorf("born is %v", c)
	}
	if o := p.Result.Outputs[1]; o.Plain != nil || !slices.Equal(o.From, []lineage.Column{{Relation: "app.voters", Name: "surname"}}) {
		t.Errorf("upper(surname) is %+v", o)
	}
	for _, name := range []string{"surname", "phone"} {
		if !slices.Contains(p.Uses, lineage.Column{Relation: "app.voters", Name: name}) {
			t.Errorf("%s is not among the columns used: %v", name, p.Uses)
		}
	}
	if slices.Contains(p.Uses, lineage.Column{Relation: "app.voters", Name: "born"}) || !p.BlankErrors {
		t.Errorf("uses %v, blank %v", p.Uses, p.BlankErrors)
	}
	p = analyseOne(t, a, "SELECT surname FROM voter_list")
	if c := p.Result.Outputs[0].Plain; c == nil || c.Name != "surname" || p.Result.HiddenFlags[0] != -1 {
		t.Errorf("a view: %+v", p.Result)
	}
	if p = analyseOne(t, a, "SELECT * FROM voters"); p.Result.HiddenFlags[0] != 7 || p.Result.Hidden != 0 {
		t.Errorf("a flag that is shown: %+v", p.Result)
	}
}

// TestRefresh changes the database beside the guard.
func TestRefresh(t *testing.T) {
	r := newRegister(t, "ONE")
	a := r.analyse(t, lineage.Options{})
	const text = "SELECT surname FROM app.later"
	if p := analyseOne(t, a, text); p.Refusal == nil || !p.Refusal.Retry {
		t.Fatalf("a relation that is not there: %+v", p)
	}
	if changed, err := a.Refresh(t.Context(), r.db); changed || err != nil {
		t.Fatalf("nothing changed: %v %v", changed, err)
	}
	if _, err := r.db.Exec("CREATE VIEW app.later AS SELECT surname FROM app.voters"); err != nil {
		t.Fatal(err)
	}
	if changed, err := a.Refresh(t.Context(), r.db); !changed || err != nil {
		t.Fatalf("a view was made: %v %v", changed, err)
	}
	if p := analyseOne(t, a, text); p.Kind != lineage.Rows {
		t.Fatalf("a new view: %+v", p)
	}
	if _, err := r.db.Exec("ALTER TABLE app.voters RENAME TO electors"); err != nil {
		t.Fatal(err)
	}
	if _, err := a.Refresh(t.Context(), r.db); err == nil || !strings.Contains(err.Error(), "app.voters is not in the database") {
		t.Fatalf("the protected relation is gone: %v", err)
	}
}

// TestPolicyOpens lets pass what the policy names.
func TestPolicyOpens(t *testing.T) {
	r := newRegister(t, "ONE")
	a := r.analyse(t, lineage.Options{Functions: []string{"app.surname_of", "app.purge"}, Open: []string{"app.names_copy"}, Explain: true, CopyKeys: true})
	for text, kind := range map[string]lineage.Kind{
		"SELECT surname_of(1)": lineage.Pass, "CALL app.purge()": lineage.Pass, "SELECT * FROM names_copy": lineage.Pass,
		"EXPLAIN SELECT surname FROM voters": lineage.Command, "COPY voters (surname) TO STDOUT": lineage.Rows,
		"EXPLAIN ANALYZE SELECT surname FROM voters": lineage.Refused,
	} {
		if p := analyseOne(t, a, text); p.Kind != kind {
			t.Errorf("%s is %s: %v", text, p.Kind, p.Refusal)
		}
	}
}

func TestBadPolicy(t *testing.T) {
	r := newRegister(t, "ONE")
	cat, err := lineage.Load(t.Context(), r.db)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range []lineage.Protected{{Relation: "voters", Key: "id"}, {Relation: "app.nothing", Key: "id"}, {Relation: "app.voters", Key: "nothing"},
		{Relation: "app.voters", Key: "phone"}, {Relation: "app.voters"}} {
		if _, err := lineage.New(cat, []lineage.Protected{p}, lineage.Options{}); err == nil {
			t.Errorf("%+v is accepted", p)
		}
	}
}

func TestManyAtOnce(t *testing.T) {
	r := newRegister(t, "ONE")
	a := r.analyse(t, lineage.Options{})
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for k := range 20 {
				text := "SELECT surname FROM voters WHERE id = " + strings.Repeat("1", 1+(i+k)%7)
				if plans, err := a.Analyse(text, appPath); err != nil || plans[0].Kind != lineage.Rows {
					t.Errorf("%v %v", plans, err)
				}
			}
		})
	}
	wg.Wait()
}

// FuzzAnalyse feeds arbitrary texts: none may panic, and what passes untouched must not name the register.
func FuzzAnalyse(f *testing.F) {
	r := newRegister(f, "FUZZ")
	a := r.analyse(f, lineage.Options{})
	data, err := os.ReadFile("testdata/bypass.sql")
	if err != nil {
		f.Fatal(err)
	}
	for _, line := range strings.Split(string(data), "\n") {
		if !strings.HasPrefix(line, "#") && !strings.HasPrefix(line, "--") {
			f.Add(line)
		}
	}
	f.Fuzz(func(t *testing.T, text string) {
		plans, err := a.Analyse(text, appPath)
		if err != nil {
			return
		}
		for _, p := range plans {
			if p.Kind == lineage.Refused && p.Refusal == nil {
				t.Fatalf("%q is refused without a reason", text)
			}
			if p.Kind == lineage.Rows && (p.Result == nil || len(p.Result.KeyColumns) == 0) {
				t.Fatalf("%q gives rows without keys", text)
			}
			if p.Rewritten {
				if _, err := a.Analyse(p.Text, appPath); err != nil {
					t.Fatalf("%q became %q: %v", text, p.Text, err)
				}
			}
		}
	})
}

// TestOutline: what a person judges a statement by holds no value and no comment of it.
func TestOutline(t *testing.T) {
	r := newRegister(t, "TWO")
	a := r.analyse(t, lineage.Options{})
	for text, want := range map[string]string{
		"select id -- Anna Keller\nfrom app.voters where surname = 'Keller' /* 17 */ and id in (1, 2, 3) limit 10": "SELECT id FROM app.voters WHERE surname = $1 AND id IN ($2, $3, $4) LIMIT $5",
		"select 1; select 2": "",
		"select from where":  "",
	} {
		if got := a.Outline(text); got != want {
			t.Errorf("%s:\n got %s\nwant %s", text, got, want)
		}
	}
}
