package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"portcullis.example/portcullis/internal/api"
	"portcullis.example/portcullis/internal/chain"
	"portcullis.example/portcullis/internal/screening/lists"
	"portcullis.example/portcullis/internal/web"
	"portcullis.example/portcullis/internal/web/access"
)

// screeningDesk is a desk with the lists of the example.
func screeningDesk(t *testing.T) *server {
	t.Helper()
	t.Setenv("XDG_CONFIG_HOME", t.TempDir())
	return newDesk(t, filepath.Join(t.TempDir(), "data"), "../../examples/people.toml", "")
}

func (s *server) takeList(t *testing.T, format lists.Format, file string) {
	t.Helper()
	raw, err := os.Open(filepath.Join("../../examples/lists", file))
	must(t, err)
	defer raw.Close()
	list, err := lists.Read(t.Context(), []lists.File{{Name: file, Content: raw}}, lists.Options{Format: format})
	must(t, err)
	_, err = s.desk.names.Take(t.Context(), "somebody", list, "")
	must(t, err)
}

// TestScreenAtTheDesk asks as those who may, in each way that an answer can come out.
func TestScreenAtTheDesk(t *testing.T) {
	s := screeningDesk(t)
	reader := as(t, api.Caller{Name: "Rae Reader", Roles: []api.Role{api.Reader}, Via: api.ViaOIDC, Scope: api.Scope{Houses: []string{"Upper House"}}})
	program := as(t, api.Caller{Name: "guest book", Roles: []api.Role{api.Reader}, Via: api.ViaToken})
	empty, err := s.desk.Screen(reader, web.ScreenQuery{Name: "Radomir Kestrelov"})
	if err != nil || len(empty.Lists) != 0 || empty.Designations != nil {
		t.Errorf("without a list: %+v, %v", empty, err)
	}
	s.takeList(t, lists.UK, "ozmark-uk.csv")
	s.takeList(t, lists.FIRS, "verania-influence.csv")

	got, err := s.desk.Screen(reader, web.ScreenQuery{Name: "Радомир Кестрелов", Schema: "person", Born: "1971", Country: "Ozmark"})
	must(t, err)
	if got.Outcome != web.ScreenMatch || len(got.Designations) != 1 || len(got.Influence) != 0 || len(got.Lists) != 2 {
		t.Fatalf("got %+v", got)
	}
	e := got.Designations[0]
	if e.ID != "OZM0001" || len(e.Parts) < 2 || e.Parts[0].How == "" || strings.Join(e.Consequences, "; ") != "asset freeze; travel ban; director disqualification (Director Disqualification Sanction)" || e.Register != nil {
		t.Errorf("got %+v", e)
	}
	if e.List.Name != "uk" || e.List.Published != "2026-03-04" || len(e.List.SHA256) != 64 || got.Lists[1].Entries != 4 || got.Lists[1].By != "somebody" {
		t.Errorf("of the list: %+v, %+v", e.List, got.Lists)
	}
	if len(got.Notes) != 0 {
		t.Errorf("notes on a country that the entry has: %q", got.Notes)
	}
	if got, err = s.desk.Screen(reader, web.ScreenQuery{Name: "Anna Keller", Country: "Nowhereland"}); err != nil || len(got.Notes) != 1 {
		t.Errorf("a country that nobody knows: %q, %v", got.Notes, err)
	}
	got, err = s.desk.Screen(program, web.ScreenQuery{Name: "Corentin Abrasko"})
	must(t, err)
	if got.Outcome != web.ScreenNone || got.Registered != web.ScreenMatch || len(got.Influence) != 1 || got.Influence[0].Register == nil || got.Influence[0].Register.Tier != "Political influence" {
		t.Errorf("influence: %+v", got)
	}
	for q, field := range map[web.ScreenQuery]string{{Name: "…"}: "name", {Name: "A", Schema: "ghost"}: "schema", {Name: "A", Born: "never"}: "born", {Name: "A", Country: strings.Repeat("x", 300)}: "country"} {
		_, err := s.desk.Screen(reader, q)
		if invalid, ok := errors.AsType[*web.InvalidError](err); !ok || invalid.Field != field {
			t.Errorf("%+v: %v, want it to be the field %q", q, err, field)
		}
	}
}

// TestScreenIsWrittenDown: who asked is in the audit, whom they asked for is not.
func TestScreenIsWrittenDown(t *testing.T) {
	s := screeningDesk(t)
	s.takeList(t, lists.UK, "ozmark-uk.csv")
	reader := as(t, api.Caller{Name: "Rae Reader", Roles: []api.Role{api.Reader}, Via: api.ViaOIDC})
	admin := as(t, api.Caller{Name: "Ann Admin", Roles: []api.Role{api.Admin}, Via: api.ViaOIDC})
	_, err := s.desk.Screen(reader, web.ScreenQuery{Name: "Tindaro Vexley"})
	must(t, err)
	for _, q := range []web.ScreenQuery{{}, {Name: "Tindaro Vexley"}} {
		if _, err := s.desk.Screen(admin, q); !isForbidden(err) {
			t.Errorf("an administrator screens: %v", err)
		}
	}
	var asked, refused int
	entries, err := chain.Entries(t.Context(), s.app.store.DB(), access.Log, 0, 1000)
	must(t, err)
	for _, e := range entries {
		if e.Kind != "screen" {
			continue
		}
		if strings.Contains(string(e.Body), "Vexley") {
			t.Errorf("the audit names who was screened: %s", e.Body)
		}
		if strings.Contains(string(e.Body), "refused") {
			refused++
		} else if e.Who == "Rae Reader" {
			asked++
		}
	}
	if asked != 1 || refused != 1 {
		t.Errorf("the audit has %d screenings and %d refusals, want one of each", asked, refused)
	}
}

func isForbidden(err error) bool {
	_, is := errors.AsType[*web.ForbiddenError](err)
	return is
}
