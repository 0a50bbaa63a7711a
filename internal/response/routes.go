package response

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
)

// Store is what the JSON interface needs of the store; *store.Store is one.
type Store interface {
	Transactor
	DB() *sql.DB
}

// maxBody bounds what a caller sends.
const maxBody = 64 << 10

// The bodies of requests. Version is the one the caller has seen.
type (
	versionBody struct {
		Version int `json:"version"`
	}
	reasonBody struct {
		Version int    `json:"version"`
		Reason  string `json:"reason"`
	}
	delayBody struct {
		Version int       `json:"version"`
		Reason  string    `json:"reason"`
		Until   time.Time `json:"until"`
	}
	sendBody struct {
		Version int    `json:"version"`
		To      string `json:"to,omitempty"` // "" is the first of the person's addresses
	}
	toldBody struct {
		Version int       `json:"version"`
		Way     Way       `json:"way"`
		With    string    `json:"with"`
		When    time.Time `json:"when,omitzero"`
		Note    string    `json:"note,omitempty"`
	}
	settleBody struct {
		Version int    `json:"version"`
		Arrived bool   `json:"arrived"`
		How     string `json:"how"`
	}
	whyBody struct {
		Why string `json:"why"`
	}
	noticeList struct {
		Schema  int      `json:"schema"`
		Notices []Notice `json:"notices"`
	}
)

// desk answers the JSON interface.
type desk struct {
	store   Store
	office  *Office
	mailer  Mailer
	allowed func(api.Caller, portcullis.ID) bool
}

// Routes are the operations on notices. allowed says whether a person is within a
// caller's scope; nil asks the caller's own list of people, and lets nobody who is
// bounded in another way see anything. Mailer may be nil where nothing is sent.
func Routes(s Store, o *Office, m Mailer, allowed func(api.Caller, portcullis.ID) bool) []api.Route {
	if allowed == nil {
		allowed = within
	}
	d := &desk{s, o, m, allowed}
	one := "/notices/{id}"
	return []api.Route{
		{Method: "GET", Path: "/notices", Summary: "Notices: those whose clock runs first, the most overdue on top. A member sees their own that were told.",
			Query:  []api.Param{{Name: "campaign", Summary: "only of this campaign"}, {Name: "person", Summary: "only to this person"}, {Name: "state", Summary: "only in this state"}, {Name: "overdue", Summary: "1: only those that are overdue"}},
			Result: noticeList{}, Handle: d.answer(d.list)},
		{Method: "GET", Path: "/notices/counts", Summary: "How many clocks run and how many are overdue.", Role: api.Reader, Result: Counts{}, Handle: d.answer(d.counts)},
		{Method: "GET", Path: "/notices/audit", Summary: "Who knew what, when: from the chained log, which is verified.", Role: api.Reader,
			Query:  []api.Param{{Name: "campaign", Summary: "only of this campaign"}, {Name: "person", Summary: "only about this person"}},
			Result: Audit{}, Handle: d.answer(d.audit)},
		{Method: "GET", Path: one, Summary: "One notice.", Result: Notice{}, Handle: d.answer(d.one)},
		{Method: "GET", Path: one + "/page", Summary: "The notice as a page. That it was taken is recorded.", Query: []api.Param{{Name: "format", Summary: "html (default), pdf or md"}},
			Media: []string{"text/html", "application/pdf", "text/markdown"}, Handle: d.page},
		{Method: "POST", Path: one + "/approve", Summary: "Approve a notice that somebody else drafted.", Role: api.Approver, Body: versionBody{}, Result: Notice{}, Handle: d.approve()},
		{Method: "POST", Path: one + "/delay", Summary: "Delay a notice, for a reason and until a time.", Role: api.Approver, Body: delayBody{}, Result: Notice{}, Handle: d.delay()},
		{Method: "POST", Path: one + "/resume", Summary: "Take a delay back.", Role: api.Approver, Body: versionBody{}, Result: Notice{}, Handle: d.resume()},
		{Method: "POST", Path: one + "/withdraw", Summary: "Withdraw a notice that has not left, for a reason.", Role: api.Approver, Body: reasonBody{}, Result: Notice{}, Handle: d.withdraw()},
		{Method: "POST", Path: one + "/send", Summary: "Send an approved notice by mail to one of the person's own addresses.", Role: api.Reader, Body: sendBody{}, Result: Notice{}, Handle: d.send()},
		{Method: "POST", Path: one + "/told", Summary: "Record that an approved notice was told by telephone, in person or on paper.", Role: api.Reader, Body: toldBody{}, Result: Notice{}, Handle: d.told()},
		{Method: "POST", Path: one + "/settle", Summary: "Say whether a notice arrived whose sending is unclear.", Role: api.Reader, Body: settleBody{}, Result: Notice{}, Handle: d.settle()},
		{Method: "POST", Path: "/accounts/{person}/suspect", Summary: "Say that a person's account may be in other hands: no notice goes there by mail.", Role: api.Reader, Body: whyBody{}, Handle: d.account((*Writer).Suspect)},
		{Method: "POST", Path: "/accounts/{person}/clear", Summary: "Say that a person's account is theirs again.", Role: api.Approver, Body: whyBody{}, Handle: d.account((*Writer).Clear)},
	}
}

