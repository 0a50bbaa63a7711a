package main

import (
	"context"
	"database/sql"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"portcullis.example/portcullis"
	"portcullis.example/portcullis/internal/api"
	"portcullis.example/portcullis/internal/assessment"
	"portcullis.example/portcullis/internal/campaigns"
	"portcullis.example/portcullis/internal/response"
	"portcullis.example/portcullis/internal/web/access"
)

// routes are the JSON interfaces of the contexts.
func (s *server) routes(links *correlator, office *response.Office) []api.Route {
	return slices.Concat(
		campaigns.Routes(s.app.store.DB(), s.app.store.Tx, links.deps()),
		assessment.Routes(s.app.store.DB(), s.app.store.Tx, s.now),
		response.Routes(s.app.store, office, s.app.mailer(), func(c api.Caller, person portcullis.ID) bool {
			return len(access.Visible(c, s.desk.standings().Of(person))) > 0
		}),
		s.desk.huntRoutes(),
	)
}

// described adds to routes their own description.
func described(routes []api.Route) []api.Route {
	describe := api.Route{Method: "GET", Path: "/openapi.json", Summary: "This description."}
	description := api.OpenAPI("Portcullis", version(), append(slices.Clone(routes), describe))
	describe.Handle = func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(description)
	}
	return append(routes, describe)
}

// noteCall writes to the audit what is about to be asked for. Whether it was done is in the
// log of what was acted on.
func (s *server) noteCall(r *http.Request) error {
	return s.app.store.Tx(r.Context(), func(tx *sql.Tx) error {
		return access.Audit(r.Context(), tx, "api", "api", map[string]string{"call": r.Method + " " + printable(r.URL.Path)})
	})
}

// followed has the audit and the open pages follow what programs do.
func (s *server) followed(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w = &refusing{ResponseWriter: w, server: s, request: r}
		if r.Method == http.MethodGet || r.Method == http.MethodHead {
			next.ServeHTTP(w, r)
			return
		}
		if err := s.noteCall(r); err != nil {
			s.log.Error("what a program asks for could not be written to the audit; it was refused", "error", err)
			api.WriteProblem(w, api.Problemf(http.StatusServiceUnavailable, "the audit cannot be written to, so nothing was done"))
			return
		}
		before, err := s.stands(r)
		next.ServeHTTP(w, r)
		if err = errors.Join(err, s.attendLater(r.Context(), before)); err != nil {
			s.log.Error("notices of a campaign that a program changed wait for its next change", "error", err)
		}
		s.desk.changed("campaigns", "")
		s.desk.changed("notices", "")
	})
}

// stands is how campaigns stand before a call that may change them; nil for other calls.
func (s *server) stands(r *http.Request) (map[portcullis.ID]campaigns.Stand, error) {
	if !strings.HasPrefix(r.URL.Path, api.Prefix+"/campaigns/") {
		return nil, nil
	}
	return s.desk.campaignRecords().Stands(r.Context())
}

// attendLater has the campaigns attended to that a call changed.
func (s *server) attendLater(ctx context.Context, before map[portcullis.ID]campaigns.Stand) error {
	if before == nil {
		return nil
	}
	after, err := s.desk.campaignRecords().Stands(ctx)
	if err != nil {
		return err
	}
	var keys []string
	for id, now := range after {
		if before[id].Version != now.Version {
			keys = append(keys, string(id))
		}
	}
	return s.app.store.Tx(ctx, func(tx *sql.Tx) error { return s.app.store.EnqueueOnce(ctx, tx, topicChanged, keys) })
}

// refusing writes to the audit that something was refused, before it is; and where the store
// is away it says that instead of that something failed.
type refusing struct {
	http.ResponseWriter
	server  *server
	request *http.Request
	told    bool // the answer was given, and what follows belongs to another
}

func (w *refusing) Write(b []byte) (int, error) {
	if w.told {
		return len(b), nil
	}
	return w.ResponseWriter.Write(b)
}

func (w *refusing) WriteHeader(status int) {
	if status == http.StatusInternalServerError && !w.server.answers(w.request.Context()) {
		w.told = true
		w.Header().Del("Content-Length")
		w.Header().Set("Retry-After", "10")
		api.WriteProblem(w.ResponseWriter, api.Problemf(http.StatusServiceUnavailable, "The store does not answer. Nothing was lost; try again in a moment."))
		return
	}
	if status == http.StatusForbidden {
		ctx := w.request.Context()
		err := w.server.app.store.Tx(ctx, func(tx *sql.Tx) error {
			return access.AuditRefusal(ctx, tx, "api", w.request.Method+" "+w.request.URL.Path, "not with this role, or within these bounds")
		})
		if err != nil {
			w.server.log.Error("a refusal could not be written to the audit", "error", err)
		}
	}
	w.ResponseWriter.WriteHeader(status)
}

// Unwrap lets http.ResponseController find what is beneath.
func (w *refusing) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// mayCall keeps programs and people whose view is bounded from what is not: the routes of
// notices bound themselves, the others show everything or nothing.
func (s *server) mayCall(c api.Caller, r api.Route) bool {
	if c.Has(api.Admin) && r.Role != api.Admin && r.Role != "" {
		return false // administrators read no evidence
	}
	if r.Method != http.MethodGet && strings.HasPrefix(r.Path, "/notices") && (c.Via == api.ViaToken || !c.Has(api.Approver)) {
		return false // what leaves the house, or stops a clock, needs a person with that role
	}
	return c.Scope.Unbounded() || strings.HasPrefix(r.Path, "/notices") || strings.HasPrefix(r.Path, "/openapi") || r.Path == "/screen" || strings.HasPrefix(r.Path, "/lists")
}

// answers tells whether the store does.
func (s *server) answers(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	return s.app.store.DB().PingContext(ctx) == nil
}

// health answers whether the store does.
func (s *server) health(w http.ResponseWriter, r *http.Request) {
	if !s.answers(r.Context()) {
		http.Error(w, "the store does not answer", http.StatusServiceUnavailable)
		return
	}
	_, _ = w.Write([]byte("ok\n"))
}
