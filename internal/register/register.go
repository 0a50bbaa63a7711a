// Package register is the guard before a register of voters: it joins the gateway
// (wire), what a statement would disclose (lineage), the budgets (meter) and the disclosure ledger.
//
// A row leaves when it is known whose record it is, the person asking may have one more, and the
// ledger has it on the disk; in that order, and not before. What cannot be known is refused in enforcing
// mode, with a SQLSTATE and a sentence on what to ask for.
//
// The guard is a process of its own with a data folder of its own, apart from mail. What it finds
// goes into a spool there ([Spool]), from which the mail side takes it over.
package register

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // how the catalogue is read

	"portcullis.example/portcullis/internal/register/ledger"
	"portcullis.example/portcullis/internal/register/meter"
	"portcullis.example/portcullis/internal/register/wire"
)

// Config is the section [register].
type Config struct {
	wire.Config
	// Policy is the file register.toml: who may read how much, when and for what.
	Policy string `toml:"policy"`
	// Data is the guard's own folder: the ledger, findings, the control socket. It is not mail's data folder.
	Data string `toml:"data"`
	// Keys is the folder of the ledger's keys: who has them and the ledger can read whose
	// records stand there. It must not lie in Data. Default: register-keys beside Data.
	Keys string `toml:"keys"`
	// Catalogue is the address of the register's database, past the guard, for a role that may read
	// pg_catalog (and the keys of anonymous entries) and nothing else; or CatalogueFile holds it.
	Catalogue     string `toml:"catalogue"`
	CatalogueFile string `toml:"catalogue_file"`
	// SharedFile holds the address of a PostgreSQL in which several guards share their budgets.
	// Default: budgets are this guard's own.
	SharedFile string `toml:"shared_file"`
	// SecondLedger is a folder on another disk. In a declared emergency it takes the
	// disclosures that the first one's disk does not.
	SecondLedger string `toml:"second_ledger"`
	// Integers is how many voter keys are small integers; Others how many are not. See docs/REGISTER.md.
	Integers uint64 `toml:"integers"`
	Others   uint64 `toml:"others"`
	// Months is the length of the period that can be erased as a whole: 1, 3, 6 or 12 (default).
	Months int `toml:"months"`
	// Origin names the ledger in checkpoints, unique in the world.
	Origin string `toml:"origin"`
	// LogBehind acknowledges rows before the ledger is synced, while the policy observes: faster,
	// and a crash loses what was not synced yet. Enforcing never does. Default false.
	LogBehind bool `toml:"log_behind"`
}

// DefaultConfig has the defaults; Policy, Data, Upstream and Catalogue must be given.
func DefaultConfig() Config { return Config{Config: wire.DefaultConfig()} }

// On tells whether there is a guard to run.
func (c *Config) On() bool { return c.Upstream != "" || c.Policy != "" }

// Validate tells all problems at once.
func (c *Config) Validate() error {
	if !c.On() {
		return nil
	}
	errs := []error{c.Config.Validate()}
	need := func(key, value string) {
		if value == "" {
			errs = append(errs, fmt.Errorf("register: %s is missing", key))
		}
	}
	need("policy", c.Policy)
	need("data", c.Data)
	if (c.Catalogue == "") == (c.CatalogueFile == "") {
		errs = append(errs, errors.New("register: give catalogue or catalogue_file, the address of the register's database for a role that may read pg_catalog"))
	}
	if rel, err := filepath.Rel(c.Data, c.Keys); c.Keys != "" && err == nil && filepath.IsLocal(rel) {
		errs = append(errs, fmt.Errorf("register: keys %s lies in the data folder: whoever takes the folder could read the ledger; put it elsewhere", c.Keys))
	}
	errs = append(errs, c.ledger(slog.New(slog.DiscardHandler)).Validate())
	return errors.Join(errs...)
}

// Anchor makes relative paths relative to a folder.
func (c *Config) Anchor(base string) {
	for _, p := range []*string{&c.Policy, &c.Data, &c.Keys, &c.CatalogueFile, &c.SharedFile, &c.SecondLedger, &c.CertFile, &c.KeyFile, &c.ClientCAFile, &c.UpstreamCAFile} {
		if *p != "" && !filepath.IsAbs(*p) {
			*p = filepath.Join(base, *p)
		}
	}
}

