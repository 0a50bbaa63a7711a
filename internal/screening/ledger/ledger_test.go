package ledger_test

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"portcullis.example/portcullis"
	"portcullis.example/portcullis/internal/api"
	"portcullis.example/portcullis/internal/chain"
	"portcullis.example/portcullis/internal/screening/ledger"
	"portcullis.example/portcullis/internal/screening/lists"
	"portcullis.example/portcullis/internal/store"
	"portcullis.example/portcullis/internal/testenv"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// databases are the two that every case must pass on.
var databases = map[string]func(t testing.TB) store.Config{"sqlite": sqliteConfig, "postgres": postgresConfig}

func sqliteConfig(t testing.TB) store.Config {
	return store.Config{Dir: t.TempDir(), Migrations: []store.Migrations{{Context: "chain", FS: chain.Migrations()}, {Context: "screening", FS: ledger.Migrations()}}}
}

// postgresConfig is a database of its own.
func postgresConfig(t testing.TB) store.Config {
	cfg := sqliteConfig(t)
	cfg.URL, cfg.Dir = testenv.Database(t), ""
	return cfg
}

// house is a ledger with its store and its clock.
type house struct {
	*ledger.Ledger
	s      *store.Store
	now    time.Time
	raised []portcullis.Finding
}

func open(t testing.TB, cfg store.Config, c ledger.Config) *house {
	t.Helper()
	s, err := store.Open(t.Context(), cfg)
	must(t, err)
	t.Cleanup(func() { must(t, s.Close()) })
	h := &house{s: s, now: time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)}
	h.Ledger, err = ledger.New(c, ledger.Deps{DB: s.DB(), Tx: s.Tx, Key: ledger.KeyOf([]byte("a secret")), Now: func() time.Time { return h.now },
		Raise: func(_ context.Context, _ *sql.Tx, e portcullis.Event, f portcullis.Finding) error {
			if e.Sensor != "screening" || f.Evidence[0].Event != e.ID {
				return fmt.Errorf("event %+v of finding %+v", e, f)
			}
			h.raised = append(h.raised, f)
			return nil
		}})
	must(t, err)
	return h
}

func onBoth(t *testing.T, c ledger.Config, fn func(t *testing.T, h *house)) {
	for name, cfg := range databases {
		t.Run(name, func(t *testing.T) { fn(t, open(t, cfg(t), c)) })
	}
}

const header = "id,name,alias,kind,born,nationality,measure\n"

var rows = []string{
	"V1,Radomir Kestrelov,Rado the Falcon,person,1971-03-09,Ozmark,asset freeze;travel ban\n",
	"V2,Belisarda Quonset,,person,1980,Verania,asset freeze\n",
	"V3,Tindaro Vexley,,person,,Verania,asset freeze\n",
	"V4,Morvane Shipping LLC,,organisation,,Ozmark,asset freeze\n",
	"V5,Ysolde Harnmark,,person,1966-12-01,Verania,travel ban\n",
	"V6,Corentin Abrasko,,person,1959,Ozmark,asset freeze\n",
}

func list(t testing.TB, text string) *lists.List {
	t.Helper()
	l, err := lists.Read(t.Context(), []lists.File{{Name: "house.csv", Content: strings.NewReader(text)}}, lists.Options{Format: lists.CSV, List: "house"})
	must(t, err)
	return l
}

func take(t testing.TB, h *house, text string) ledger.Taken {
	t.Helper()
	taken, err := h.Take(t.Context(), "ada", list(t, text), "")
	must(t, err)
	return taken
}

func screen(t testing.TB, h *house, requests ...ledger.Request) *ledger.Screening {
	t.Helper()
	s, err := h.Screen(t.Context(), requests, ledger.Options{Who: "ada"})
	must(t, err)
	return s
}

func keeping() ledger.Config {
	c := ledger.DefaultConfig()
	c.ContactDays = 30
	return c
}

