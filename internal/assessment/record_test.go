package assessment_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/json"
	"errors"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"portcullis.example/portcullis/internal/api"
	"portcullis.example/portcullis/internal/assessment"
	"portcullis.example/portcullis/internal/chain"
	"portcullis.example/portcullis/internal/store"
	"portcullis.example/portcullis/internal/testenv"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func config(t testing.TB) store.Config {
	return store.Config{Dir: t.TempDir(), Migrations: []store.Migrations{
		{Context: "chain", FS: chain.Migrations()}, {Context: "assessment", FS: assessment.Migrations()},
	}}
}

// postgresConfig makes a database and drops it after the test.
func postgresConfig(t testing.TB) store.Config {
	server := testenv.Postgres(t)
	name := "test_" + strings.ToLower(rand.Text())
	administer(t, server, "CREATE DATABASE "+name)
	t.Cleanup(func() { administer(t, server, "DROP DATABASE "+name+" WITH (FORCE)") })
	address, err := url.Parse(server)
	must(t, err)
	address.Path = "/" + name
	cfg := config(t)
	cfg.URL, cfg.Dir = address.String(), ""
	return cfg
}

func administer(t testing.TB, server, statement string) {
	t.Helper()
	conn, err := pgx.Connect(context.Background(), server)
	must(t, err)
	_, err = conn.Exec(context.Background(), statement)
	must(t, errors.Join(err, conn.Close(context.Background())))
}

func onBoth(t *testing.T, test func(t *testing.T, s *store.Store)) {
	for name, cfg := range map[string]func(testing.TB) store.Config{"sqlite": config, "postgres": postgresConfig} {
		t.Run(name, func(t *testing.T) {
			s, err := store.Open(t.Context(), cfg(t))
			must(t, err)
			defer s.Close()
			test(t, s)
		})
	}
}

var noon = time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC)

func record(t *testing.T, s *store.Store, who string, c assessment.Case) (a assessment.Assessment) {
	t.Helper()
	must(t, s.Tx(t.Context(), func(tx *sql.Tx) (err error) {
		a, err = assessment.NewWriter(tx).Record(t.Context(), who, noon, c)
		return err
	}))
	return a
}

func TestRecordAndReplay(t *testing.T) {
	onBoth(t, func(t *testing.T, s *store.Store) {
		ctx, c := t.Context(), readExample(t, true)
		first := record(t, s, "anna", c)
		c.Evidence = c.Evidence[1:] // one is withdrawn, one is new
		more := c.Evidence[0]
		more.ID, more.Origin, more.Note = "new", "another", "with <angle> & ampersand"
		c.Evidence = append(c.Evidence, more)
		c.Missing = nil
		second := record(t, s, "ben", c)
		if first.Case == second.Case {
			t.Error("other evidence, the same case")
		}
		reader := assessment.NewReader(s.DB())
		log, err := chain.Entries(ctx, s.DB(), assessment.LogOf(campaignID), 0, 1000)
		must(t, err)
		var late []string
		for _, e := range log {
			if e.Who == "ben" {
				late = append(late, e.Kind)
			}
		}
		if got := strings.Join(late, " "); got != "evidence withdrawn missing assessed" {
			t.Errorf("the second hand entered %s", got)
		}
		r, err := reader.Replay(ctx, campaignID)
		must(t, err)
		if r.Same != 2 || len(r.Differ) > 0 {
			t.Errorf("replay: %+v", r)
		}
		stored, _, err := reader.Latest(ctx, campaignID)
		must(t, err)
		if got, err := json.Marshal(stored.Assessment); err != nil || len(got) < 1000 {
			t.Errorf("%v %s", err, got)
		}
		tampered(t, s)
	})
}