// LedgerDir is where the ledger lies.
func (c *Config) LedgerDir() string { return filepath.Join(c.Data, "ledger") }

// KeysDir is where its keys lie.
func (c *Config) KeysDir() string {
	if c.Keys != "" {
		return c.Keys
	}
	return filepath.Join(filepath.Dir(filepath.Clean(c.Data)), "register-keys")
}

// SocketPath is the control socket.
func (c *Config) SocketPath() string { return filepath.Join(c.Data, "control.sock") }

func (c *Config) ledger(log *slog.Logger) ledger.Config {
	return ledger.Config{Keys: filepath.Join(c.KeysDir(), "periods"), Integers: c.Integers, Others: c.Others, Months: c.Months, Origin: c.Origin, Log: log}
}

// LedgerConfig is how the ledger is kept, for commands that read it.
func (c *Config) LedgerConfig(log *slog.Logger) ledger.Config { return c.ledger(log) }

// Watch knows honey voters: Hit names the copy that one belongs to.
type Watch interface{ Hit(n uint64) (string, bool) }

// Guard implements wire.Guard.
type Guard struct {
	cfg     Config
	log     *slog.Logger
	clock   *meter.Clock
	meter   *meter.Meter
	normals *meter.Normals
	book    *ledger.Ledger
	second  *spare
	office  *Office
	spool   *Spool
	watch   atomic.Pointer[Watch]
	db      *sql.DB
	shared  *sharing // nil: budgets are this guard's own

	honeyMu    sync.Mutex // guards what follows
	honeyFrom  Honey
	honeyStamp string

	known     atomic.Pointer[known]
	reloading sync.Mutex // one reload of the policy at a time: catalogue and budgets follow the same one
	refreshMu sync.Mutex // one refresh of the catalogue at a time

	behind  *behind // nil: rows wait for the ledger
	quiet   quiet
	learner *Learner
	failing atomic.Int64 // since when the ledger fails, in microseconds; 0: it does not
}

// Open starts the parts: policy, ledger, counts from the ledger, catalogue. Serve runs the gateway.
func Open(ctx context.Context, cfg Config, log *slog.Logger) (g *Guard, err error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(cfg.Data, 0o700); err != nil {
		return nil, fmt.Errorf("register: data folder: %w", err)
	}
	policy, err := meter.Load(cfg.Policy)
	if err != nil {
		return nil, err
	}
	g = &Guard{cfg: cfg, log: log, meter: meter.New(policy), quiet: quiet{last: map[string]time.Time{}}, learner: NewLearner()}
	defer func() {
		if err != nil {
			err = errors.Join(err, g.Close())
		}
	}()
	if g.spool, err = OpenSpool(filepath.Join(cfg.Data, "findings")); err != nil {
		return g, err
	}
	if g.db, err = cfg.openCatalogue(); err != nil {
		return g, err
	}
	if err := g.share(ctx); err != nil {
		return g, err
	}
	if g.book, err = openLedger(cfg, log); err != nil {
		return g, err
	}
	g.second = &spare{dir: cfg.SecondLedger, cfg: g.cfg.ledger(log)}
	g.normals = meter.NewNormals(g.meter.Policy)
	if err := g.rebuild(ctx); err != nil {
		return g, err
	}
	if err := g.join(ctx); err != nil {
		return g, err
	}
	if cfg.LogBehind && !policy.Enforcing() {
		g.behind = startBehind(g)
	}
	return g, g.begin(ctx, policy)
}

// begin reads the catalogue and notes under which policy the guard runs.
func (g *Guard) begin(ctx context.Context, p *meter.Policy) error {
	if err := g.loadKnown(ctx, p, true); err != nil {
		return err
	}
	return g.book.Note(ctx, policyEntry(p, "the guard starts"))
}

func policyEntry(p *meter.Policy, why string) ledger.Entry {
	return ledger.Entry{Kind: KindPolicy, Text: fmt.Sprintf("%s: policy %s, version %s, mode %s", why, filepath.Base(p.File()), p.Version(), p.Mode)}
}

