//go:build unix

package register

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"portcullis.example/portcullis/internal/register/pgtest"
	"portcullis.example/portcullis/internal/register/wire"
)

// readyPolicy has a desk that asks for many people.
const readyPolicy = `mode = "enforce"
[[protected]]
relation = "public.voters"
key = "id"
anonymous = "at_risk"
[[role]]
name = "clerk"
[[purpose]]
name = "enquiry"
[[purpose]]
name = "polling"
[[person]]
name = "alice"
role = "clerk"
[[person]]
name = "bob"
role = "clerk"
[[person]]
name = "kiosk"
users = ["postgres"]
speaks_for = ["clerk"]
[[budget]]
name = "each"
per = "person"
year = 1000
`

// desk is a guard before a small register, without the gateway.
type desk struct {
	g  *Guard
	pg *pgtest.Server
}

func openDesk(t *testing.T) *desk {
	t.Helper()
	pg := pgtest.Start(t)
	pg.PSQL(t, "postgres", `CREATE TABLE public.voters (id int PRIMARY KEY, name text NOT NULL, ward int NOT NULL, at_risk boolean NOT NULL DEFAULT false);
INSERT INTO public.voters SELECT i, 'Voter ' || i, i % 7, false FROM generate_series(1, 100) AS i;
CREATE SCHEMA other; CREATE TABLE other.voters (id int PRIMARY KEY, name text)`)
	dir := t.TempDir()
	cfg := DefaultConfig()
	cfg.Listen, cfg.Upstream, cfg.Catalogue = "127.0.0.1:0", pg.Addr(), pg.URL("postgres", "postgres")
	cfg.Data, cfg.Keys, cfg.Policy = filepath.Join(dir, "data"), filepath.Join(dir, "keys"), filepath.Join(dir, "register.toml")
	d := &desk{pg: pg}
	d.policy(t, cfg.Policy, readyPolicy)
	g, err := Open(t.Context(), cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = g.Close() })
	d.g = g
	return d
}

