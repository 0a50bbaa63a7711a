package web

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"
)

// Config is what the desk needs.
type Config struct {
	Desk Desk
	// Guard lets in who is signed in and puts the api.Caller into the context;
	// it sends others to SignInPath. It refuses requests from other sites.
	Guard func(http.Handler) http.Handler
	API   http.Handler // serves /api/v1/; nil leaves it out
	Feed  *Feed        // what live pages follow; nil makes pages that stand still
	Title string       // of the institution: "Parliament of Arcadia"; may be empty
	Now   func() time.Time
	Zone  *time.Location // in which times are shown; nil is UTC
	Log   *slog.Logger
	// SignIn are the ways to sign in, for the page at SignInPath.
	SignIn []Way
	// SignOut is where a form posts to sign out; "" shows no button.
	SignOut string
	// Alive tells whether a live page's reader is still signed in; nil asks nobody.
	Alive func(context.Context) bool
	// Away tells whether an error means that the store cannot be reached; nil knows none.
	Away func(error) bool
	// Token makes the hidden field "csrf" of each form; nil leaves it out.
	Token func(*http.Request) string
}

// Refusals makes what shows a refusal as a page of the desk, for those who stand
// before it and refuse people themselves.
func Refusals(title string, log *slog.Logger) (func(w http.ResponseWriter, r *http.Request, status int, message string), error) {
	h, err := newSite(Config{Title: title, Log: log})
	if err != nil {
		return nil, err
	}
	return func(w http.ResponseWriter, r *http.Request, status int, message string) {
		heading := cmp.Or(http.StatusText(status), "Refused")
		p := page{Name: "problem", Title: heading, Status: status, Body: problem{Heading: heading, Text: message}}
		if err := h.show(w, r, p); err != nil {
			h.Log.Error("the desk could not show a refusal", "error", err)
			http.Error(w, message, status)
		}
	}, nil
}

// Way is a way to sign in: a link ("Sign in with the house's account"), or without
// a Path a sentence.
type Way struct{ Name, Path, Note string }

// SignInPath is where the page lies that tells how to sign in. It and AssetPath
// are served without a guard.
const (
	SignInPath = "/sign-in"
	AssetPath  = "/assets/"
)

// site is the handler that New makes.
type site struct {
	Config
	pages  pages
	assets assets
}

// New makes the desk.
func New(c Config) (http.Handler, error) {
	if c.Desk == nil || c.Guard == nil {
		return nil, errors.New("the desk needs a Desk and a Guard")
	}
	s, err := newSite(c)
	if err != nil {
		return nil, err
	}
	return withHeaders(s.outer()), nil
}

// newSite fills in what was left out and reads templates and assets.
func newSite(c Config) (*site, error) {
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Zone == nil {
		c.Zone = time.UTC
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	a, err := loadAssets()
	if err != nil {
		return nil, fmt.Errorf("load the desk's assets: %w", err)
	}
	p, err := loadPages(c, a)
	if err != nil {
		return nil, fmt.Errorf("load the desk's pages: %w", err)
	}
	return &site{Config: c, pages: p, assets: a}, nil
}

// outer holds what is served to anybody, and everything else behind the guard.
func (s *site) outer() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET "+AssetPath, s.assets)
	mux.HandleFunc("GET "+SignInPath, s.signIn)
	mux.Handle("/", s.Guard(s.inner()))
	if s.API != nil {
		mux.Handle("/api/v1/", s.API)
	}
	return mux
}

// inner are the pages and acts. What is not among them is a page that says so.
func (s *site) inner() http.Handler {
	mux := http.NewServeMux()
	for pattern, h := range map[string]handler{
		"GET /{$}":                        s.situation,
		"GET /campaigns":                  s.campaigns,
		"GET /campaigns/{id}":             s.campaign,
		"GET /campaigns/{id}/graph":       s.graph,
		"GET /people":                     s.people,
		"GET /people/{id}":                s.person,
		"GET /findings/{id}":              s.finding,
		"GET /hunt":                       s.hunt,
		"GET /indicators":                 s.indicators,
		"GET /notices":                    s.notices,
		"GET /notices/{id}":               s.notice,
		"GET /notices/{id}/file/{format}": s.document,
		"GET /knew":                       s.knew,
		"GET /contacts":                   s.contacts,
		"GET /audit":                      s.audit,
		"GET /screening":                  s.screening,
		"POST /screening":                 s.screen,
		"GET /live":                       s.live,
		"POST /campaigns/{id}/merge":      s.merge,
		"POST /campaigns/{id}/split":      s.split,
		"POST /campaigns/{id}/notices":    s.draft,
		"POST /campaigns/{id}/undo":       s.undo,
		"POST /campaigns/{id}/evidence":   s.weigh,
		"POST /indicators":                s.addIndicators,
		"POST /notices/{id}/approve":      s.approve,
		"POST /notices/{id}/delay":        s.delay,
		"POST /notices/{id}/send":         s.send,
		"POST /notices/{id}/told":         s.told,
		"POST /notices/{id}/resume":       s.endDelay,
		"POST /notices/{id}/withdraw":     s.withdraw,
		"POST /notices/{id}/settle":       s.settle,
		"POST /people/{id}/account":       s.account,
		"POST /hunts":                     s.askHunt,
		"POST /hunts/{id}":                s.decideHunt,
		"POST /people/{id}/hold":          s.hold,
		"POST /break-glass":               s.askBreakGlass,
		"POST /break-glass/{id}":          s.decideBreakGlass,
		"/":                               s.nowhere,
	} {
		mux.Handle(pattern, s.serve(h))
	}
	return mux
}

// policy is the content security policy of every page. Nothing inline, nothing
// from elsewhere, no frames, and no string becomes script or HTML by way of the
// DOM: trusted-types 'none' allows no policy to be made at all. Scripts that
// need a page in parsed form ask for it as a document (XMLHttpRequest), which
// runs none of it.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
	"form-action 'self'; base-uri 'none'; frame-ancestors 'none'; object-src 'none'; " +
	"require-trusted-types-for 'script'; trusted-types 'none'"

func withHeaders(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
		h.Set("Cache-Control", "no-store") // assets say otherwise
		next.ServeHTTP(w, r)
	})
}