func TestScreenAndReplay(t *testing.T) {
	onBoth(t, ledger.DefaultConfig(), func(t *testing.T, h *house) {
		if _, err := h.Screen(t.Context(), []ledger.Request{{Name: "x y"}}, ledger.Options{Who: "ada"}); !errors.Is(err, ledger.ErrNoLists) {
			t.Errorf("without lists: %v", err)
		}
		first := take(t, h, header+strings.Join(rows, ""))
		s := screen(t, h, ledger.Request{Name: "KESTRELOV, Radomir", Born: "1971"}, ledger.Request{Name: "Nobody Whatsoever"})
		a := s.Answers[0]
		if a.Outcome != ledger.OutcomeMatch || len(a.Designations) == 0 || a.Designations[0].ID != "V1" || a.Designations[0].List.SHA256 != first.Version.SHA256 {
			t.Fatalf("got %+v", a)
		}
		m := a.Designations[0]
		if len(m.Consequences) != 2 || m.Consequences[0].Measure != "asset freeze" || len(m.Alignment) == 0 || m.Births[0] != "1971-03-09" {
			t.Errorf("got %+v", m)
		}
		if s.Answers[1].Outcome != ledger.OutcomeNone || s.Answers[1].Designations == nil {
			t.Errorf("got %+v", s.Answers[1])
		}
		// The list changes; what was answered is replayed on the list of then.
		take(t, h, header+strings.Replace(strings.Join(rows, ""), "1971-03-09", "1901", 1))
		screen(t, h, ledger.Request{Name: "Radomir Kestrelov"})
		r, err := h.Replay(t.Context())
		must(t, err)
		if r.Entries != 2 || r.Answers != 3 || r.Same != 3 || len(r.Different) != 0 {
			t.Errorf("got %+v", r)
		}
		must(t, h.s.Tx(t.Context(), func(tx *sql.Tx) error {
			_, err := tx.ExecContext(t.Context(), `UPDATE screening_entry SET body=replace(body, 'Radomir', 'Ramodir')`)
			return err
		}))
		if r, err := h.Replay(t.Context()); err != nil || len(r.Different) != 2 {
			t.Errorf("entries were changed: %+v, %v", r, err)
		}
		must(t, h.s.Tx(t.Context(), func(tx *sql.Tx) error {
			_, err := tx.ExecContext(t.Context(), `UPDATE chain_entry SET body=replace(body, 'matcher', 'natcher') WHERE log='screening'`)
			return err
		}))
		if _, err := h.Replay(t.Context()); err == nil {
			t.Error("a changed log is replayed")
		}
	})
}

// TestDamagedLists: nothing that looks like half a list comes into force.
func TestDamagedLists(t *testing.T) {
	onBoth(t, ledger.DefaultConfig(), func(t *testing.T, h *house) {
		whole := header + strings.Join(rows, "")
		named := list(t, whole)
		named.Name = "a:b"
		if _, err := h.Take(t.Context(), "ada", named, ""); err == nil {
			t.Error("a list may be called a:b")
		}
		v := take(t, h, whole)
		if again := take(t, h, whole); !again.Same || again.Version.Num != v.Version.Num {
			t.Errorf("the same file again: %+v", again)
		}
		for name, c := range map[string]struct{ text, want string }{
			"half gone":   {header + strings.Join(rows[:3], ""), "3 of 6 entries are missing"},
			"column gone": {strings.ReplaceAll(strings.ReplaceAll(strings.ReplaceAll(whole, ",measure", ""), ",asset freeze;travel ban", ""), ",asset freeze", ""), `column "measure" is gone`},
			"field empty": {strings.ReplaceAll(strings.ReplaceAll(whole, "asset freeze", ""), ";travel ban", ""), "consequences were in 6 of 6"},
		} {
			text := c.text
			if name == "column gone" {
				text = strings.ReplaceAll(text, ",travel ban\n", "\n")
			}
			_, err := h.Take(t.Context(), "ada", list(t, text), "")
			var suspect *ledger.SuspectError
			if !errors.As(err, &suspect) || !strings.Contains(err.Error(), c.want) || suspect.Version.Num != v.Version.Num {
				t.Errorf("%s: got %v", name, err)
			}
		}
		if in, err := h.Lists(t.Context()); err != nil || len(in) != 1 || in[0].SHA256 != v.Version.SHA256 {
			t.Errorf("in force is %+v, %v", in, err)
		}
		taken, err := h.Take(t.Context(), "ada", list(t, header+strings.Join(rows[:3], "")), "the regime was repealed")
		must(t, err)
		if taken.Version.Changes.Counts != [3]int{0, 0, 3} || taken.Version.Why == "" {
			t.Errorf("got %+v", taken.Version)
		}
		if all, err := h.History(t.Context(), "house"); err != nil || len(all) != 2 || !all[0].InForce || all[1].InForce {
			t.Errorf("history: %+v, %v", all, err)
		}
	})
}

