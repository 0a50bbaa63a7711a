package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"time"

	"golang.org/x/sync/errgroup"

	"portcullis.example/portcullis"
	"portcullis.example/portcullis/internal/api"
	"portcullis.example/portcullis/internal/archive"
	"portcullis.example/portcullis/internal/campaigns"
	"portcullis.example/portcullis/internal/mail"
	"portcullis.example/portcullis/internal/mail/records"
	"portcullis.example/portcullis/internal/mail/source"
	"portcullis.example/portcullis/internal/people"
	"portcullis.example/portcullis/internal/response"
	"portcullis.example/portcullis/internal/screening/ledger"
	"portcullis.example/portcullis/internal/web"
	"portcullis.example/portcullis/internal/web/access"
)

type serveCommand struct {
	Watch    []string      `arg:"" optional:"" name:"MAILBOX" help:"Mail to read again and again: what is new in it is judged as it comes." type:"path"`
	People   string        `help:"File of protected people. Default: the one of the last scan, or the configuration's." placeholder:"FILE" type:"path"`
	Listen   string        `help:"Address to listen on. Default: the configuration's, else 127.0.0.1:8480." placeholder:"HOST:PORT"`
	Every    time.Duration `help:"How often watched mail is looked at." default:"30s"`
	Exercise string        `help:"Play the exercise in this folder, in a temporary store." placeholder:"DIR" type:"path"`
	Speed    float64       `help:"How fast the exercise runs: 2 is twice as fast." default:"1"`
}

// Help teaches what the one-line help cannot.
func (serveCommand) Help() string {
	return `Serves the desk: pages on which people see who is being targeted, by which campaign, how sure that is, and on which they tell them.

On a single machine it prints a link that signs you in once. For more people, configure OpenID Connect ([desk.oidc], see docs/ACCESS.md).

While it runs it holds the data folder; give it the mailboxes to watch, and it scans them by itself.

Examples:
  portcullis serve --exercise examples/exercise
  portcullis serve --data ./portcullis-data /var/vmail --people people.toml`
}

// Run serves until it is interrupted.
func (c *serveCommand) Run(ctx context.Context, std stdio, g *Globals) (err error) {
	cfg, plan, err := c.configure(g)
	if err != nil {
		return exitError{exitIncomplete, err}
	}
	if cfg.Register.On() {
		return c.serveRegister(ctx, cfg, std)
	}
	a, err := openApp(ctx, cfg, false, plan != nil || g.Data == "" && g.Config == "" && len(c.Watch) > 0)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, a.close()) }()
	who, err := c.protected(ctx, a)
	if err != nil {
		return exitError{exitIncomplete, err}
	}
	s := &server{std: std, app: a, now: time.Now, log: slog.New(slog.NewTextHandler(std.err, &slog.HandlerOptions{Level: slog.LevelWarn})), every: c.Every}
	if plan != nil {
		s.clock = newExerciseClock(*plan, c.Speed)
		s.now = s.clock.Now
	}
	if err := s.wire(ctx, who, std); err != nil {
		return err
	}
	return s.run(ctx, c.Watch, plan)
}

// configure reads the configuration, and the exercise if there is to be one.
func (c *serveCommand) configure(g *Globals) (cfg Config, plan *exercisePlan, err error) {
	if cfg, err = loadConfig(g); err != nil {
		return cfg, nil, err
	}
	if c.Listen != "" {
		cfg.Desk.Listen = c.Listen
	}
	if c.Every < time.Second {
		return cfg, nil, fmt.Errorf("--every %v: want at least a second", c.Every)
	}
	if c.Exercise == "" {
		return cfg, nil, cfg.Validate()
	}
	if g.Data != "" || cfg.Database != "" || cfg.DatabaseFile != "" {
		return cfg, nil, errors.New("an exercise plays in a store of its own and touches no other: leave out --data and database")
	}
	if c.Speed <= 0 || c.Speed > 1000 {
		return cfg, nil, fmt.Errorf("--speed %v: want more than 0 and at most 1000", c.Speed)
	}
	p, err := readPlan(c.Exercise)
	if err != nil {
		return cfg, nil, err
	}
	c.People = p.People
	cfg.Mail.TrustedRelays, cfg.Mail.TrustedAuthserv = p.TrustedHosts, p.TrustedHosts
	cfg.Keep = keepAll // so that there is something to look at when a feed comes late
	cfg.Notices.DeadlineHours, cfg.Notices.MaxDelayDays = int(p.deadline().Hours()), int(p.deadline().Hours()/24)
	return cfg, &p, cfg.Validate()
}

// protected reads the people file: the one named, the configuration's, or the last scan's.
func (c *serveCommand) protected(ctx context.Context, a *app) (protected, error) {
	name := c.People
	if name == "" {
		name = a.cfg.People
	}
	if name != "" {
		return loadPeople(name)
	}
	raw, ok, err := records.NewReader(a.store.DB()).LastInput(ctx, "people")
	if err != nil {
		return protected{}, err
	}
	if !ok {
		return loadPeople("")
	}
	dir, err := lastPeople(ctx, records.NewReader(a.store.DB()), "")
	return protected{dir: dir, raw: raw}, err
}