func (d *desk) policy(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if d.g != nil {
		if _, err := d.g.Reload(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

// sits begins a session in which some statements have run.
func (d *desk) sits(t *testing.T, before ...string) *session {
	t.Helper()
	ws, err := d.g.Begin(t.Context(), wire.Start{User: "postgres", Database: "postgres", Application: "desk/enquiry", Reported: map[string]string{"standard_conforming_strings": "on", "client_encoding": "UTF8"}})
	if err != nil {
		t.Fatal(err)
	}
	s := ws.(*session)
	for _, text := range append([]string{`SET portcullis.person = 'alice'`}, before...) {
		s.runs(t, text)
	}
	return s
}

// runs has a statement run that succeeds.
func (s *session) runs(t *testing.T, text string) {
	t.Helper()
	d, err := s.Statement(t.Context(), text, true)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	for i := range d.Results {
		s.Completed(&d.Results[i], "SET")
	}
	s.Ready('I')
}

const lookUp = `SELECT name FROM voters WHERE id = `

// ready has a session know the look-up at once.
func (s *session) warm(t *testing.T) {
	t.Helper()
	for _, id := range []string{"1", "2", "3"} {
		s.runs(t, lookUp+id)
	}
	if !s.ready.fits(s.g.known.Load(), s.meansKey, lookUp+"4") {
		t.Fatal("the look-up is not known at once; this tests nothing")
	}
}

// verdict is what was decided, in a form that can be compared.
type verdict struct {
	text    string
	results []wire.Result
	person  string
	purpose string
	refused string
}

func (s *session) verdict(ctx context.Context, text string) (v verdict) {
	d, err := s.Statement(ctx, text, true)
	if err != nil {
		return verdict{refused: err.Error()}
	}
	v.text = strings.Clone(d.Text)
	for _, r := range d.Results {
		if j, ok := tagOf(&r); ok {
			v.person, v.purpose = j.subject.Person, j.subject.Purpose
		}
		r.Tag = nil
		v.results = append(v.results, r)
	}
	return v
}

// TestReadyTexts: whatever text comes after look-ups that are known at once is judged as in a session that knows none.
func TestReadyTexts(t *testing.T) {
	d := openDesk(t)
	for _, tail := range []string{
		"4", "04", "007", "999999999", "1000000000", "2147483648", "9999999999", "0", "-4", "+4", " 4", "4 ", "4;", "4; ", "4x", "4e1", "4.5", "4_0", "0x1f", "4::text",
		"4 OR true", "4 AND ward = 1", "'4'", "$1", "4--", "4/* */", "4; SELECT * FROM voters", "", "id", "(4)", "4)", "4 LIMIT 1", "4\x00", "\u0664", "1 ORDER BY 1", "id OR id = 4",
	} {
		s := d.sits(t)
		s.warm(t)
		want := d.sits(t).verdict(t.Context(), lookUp+tail)
		if got := s.verdict(t.Context(), lookUp+tail); !reflect.DeepEqual(got, want) {
			t.Errorf("%q: %+v, want %+v", tail, got, want)
		}
	}
	s := d.sits(t)
	s.warm(t)
	for text, fits := range map[string]bool{
		lookUp + "4": true, lookUp + "004": true, lookUp + "999999999": true, lookUp + "1000000000": false, lookUp + "-4": false, lookUp + "4x": false, lookUp + "4 ": false,
		lookUp: false, "": false, lookUp[:len(lookUp)-1]: false, lookUp + "4;": false, strings.ToLower(lookUp) + "4": false, lookUp + "4_0": false, lookUp + "4.": false,
	} {
		if got := s.ready.fits(d.g.known.Load(), s.meansKey, text); got != fits {
			t.Errorf("%q: fits %v", text, got)
		}
	}
	s = d.sits(t)
	between := `SELECT name FROM voters WHERE id = 5 AND name <> ''`
	for range 4 {
		s.runs(t, between)
	}
	if s.ready.fits(d.g.known.Load(), s.meansKey, between) {
		t.Error("a text with two values is known by one")
	}
	s = d.sits(t)
	twice := func(id string) string { return `SELECT name FROM voters WHERE id = ` + id + ` AND true LIMIT 5` }
	for range 3 {
		s.runs(t, twice("1"))
	}
	for _, text := range []string{`SELECT name FROM voters WHERE id =  AND true LIMIT 5`, `SELECT name FROM voters WHERE id = 1 AND true LIMIT 50`, twice("7")} {
		if got, want := s.verdict(t.Context(), text), d.sits(t).verdict(t.Context(), text); !reflect.DeepEqual(got, want) {
			t.Errorf("%q: %+v, want %+v", text, got, want)
		}
	}
}

// TestReadySettings: a look-up that is known at once is judged anew when anything it rests on has changed.
func TestReadySettings(t *testing.T) {
	d := openDesk(t)
	for _, change := range []string{
		`SET search_path = other, public`, `SET ROLE other`, `CREATE TEMP TABLE voters (id int, name text)`, `SET portcullis.person = 'bob'`, `SET portcullis.purpose = 'polling'`,
		`SET application_name = 'desk/polling'`, `RESET ALL`, `DISCARD ALL`, `SET portcullis.person = 'nobody'`, `BEGIN`,
	} {
		for _, then := range []string{"", `SELECT 1`} { // also where another text has been judged since
			s := d.sits(t)
			s.warm(t)
			s.runs(t, change)
			if then != "" {
				s.runs(t, then)
			}
			want := d.sits(t, change).verdict(t.Context(), lookUp+"4")
			if got := s.verdict(t.Context(), lookUp+"4"); !reflect.DeepEqual(got, want) {
				t.Errorf("%s %s: %+v, want %+v", change, then, got, want)
			}
			if elsewhere := strings.HasPrefix(change, "SET search_path") || strings.HasPrefix(change, "SET ROLE"); elsewhere && !strings.Contains(want.text, "other.voters") {
				t.Errorf("%s %s: another relation is meant, not %q", change, then, want.text)
			}
		}
	}
	for name, value := range map[string]string{"standard_conforming_strings": "off", "client_encoding": "SJIS", "application_name": "desk/polling"} {
		s, fresh := d.sits(t), d.sits(t)
		s.warm(t)
		s.Changed(name, value)
		fresh.Changed(name, value)
		if got, want := s.verdict(t.Context(), lookUp+"4"), fresh.verdict(t.Context(), lookUp+"4"); !reflect.DeepEqual(got, want) {
			t.Errorf("%s = %s: %+v, want %+v", name, value, got, want)
		}
	}
}

// TestReadyWorld: nor does it outlive the policy, the catalogue or the list of anonymous entries.
func TestReadyWorld(t *testing.T) {
	d := openDesk(t)
	s := d.sits(t)
	for _, more := range []string{
		"[[mask]]\ncolumn = \"public.voters.name\"\nshow = \"none\"\n", // masked
		"[[mask]]\ncolumn = \"public.voters.id\"\nshow = \"none\"\n",   // refused: it is searched by
		"",
	} {
		s.warm(t)
		d.policy(t, d.g.cfg.Policy, readyPolicy+more)
		s.runs(t, `SELECT 1`) // by which the settings are known again
		want := d.sits(t).verdict(t.Context(), lookUp+"4")
		if got := s.verdict(t.Context(), lookUp+"4"); !reflect.DeepEqual(got, want) {
			t.Errorf("with %q: %+v, want %+v", more, got, want)
		}
		d.policy(t, d.g.cfg.Policy, readyPolicy)
	}
	s.warm(t)
	d.policy(t, d.g.cfg.Policy, strings.Replace(readyPolicy, `name = "clerk"`, "name = \"clerk\"\nallowed_only = true", 1))
	if got := s.verdict(t.Context(), lookUp+"4"); got.refused == "" {
		t.Errorf("for who may have agreed statements only: %+v", got)
	}
	d.policy(t, d.g.cfg.Policy, readyPolicy)
	s.warm(t)
	d.pg.PSQL(t, "postgres", `UPDATE public.voters SET at_risk = true WHERE id = 4`)
	if err := d.g.loadKnown(t.Context(), nil, false); err != nil {
		t.Fatal(err)
	}
	if n, err := s.given(t, 4); n != 0 || err == nil {
		t.Errorf("an anonymous entry: %d rows, %v", n, err)
	}
	s.warm(t)
	d.pg.PSQL(t, "postgres", `ALTER TABLE public.voters RENAME COLUMN name TO called`)
	if err := d.g.loadKnown(t.Context(), nil, true); err != nil {
		t.Fatal(err)
	}
	if got, want := s.verdict(t.Context(), lookUp+"5"), d.sits(t).verdict(t.Context(), lookUp+"5"); !reflect.DeepEqual(got, want) || want.refused == "" {
		t.Errorf("with another catalogue: %+v, want %+v", got, want)
	}
}

// given looks one voter up, whose row says nothing of a risk.
func (s *session) given(t *testing.T, id int64) (int, error) {
	t.Helper()
	d, err := s.Statement(t.Context(), lookUp+itoa(int(id)), true)
	if err != nil {
		t.Fatal(err)
	}
	var keys wire.Keys
	keys.Reset(len(d.Results[0].KeyColumns))
	keys.AppendInt(id)
	for range len(d.Results[0].KeyColumns) - 1 {
		keys.AppendInt(0)
	}
	return s.Release(t.Context(), &d.Results[0], &keys)
}
