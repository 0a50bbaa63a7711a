package access

import (
	"context"
	"database/sql"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"portcullis.example/portcullis/internal/api"
	"portcullis.example/portcullis/internal/chain"
	"portcullis.example/portcullis/internal/people"
	"portcullis.example/portcullis/internal/store"
	"portcullis.example/portcullis/internal/testenv"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// databases are the two that what is stored must pass on.
var databases = map[string]func(t testing.TB) store.Config{"sqlite": sqliteConfig, "postgres": postgresConfig}

func sqliteConfig(t testing.TB) store.Config {
	return store.Config{Dir: t.TempDir(), Migrations: []store.Migrations{
		{Context: "chain", FS: chain.Migrations()}, {Context: "access", FS: Migrations()}}}
}

// postgresConfig is a database of its own.
func postgresConfig(t testing.TB) store.Config {
	cfg := sqliteConfig(t)
	cfg.URL, cfg.Dir = testenv.Database(t), ""
	return cfg
}

// clock is the time of a test.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// desk is a guard with all it needs, and what a test wants to look into.
type desk struct {
	*Guard
	store *store.Store
	clock *clock
	log   *strings.Builder
	mu    sync.Mutex
	links map[string]string
	told  []Glass
}

const peopleFile = `
[[person]]
name = "Ada Ngata"
id = "ada"
addresses = ["ada.ngata@parliament.example"]
organisation = "Lower House"
[[person]]
name = "Bo Lindqvist"
id = "bo"
addresses = ["bo@parliament.example"]
organisation = "Upper House"
[[organisation]]
name = "Lower House"
own = true
domains = ["parliament.example"]
[[organisation]]
name = "Upper House"
`

func standings(t testing.TB) *Standings {
	t.Helper()
	dir, _, err := people.Parse("people.toml", strings.NewReader(peopleFile))
	must(t, err)
	s, err := NewStandings(dir, []StandingConfig{{People: ids("ada"), Party: "Blue"}, {People: ids("person:bo"), Party: "Green", Privileged: "parliamentary privilege"}})
	must(t, err)
	return s
}

func newDesk(t testing.TB, change func(c *Config), databaseOf func(t testing.TB) store.Config) *desk {
	t.Helper()
	s, err := store.Open(t.Context(), databaseOf(t))
	must(t, err)
	t.Cleanup(func() { must(t, s.Close()) })
	d := &desk{store: s, clock: &clock{now: time.Now().Truncate(time.Second)}, links: map[string]string{}, log: &strings.Builder{}}
	cfg := DefaultConfig()
	if change != nil {
		change(&cfg)
	}
	known := standings(t)
	d.Guard, err = New(cfg, Deps{
		DB: s.DB(), Tx: s.Tx, Now: d.clock.Now, Standings: func() *Standings { return known },
		Log:   testLog(d),
		Print: func(name, link string) { d.mu.Lock(); d.links[name] = link; d.mu.Unlock() },
		Announce: func(_ context.Context, _ *sql.Tx, g Glass) error {
			d.told = append(d.told, g)
			return nil
		},
	})
	must(t, err)
	return d
}

// onBoth runs a case on each database.
func onBoth(t *testing.T, change func(c *Config), fn func(t *testing.T, d *desk)) {
	for name, cfg := range databases {
		t.Run(name, func(t *testing.T) { fn(t, newDesk(t, change, cfg)) })
	}
}

// as is a context of somebody.
func as(t testing.TB, name string, roles ...api.Role) context.Context {
	return api.WithCaller(t.Context(), api.Caller{Name: name, Roles: roles, Via: api.ViaOIDC})
}

// handler is the desk's, with a page that shows who is there and the token for its forms.
func (d *desk) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /sign-in", func(w http.ResponseWriter, r *http.Request) { _, _ = w.Write([]byte("how to sign in")) })
	mux.Handle("/", d.Protect(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		caller, _ := api.CallerFrom(r.Context())
		w.Header().Set("X-Caller", caller.Name)
		_, _ = w.Write([]byte(FormToken(r.Context())))
	})))
	return d.Front(mux)
}

// serve starts the desk on a loopback port that its configuration then has.
func serve(t testing.TB, change func(c *Config)) (*desk, *httptest.Server) {
	t.Helper()
	var h http.Handler
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { h.ServeHTTP(w, r) }))
	t.Cleanup(server.Close)
	d := newDesk(t, func(c *Config) {
		c.Listen = strings.TrimPrefix(server.URL, "http://")
		if change != nil {
			change(c)
		}
	}, sqliteConfig)
	h = d.handler()
	return d, server
}

func (d *desk) lines(t testing.TB) []Line {
	t.Helper()
	_, err := VerifyAudit(t.Context(), d.store.DB())
	must(t, err)
	lines, err := Lines(t.Context(), d.store.DB(), 0, 1000, true)
	must(t, err)
	return lines
}

// kinds are the audit's, newest first.
func (d *desk) kinds(t testing.TB) string {
	t.Helper()
	var kinds []string
	for _, l := range d.lines(t) {
		kinds = append(kinds, l.Kind)
	}
	return strings.Join(kinds, " ")
}
