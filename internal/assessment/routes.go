package assessment

import (
	"context"
	"database/sql"
	"errors"
	"net/http"
	"time"

	"portcullis.example/portcullis"
	"portcullis.example/portcullis/internal/api"
)

// maxBody bounds what a request may carry.
const maxBody = 4 << 20

// Transact runs fn in a transaction and commits if it returns nil; it may run it again
// where the database asks for that.
type Transact func(ctx context.Context, fn func(*sql.Tx) error) error

// Routes are the operations on assessments.
func Routes(db *sql.DB, tx Transact, now func() time.Time) []api.Route {
	h := handlers{db, tx, now}
	return []api.Route{
		{Method: "GET", Path: "/campaigns/{id}/assessment", Role: api.Reader, Result: Exported{}, Handle: h.get,
			Summary: "The latest assessment of a campaign, without who did it."},
		{Method: "GET", Path: "/campaigns/{id}/assessment/matrix", Role: api.Analyst, Result: Assessment{}, Handle: h.matrix,
			Summary: "The latest assessment with its matrices of competing hypotheses; with who did it only for approvers."},
		{Method: "POST", Path: "/campaigns/{id}/assessment/export", Role: api.Approver, Body: exportRequest{}, Result: Exported{}, Handle: h.export,
			Summary: "The latest assessment with who did it, under the caller's name, which is recorded."},
		{Method: "POST", Path: "/campaigns/{id}/assessment/outcome", Role: api.Analyst, Body: outcomeRequest{}, Result: Outcome{}, Handle: h.outcome,
			Summary: "Enter how a statement turned out."},
		{Method: "GET", Path: "/campaigns/{id}/assessment/replay", Role: api.Analyst, Result: Replayed{}, Handle: h.replay,
			Summary: "Compute all assessments of a campaign again from the record and compare byte for byte."},
		{Method: "GET", Path: "/assessments/history", Role: api.Analyst, Result: History{}, Handle: h.history,
			Summary: "The ledger of scored statements; without those about who did it."},
	}
}

type handlers struct {
	db  *sql.DB
	tx  Transact
	now func() time.Time
}

type exportRequest struct {
	Why string `json:"why"`
}

type outcomeRequest struct {
	Proposition Proposition `json:"proposition"`
	Held        bool        `json:"held"`
	Why         string      `json:"why"`
}

func campaignOf(r *http.Request) portcullis.ID { return portcullis.ID(r.PathValue("id")) }

// latest reads, or answers that there is nothing.
func (h handlers) latest(w http.ResponseWriter, r *http.Request) (Stored, bool) {
	s, ok, err := NewReader(h.db).Latest(r.Context(), campaignOf(r))
	if err == nil && !ok {
		err = ErrNotAssessed
	}
	if err != nil {
		refuse(w, err)
		return s, false
	}
	return s, true
}

// refuse tells a peer what is its own to mend.
func refuse(w http.ResponseWriter, err error) {
	var refused *RefusedError
	switch {
	case errors.As(err, &refused):
		api.WriteError(w, api.Problemf(http.StatusUnprocessableEntity, "%s", refused.Reason))
	case errors.Is(err, ErrNotAssessed):
		api.WriteError(w, api.Problemf(http.StatusNotFound, "This campaign has not been assessed."))
	case errors.Is(err, ErrNoApprover):
		api.WriteError(w, api.Problemf(http.StatusForbidden, "Who did it leaves the house only with an approver's name."))
	default:
		api.WriteError(w, err)
	}
}

func (h handlers) get(w http.ResponseWriter, r *http.Request) {
	s, ok := h.latest(w, r)
	if !ok {
		return
	}
	history, err := NewReader(h.db).History(r.Context())
	if err != nil {
		refuse(w, err)
		return
	}
	out, err := s.Export(history, false, "")
	if err != nil {
		refuse(w, err)
		return
	}
	api.WriteJSON(w, http.StatusOK, out)
}

func (h handlers) matrix(w http.ResponseWriter, r *http.Request) {
	s, ok := h.latest(w, r)
	if !ok {
		return
	}
	a := s.Assessment
	if c, _ := api.CallerFrom(r.Context()); !c.Has(api.Approver) {
		a = a.WithoutAttribution()
	}
	api.WriteJSON(w, http.StatusOK, a)
}

func (h handlers) export(w http.ResponseWriter, r *http.Request) {
	var body exportRequest
	c, ok := api.CallerFrom(r.Context())
	if !ok || !c.Has(api.Approver) {
		refuse(w, ErrNoApprover)
		return
	}
	if err := api.ReadJSON(w, r, &body, maxBody); err != nil {
		refuse(w, err)
		return
	}
	if body.Why == "" {
		api.WriteError(w, api.Problemf(http.StatusBadRequest, "Say why in \"why\"; it is kept with your name."))
		return
	}
	var out Exported
	err := h.tx(r.Context(), func(tx *sql.Tx) (err error) {
		out, err = NewWriter(tx).Approved(r.Context(), c.Name, h.now(), campaignOf(r), body.Why)
		return err
	})
	if err != nil {
		refuse(w, err)
		return
	}
	api.WriteJSON(w, http.StatusOK, out)
}

func (h handlers) outcome(w http.ResponseWriter, r *http.Request) {
	var body outcomeRequest
	c, _ := api.CallerFrom(r.Context())
	if err := api.ReadJSON(w, r, &body, maxBody); err != nil {
		refuse(w, err)
		return
	}
	if body.Why == "" || c.Name == "" {
		api.WriteError(w, api.Problemf(http.StatusBadRequest, "Say in \"why\" how it is known; it is kept with your name."))
		return
	}
	if body.Proposition.Attribution() && !c.Has(api.Approver) {
		api.WriteError(w, api.Problemf(http.StatusForbidden, "Only approvers see and score who did it."))
		return
	}
	var out Outcome
	err := h.tx(r.Context(), func(tx *sql.Tx) (err error) {
		out, err = NewWriter(tx).Score(r.Context(), c.Name, h.now(), campaignOf(r), body.Proposition, body.Held, body.Why)
		return err
	})
	if err != nil {
		refuse(w, err)
		return
	}
	api.WriteJSON(w, http.StatusOK, out)
}

func (h handlers) replay(w http.ResponseWriter, r *http.Request) {
	out, err := NewReader(h.db).Replay(r.Context(), campaignOf(r))
	if err != nil {
		refuse(w, err)
		return
	}
	api.WriteJSON(w, http.StatusOK, out)
}

func (h handlers) history(w http.ResponseWriter, r *http.Request) {
	out, err := NewReader(h.db).History(r.Context())
	if err != nil {
		refuse(w, err)
		return
	}
	kept := out.Outcomes[:0]
	for _, o := range out.Outcomes {
		if !o.Proposition.Attribution() {
			kept = append(kept, o)
		}
	}
	out.Outcomes = kept
	api.WriteJSON(w, http.StatusOK, out)
}