func TestDecisionsExpire(t *testing.T) {
	onBoth(t, ledger.DefaultConfig(), func(t *testing.T, h *house) {
		whole := header + strings.Join(rows, "")
		take(t, h, whole)
		if _, err := h.Decide(t.Context(), "ada", ledger.Deciding{List: "house", Entry: "V9", Name: "x y", Why: "z"}); !errors.Is(err, ledger.ErrNotFound) {
			t.Errorf("about no entry: %v", err)
		}
		if _, err := h.Decide(t.Context(), "ada", ledger.Deciding{List: "house", Entry: "V1", Name: "Radomir Kestrelov"}); err == nil {
			t.Error("without a reason")
		}
		_, err := h.Decide(t.Context(), "ada", ledger.Deciding{List: "house", Entry: "V1", Name: "Radomir  KESTRELOV", Why: "another birth date"})
		must(t, err)
		s := screen(t, h, ledger.Request{Name: "radomir kestrelov"})
		if d := s.Answers[0].Designations[0].Decision; d == nil || d.Same || d.Why != "another birth date" {
			t.Errorf("got %+v", d)
		}
		changed := take(t, h, strings.Replace(whole, "Rado the", "Radko the", 1))
		if changed.Ended != 1 {
			t.Errorf("%d decisions ended", changed.Ended)
		}
		s = screen(t, h, ledger.Request{Name: "radomir kestrelov"})
		if s.Answers[0].Designations[0].Decision != nil {
			t.Error("a decision about an entry as it was still holds")
		}
		all, err := h.Decisions(t.Context(), true)
		must(t, err)
		if len(all) != 1 || !strings.Contains(all[0].EndedWhy, "entry changed") || all[0].Name != "Radomir  KESTRELOV" {
			t.Errorf("got %+v", all)
		}
		if r, err := h.Replay(t.Context()); err != nil || r.Same != 2 {
			t.Errorf("decisions disturb the replay: %+v, %v", r, err)
		}
	})
}

