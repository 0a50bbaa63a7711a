package ledger

import (
	"errors"
	"net/http"
	"strings"

	"portcullis.example/portcullis/internal/api"
	"portcullis.example/portcullis/internal/screening"
)

const (
	maxBody     = 1 << 20
	maxRequests = 1000
)

// ScreenRequest asks about one name, or about several at once.
type ScreenRequest struct {
	Request
	All       bool      `json:"all,omitempty"`       // every entry over the threshold
	Threshold float64   `json:"threshold,omitempty"` // instead of the configured one
	Names     []Request `json:"names,omitempty"`     // instead of name
}

// CompareRequest asks how two names compare.
type CompareRequest struct {
	A      string `json:"a"`
	B      string `json:"b"`
	Schema string `json:"schema,omitempty"`
}

// Compared is how two names compare.
type Compared struct {
	Schema    int       `json:"schema"`
	Score     float64   `json:"score"`
	Alignment []Aligned `json:"alignment"`
	Against   []string  `json:"against,omitempty"`
}

// Listing are versions of lists.
type Listing struct {
	Schema int       `json:"schema"`
	Lists  []Version `json:"lists"`
}

// DecisionListing are decisions.
type DecisionListing struct {
	Schema    int        `json:"schema"`
	Decisions []Decision `json:"decisions"`
}

// HitListing are contacts that list changes have met.
type HitListing struct {
	Schema int   `json:"schema"`
	Hits   []Hit `json:"hits"`
}

// Routes are the operations of screening.
func (l *Ledger) Routes() []api.Route {
	return []api.Route{
		{Method: "POST", Path: "/screen", Summary: "Screen a name, or several, against the lists in force", Role: api.Reader, Body: ScreenRequest{}, Result: Screening{}, Handle: l.screen},
		{Method: "POST", Path: "/screen/compare", Summary: "How two names compare, and why", Role: api.Reader, Body: CompareRequest{}, Result: Compared{}, Handle: compareNames},
		{Method: "GET", Path: "/screen/decisions", Summary: "What people decided about names and entries", Role: api.Reader, Result: DecisionListing{}, Handle: l.listDecisions,
			Query: []api.Param{{Name: "ended", Summary: "true: those that no longer hold too"}}},
		{Method: "POST", Path: "/screen/decisions", Summary: "Remember that a name is, or is not, that of an entry", Role: api.Analyst, Body: Deciding{}, Result: Decision{}, Handle: l.decide},
		{Method: "GET", Path: "/screen/hits", Summary: "Kept contacts that a changed list has met", Role: api.Analyst, Result: HitListing{}, Handle: l.listHits},
		{Method: "GET", Path: "/lists", Summary: "The lists in force: version, date, SHA-256", Role: api.Reader, Result: Listing{}, Handle: l.lists},
		{Method: "GET", Path: "/lists/{list}", Summary: "All versions of a list, the latest first", Role: api.Reader, Result: Listing{}, Handle: l.history},
	}
}

// readJSON takes a body whose type is that of a form, which curl -d sends, for JSON, if it
// comes with a bearer token: a page of somebody else's can make a browser send a form,
// but not a token.
func readJSON(w http.ResponseWriter, r *http.Request, into any) error {
	if strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded") && strings.HasPrefix(r.Header.Get("Authorization"), "Bearer ") {
		r.Header.Set("Content-Type", "application/json")
	}
	return api.ReadJSON(w, r, into, maxBody)
}

func (l *Ledger) screen(w http.ResponseWriter, r *http.Request) {
	var in ScreenRequest
	if err := readJSON(w, r, &in); err != nil {
		api.WriteError(w, err)
		return
	}
	requests := in.Names
	switch {
	case len(requests) > 0 && in.Name != "":
		api.WriteProblem(w, api.Problemf(http.StatusUnprocessableEntity, "Send name or names, not both."))
		return
	case len(requests) > maxRequests:
		api.WriteProblem(w, api.Problemf(http.StatusUnprocessableEntity, "At most %d names at once.", maxRequests))
		return
	case len(requests) == 0:
		requests = []Request{in.Request}
	}
	s, err := l.Screen(r.Context(), requests, Options{Who: callerName(r), All: in.All, Threshold: in.Threshold})
	answerHTTP(w, s, err)
}

func callerName(r *http.Request) string {
	c, _ := api.CallerFrom(r.Context()) // api.Handler lets nobody else through
	return c.Name
}

// CompareNames is the comparison as it is told.
func CompareNames(in CompareRequest) (Compared, error) {
	kind, ok := ParseSchema(in.Schema)
	if !ok {
		return Compared{}, refusedf("schema %q: want person, organisation, vessel or aircraft", in.Schema)
	}
	for _, name := range []string{in.A, in.B} {
		if err := (Request{Name: name}).Check(); err != nil {
			return Compared{}, err
		}
	}
	c := screening.Compare(in.A, in.B, kind)
	out := Compared{Schema: 1, Score: rounded(c.Score), Alignment: []Aligned{}, Against: c.Against}
	for _, p := range c.Alignment {
		out.Alignment = append(out.Alignment, Aligned{p.Query, p.Entry, p.Transformation, rounded(p.Weight), rounded(p.Score)})
	}
	return out, nil
}

func compareNames(w http.ResponseWriter, r *http.Request) {
	var in CompareRequest
	if err := readJSON(w, r, &in); err != nil {
		api.WriteError(w, err)
		return
	}
	out, err := CompareNames(in)
	answerHTTP(w, out, err)
}

func (l *Ledger) listDecisions(w http.ResponseWriter, r *http.Request) {
	list, err := l.Decisions(r.Context(), r.URL.Query().Get("ended") == "true")
	answerHTTP(w, DecisionListing{1, append([]Decision{}, list...)}, err)
}

func (l *Ledger) decide(w http.ResponseWriter, r *http.Request) {
	var in Deciding
	if err := readJSON(w, r, &in); err != nil {
		api.WriteError(w, err)
		return
	}
	d, err := l.Decide(r.Context(), callerName(r), in)
	answerHTTP(w, d, err)
}

func (l *Ledger) listHits(w http.ResponseWriter, r *http.Request) {
	hits, err := l.Hits(r.Context())
	answerHTTP(w, HitListing{1, append([]Hit{}, hits...)}, err)
}

func (l *Ledger) lists(w http.ResponseWriter, r *http.Request) {
	all, err := l.Lists(r.Context())
	answerHTTP(w, Listing{1, append([]Version{}, all...)}, err)
}

func (l *Ledger) history(w http.ResponseWriter, r *http.Request) {
	all, err := l.History(r.Context(), r.PathValue("list"))
	if err == nil && len(all) == 0 {
		err = api.Problemf(http.StatusNotFound, "There is no list of that name.")
	}
	answerHTTP(w, Listing{1, all}, err)
}

// answerHTTP writes the result, or the problem in words that a caller can act on.
func answerHTTP(w http.ResponseWriter, v any, err error) {
	var refused *RefusedError
	switch {
	case err == nil:
		api.WriteJSON(w, http.StatusOK, v)
	case errors.Is(err, ErrNotFound):
		api.WriteProblem(w, api.Problemf(http.StatusNotFound, "%s", err.Error()))
	case errors.Is(err, ErrNoLists):
		api.WriteProblem(w, api.Problemf(http.StatusConflict, "No list has been added yet."))
	case errors.As(err, &refused):
		api.WriteProblem(w, api.Problemf(http.StatusUnprocessableEntity, "%s", err.Error()))
	default:
		api.WriteError(w, err)
	}
}
