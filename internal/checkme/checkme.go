// Package checkme is the page on which one person looks through an own mailbox, alone and
// without help: served on this computer only, for one browser, without a script, and gone
// when the person is done. What looking through means is its caller's.
package checkme

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"html/template"
	"net"
	"net/http"
	"sync"
	"time"
)

// Request is what the person chose.
type Request struct {
	Mailboxes []string // paths
	Pack      string   // path of a sealed list; "" is none
	Issuer    string   // the key that came with it
	Addresses []string // the person's own; none: they are found out
}

// Answer is a finished page.
type Answer struct {
	Page []byte // a whole HTML document without script and links
}

// Config says what the page offers and does.
type Config struct {
	// Candidates are exports that lie where exports usually lie.
	Candidates []Candidate
	// Packs are sealed lists that lie there.
	Packs []Candidate
	// Check looks through the mail. told hears how far it is, from 0 to 1.
	Check func(ctx context.Context, r Request, told func(stage string, share float64)) (Answer, error)
	// Idle ends the program when nobody has asked for anything for so long. Default: half an hour.
	Idle time.Duration
}

// Server is the page.
type Server struct {
	cfg    Config
	host   string // the only Host that is answered
	ticket string // opens the page once
	cookie string // and this goes on
	form   string // comes back with every form

	mu    sync.Mutex
	used  bool      // guarded by mu: the ticket
	work  *work     // guarded by mu
	was   entries   // guarded by mu: what was entered last, so that nobody has to enter it twice
	asked time.Time // guarded by mu: when somebody last asked for something
	end   chan struct{}
	once  sync.Once
}

// work is one check, running or done.
type work struct {
	cancel context.CancelFunc
	stage  string
	share  float64
	done   bool
	answer Answer
	err    error
}

// New prepares the page for an address of this computer.
func New(cfg Config, at net.Addr) *Server {
	if cfg.Idle <= 0 {
		cfg.Idle = 30 * time.Minute
	}
	return &Server{cfg: cfg, host: at.String(), ticket: secret(), cookie: secret(), form: secret(), asked: time.Now(), end: make(chan struct{})}
}

func secret() string {
	var raw [24]byte
	_, _ = rand.Read(raw[:]) // never fails
	return hex.EncodeToString(raw[:])
}

// URL opens the page, once.
func (s *Server) URL() string { return "http://" + s.host + "/open?ticket=" + s.ticket }

// Serve serves until the person is done, nobody asks any more, or ctx ends.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	server := &http.Server{Handler: s.handler(ctx), ReadHeaderTimeout: 10 * time.Second, ReadTimeout: time.Minute, IdleTimeout: time.Minute, MaxHeaderBytes: 64 << 10}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(l) }()
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case err := <-failed:
			return fmt.Errorf("serve the page: %w", err)
		case <-tick.C:
			if !s.idle() {
				continue
			}
		case <-ctx.Done():
		case <-s.end:
		}
		quiet, stop := context.WithTimeout(context.Background(), 3*time.Second)
		defer stop()
		_ = server.Shutdown(quiet) // what still runs is ended by ctx
		return ctx.Err()
	}
}

func (s *Server) idle() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return (s.work == nil || s.work.done) && time.Since(s.asked) > s.cfg.Idle
}

func (s *Server) handler(ctx context.Context) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /open", s.open)
	mux.HandleFunc("GET /{$}", s.choose)
	mux.HandleFunc("POST /check", func(w http.ResponseWriter, r *http.Request) { s.start(ctx, w, r) })
	mux.HandleFunc("GET /progress", s.progress)
	mux.HandleFunc("GET /answer", s.answer)
	mux.HandleFunc("POST /again", s.again)
	mux.HandleFunc("POST /end", s.finish)
	return s.guard(mux)
}

// guard lets in the one browser that was opened, and nothing that another page sends: a name
// that was made to point here (DNS rebinding) has another Host, a form of another page
// another origin.
func (s *Server) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy())
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cache-Control", "no-store")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		if r.Host != s.host {
			http.Error(w, "this page is answered as "+s.host+" only", http.StatusMisdirectedRequest)
			return
		}
		if r.URL.Path != "/open" && !s.known(r) {
			s.show(w, http.StatusForbidden, "stopped", "This page belongs to another window. Start the program again to get a new one.")
			return
		}
		if r.Method == http.MethodPost {
			r.Body = http.MaxBytesReader(w, r.Body, 64<<10)
			if origin := r.Header.Get("Origin"); origin != "" && origin != "null" && origin != "http://"+s.host || !same(r.PostFormValue("form"), s.form) {
				s.show(w, http.StatusForbidden, "stopped", "This was not sent by this page. Go back, load it again, and try once more.")
				return
			}
		}
		s.mu.Lock()
		s.asked = time.Now()
		s.mu.Unlock()
		next.ServeHTTP(w, r)
	})
}

