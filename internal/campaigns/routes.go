package campaigns

import (
	"context"
	"database/sql"
	"errors"
	"net/http"
	"strconv"
	"time"

	"portcullis.example/portcullis"
	"portcullis.example/portcullis/internal/api"
)

// Transact runs fn in one transaction for writing, as (*store.Store).Tx does.
type Transact func(ctx context.Context, fn func(tx *sql.Tx) error) error

const (
	maxBody  = 1 << 20
	listMost = 500
)

// handlers serve the JSON interface. deps gives what correlation needs for one request,
// since some of it reads from the same database or transaction.
type handlers struct {
	db   *sql.DB
	tx   Transact
	deps Deps
}

// MergeRequest asks to let another campaign go up in the one of the path.
type MergeRequest struct {
	With    portcullis.ID `json:"with"`
	Why     string        `json:"why"`
	Version int           `json:"version"` // of the campaign of the path, as last seen
}

// SplitRequest asks to take events out of a campaign.
type SplitRequest struct {
	Events  []portcullis.ID `json:"events"`
	Why     string          `json:"why"`
	Version int             `json:"version"`
}

// UndoRequest asks to take a decision back.
type UndoRequest struct {
	Why string `json:"why"`
}

// Listing is a list of campaigns.
type Listing struct {
	Schema    int       `json:"schema"`
	Campaigns []Summary `json:"campaigns"`
}

// Routes are the operations on campaigns. What a caller is allowed to see is for whoever
// mounts them to decide.
func Routes(db *sql.DB, tx Transact, d Deps) []api.Route {
	h := handlers{db, tx, d}
	return []api.Route{
		{Method: "GET", Path: "/campaigns", Summary: "List campaigns, the latest first", Role: api.Reader, Result: Listing{}, Handle: h.list,
			Query: []api.Param{{Name: "person", Summary: "only those that reached this person"}, {Name: "event", Summary: "only the one of this event"},
				{Name: "since", Summary: "only those seen on or after this day, 2006-01-02"}, {Name: "ordinary", Summary: "true: those that concern no protected person too"},
				{Name: "limit", Summary: "at most so many, up to 500"}}},
		{Method: "GET", Path: "/campaigns/{id}", Summary: "All that is known of one campaign", Role: api.Reader, Result: Campaign{}, Handle: h.show},
		{Method: "GET", Path: "/campaigns/{id}/reach", Summary: "Whom it reached beyond the known members", Role: api.Analyst, Result: Reach{}, Handle: h.reach},
		{Method: "GET", Path: "/campaigns/explain", Summary: "Weigh two events against each other", Role: api.Analyst, Result: Weighing{}, Handle: h.explain,
			Query: []api.Param{{Name: "a", Required: true}, {Name: "b", Required: true}}},
		{Method: "POST", Path: "/campaigns/{id}/merge", Summary: "Let another campaign go up in this one", Role: api.Analyst, Body: MergeRequest{}, Result: Summary{}, Handle: h.merge},
		{Method: "POST", Path: "/campaigns/{id}/split", Summary: "Take events out of a campaign; answers the new one, or that which stays where a single event leaves", Role: api.Analyst, Body: SplitRequest{}, Result: Summary{}, Handle: h.split},
		{Method: "POST", Path: "/campaigns/decisions/{num}/undo", Summary: "Take a decision back", Role: api.Analyst, Body: UndoRequest{}, Result: struct{}{}, Handle: h.undo},
	}
}

func (h handlers) reader() *Reader { return NewReader(h.db, h.deps) }

func (h handlers) list(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	query := Query{Person: portcullis.ID(q.Get("person")), Event: portcullis.ID(q.Get("event")), Ordinary: q.Get("ordinary") == "true", Limit: listMost}
	if s := q.Get("since"); s != "" {
		since, err := time.Parse("2006-01-02", s)
		if err != nil {
			api.WriteProblem(w, api.Problemf(http.StatusBadRequest, "since: want a day such as 2026-11-01"))
			return
		}
		query.Since = since
	}
	if s := q.Get("limit"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil || n < 1 || n > listMost {
			api.WriteProblem(w, api.Problemf(http.StatusBadRequest, "limit: want a number from 1 to %d", listMost))
			return
		}
		query.Limit = n
	}
	list, err := h.reader().Campaigns(r.Context(), query)
	answer(w, Listing{1, list}, err)
}