func (c *Config) openCatalogue() (*sql.DB, error) {
	address := c.Catalogue
	if c.CatalogueFile != "" {
		raw, err := os.ReadFile(c.CatalogueFile)
		if err != nil {
			return nil, fmt.Errorf("register: catalogue_file: %w", err)
		}
		address = strings.TrimSpace(string(raw))
	}
	db, err := sql.Open("pgx", address)
	if err != nil {
		return nil, fmt.Errorf("register: catalogue: %w", err)
	}
	db.SetMaxOpenConns(2)
	return db, nil
}

// rebuild counts again what the ledger says was given out within the last year, and takes
// up what supervisors have decided.
func (g *Guard) rebuild(ctx context.Context) error {
	view, err := g.book.View(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = view.Close() }()
	now := time.Now()
	last, p := time.Time{}, g.meter.Policy()
	err = view.Rebuild(ctx, now.AddDate(-1, 0, -11), func(d *ledger.Disclosure) error {
		if last.Before(d.Time) {
			last = d.Time
		}
		if meter.IsRecipient(d.Principal) {
			return nil // an extract was in nobody's budget
		}
		s := p.SubjectOf(d.Principal, d.Program, d.Purpose)
		// the ledger knows the minute; the later end of it never refills early
		given := d.Time.Add(ledger.Resolution)
		g.meter.Replay(s, d.Voters, given, maxTime(now, given))
		g.normals.Saw(s, d.Voters, given)
		return nil
	})
	if err != nil {
		return err
	}
	g.clock = meter.NewClock(time.Now, last)
	g.office = newOffice(g.book, g.second, g.meter, g.clock.Now)
	if err := g.office.takeUp(ctx, view); err != nil {
		return err
	}
	return g.takeUpSecond(ctx)
}

// takeUpSecond takes up what was noted and given out while the ledger was kept elsewhere.
func (g *Guard) takeUpSecond(ctx context.Context) error {
	if g.second.dir == "" {
		return nil
	}
	view, err := ledger.OpenView(ctx, filepath.Join(g.second.dir, "ledger"), g.second.config())
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer func() { _ = view.Close() }()
	now, p := time.Now(), g.meter.Policy()
	err = view.Rebuild(ctx, now.AddDate(-1, 0, -11), func(d *ledger.Disclosure) error {
		g.meter.Replay(p.SubjectOf(d.Principal, d.Program, d.Purpose), d.Voters, d.Time, now)
		return nil
	})
	return errors.Join(err, g.office.takeUp(ctx, view))
}

func maxTime(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// Number is the number under which a voter stands in the ledger.
func (g *Guard) Number(key []byte) (uint64, error) { return g.book.Number(key) }

// SetWatch has results watched for honey voters from now on.
func (g *Guard) SetWatch(w Watch) { g.watch.Store(&w) }

// Meter gives the counts, for status.
func (g *Guard) Meter() *meter.Meter { return g.meter }

// Office is where supervisors act.
func (g *Guard) Office() *Office { return g.office }

// Serve runs the gateway until the context ends.
func (g *Guard) Serve(ctx context.Context) error {
	cfg := g.cfg.Config
	cfg.Observing = !g.meter.Policy().Enforcing()
	server, err := wire.New(cfg, g, g.log)
	if err != nil {
		return err
	}
	l, err := server.Listen(ctx)
	if err != nil {
		return err
	}
	g.log.Info("the register guard listens", "address", l.Addr().String(), "mode", g.meter.Policy().Mode)
	go g.watchWorld(ctx)
	go g.watchHoney(ctx)
	go g.followOthers(ctx)
	go g.control(ctx)
	return server.Serve(ctx, l)
}

// Close ends the guard. What was released is in the ledger.
func (g *Guard) Close() error {
	var errs []error
	if g.behind != nil {
		g.behind.close()
	}
	_ = os.Remove(filepath.Join(g.cfg.Data, aliveFile))
	if g.book != nil {
		errs = append(errs, g.book.Close())
	}
	if g.second != nil {
		errs = append(errs, g.second.close())
	}
	if g.db != nil {
		errs = append(errs, g.db.Close())
	}
	errs = append(errs, g.shared.close())
	if g.spool != nil {
		errs = append(errs, g.spool.Close())
	}
	return errors.Join(errs...)
}
