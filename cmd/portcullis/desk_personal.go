package main

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"portcullis.example/portcullis"
	"portcullis.example/portcullis/internal/api"
	"portcullis.example/portcullis/internal/archive"
	"portcullis.example/portcullis/internal/web"
	"portcullis.example/portcullis/internal/web/access"
)

// AskHunt asks to hunt for somebody's address or a subject.
func (d *deskService) AskHunt(ctx context.Context, a web.HuntAct) (portcullis.ID, error) {
	p, err := archive.ParsePattern(strings.TrimSpace(a.Text))
	if err != nil {
		return "", &web.InvalidError{Field: "q", Why: sentence(err.Error())}
	}
	if !archive.Personal(p) {
		return "", &web.InvalidError{Field: "q", Why: "This leads to nobody: look for it without a second person."}
	}
	asked, err := d.guard.AskHunt(ctx, p.String(), a.Why, d.standings().Of(d.whoseAddress(p)...)...)
	if err != nil {
		return "", d.huntError(err)
	}
	d.changed("audit", asked.ID)
	return asked.ID, nil
}

// whoseAddress are the protected people whom an address belongs to.
func (d *deskService) whoseAddress(p portcullis.Observable) (ids []portcullis.ID) {
	if p.Type == portcullis.TypeSubject {
		return nil
	}
	for _, who := range d.dir.ByAddress(strings.TrimPrefix(p.Value, "mailto:")) {
		ids = append(ids, who.ID)
	}
	return ids
}

// DecideHunt is the second person's answer.
func (d *deskService) DecideHunt(ctx context.Context, a web.DecideAct) error {
	_, err := d.guard.DecideHunt(ctx, a.Request, a.Grant, a.Why)
	d.changed("audit", a.Request)
	return d.huntError(err)
}

// huntError is what the form says: what is neither a refusal nor decided already is about
// what was typed.
func (d *deskService) huntError(err error) error {
	if errors.Is(err, access.ErrNoHunt) {
		return &web.ForbiddenError{Why: sentence(err.Error())}
	}
	return d.glassError(err)
}

// personalHunt runs what was agreed to.
func (d *deskService) personalHunt(ctx context.Context, q web.HuntQuery) (out web.Hunt, err error) {
	h, err := d.guard.RunHunt(ctx, q.Request)
	if err != nil {
		return out, d.huntError(err)
	}
	p, err := archive.ParsePattern(h.Pattern)
	if err != nil {
		return out, err
	}
	return d.search(ctx, q, p, out)
}

// huntRequests are the hunts that were asked for: the caller's own, and those that the caller
// may decide about.
func (d *deskService) huntRequests(ctx context.Context, limit int) (out []web.HuntRequest, err error) {
	list, err := d.guard.PersonalHunts(ctx)
	if err != nil {
		return nil, err
	}
	for _, h := range list[:min(len(list), limit)] {
		r := web.HuntRequest{ID: h.ID, Text: h.Pattern, Who: h.AskedBy, Why: h.Purpose, Asked: d.atDesk(h.Asked), State: "waiting", Decided: h.DecidedBy, Until: d.atDesk(h.Expires), Mine: h.AskedBy == caller(ctx).Name}
		switch {
		case h.Approved:
			r.State = "agreed"
		case h.DecidedBy != "":
			r.State = "refused"
		}
		out = append(out, r)
	}
	return out, nil
}

// The bodies of requests about personal hunts, and their answers.
type (
	huntAskBody struct {
		Pattern string `json:"pattern"`
		Purpose string `json:"purpose"`
	}
	huntDecideBody struct {
		Agree bool   `json:"agree"`
		Why   string `json:"why,omitempty"` // needed to refuse
	}
	huntRequestList struct {
		Schema int                   `json:"schema"`
		Hunts  []access.PersonalHunt `json:"hunts"`
	}
	huntAsked struct {
		Schema int           `json:"schema"`
		ID     portcullis.ID `json:"id"`
	}
	huntFound struct {
		Schema int         `json:"schema"`
		Total  int         `json:"total"`
		Next   string      `json:"next,omitempty"`
		Hits   []huntedHit `json:"hits"`
	}
	huntedHit struct {
		Event   portcullis.ID `json:"event"`
		Time    string        `json:"time"`
		Value   string        `json:"value"`
		Form    string        `json:"form"`
		Part    string        `json:"part"`
		Person  portcullis.ID `json:"person,omitempty"`
		Address string        `json:"address,omitempty"`
	}
)