// server is everything that runs while the desk is served.
type server struct {
	std   stdio
	app   *app
	now   func() time.Time
	log   *slog.Logger
	every time.Duration
	clock *exerciseClock // nil: there is no exercise

	scan    *scanner
	desk    *deskService
	guard   *access.Guard
	witness *access.Witness
	handler http.Handler
	game    *game // nil: there is no exercise

	silence map[string]portcullis.ID // of guards of registers, by their folders: what was told; followRegister's own
}

// wire puts the parts together, from the store to the pages.
func (s *server) wire(ctx context.Context, who protected, std stdio) error {
	model, err := loadModel(s.app.dir)
	if err != nil {
		return err
	}
	base, err := newFactsBase(s.app.cfg, who, model)
	if err != nil {
		return err
	}
	kept, err := archive.NewReader(s.app.store.DB()).Indicators(ctx, s.now())
	if err != nil {
		return err
	}
	judge := mail.NewJudge(who.dir, s.app.cfg.Mail, model)
	s.scan = &scanner{
		app: s.app, judge: judge, report: newSummary(time.Now()), now: s.now, meter: newMeter(nil, 0),
		gatherer: &gatherer{cfg: s.app.cfg.Mail, dir: who.dir, key: s.app.key, base: base},
	}
	s.scan.gatherer.matcher.Store(archive.NewMatcher(kept))
	if err := s.scan.putInputs(ctx, who, model); err != nil {
		return err
	}
	lists, problems, err := s.app.warninglists()
	if err != nil {
		return err
	}
	for _, p := range problems {
		s.log.Warn("a warninglist could not be used", "problem", p.Error())
	}
	links := &correlator{app: s.app, dir: who.dir, judge: judge, base: base, lists: lists, now: s.now}
	return s.wireDesk(ctx, who, links)
}

func (s *server) wireDesk(ctx context.Context, who protected, links *correlator) error {
	cfg := s.app.cfg
	standings, err := access.NewStandings(who.dir, cfg.Desk.People)
	if err != nil {
		return exitError{exitIncomplete, err}
	}
	office, err := response.NewOffice(cfg.Notices)
	if err != nil {
		return exitError{exitIncomplete, err}
	}
	office = office.WithClock(s.now)
	s.desk = &deskService{app: s.app, dir: who.dir, configured: standings, office: office, mailer: s.app.mailer(), links: links, feed: web.NewFeed(time.Now()), log: s.log, now: s.now}
	s.desk.board = &board{desk: s.desk}
	if s.clock != nil {
		s.desk.deskTime = s.clock.at
	}
	s.desk.watch = func(kept []portcullis.Indicator) { s.scan.gatherer.matcher.Store(archive.NewMatcher(kept)) }
	if err := s.desk.loadHolds(ctx); err != nil {
		return err
	}
	refuse, err := web.Refusals(s.app.houseName(who.dir), s.log)
	if err != nil {
		return err
	}
	s.guard, err = access.New(cfg.Desk, access.Deps{
		Refuse: refuse,
		DB:     s.app.store.DB(), Tx: s.app.store.Tx, Log: s.log, Now: time.Now, Standings: s.desk.standings,
		Print: func(name, link string) { fmt.Fprintf(s.std.out, "Sign in as %s:  %s\n", name, link) },
	})
	if err != nil {
		return exitError{exitIncomplete, err}
	}
	if s.witness, err = access.NewWitness(cfg.Desk.Witness, nil, s.log); err != nil {
		return exitError{exitIncomplete, err}
	}
	s.desk.guard = s.guard
	names, err := s.app.ledger()
	if err != nil {
		return exitError{exitIncomplete, err}
	}
	s.desk.names = names
	routes := described(append(s.routes(links, office), names.Routes()...))
	pages, err := web.New(web.Config{
		Desk: s.desk, Guard: s.guard.Protect, API: s.guard.Protect(s.followed(api.Handler(routes, s.mayCall))), Feed: s.desk.feed, Alive: s.guard.Alive,
		Title: s.app.houseName(who.dir), Now: s.now, Log: s.log, SignIn: signInWays(s.guard), SignOut: access.SignOutPath, Away: func(err error) bool { return gone(err) || isDisk(err) }, Token: func(r *http.Request) string { return access.FormToken(r.Context()) },
	})
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", s.health)
	mux.HandleFunc("GET /favicon.ico", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }) // pages name their own
	mux.Handle("/", pages)
	s.handler = s.guard.Front(mux)
	return nil
}

func signInWays(g *access.Guard) (ways []web.Way) {
	for _, w := range g.Ways() {
		ways = append(ways, web.Way{Name: w.Name, Path: w.Path, Note: w.Note})
	}
	return ways
}