// TestPastContacts: a new designation finds those who were screened before, nobody else,
// and nobody whose time has passed.
func TestPastContacts(t *testing.T) {
	onBoth(t, keeping(), func(t *testing.T, h *house) {
		take(t, h, header+strings.Join(rows[:5], ""))
		var requests []ledger.Request
		for i := range 1500 {
			requests = append(requests, ledger.Request{Name: fmt.Sprintf("Guest%c%c Number%c", 'a'+i%26, 'a'+i/26%26, 'a'+i/676)})
		}
		requests = append(requests, ledger.Request{Name: "Corentin ABRASKO", Born: "1959", Ref: "dinner 3 May"}, ledger.Request{Name: "Коrentin Abrasko"})
		screen(t, h, requests...)
		if n, err := h.Contacts(t.Context()); err != nil || n != 1502 {
			t.Errorf("%d contacts, %v", n, err)
		}
		taken := take(t, h, header+strings.Join(rows, ""))
		if taken.Contacts != 1502 || len(taken.Hits) == 0 || len(taken.Hits) != len(h.raised) {
			t.Fatalf("held against %d contacts: %+v; raised %d", taken.Contacts, taken.Hits, len(h.raised))
		}
		hit := taken.Hits[0]
		if hit.Ref != "dinner 3 May" || hit.Finding.Severity != portcullis.High || !strings.Contains(hit.Finding.Summary, "Corentin") || hit.Match.ID != "V6" {
			t.Errorf("got %+v", hit)
		}
		if kept, err := h.Hits(t.Context()); err != nil || len(kept) != len(taken.Hits) {
			t.Errorf("kept %+v, %v", kept, err)
		}
		h.now = h.now.Add(31 * 24 * time.Hour)
		if again := take(t, h, header+strings.Replace(strings.Join(rows, ""), "1959", "1958", 1)); again.Contacts != 0 || len(again.Hits) != 0 {
			t.Errorf("after they expired: %+v", again)
		}
	})
}

func TestNothingIsKeptUnlessToldTo(t *testing.T) {
	onBoth(t, ledger.DefaultConfig(), func(t *testing.T, h *house) {
		take(t, h, header+strings.Join(rows[:5], ""))
		screen(t, h, ledger.Request{Name: "Corentin Abrasko"})
		if taken := take(t, h, header+strings.Join(rows, "")); taken.Contacts != 0 || len(h.raised) != 0 {
			t.Errorf("got %+v", taken)
		}
	})
}

// TestNoNameInClear looks into every table for a name.
func TestNoNameInClear(t *testing.T) {
	h := open(t, sqliteConfig(t), keeping())
	take(t, h, header+strings.Join(rows, ""))
	screen(t, h, ledger.Request{Name: "Wilhelmina Secretperson"}, ledger.Request{Name: "Corentin Abrasko", Ref: "Wilhelmina Secretperson"})
	_, err := h.Decide(t.Context(), "ada", ledger.Deciding{List: "house", Entry: "V6", Name: "Wilhelmina Secretperson", Why: "Wilhelmina Secretperson is not"})
	must(t, err)
	for _, table := range []string{"chain_entry", "screening_decision", "screening_contact", "screening_hit", "screening_version"} {
		rows, err := h.s.DB().QueryContext(t.Context(), `SELECT * FROM `+table)
		must(t, err)
		columns, err := rows.Columns()
		must(t, err)
		for rows.Next() {
			cells := make([]sql.RawBytes, len(columns))
			into := make([]any, len(columns))
			for i := range cells {
				into[i] = &cells[i]
			}
			must(t, rows.Scan(into...))
			if row := bytes.Join([][]byte(byteCells(cells)), nil); bytes.Contains(bytes.ToLower(row), []byte("secretperson")) {
				t.Errorf("%s holds the name in clear", table)
			}
		}
		must(t, rows.Close())
	}
}

func byteCells(cells []sql.RawBytes) (out [][]byte) {
	for _, c := range cells {
		out = append(out, c)
	}
	return out
}

func TestErase(t *testing.T) {
	onBoth(t, keeping(), func(t *testing.T, h *house) {
		take(t, h, header+strings.Join(rows, ""))
		screen(t, h, ledger.Request{Name: "Wilhelmina Gone"}, ledger.Request{Name: "Tindaro Stays"})
		screen(t, h, ledger.Request{Name: "Tindaro Stays"})
		_, err := h.Decide(t.Context(), "ada", ledger.Deciding{List: "house", Entry: "V6", Name: "Wilhelmina Gone", Why: "not her"})
		must(t, err)
		must(t, h.s.Tx(t.Context(), func(tx *sql.Tx) error {
			n, err := h.Erase(t.Context(), tx, "WILHELMINA gone")
			if n != 4 { // contact, decision, two entries of the log
				t.Errorf("removed %d", n)
			}
			return err
		}))
		if n, err := h.Contacts(t.Context()); err != nil || n != 2 {
			t.Errorf("%d contacts, %v", n, err)
		}
		r, err := h.Replay(t.Context())
		must(t, err)
		if r.Erased != 1 || r.Same != 1 {
			t.Errorf("got %+v", r)
		}
	})
}