func (h handlers) show(w http.ResponseWriter, r *http.Request) {
	c, err := h.reader().Campaign(r.Context(), portcullis.ID(r.PathValue("id")))
	answer(w, c, err)
}

func (h handlers) reach(w http.ResponseWriter, r *http.Request) {
	reach, err := h.reader().Reach(r.Context(), portcullis.ID(r.PathValue("id")))
	answer(w, reach, err)
}

func (h handlers) explain(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	weighing, err := h.reader().Explain(r.Context(), portcullis.ID(q.Get("a")), portcullis.ID(q.Get("b")))
	answer(w, weighing, err)
}

func (h handlers) merge(w http.ResponseWriter, r *http.Request) {
	var in MergeRequest
	act(h, w, r, &in, func(ctx context.Context, cw *Writer, who string) (Summary, error) {
		return cw.Merge(ctx, who, in.Why, portcullis.ID(r.PathValue("id")), in.With, in.Version)
	})
}

func (h handlers) split(w http.ResponseWriter, r *http.Request) {
	var in SplitRequest
	act(h, w, r, &in, func(ctx context.Context, cw *Writer, who string) (Summary, error) {
		id := portcullis.ID(r.PathValue("id"))
		s, err := cw.Split(ctx, who, in.Why, id, in.Events, in.Version)
		if err == nil && s.ID == "" { // one mail, which stands alone now
			return cw.Summary(ctx, id)
		}
		return s, err
	})
}

func (h handlers) undo(w http.ResponseWriter, r *http.Request) {
	var in UndoRequest
	act(h, w, r, &in, func(ctx context.Context, cw *Writer, who string) (struct{}, error) {
		num, err := strconv.ParseInt(r.PathValue("num"), 10, 64)
		if err != nil {
			return struct{}{}, api.Problemf(http.StatusBadRequest, "a decision has a number")
		}
		return struct{}{}, cw.Undo(ctx, who, in.Why, num)
	})
}

// act runs what a caller decided in one transaction, in the caller's name.
func act[T any](h handlers, w http.ResponseWriter, r *http.Request, in any, fn func(ctx context.Context, cw *Writer, who string) (T, error)) {
	caller, ok := api.CallerFrom(r.Context())
	if !ok {
		api.WriteProblem(w, api.Problemf(http.StatusUnauthorized, "sign in first"))
		return
	}
	if err := api.ReadJSON(w, r, in, maxBody); err != nil {
		api.WriteError(w, err)
		return
	}
	var result T
	err := h.tx(r.Context(), func(tx *sql.Tx) (err error) {
		cw := NewWriter(tx, h.deps)
		defer cw.Close()
		result, err = fn(r.Context(), cw, caller.Name)
		return err
	})
	answer(w, result, err)
}

// answer writes the result, or the problem in words that a caller can act on.
func answer(w http.ResponseWriter, v any, err error) {
	var changed *ChangedError
	var refused *RefusedError
	switch {
	case err == nil:
		api.WriteJSON(w, http.StatusOK, v)
	case errors.As(err, &changed):
		api.WriteProblem(w, api.Problemf(http.StatusConflict, "%s", changed.Error()))
	case errors.Is(err, ErrNotFound):
		api.WriteProblem(w, api.Problemf(http.StatusNotFound, "%s", err.Error()))
	case errors.As(err, &refused), errors.Is(err, ErrSelf):
		api.WriteProblem(w, api.Problemf(http.StatusUnprocessableEntity, "%s", err.Error()))
	default:
		api.WriteError(w, err)
	}
}