// huntRoutes let people who have signed in ask for, decide about and run hunts for addresses
// and subjects. Programs can do none of it.
func (d *deskService) huntRoutes() []api.Route {
	return []api.Route{
		{Method: "GET", Path: "/hunts", Role: api.Reader, Result: huntRequestList{}, Handle: d.apiHunts,
			Summary: "Hunts for addresses and subjects: those you asked for, and those that wait for you as the second person."},
		{Method: "POST", Path: "/hunts", Role: api.Analyst, Body: huntAskBody{}, Result: huntAsked{}, Handle: d.apiAskHunt,
			Summary: "Ask to hunt for an address or a subject, with a purpose. Somebody else has to agree."},
		{Method: "POST", Path: "/hunts/{id}/decide", Role: api.Approver, Body: huntDecideBody{}, Handle: d.apiDecideHunt,
			Summary: "Agree to a hunt that somebody else asked for, or refuse."},
		{Method: "POST", Path: "/hunts/{id}/run", Role: api.Analyst, Result: huntFound{}, Handle: d.apiRunHunt,
			Query: []api.Param{{Name: "page", Summary: "the next of the page before"}}, Summary: "Run a hunt that was agreed to. Each run is recorded."},
	}
}

func (d *deskService) apiHunts(w http.ResponseWriter, r *http.Request) {
	list, err := d.guard.PersonalHunts(r.Context())
	if err != nil {
		api.WriteError(w, err)
		return
	}
	api.WriteJSON(w, http.StatusOK, huntRequestList{1, append([]access.PersonalHunt{}, list...)})
}

func (d *deskService) apiAskHunt(w http.ResponseWriter, r *http.Request) {
	var body huntAskBody
	if err := api.ReadJSON(w, r, &body, 16<<10); err != nil {
		api.WriteError(w, err)
		return
	}
	id, err := d.AskHunt(r.Context(), web.HuntAct{Text: body.Pattern, Why: body.Purpose})
	if err != nil {
		api.WriteError(w, asProblem(err))
		return
	}
	api.WriteJSON(w, http.StatusCreated, huntAsked{1, id})
}

func (d *deskService) apiDecideHunt(w http.ResponseWriter, r *http.Request) {
	var body huntDecideBody
	err := api.ReadJSON(w, r, &body, 16<<10)
	switch {
	case err != nil:
	case !body.Agree && len(strings.TrimSpace(body.Why)) < 3:
		err = api.Problemf(http.StatusBadRequest, "Say in \"why\" why you refuse; it is kept.")
	default:
		err = asProblem(d.DecideHunt(r.Context(), web.DecideAct{Request: portcullis.ID(r.PathValue("id")), Grant: body.Agree, Why: body.Why}))
	}
	if err != nil {
		api.WriteError(w, err)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

func (d *deskService) apiRunHunt(w http.ResponseWriter, r *http.Request) {
	found, err := d.Hunt(r.Context(), web.HuntQuery{Request: portcullis.ID(r.PathValue("id")), Page: r.URL.Query().Get("page"), Limit: web.MaxRows})
	if err != nil {
		api.WriteError(w, asProblem(err))
		return
	}
	out := huntFound{Schema: 1, Total: found.Total, Next: found.Next, Hits: []huntedHit{}}
	for _, h := range found.Hits {
		out.Hits = append(out.Hits, huntedHit{h.Event, h.Time.UTC().Format("2006-01-02T15:04:05Z"), h.Value, h.Form, h.Where, h.Person.ID, h.Address})
	}
	api.WriteJSON(w, http.StatusOK, out)
}

// asProblem is an answer of the desk in the form that programs get.
func asProblem(err error) error {
	var forbidden *web.ForbiddenError
	var invalid *web.InvalidError
	var conflict *web.ConflictError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &forbidden):
		return api.Problemf(http.StatusForbidden, "%s", forbidden.Why)
	case errors.As(err, &invalid):
		return api.Problemf(http.StatusBadRequest, "%s", invalid.Why)
	case errors.As(err, &conflict):
		return api.Problemf(http.StatusConflict, "%s", sentence(conflict.What))
	case errors.Is(err, web.ErrNotFound):
		return api.Problemf(http.StatusNotFound, "%s", sentence(web.ErrNotFound.Error()))
	case errors.Is(err, web.ErrUnavailable):
		return api.Problemf(http.StatusServiceUnavailable, "The store does not answer. Nothing was done; try again.")
	}
	return err
}
