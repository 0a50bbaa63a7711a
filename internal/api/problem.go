package api

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
)

// Problem is a refusal or failure as RFC 9457 has it. It is an error too, so that a
// function may return one and its handler write it. Detail goes to the peer: it says
// what to do, never what lies inside.
type Problem struct {
	Type   string `json:"type,omitempty"` // a URI; "" is about:blank, RFC 9457 §4.2.1
	Title  string `json:"title"`          // "" is the status's own words
	Status int    `json:"status"`
	Detail string `json:"detail,omitempty"`
}

func (p Problem) Error() string {
	if p.Detail == "" {
		return http.StatusText(p.Status)
	}
	return p.Detail
}

// Problemf makes a problem of a status and a sentence for the peer.
func Problemf(status int, format string, args ...any) Problem {
	return Problem{Status: status, Detail: fmt.Sprintf(format, args...)}
}

// WriteProblem answers with the problem as application/problem+json.
func WriteProblem(w http.ResponseWriter, p Problem) {
	if p.Status < 400 || p.Status > 599 {
		p.Status = http.StatusInternalServerError
	}
	if p.Title == "" {
		p.Title = http.StatusText(p.Status)
	}
	write(w, p.Status, "application/problem+json", p)
}

// WriteError answers with the [Problem] that the error is or wraps. Of any other error
// the peer learns nothing but that something failed; it is the caller's to log.
func WriteError(w http.ResponseWriter, err error) {
	if p, ok := errors.AsType[Problem](err); ok {
		WriteProblem(w, p)
		return
	}
	WriteProblem(w, Problemf(http.StatusInternalServerError, "The request could not be completed; the operator's log says why."))
}

// WriteJSON answers with the value as JSON. A value that cannot be encoded is an
// internal error, told before anything has been sent.
// An object says in "schema" which form it has; what does not say so itself has the first.
func WriteJSON(w http.ResponseWriter, status int, v any) { write(w, status, "application/json", v) }

// versioned puts "schema" into an object that lacks it.
func versioned(body []byte) []byte {
	var has struct {
		Schema json.RawMessage `json:"schema"`
	}
	if len(body) < 2 || body[0] != '{' || json.Unmarshal(body, &has) != nil || has.Schema != nil {
		return body
	}
	if body[1] == '}' {
		return []byte(`{"schema":1}`)
	}
	return append(body[:len(body)-1], `,"schema":1}`...)
}

func write(w http.ResponseWriter, status int, mediaType string, v any) {
	body, err := json.Marshal(v) // escapes <, > and &: harmless even where it is taken for HTML
	if err != nil {
		status, mediaType = http.StatusInternalServerError, "application/problem+json"
		body = []byte(`{"title":"Internal Server Error","status":500,"detail":"The answer could not be encoded."}`)
	}
	if mediaType == "application/json" {
		body = versioned(body)
	}
	h := w.Header()
	h.Set("Content-Type", mediaType)
	h.Set("X-Content-Type-Options", "nosniff")
	if h.Get("Cache-Control") == "" {
		h.Set("Cache-Control", "no-store")
	}
	w.WriteHeader(status)
	_, _ = w.Write(append(body, '\n')) // a peer that hung up is nobody's error
}