// within is the scope that can be judged without knowing houses and parties.
func within(c api.Caller, person portcullis.ID) bool {
	return len(c.Scope.Houses) == 0 && len(c.Scope.Parties) == 0 && (len(c.Scope.People) == 0 || slices.Contains(c.Scope.People, person))
}

// sees tells whether a caller may read a notice: a member their own once it was told,
// others with the role what is in their scope.
func (d *desk) sees(c api.Caller, n Notice) bool {
	if c.Has(api.Reader) && d.allowed(c, n.Person) {
		return true
	}
	return c.Has(api.Member) && c.Person != "" && c.Person == n.Person && !n.Told.IsZero()
}

// answer turns a function into a handler.
func (d *desk) answer(fn func(r *http.Request, c api.Caller) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		c, _ := api.CallerFrom(r.Context())
		v, err := fn(r, c)
		if err != nil {
			api.WriteError(w, problem(err))
			return
		}
		api.WriteJSON(w, http.StatusOK, v)
	}
}

// problem says to a caller what they can do something about. Anything else is the
// operator's, and stays an error for the log.
func problem(err error) error {
	if errors.Is(err, ErrNotFound) {
		return api.Problemf(http.StatusNotFound, "There is no such notice.")
	}
	if e, ok := errors.AsType[*RoleError](err); ok {
		return api.Problemf(http.StatusForbidden, "%s", sentence(e))
	}
	if e, ok := errors.AsType[*ConflictError](err); ok {
		return api.Problemf(http.StatusConflict, "%s", sentence(e))
	}
	if e, ok := errors.AsType[*StateError](err); ok {
		return api.Problemf(http.StatusConflict, "%s", sentence(e))
	}
	if e, ok := errors.AsType[*RefusedError](err); ok {
		return api.Problemf(http.StatusUnprocessableEntity, "%s", sentence(e))
	}
	if e, ok := errors.AsType[*NotSentError](err); ok {
		return api.Problemf(http.StatusBadGateway, "%s", sentence(e))
	}
	if e, ok := errors.AsType[*UnclearError](err); ok {
		return api.Problemf(http.StatusBadGateway, "%s", sentence(e))
	}
	return err
}

func sentence(err error) string {
	s := err.Error()
	return strings.ToUpper(s[:1]) + s[1:] + "."
}