// run serves until ctx ends.
func (s *server) run(ctx context.Context, watch []string, plan *exercisePlan) error {
	listener, err := net.Listen("tcp", s.app.cfg.Desk.Listen)
	if err != nil {
		return exitError{exitIncomplete, fmt.Errorf("listen: %w; name another address with --listen", err)}
	}
	group, ctx := errgroup.WithContext(ctx)
	srv := access.Server(s.handler)
	srv.BaseContext = func(net.Listener) context.Context { return ctx }
	group.Go(func() error {
		if err := srv.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			return err
		}
		return nil
	})
	group.Go(func() error {
		<-ctx.Done()
		ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), 3*time.Second)
		defer cancel()
		return errors.Join(srv.Shutdown(ending), srv.Close())
	})
	group.Go(func() error { s.guard.WatchAudit(ctx, time.Hour); return nil })
	if s.witness != nil {
		group.Go(func() error { return s.witness.Run(ctx, s.app.store.DB()) })
	}
	group.Go(func() error { // the first screening needs the lists in memory
		if _, err := s.desk.names.Ready(ctx); err != nil && ctx.Err() == nil && !errors.Is(err, ledger.ErrNoLists) {
			s.log.Error("the lists could not be loaded; screening tells", "error", err)
		}
		return nil
	})
	fmt.Fprintf(s.std.out, "The desk is at %s\n", deskURL(s.app.cfg.Desk))
	s.guard.PrintLinks()
	switch {
	case plan != nil:
		group.Go(func() error { return s.play(ctx, *plan) })
	default:
		if len(s.app.cfg.Sources) > 0 {
			beside := s.scan.beside() // before anything is scanned
			group.Go(func() error { return s.readSources(ctx, beside) })
		}
		go s.huntKept(ctx)
		if len(s.app.cfg.RegisterFindings) > 0 {
			go s.followRegister(ctx)
		}
		group.Go(func() error { return s.work(ctx, watch) })
	}
	fmt.Fprintln(s.std.out, "Ctrl-C ends it.")
	err = group.Wait()
	if errors.Is(err, context.Canceled) {
		err = nil
	}
	return err
}

// resettle is how often campaigns are weighed anew with all frequencies.
const resettle = time.Hour

// work reads watched mail and follows what is found.
func (s *server) work(ctx context.Context, watch []string) error {
	watching, following, recovering := time.NewTicker(s.every), time.NewTicker(time.Second), time.NewTicker(5*time.Minute)
	defer recovering.Stop()
	defer watching.Stop()
	defer following.Stop()
	settled := time.Now()
	look := func() {
		if err := s.read(ctx, watch); err != nil && ctx.Err() == nil {
			s.log.Error("watched mail could not be read; it is tried again", "error", err)
		}
	}
	if err := s.desk.catchUp(ctx); err != nil {
		return err
	}
	look()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-recovering.C:
			s.recover(ctx)
		case <-watching.C:
			look()
		case <-following.C:
			if err := s.step(ctx); err != nil && ctx.Err() == nil {
				s.log.Error("findings could not be put into campaigns; it is tried again", "error", err)
			}
			if time.Since(settled) > resettle {
				settled = time.Now()
				if err := s.desk.links.settle(ctx); err != nil && ctx.Err() == nil {
					s.log.Error("campaigns could not be weighed anew; it is tried again", "error", err)
				}
			}
		}
	}
}

// recover tells of notices of which nobody knows whether they arrived.
func (s *server) recover(ctx context.Context) {
	err := s.app.store.Tx(ctx, func(tx *sql.Tx) error {
		_, err := response.NewWriter(tx, s.app.cfg.Notices, s.now()).Recover(ctx)
		return err
	})
	if err != nil && ctx.Err() == nil {
		s.log.Error("notices that were being sent could not be looked at", "error", err)
	}
}

// read scans watched mail from where it was left.
func (s *server) read(ctx context.Context, watch []string) error {
	if len(watch) == 0 {
		return nil
	}
	if err := s.scan.scan(ctx, watch, source.Config{}); err != nil {
		return err
	}
	return s.scan.settle(ctx)
}

func (s *server) step(ctx context.Context) error {
	_, err := s.desk.follow(ctx)
	return err
}

// within the exercise everything follows its clock.
func (s *server) play(ctx context.Context, plan exercisePlan) error {
	s.game = newGame(s, plan)
	s.desk.exercise = s.game.state
	return s.game.play(ctx)
}

// deskURL is where browsers find the desk.
func deskURL(c access.Config) string {
	if c.PublicURL != "" {
		return c.PublicURL
	}
	return "http://" + c.Listen + "/"
}

// warninglists are the built-in list and those that the configuration names.
func (a *app) warninglists() (*campaigns.Warninglists, []campaigns.ListProblem, error) {
	lists := campaigns.OwnLists()
	var all []campaigns.ListProblem
	for _, name := range a.cfg.Warninglists {
		more, problems, err := campaigns.LoadWarninglists(os.DirFS(name))
		if err != nil {
			return nil, nil, fmt.Errorf("warninglists: %s: %w", name, err)
		}
		lists, all = lists.Merge(more), append(all, problems...)
	}
	return lists, all, nil
}

// houseName is whose desk it is.
func (a *app) houseName(dir *people.Directory) string {
	if a.cfg.Notices.House != "" {
		return a.cfg.Notices.House
	}
	for _, o := range dir.Organisations() {
		if o.Kind == people.KindOwn {
			return o.Name
		}
	}
	return ""
}