func TestRequestsAreChecked(t *testing.T) {
	for name, r := range map[string]ledger.Request{
		"is empty": {Name: "  "}, "characters": {Name: strings.Repeat("x", 10000)}, "no letters": {Name: "-- !"}, "no day 31": {Name: "A B", Born: "1985-02-31"},
		"no month 13": {Name: "A B", Born: "1985-13"}, "want person": {Name: "A B", Schema: "dragon"}, "not UTF-8": {Name: "\xff\xfe"},
	} {
		if err := r.Check(); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%q: got %v", name, err)
		}
	}
}

func TestRoutes(t *testing.T) {
	h := open(t, sqliteConfig(t), ledger.DefaultConfig())
	handler := api.Handler(h.Routes(), nil)
	ask := func(method, path, body, contentType string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(method, "/api/v1"+path, strings.NewReader(body))
		r.Header.Set("Content-Type", contentType)
		r.Header.Set("Authorization", "Bearer x")
		r = r.WithContext(api.WithCaller(r.Context(), api.Caller{Name: "ada", Roles: []api.Role{api.Analyst}}))
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		return w
	}
	const js = "application/json"
	if w := ask("POST", "/screen", `{"name":"x y"}`, js); w.Code != http.StatusConflict {
		t.Errorf("without lists: %d %s", w.Code, w.Body)
	}
	take(t, h, header+strings.Join(rows, ""))
	for _, c := range []struct {
		method, path, body, contentType string
		code                            int
		want                            string
	}{
		{"POST", "/screen", `{"name":"Radomir Kestrelov"}`, js, 200, `"measure":"asset freeze"`},
		{"POST", "/screen", `{"name":"Radomir Kestrelov"}`, "application/x-www-form-urlencoded", 200, `"outcome":"match"`}, // as curl -d sends it
		{"POST", "/screen", `{"names":[{"name":"Radomir Kestrelov"},{"name":"Nobody Known"}]}`, js, 200, `"outcome":"none"`},
		{"POST", "/screen", `{"name":""}`, js, 422, "the name is empty"},
		{"POST", "/screen", `{"name":"a b","born":"1985-02-31"}`, js, 422, "no day 31"},
		{"POST", "/screen", `{"nam":"a b"}`, js, 400, "unknown field"},
		{"POST", "/screen/compare", `{"a":"Radomir Kestrelov","b":"KESTRELOV Radomir"}`, js, 200, `"alignment":[{`},
		{"GET", "/lists", "", "", 200, `"list":"house"`},
		{"GET", "/lists/house", "", "", 200, `"in_force":true`},
		{"GET", "/lists/none", "", "", 404, "no list"},
		{"POST", "/screen/decisions", `{"list":"house","entry":"V1","name":"Radomir Kestrelov","why":"another man"}`, js, 200, `"decision":1`},
		{"GET", "/screen/decisions", "", "", 200, "another man"},
		{"GET", "/screen/hits", "", "", 200, `"hits":[]`},
	} {
		if w := ask(c.method, c.path, c.body, c.contentType); w.Code != c.code || !strings.Contains(w.Body.String(), c.want) {
			t.Errorf("%s %s %s: got %d %s", c.method, c.path, c.body, w.Code, w.Body)
		}
	}
	if doc := api.OpenAPI("x", "1", h.Routes()); !bytes.Contains(doc, []byte("/screen/decisions")) {
		t.Errorf("got %s", doc)
	}
}
