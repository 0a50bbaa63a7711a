package api

import "net/http"

// Handler serves the routes below [Prefix]. A request goes through when a caller is in
// its context ([WithCaller]), has the route's role, and allow, if given, says yes; allow
// is asked last. Whatever is wrong with a request is told as a [Problem].
//
// Two routes with the same method and path are a mistake of the program, and panic when
// the handler is made, as net/http's patterns do.
func Handler(routes []Route, allow func(Caller, Route) bool) http.Handler {
	mux := http.NewServeMux()
	for _, route := range routes {
		mux.Handle(route.Method+" "+Prefix+route.Path, guarded(route, allow))
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h, pattern := mux.Handler(r)
		if pattern != "" {
			mux.ServeHTTP(w, r) // again, for it sets the values of the path
			return
		}
		if _, ok := CallerFrom(r.Context()); !ok { // who may not ask learns not what there is
			unauthorized(w)
			return
		}
		h.ServeHTTP(&plainRefusal{ResponseWriter: w}, r)
	})
}

func guarded(route Route, allow func(Caller, Route) bool) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		caller, ok := CallerFrom(r.Context())
		switch {
		case !ok:
			unauthorized(w)
		case route.Role != "" && !caller.Has(route.Role):
			WriteProblem(w, Problemf(http.StatusForbidden, "This needs the role %s.", route.Role))
		case allow != nil && !allow(caller, route):
			WriteProblem(w, Problemf(http.StatusForbidden, "You may not do this."))
		default:
			route.Handle(w, r)
		}
	})
}

// unauthorized answers as RFC 6750 §3 has it.
func unauthorized(w http.ResponseWriter) {
	w.Header().Set("WWW-Authenticate", "Bearer")
	WriteProblem(w, Problemf(http.StatusUnauthorized, "Sign in, or send a bearer token."))
}

// plainRefusal turns the multiplexer's own refusals (404, 405 with Allow) into problems.
// Its redirects to a cleaned path pass.
type plainRefusal struct {
	http.ResponseWriter
	told bool
}

func (p *plainRefusal) WriteHeader(status int) {
	if status < 400 {
		p.ResponseWriter.WriteHeader(status)
		return
	}
	p.told = true
	p.Header().Del("Content-Length")
	WriteProblem(p.ResponseWriter, Problem{Status: status})
}

func (p *plainRefusal) Write(b []byte) (int, error) {
	if p.told {
		return len(b), nil
	}
	return p.ResponseWriter.Write(b)
}