func (d *desk) list(r *http.Request, c api.Caller) (any, error) {
	q := r.URL.Query()
	query := Query{Campaign: portcullis.ID(q.Get("campaign")), Person: portcullis.ID(q.Get("person")), State: State(q.Get("state")), Overdue: q.Get("overdue") == "1"}
	if c.Has(api.Reader) {
		query.Allowed = func(p portcullis.ID) bool { return d.allowed(c, p) }
	} else if query.Person = c.Person; c.Person == "" || !c.Has(api.Member) {
		return nil, api.Problemf(http.StatusForbidden, "This needs the role %s.", api.Reader)
	}
	all, err := NewReader(d.store.DB(), d.office.now()).Notices(r.Context(), query)
	out := noticeList{Schema: 1, Notices: []Notice{}}
	for _, n := range all {
		if d.sees(c, n) {
			out.Notices = append(out.Notices, n)
		}
	}
	return out, err
}

func (d *desk) counts(r *http.Request, c api.Caller) (any, error) {
	return NewReader(d.store.DB(), d.office.now()).Counts(r.Context(), func(p portcullis.ID) bool { return d.allowed(c, p) })
}

func (d *desk) audit(r *http.Request, c api.Caller) (any, error) {
	q := AuditQuery{Campaign: portcullis.ID(r.URL.Query().Get("campaign")), Person: portcullis.ID(r.URL.Query().Get("person"))}
	if !c.Scope.Unbounded() {
		q.Allowed = func(p portcullis.ID) bool { return d.allowed(c, p) }
	}
	return NewReader(d.store.DB(), d.office.now()).Audit(r.Context(), q)
}

func (d *desk) one(r *http.Request, c api.Caller) (any, error) {
	n, err := NewReader(d.store.DB(), d.office.now()).Notice(r.Context(), portcullis.ID(r.PathValue("id")))
	if err == nil && !d.sees(c, n) { // that it exists is told to nobody who may not see it
		err = ErrNotFound
	}
	return n, err
}

// page gives the notice as a file, and records that somebody took it.
func (d *desk) page(w http.ResponseWriter, r *http.Request) {
	c, _ := api.CallerFrom(r.Context())
	v, err := d.one(r, c)
	if err != nil {
		api.WriteError(w, problem(err))
		return
	}
	n, _ := v.(Notice)
	format := r.URL.Query().Get("format")
	body, mediaType, err := d.office.Write(n, format)
	if err == nil && c.Has(api.Reader) { // a member who reads their own notice takes nothing out
		err = d.store.Tx(r.Context(), func(tx *sql.Tx) error {
			_, err := NewWriter(tx, d.office.cfg, d.office.now()).Took(r.Context(), c, n.ID, format)
			return err
		})
	}
	if err != nil {
		api.WriteError(w, problem(err))
		return
	}
	h := w.Header()
	h.Set("Content-Type", mediaType)
	h.Set("Content-Disposition", `attachment; filename="notice-`+shortID(n.ID)+extension(format)+`"`)
	h.Set("Content-Security-Policy", pagePolicy()+"; sandbox")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	_, _ = w.Write(body) // a caller that hung up is nobody's error
}

func extension(format string) string {
	if format == "" {
		format = "html"
	}
	return "." + format
}

// Write gives a notice in a format: html (or ""), pdf, md or text, with its media type.
func (o *Office) Write(n Notice, format string) (body []byte, mediaType string, err error) {
	if format == "pdf" {
		body, err = o.NoticePDF(n)
		return body, "application/pdf", err
	}
	d, err := o.Notice(n)
	if err != nil {
		return nil, "", err
	}
	return d.Write(format)
}

// Write gives a document in a format other than PDF.
func (d Document) Write(format string) (body []byte, mediaType string, err error) {
	switch format {
	case "html", "":
		body, err = d.HTML()
		return body, "text/html; charset=utf-8", err
	case "md":
		return d.Markdown(), "text/markdown; charset=utf-8", nil
	case "text":
		return []byte(d.Text()), "text/plain; charset=utf-8", nil
	}
	return nil, "", &RefusedError{"there is no format " + format, "choose html, pdf or md"}
}

