// Command observe is the gateway with a guard that never refuses: what peers'
// test suites and the benchmarks are run through.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net/http"
	_ "net/http/pprof" // on -pprof only
	"os"
	"os/signal"
	"syscall"

	"portcullis.example/portcullis/internal/register/wire"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	cfg := wire.DefaultConfig()
	cfg.Observing, cfg.AllowFunctionCall, cfg.AllowReplication = true, true, true
	keys := flag.Int("key", -1, "read this output column of every statement as the key; -1 passes all")
	profile := flag.String("pprof", "", "address for profiles")
	flag.StringVar(&cfg.Listen, "listen", cfg.Listen, "address for clients")
	flag.StringVar(&cfg.Upstream, "upstream", "127.0.0.1:5432", "PostgreSQL")
	flag.StringVar(&cfg.CertFile, "cert", "", "certificate for clients")
	flag.StringVar(&cfg.KeyFile, "cert-key", "", "its key")
	flag.StringVar(&cfg.UpstreamTLS, "upstream-tls", "", "disable, require, verify-ca, verify-full")
	flag.StringVar(&cfg.UpstreamCAFile, "upstream-ca", "", "certificates to trust")
	flag.BoolVar(&cfg.UpstreamDirect, "upstream-direct", false, "direct TLS")
	text := flag.String("drain", "", "instead: run this COPY … TO STDOUT at -upstream (user@host:port/database) and time it")
	flag.Parse()
	if *text != "" {
		return drain(ctx, cfg.Upstream, *text)
	}
	if *profile != "" {
		go func() { fmt.Fprintln(os.Stderr, http.ListenAndServe(*profile, nil)) }()
	}
	server, err := wire.New(cfg, guard{key: *keys}, slog.New(slog.NewTextHandler(os.Stderr, nil)))
	if err != nil {
		return err
	}
	l, err := server.Listen(ctx)
	if err != nil {
		return err
	}
	return errors.Join(server.Serve(ctx, l), ctxErr(ctx))
}

// ctxErr takes the end by a signal for success.
func ctxErr(ctx context.Context) error {
	if errors.Is(ctx.Err(), context.Canceled) {
		return nil
	}
	return ctx.Err()
}

// guard observes. With a key column it reads keys, of every statement alike.
type guard struct{ key int }

func (g guard) Begin(context.Context, wire.Start) (wire.Session, error) {
	return &session{decision: g.decision()}, nil
}

func (g guard) decision() wire.Decision {
	if g.key < 0 {
		return wire.Pass()
	}
	results := make([]wire.Result, 1)
	results[0] = wire.Result{Metered: true, KeyColumns: []int{g.key}}
	return wire.Decision{Results: results}
}

type session struct {
	decision wire.Decision
	sum      uint64
}

func (s *session) Statement(context.Context, string, bool) (wire.Decision, error) {
	return s.decision, nil
}
func (s *session) Changed(string, string) {}
func (s *session) End()                   {}

// Leaves lets it share a goroutine, as sessions do that are observed.
func (s *session) Leaves(func()) bool { return true }

// Release looks at each key, as a guard would.
func (s *session) Release(_ context.Context, _ *wire.Result, keys *wire.Keys) (int, error) {
	for i := range keys.Len() {
		v, _ := keys.Int(i)
		s.sum += v
	}
	return keys.Rows(), nil
}