// tampered changes what is kept, and then what was entered.
func tampered(t *testing.T, s *store.Store) {
	ctx, reader := t.Context(), assessment.NewReader(s.DB())
	execute(t, s, `UPDATE assessment_result SET body = replace(body, 'almost', 'not')||' '`)
	r, err := reader.Replay(ctx, campaignID)
	must(t, err)
	if len(r.Differ) != 2 {
		t.Errorf("a changed result is not noticed: %+v", r)
	}
	execute(t, s, `UPDATE chain_entry SET body = replace(body, '"B2"', '"A1"') WHERE kind = 'evidence'`)
	var broken *chain.BrokenError
	if _, err := reader.Replay(ctx, campaignID); !errors.As(err, &broken) {
		t.Errorf("a changed entry is not noticed: %v", err)
	}
}

func execute(t *testing.T, s *store.Store, statement string) {
	t.Helper()
	must(t, s.Tx(t.Context(), func(tx *sql.Tx) error {
		_, err := tx.ExecContext(t.Context(), statement)
		return err
	}))
}

// What was erased from the log can be neither replayed nor a reason not to go on.
func TestErased(t *testing.T) {
	onBoth(t, func(t *testing.T, s *store.Store) {
		ctx, c := t.Context(), readExample(t, true)
		record(t, s, "anna", c)
		must(t, s.Tx(ctx, func(tx *sql.Tx) error {
			n, err := chain.Erase(ctx, tx, assessment.LogOf(campaignID), c.Evidence[0].ID)
			if n != 1 {
				t.Errorf("%d entries erased", n)
			}
			return err
		}))
		c.Evidence = c.Evidence[1:]
		record(t, s, "ben", c)
		r, err := assessment.NewReader(s.DB()).Replay(ctx, campaignID)
		must(t, err)
		if r.Erased != 2 || r.Same != 0 || len(r.Differ) != 0 {
			t.Errorf("%+v", r)
		}
	})
}

func TestLedger(t *testing.T) {
	onBoth(t, func(t *testing.T, s *store.Store) {
		ctx := t.Context()
		record(t, s, "anna", readExample(t, true))
		score := func(p assessment.Proposition, held bool, why string) error {
			return s.Tx(ctx, func(tx *sql.Tx) error {
				_, err := assessment.NewWriter(tx).Score(ctx, "anna", noon, campaignID, p, held, why)
				return err
			})
		}
		must(t, score(assessment.Accessed, false, "the provider looked again"))
		for _, err := range []error{
			score(assessment.Accessed, false, "again"), score("weather", true, "x"), score(assessment.Taken, true, ""),
		} {
			if err == nil {
				t.Error("taken without complaint")
			}
		}
		h, err := assessment.NewReader(s.DB()).History(ctx)
		must(t, err)
		if h.Scored != 1 || h.Calibration() != assessment.OnSimulation || h.Brier <= 0 || len(h.Words) != 1 || h.Words[0].Held != 0 {
			t.Errorf("%+v", h)
		}
		if h.Schema != 1 || h.Outcomes[0].Hypothesis != "yes" {
			t.Errorf("%+v", h)
		}
		must(t, score(assessment.Actor, true, "a court said so"))
		h, err = assessment.NewReader(s.DB()).History(ctx)
		must(t, err)
		if h.Scored != 2 || h.Outcomes[1].Proposition == assessment.Actor && h.Outcomes[1].Hypothesis != "" || h.Outcomes[0].Proposition == assessment.Actor && h.Outcomes[0].Hypothesis != "" {
			t.Errorf("the ledger names who did it: %+v", h.Outcomes)
		}
		if (assessment.History{Scored: 100}).Calibration() != assessment.OnHistory {
			t.Error("a hundred scored statements are no history")
		}
	})
}