// act reads a body and takes one step within the caller's scope.
func act[B any](d *desk, do func(r *http.Request, w *Writer, c api.Caller, id portcullis.ID, b B) (Notice, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var b B
		if err := api.ReadJSON(w, r, &b, maxBody); err != nil {
			api.WriteError(w, err)
			return
		}
		d.answer(func(r *http.Request, c api.Caller) (any, error) {
			v, err := d.one(r, c)
			if err != nil {
				return nil, err
			}
			n, _ := v.(Notice)
			err = d.store.Tx(r.Context(), func(tx *sql.Tx) (err error) {
				n, err = do(r, NewWriter(tx, d.office.cfg, d.office.now()), c, n.ID, b)
				return err
			})
			return n, err
		})(w, r)
	}
}

func (d *desk) approve() http.HandlerFunc {
	return act(d, func(r *http.Request, w *Writer, c api.Caller, id portcullis.ID, b versionBody) (Notice, error) {
		return w.Approve(r.Context(), c, id, b.Version)
	})
}

func (d *desk) delay() http.HandlerFunc {
	return act(d, func(r *http.Request, w *Writer, c api.Caller, id portcullis.ID, b delayBody) (Notice, error) {
		return w.Delay(r.Context(), c, id, b.Version, b.Reason, b.Until)
	})
}

func (d *desk) resume() http.HandlerFunc {
	return act(d, func(r *http.Request, w *Writer, c api.Caller, id portcullis.ID, b versionBody) (Notice, error) {
		return w.EndDelay(r.Context(), c, id, b.Version)
	})
}

func (d *desk) withdraw() http.HandlerFunc {
	return act(d, func(r *http.Request, w *Writer, c api.Caller, id portcullis.ID, b reasonBody) (Notice, error) {
		return w.Withdraw(r.Context(), c, id, b.Version, b.Reason)
	})
}

func (d *desk) told() http.HandlerFunc {
	return act(d, func(r *http.Request, w *Writer, c api.Caller, id portcullis.ID, b toldBody) (Notice, error) {
		return w.Told(r.Context(), c, id, b.Version, Handing{b.Way, b.With, b.When, b.Note})
	})
}

func (d *desk) settle() http.HandlerFunc {
	return act(d, func(r *http.Request, w *Writer, c api.Caller, id portcullis.ID, b settleBody) (Notice, error) {
		return w.Resolve(r.Context(), c, id, b.Version, b.Arrived, b.How)
	})
}

// send takes its own transactions, before and after the mail server is asked.
func (d *desk) send() http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var b sendBody
		if err := api.ReadJSON(w, r, &b, maxBody); err != nil {
			api.WriteError(w, err)
			return
		}
		d.answer(func(r *http.Request, c api.Caller) (any, error) {
			v, err := d.one(r, c)
			if err != nil {
				return nil, err
			}
			n, _ := v.(Notice)
			if d.mailer == nil {
				return nil, &RefusedError{"no mail server is configured", "take the notice as a file and hand it over"}
			}
			return d.office.Send(r.Context(), d.store, d.mailer, c, n.ID, b.Version, b.To)
		})(w, r)
	}
}

func (d *desk) account(do func(w *Writer, ctx context.Context, c api.Caller, person portcullis.ID, why string) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var b whyBody
		if err := api.ReadJSON(w, r, &b, maxBody); err != nil {
			api.WriteError(w, err)
			return
		}
		c, _ := api.CallerFrom(r.Context())
		person := portcullis.ID(r.PathValue("person"))
		err := error(&RoleError{Who: c.Name, Act: "say this", Why: "the person is outside their scope"})
		if d.allowed(c, person) {
			err = d.store.Tx(r.Context(), func(tx *sql.Tx) error {
				return do(NewWriter(tx, d.office.cfg, d.office.now()), r.Context(), c, person, b.Why)
			})
		}
		if err != nil {
			api.WriteError(w, problem(err))
			return
		}
		w.WriteHeader(http.StatusNoContent)
	}
}
