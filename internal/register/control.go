package register

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"time"

	"portcullis.example/portcullis/internal/register/ledger"
	"portcullis.example/portcullis/internal/register/meter"
)

// Status is how a guard stands.
type Status struct {
	Schema    int              `json:"schema"`
	Running   bool             `json:"running"`
	Mode      string           `json:"mode"`
	Policy    string           `json:"policy"`
	Counts    meter.State      `json:"counts"`
	Brake     meter.BrakeState `json:"brake"`
	Others    meter.Together   `json:"others,omitzero"` // guards that share this one's budgets
	Grants    []meter.Grant    `json:"grants"`
	Anonymous int              `json:"anonymous"`
	Catalogue time.Time        `json:"catalogue"` // when it was read
	Skew      string           `json:"skew"`      // how far the wall clock has stepped
	Ledger    string           `json:"ledger"`    // "synced before release", "behind", or since when it fails
	Rehearsed time.Time        `json:"rehearsed,omitzero"`
}

// Status tells how the guard stands.
func (g *Guard) Status(ctx context.Context) Status {
	now, p := g.clock.Now(), g.meter.Policy()
	k := g.known.Load()
	s := Status{Schema: 1, Running: true, Mode: p.Mode, Policy: p.Version(), Counts: g.meter.State(), Brake: g.meter.Brake(now), Others: g.meter.Together(), Grants: g.meter.Grants(now),
		Anonymous: len(k.anonymous), Catalogue: k.read.UTC(), Skew: g.clock.Skew().Round(time.Millisecond).String(), Ledger: "synced before release"}
	if g.behind != nil {
		s.Ledger = "behind: rows do not wait for it"
	}
	if since := g.failing.Load(); since != 0 {
		s.Ledger = "cannot be written since " + time.UnixMicro(since).UTC().Format(time.RFC3339)
	}
	if view, err := g.book.View(ctx); err == nil {
		s.Rehearsed = Rehearsed(ctx, view)
		_ = view.Close()
	}
	return s
}

// Rehearsed is when the emergency was rehearsed or declared last.
func Rehearsed(ctx context.Context, view *ledger.View) (last time.Time) {
	for e, err := range view.Entries(ctx, time.Unix(0, 0), time.Now().AddDate(1, 0, 0), KindRehearsal, KindEmergency) {
		if err != nil {
			return last
		}
		last = e.Time
	}
	return last
}

// Reload takes the policy file into force; on an error the old one stays.
func (g *Guard) Reload(ctx context.Context) (string, error) {
	g.reloading.Lock()
	defer g.reloading.Unlock()
	next, err := meter.Load(g.cfg.Policy)
	if err != nil {
		return "", fmt.Errorf("the policy stays as it was: %w", err)
	}
	if next.Enforcing() != g.meter.Policy().Enforcing() {
		return "", errors.New("the policy stays as it was: mode changes with a restart of the guard")
	}
	if err := g.loadKnown(ctx, next, true); err != nil {
		return "", fmt.Errorf("the policy stays as it was: %w", err)
	}
	g.meter.Use(next)
	return next.Version(), g.book.Note(ctx, policyEntry(next, "reloaded"))
}

// maxAct bounds what comes through the control socket.
const maxAct = 64 << 10

// control answers on the control socket, which only the guard's own user can open.
func (g *Guard) control(ctx context.Context) {
	path := g.cfg.SocketPath()
	_ = os.Remove(path)
	l, err := (&net.ListenConfig{}).Listen(ctx, "unix", path)
	if err == nil {
		err = os.Chmod(path, 0o600)
	}
	if err != nil {
		g.log.Error("the control socket cannot be opened; supervisors cannot act while the guard runs", "path", path, "error", err)
		return
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /status", func(w http.ResponseWriter, r *http.Request) { reply(w, g.Status(r.Context()), nil) })
	mux.HandleFunc("POST /reload", func(w http.ResponseWriter, r *http.Request) {
		version, err := g.Reload(r.Context())
		reply(w, Answer{Text: version}, err)
	})
	mux.HandleFunc("POST /extract", g.takeExtract)
	mux.HandleFunc("POST /honey", func(w http.ResponseWriter, _ *http.Request) {
		g.lookForHoney()
		reply(w, Answer{}, nil)
	})
	mux.HandleFunc("POST /act", func(w http.ResponseWriter, r *http.Request) {
		var a Act
		if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxAct)).Decode(&a); err != nil {
			reply(w, nil, err)
			return
		}
		answer, err := g.office.Do(r.Context(), a)
		reply(w, answer, err)
	})
	server := &http.Server{Handler: mux, ReadTimeout: time.Minute, WriteTimeout: time.Minute}
	stop := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stop()
	if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		g.log.Error("the control socket ended", "error", err)
	}
}

func reply(w http.ResponseWriter, v any, err error) {
	if err != nil {
		w.WriteHeader(http.StatusUnprocessableEntity)
		v = map[string]string{"error": err.Error()}
	}
	_ = json.NewEncoder(w).Encode(v)
}

// ErrNotRunning says that no guard answers on the control socket.
var ErrNotRunning = errors.New("no register guard is running on this data folder")

// Call asks a running guard through its control socket.
func Call(ctx context.Context, cfg *Config, method, path string, in, out any) error {
	client := http.Client{Timeout: time.Minute, Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", cfg.SocketPath())
	}}}
	defer client.CloseIdleConnections()
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, method, "http://guard"+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	resp, err := client.Do(req)
	if err != nil {
		return errors.Join(ErrNotRunning, err)
	}
	defer func() { _ = resp.Body.Close() }()
	raw, err := io.ReadAll(io.LimitReader(resp.Body, 16<<20))
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		var e struct{ Error string }
		_ = json.Unmarshal(raw, &e)
		return errors.New(e.Error)
	}
	return json.Unmarshal(raw, out)
}