func TestExportHoldsBackAttribution(t *testing.T) {
	onBoth(t, func(t *testing.T, s *store.Store) {
		ctx := t.Context()
		record(t, s, "anna", readExample(t, true))
		stored, _, err := assessment.NewReader(s.DB()).Latest(ctx, campaignID)
		must(t, err)
		if _, err := stored.Export(assessment.History{}, true, ""); !errors.Is(err, assessment.ErrNoApprover) {
			t.Errorf("without an approver: %v", err)
		}
		plain, err := stored.Export(assessment.History{}, false, "")
		must(t, err)
		for what, v := range map[string]any{"an export": plain, "a form for a person": stored.Assessment.ForPerson(), "what a reader sees": stored.Assessment.WithoutAttribution()} {
			raw, err := json.Marshal(v)
			must(t, err)
			if text := strings.ToLower(string(raw)); strings.Contains(text, "heron") || strings.Contains(text, "affiliated") {
				t.Errorf("%s tells who did it: %s", what, raw)
			}
		}
		var full assessment.Exported
		must(t, s.Tx(ctx, func(tx *sql.Tx) (err error) {
			full, err = assessment.NewWriter(tx).Approved(ctx, "Carla", noon, campaignID, "asked for by the commission")
			return err
		}))
		if full.Approver != "Carla" || full.Calibration != "calibrated on simulation only" || len(full.Answers) != 5 || len(plain.Answers) != 3 {
			t.Errorf("%+v", full)
		}
		log, err := chain.Latest(ctx, s.DB(), assessment.LogOf(campaignID), 0, 1)
		must(t, err)
		if log[0].Kind != "exported" || log[0].Who != "Carla" {
			t.Errorf("the record says %+v", log[0])
		}
	})
}

func TestRoutes(t *testing.T) {
	s, err := store.Open(t.Context(), config(t))
	must(t, err)
	defer s.Close()
	record(t, s, "anna", readExample(t, true))
	h := api.Handler(assessment.Routes(s.DB(), s.Tx, func() time.Time { return noon }), func(c api.Caller, r api.Route) bool { return r.Role == "" || c.Has(r.Role) })
	ask := func(role api.Role, method, path, body string) (int, string) {
		r := httptest.NewRequestWithContext(api.WithCaller(t.Context(), api.Caller{Name: "carla", Roles: []api.Role{role}}), method, "/api/v1"+path, bytes.NewBufferString(body))
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w.Code, w.Body.String()
	}
	for _, c := range []struct {
		role               api.Role
		method, path, body string
		status             int
		want, never        string
	}{
		{api.Reader, "GET", "/campaigns/campaign:example/assessment", "", 200, "calibrated on simulation only", "eron"},
		{api.Reader, "GET", "/campaigns/campaign:none/assessment", "", 404, "has not been assessed", ""},
		{api.Reader, "GET", "/campaigns/campaign:example/assessment/matrix", "", 403, "", "eron"},
		{api.Analyst, "GET", "/campaigns/campaign:example/assessment/matrix", "", 200, `"matrix"`, "eron"},
		{api.Approver, "POST", "/campaigns/campaign:example/assessment/export", `{"why":""}`, 400, "Say why", "eron"},
		{api.Analyst, "POST", "/campaigns/campaign:example/assessment/export", `{"why":"x"}`, 403, "", "eron"},
		{api.Approver, "POST", "/campaigns/campaign:example/assessment/export", `{"why":"x"}`, 200, `"approver":"carla"`, ""},
		{api.Analyst, "POST", "/campaigns/campaign:example/assessment/outcome", `{"proposition":"taken","held":false,"why":"x"}`, 200, `"held":false`, ""},
		{api.Analyst, "POST", "/campaigns/campaign:example/assessment/outcome", `{"proposition":"taken","held":false,"why":"x"}`, 422, "scored already", ""},
		{api.Analyst, "POST", "/campaigns/campaign:example/assessment/outcome", `{"proposition":"other","held":false,"why":"x"}`, 422, "says nothing of", ""},
		{api.Analyst, "POST", "/campaigns/campaign:example/assessment/outcome", `{"proposition":"actor","held":true,"why":"x"}`, 403, "", ""},
		{api.Analyst, "GET", "/campaigns/campaign:example/assessment/replay", "", 200, `"same":1`, ""},
		{api.Analyst, "GET", "/assessments/history", "", 200, `"scored":1`, ""},
	} {
		status, body := ask(c.role, c.method, c.path, c.body)
		if status != c.status || !strings.Contains(body, c.want) || c.never != "" && strings.Contains(body, c.never) {
			t.Errorf("%s %s %s: %d %s", c.role, c.method, c.path, status, body)
		}
	}
}
