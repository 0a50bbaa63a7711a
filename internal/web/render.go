package web

import (
	"bytes"
	"compress/gzip"
	"crypto/rand"
	"embed"
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"path"
	"strings"
	"sync"

	"portcullis.example/portcullis/internal/api"
)

//go:embed templates/*.html
var templateFiles embed.FS

// pages are the parsed templates by name: "situation" is templates/situation.html
// within layout.html and parts.html.
type pages map[string]*template.Template

func loadPages(c Config, a assets) (pages, error) {
	shared, err := template.New("").Funcs(functions(c, a)).ParseFS(templateFiles, "templates/layout.html", "templates/part_*.html")
	if err != nil {
		return nil, err
	}
	files, err := templateFiles.ReadDir("templates")
	if err != nil {
		return nil, err
	}
	all := pages{}
	for _, f := range files {
		name := strings.TrimSuffix(f.Name(), ".html")
		if name == "layout" || strings.HasPrefix(name, "part_") {
			continue
		}
		t, err := shared.Clone()
		if err != nil {
			return nil, err
		}
		if all[name], err = t.ParseFS(templateFiles, path.Join("templates", f.Name())); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// page is what every template gets. Its Body is the page's own model.
type page struct {
	Name   string // of the template
	Title  string
	Nav    string // which entry of the navigation is the current one
	House  string
	Caller api.Caller
	Known  bool // somebody is signed in
	Status int
	Body   any
	Form   form
	Done   string // what an act came to, after a redirect
	Token  string
	// Topics and Subject are what the page follows; At is what it was made from.
	Topics, Subject, At string
	SignOut             string
	Path                string // of the request, for pages of lists
	Scripts             []string
}

// May tells templates whether to offer what a role allows.
func (p page) May(role string) bool { return p.Caller.Has(api.Role(role)) }

// form is what came of an act that failed: what was typed, and what is wrong.
type form struct {
	Name   string // which of the page's forms
	Values map[string][]string
	Field  string // that is wrong; "" for the whole
	Error  string
	// Conflict is set when somebody else was faster.
	Conflict *ConflictError
}

// In narrows the form to one of the page's: elsewhere nothing is filled in.
func (f form) In(name string) form {
	if f.Name != name {
		return form{Name: name}
	}
	return f
}

// Value is what was typed.
func (f form) Value(field string) string {
	if v := f.Values[field]; len(v) > 0 {
		return v[0]
	}
	return ""
}

// Has tells whether a box was ticked.
func (f form) Has(field, value string) bool {
	for _, v := range f.Values[field] {
		if v == value {
			return true
		}
	}
	return false
}

// Wrong is what is wrong with a field, "" if nothing is.
func (f form) Wrong(field string) string {
	if f.Error != "" && f.Field == field {
		return f.Error
	}
	return ""
}

// handler serves a page or an act; what it returns as an error becomes a page.
type handler func(w http.ResponseWriter, r *http.Request) error

func (s *site) serve(h handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := h(w, r); err != nil {
			s.fail(w, r, err)
		}
	})
}

// show renders a page and sends it. It is rendered whole before its first byte
// goes out, so that no error ends in half a page.
func (s *site) show(w http.ResponseWriter, r *http.Request, p page) error {
	p.House, p.SignOut, p.Path = s.Title, s.SignOut, r.URL.Path
	p.Caller, p.Known = api.CallerFrom(r.Context())
	if r.Method == http.MethodPost {
		p.At = "" // the answer to a form cannot be asked for again, so it does not follow
	}
	if s.Token != nil {
		p.Token = s.Token(r)
	}
	if p.Done == "" {
		p.Done = done(r)
	}
	if p.Status == 0 {
		p.Status = http.StatusOK
	}
	t, ok := s.pages[p.Name]
	if !ok {
		return fmt.Errorf("there is no page %q", p.Name)
	}
	var buf bytes.Buffer
	if err := t.ExecuteTemplate(&buf, "layout.html", p); err != nil {
		return fmt.Errorf("make the page %q: %w", p.Name, err)
	}
	return send(w, r, p.Status, buf.Bytes())
}

var writers = sync.Pool{New: func() any { return gzip.NewWriter(nil) }}

// send writes HTML, compressed if the browser takes it. Session cookies are
// strict, so nobody can make a browser ask for a page of their choosing while
// they measure its length.
func send(w http.ResponseWriter, r *http.Request, status int, html []byte) error {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Add("Vary", "Accept-Encoding")
	if !acceptsGzip(r) {
		w.WriteHeader(status)
		_, _ = w.Write(html) // who is gone needs no answer
		return nil
	}
	w.Header().Set("Content-Encoding", "gzip")
	w.WriteHeader(status)
	z := writers.Get().(*gzip.Writer)
	defer writers.Put(z)
	z.Reset(w)
	_, _ = z.Write(html)
	_ = z.Close()
	return nil
}

func acceptsGzip(r *http.Request) bool {
	for part := range strings.SplitSeq(r.Header.Get("Accept-Encoding"), ",") {
		name, weight, _ := strings.Cut(strings.TrimSpace(part), ";")
		if name == "gzip" && strings.ReplaceAll(weight, " ", "") != "q=0" {
			return true
		}
	}
	return false
}

// problem is the body of a page that says why there is no other.
type problem struct {
	Heading string
	Text    string
	Number  string // also in the log
	Ask     string // what a break-glass request would name
}

// fail turns an error into a page. Only what is meant for the reader is shown.
func (s *site) fail(w http.ResponseWriter, r *http.Request, err error) {
	status, b := http.StatusInternalServerError, problem{
		Heading: "Something went wrong",
		Text:    "Nothing was changed. Try again; if it stays, tell whoever runs Portcullis this number.",
	}
	forbidden, isForbidden := errors.AsType[*ForbiddenError](err)
	conflict, isConflict := errors.AsType[*ConflictError](err)
	invalid, isInvalid := errors.AsType[*InvalidError](err)
	switch {
	case errors.Is(err, ErrNotFound):
		status, b = http.StatusNotFound, problem{Heading: "Not found", Text: "There is no such page, or it lies outside what you may see."}
	case isForbidden:
		status, b = http.StatusForbidden, problem{Heading: "You may not see or do this", Text: forbidden.Why, Ask: string(forbidden.Ask)}
	case isConflict:
		status, b = http.StatusConflict, problem{Heading: "Somebody else was faster", Text: conflict.Error() + " Nothing of yours was done."}
	case isInvalid:
		status, b = http.StatusUnprocessableEntity, problem{Heading: "That cannot be done", Text: invalid.Why}
	case errors.Is(err, ErrUnavailable), s.Away != nil && s.Away(err):
		w.Header().Set("Retry-After", "10")
		status, b = http.StatusServiceUnavailable, problem{Heading: "The store does not answer",
			Text: "Nothing was lost and nothing was done. Wait a moment and try again."}
	}
	if status >= http.StatusInternalServerError {
		b.Number = rand.Text()[:8]
		s.Log.Error("the desk could not answer", "number", b.Number, "method", r.Method, "path", r.URL.Path, "error", err)
	}
	if err := s.show(w, r, page{Name: "problem", Title: b.Heading, Status: status, Body: b}); err != nil {
		s.Log.Error("the desk could not say what went wrong", "error", err)
		http.Error(w, b.Heading, status)
	}
}

func (s *site) nowhere(http.ResponseWriter, *http.Request) error { return ErrNotFound }