const cookieName = "portcullis-check"

func (s *Server) known(r *http.Request) bool {
	c, err := r.Cookie(cookieName)
	return err == nil && same(c.Value, s.cookie)
}

func same(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }

// open takes the ticket. It is good once, so what stands in a history opens nothing.
func (s *Server) open(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	good := !s.used && same(r.URL.Query().Get("ticket"), s.ticket)
	s.used = s.used || good
	s.mu.Unlock()
	if !good && !s.known(r) {
		s.show(w, http.StatusForbidden, "stopped", "This address was used before. Start the program again to get a new one.")
		return
	}
	http.SetCookie(w, &http.Cookie{Name: cookieName, Value: s.cookie, Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode})
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

func (s *Server) choose(w http.ResponseWriter, r *http.Request) {
	if s.current() != nil {
		http.Redirect(w, r, "/progress", http.StatusSeeOther)
		return
	}
	s.offer(w, http.StatusOK, "")
}

// offer shows the form, with what was entered before, and what was wrong with it.
func (s *Server) offer(w http.ResponseWriter, status int, why string) {
	s.mu.Lock()
	data := choosing{Why: why, Was: s.was}
	s.mu.Unlock()
	s.show(w, status, "choose", data)
}

func (s *Server) current() *work {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.work
}

func (s *Server) start(ctx context.Context, w http.ResponseWriter, r *http.Request) {
	was := entered(r)
	req, why := was.request()
	s.mu.Lock()
	s.was = was
	if why == "" && (s.work == nil || s.work.done) {
		s.run(ctx, req)
	}
	s.mu.Unlock()
	if why != "" {
		s.offer(w, http.StatusBadRequest, why)
		return
	}
	http.Redirect(w, r, "/progress", http.StatusSeeOther)
}

// run needs the lock.
func (s *Server) run(ctx context.Context, req Request) {
	ctx, cancel := context.WithCancel(ctx)
	work := &work{cancel: cancel, stage: "reading"}
	s.work = work
	go func() {
		defer cancel()
		answer, err := s.cfg.Check(ctx, req, func(stage string, share float64) {
			s.mu.Lock()
			work.stage, work.share = stage, min(max(share, 0), 1)
			s.mu.Unlock()
		})
		s.mu.Lock()
		work.answer, work.err, work.done = answer, err, true
		s.mu.Unlock()
	}()
}

// Standing is how far a check is.
type standing struct {
	Stage   string
	Percent int
	Done    bool
	Err     string
}

func (s *Server) progress(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	var now standing
	running := s.work != nil
	if running {
		now = standing{Stage: s.work.stage, Percent: int(s.work.share * 100), Done: s.work.done}
		if s.work.err != nil {
			now.Err = plainly(s.work.err)
		}
	}
	s.mu.Unlock()
	if !running {
		http.Redirect(w, r, "/", http.StatusSeeOther)
		return
	}
	s.show(w, http.StatusOK, "progress", now)
}

// plainly is an error as a person reads it.
func plainly(err error) string {
	if errors.Is(err, context.Canceled) {
		return "It was stopped."
	}
	return err.Error()
}

func (s *Server) answer(w http.ResponseWriter, r *http.Request) {
	work := s.current()
	s.mu.Lock()
	ready := work != nil && work.done && work.err == nil
	s.mu.Unlock()
	if !ready {
		http.Redirect(w, r, "/progress", http.StatusSeeOther)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Del("Content-Security-Policy") // the page names its own, which allows less
	_, _ = w.Write(work.answer.Page)
}

func (s *Server) again(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	if s.work != nil {
		if s.work.done && s.work.err == nil { // it was looked through; the list and its key go on to the next
			s.was.Mailboxes, s.was.Other = nil, ""
		}
		s.work.cancel()
		s.work = nil
	}
	s.mu.Unlock()
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

func (s *Server) finish(w http.ResponseWriter, _ *http.Request) {
	s.mu.Lock()
	if s.work != nil {
		s.work.cancel()
	}
	s.mu.Unlock()
	s.show(w, http.StatusOK, "end", nil)
	s.once.Do(func() { close(s.end) })
}

// view is what the templates get.
type view struct {
	Style template.CSS
	Form  string
	Cfg   Config
	Data  any
}

func (s *Server) show(w http.ResponseWriter, status int, name string, data any) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	if p, ok := data.(standing); ok && !p.Done {
		w.Header().Set("Refresh", "1") // no script: the page asks again by itself
	}
	w.WriteHeader(status)
	_ = pages.ExecuteTemplate(w, name, view{Style: style, Form: s.form, Cfg: s.cfg, Data: data}) // the browser went away
}
