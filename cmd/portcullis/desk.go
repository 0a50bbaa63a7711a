package main

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"portcullis.example/portcullis"
	"portcullis.example/portcullis/internal/api"
	"portcullis.example/portcullis/internal/campaigns"
	"portcullis.example/portcullis/internal/mail/records"
	"portcullis.example/portcullis/internal/people"
	"portcullis.example/portcullis/internal/response"
	"portcullis.example/portcullis/internal/screening/ledger"
	"portcullis.example/portcullis/internal/store"
	"portcullis.example/portcullis/internal/web"
	"portcullis.example/portcullis/internal/web/access"
)

// deskService is web.Desk over the contexts: it asks each of them, puts what they answer
// into the pages' own form, and has every look and act decided and written down.
type deskService struct {
	app        *app
	dir        *people.Directory
	guard      *access.Guard
	configured *access.Standings                // by people file and configuration
	held       atomic.Pointer[access.Standings] // with the holds set at the desk
	office     *response.Office
	mailer     response.Mailer
	links      *correlator
	names      *ledger.Ledger // of screening
	board      *board
	feed       *web.Feed
	log        *slog.Logger
	now        func() time.Time
	exercise   func() *web.Exercise // nil: there is none

	contacts contactsAsked
	deskTime func(time.Time) time.Time // by the exercise's clock; nil: there is none

	glanced   sync.Mutex
	glancedAt map[string]time.Time // guarded by glanced: who saw which version of what

	remote atomic.Pointer[[]web.Sensor] // on servers, as they stand; nil: there are none

	watch func([]portcullis.Indicator) // takes all indicators that are kept, to look for them in what comes
}

var _ web.Desk = (*deskService)(nil)

// caller is who asks; the guard lets nobody else through.
func caller(ctx context.Context) api.Caller {
	c, _ := api.CallerFrom(ctx)
	return c
}

// may decides without writing it down: for what the situation and the lists show.
func (d *deskService) may(ctx context.Context, a access.Act, o access.Object) error {
	return forbidden(access.May(caller(ctx), a, o), "")
}

func forbidden(decision access.Decision, ask portcullis.ID) error {
	if decision.Allowed {
		return nil
	}
	if !decision.BreakGlass {
		ask = ""
	}
	return &web.ForbiddenError{Why: decision.Why, Ask: ask}
}

// about is an object that concerns these people.
func (d *deskService) about(id portcullis.ID, who ...portcullis.ID) access.Object {
	return access.Object{ID: string(id), People: d.standings().Of(who...)}
}

// sees tells whether the caller may see somebody named.
func (d *deskService) sees(ctx context.Context) func(portcullis.ID) bool {
	c := caller(ctx)
	if c.Scope.Unbounded() && c.Has(api.Reader) {
		return func(portcullis.ID) bool { return true }
	}
	standings, known := d.standings(), map[portcullis.ID]bool{} // a page asks about few people, for many notices
	return func(id portcullis.ID) bool {
		seen, asked := known[id]
		if !asked {
			seen = len(access.Visible(c, standings.Of(id))) > 0
			known[id] = seen
		}
		return seen
	}
}

// act does something that is written down in the same transaction: either both are there
// afterwards or neither.
func (d *deskService) act(ctx context.Context, a access.Act, o access.Object, detail any, fn func(tx *sql.Tx) error) error {
	if err := d.decide(ctx, a, o); err != nil {
		return err
	}
	err := d.app.store.Tx(ctx, func(tx *sql.Tx) error {
		if err := fn(tx); err != nil {
			return err
		}
		return access.Audit(ctx, tx, string(a), o.ID, detail, idsOf(o.People)...)
	})
	return d.plain(err)
}

func idsOf(list []access.Subject) (ids []portcullis.ID) {
	for _, s := range list {
		if s.Person != "" {
			ids = append(ids, s.Person)
		}
	}
	return ids
}

// decide asks the guard, which writes down looks and refusals.
func (d *deskService) decide(ctx context.Context, a access.Act, o access.Object) error {
	return d.look(ctx, a, o, nil)
}

// look is decide with a detail for the audit.
func (d *deskService) look(ctx context.Context, a access.Act, o access.Object, detail any) error {
	err := d.guard.Allow(ctx, a, o, detail)
	var refused *access.Refusal
	if errors.As(err, &refused) {
		return forbidden(refused.Decision, portcullis.ID(o.ID))
	}
	return d.plain(err)
}

// glanceLife is for how long somebody who sees the same again is not written down again: open
// pages ask for themselves anew whenever anything changes.
const (
	glanceLife = 10 * time.Minute
	glances    = 10_000
)

// glance is decide for a page that shows parts of messages, and is written down as a look: once
// for each version of what is shown.
func (d *deskService) glance(ctx context.Context, a access.Act, o access.Object, version int) error {
	if err := d.decide(ctx, a, o); err != nil {
		return err
	}
	key, now := fmt.Sprintf("%s\x00%s\x00%s\x00%d", caller(ctx).Name, a, o.ID, version), time.Now()
	d.glanced.Lock()
	defer d.glanced.Unlock()
	if now.Sub(d.glancedAt[key]) < glanceLife {
		return nil
	}
	err := d.app.store.Tx(ctx, func(tx *sql.Tx) error { return access.Audit(ctx, tx, string(a), o.ID, nil, idsOf(o.People)...) })
	if err != nil {
		return d.plain(fmt.Errorf("what is not in the audit cannot be shown: %w", err))
	}
	if len(d.glancedAt) >= glances || d.glancedAt == nil {
		d.glancedAt = map[string]time.Time{}
	}
	d.glancedAt[key] = now
	return nil
}

// plain turns the contexts' errors into those that the pages know.
func (d *deskService) plain(err error) error {
	var changed *campaigns.ChangedError
	var conflict *response.ConflictError
	var role *response.RoleError
	var state *response.StateError
	var refused *response.RefusedError
	var cannot *campaigns.RefusedError
	switch {
	case err == nil:
		return nil
	case errors.Is(err, campaigns.ErrNotFound), errors.Is(err, response.ErrNotFound), errors.Is(err, records.ErrNotFound):
		return web.ErrNotFound
	case errors.Is(err, campaigns.ErrSelf):
		return &web.InvalidError{Field: "into", Why: "A campaign cannot be merged with itself. Choose another one."}
	case errors.As(err, &changed):
		return &web.ConflictError{By: orMachine(changed.Who), When: changed.When, What: changed.What}
	case errors.As(err, &conflict):
		return &web.ConflictError{By: conflict.By, When: conflict.At, What: "it is now " + string(conflict.State)}
	case errors.As(err, &role):
		return &web.ForbiddenError{Why: sentence(role.Error())}
	case errors.As(err, &state):
		return &web.InvalidError{Why: sentence(state.Error())}
	case errors.As(err, &refused):
		return &web.InvalidError{Why: sentence(refused.Error())}
	case errors.As(err, &cannot):
		return &web.InvalidError{Why: sentence(cannot.Reason)}
	case gone(err), isDisk(err):
		return fmt.Errorf("%w: %w", web.ErrUnavailable, err)
	}
	return err
}

// gone tells whether an error means that the database cannot be reached, or is going away or
// coming up: PostgreSQL's classes 08 and 57P, and whatever ends a connection.
func gone(err error) bool {
	if pg, is := errors.AsType[*pgconn.PgError](err); is {
		return strings.HasPrefix(pg.Code, "08") || strings.HasPrefix(pg.Code, "57P")
	}
	_, network := errors.AsType[*net.OpError](err)
	_, connect := errors.AsType[*pgconn.ConnectError](err)
	return network || connect || errors.Is(err, driver.ErrBadConn) || errors.Is(err, sql.ErrConnDone) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) ||
		errors.Is(err, io.EOF) || pgconn.SafeToRetry(err) // a connection of before the server went away, met after it came back
}

// isDisk tells whether the store cannot write, or cannot be reached, for now.
func isDisk(err error) bool {
	_, is := errors.AsType[*store.DiskError](err)
	return is
}

func orMachine(who string) string {
	if who == "" {
		return "The machine"
	}
	return who
}

// sentence begins with a capital and ends with a full stop.
func sentence(s string) string {
	if s == "" {
		return s
	}
	if c := s[0]; c >= 'a' && c <= 'z' {
		s = string(c-'a'+'A') + s[1:]
	}
	if last := s[len(s)-1]; last != '.' && last != '?' && last != '!' {
		s += "."
	}
	return s
}

// person names somebody for a page.
func (d *deskService) person(id portcullis.ID) web.PersonRef {
	p := d.dir.Person(id)
	if p == nil {
		return web.PersonRef{ID: id, Name: string(id)}
	}
	office := p.Role
	if len(p.Committees) > 0 {
		office += ", " + p.Committees[0]
	}
	return web.PersonRef{ID: p.ID, Name: p.Name, Office: office}
}

func (d *deskService) persons(ids []portcullis.ID, limit int) (list []web.PersonRef) {
	for _, id := range ids[:min(len(ids), limit)] {
		list = append(list, d.person(id))
	}
	return list
}

func (d *deskService) mailRecords() *records.Reader { return records.NewReader(d.app.store.DB()) }

func (d *deskService) campaignRecords() *campaigns.Reader {
	return campaigns.NewReader(d.app.store.DB(), d.links.deps())
}

func (d *deskService) noticeRecords() *response.Reader {
	return response.NewReader(d.app.store.DB(), d.now())
}

// pageOf cuts one page out of a list. The token of the next one is where it begins.
func pageOf[T any](all []T, token string, limit int) (rows []T, next string) {
	begin, err := strconv.Atoi(token)
	if err != nil || begin < 0 || begin > len(all) {
		begin = 0
	}
	end := min(begin+limit, len(all))
	if end < len(all) {
		next = strconv.Itoa(end)
	}
	return all[begin:end], next
}

// handle is a name for people by which a campaign is called: two words that its id
// leads to. It says nothing of who is behind it, and it stays when the campaign grows.
func handle(id portcullis.ID) string {
	var sum uint32
	for _, c := range []byte(id) {
		sum = (sum ^ uint32(c)) * 16777619
	}
	return handleFirst[sum%uint32(len(handleFirst))] + " " + handleSecond[sum/97%uint32(len(handleSecond))]
}

var handleFirst = [...]string{
	"Amber", "Ashen", "Autumn", "Bold", "Brass", "Bright", "Broad", "Bronze", "Calm", "Cedar", "Clear", "Cobalt", "Copper", "Coral", "Crimson", "Crystal",
	"Distant", "Dusky", "Early", "East", "Ebony", "Even", "Faint", "Fallow", "Flint", "Frost", "Gentle", "Gilded", "Granite", "Grey", "Hazel", "High",
	"Hollow", "Indigo", "Iron", "Ivory", "Jade", "Late", "Lilac", "Linen", "Little", "Long", "Low", "Marble", "Mellow", "Misty", "Morning", "Narrow",
	"North", "Ochre", "Olive", "Opal", "Pale", "Pearl", "Plain", "Quiet", "Rapid", "Russet", "Salt", "Scarlet", "Silent", "Silver", "Slate", "Slow",
	"Small", "South", "Spring", "Steady", "Still", "Stone", "Summer", "Swift", "Tall", "Tawny", "Umber", "Velvet", "Violet", "West", "White", "Winter",
}

var handleSecond = [...]string{
	"Anchor", "Arch", "Bay", "Beacon", "Bell", "Birch", "Bridge", "Brook", "Candle", "Causeway", "Chapel", "Cliff", "Compass", "Cove", "Crane", "Creek",
	"Dune", "Falcon", "Fern", "Ferry", "Field", "Finch", "Ford", "Garden", "Gate", "Glen", "Grove", "Gull", "Harbour", "Heath", "Heron", "Hill",
	"Inlet", "Island", "Kestrel", "Lake", "Lantern", "Lark", "Ledge", "Lighthouse", "Linden", "Lock", "Maple", "Marsh", "Meadow", "Mill", "Moor", "Oak",
	"Orchard", "Otter", "Pasture", "Path", "Pier", "Pine", "Plover", "Pond", "Quarry", "Quay", "Reed", "Ridge", "River", "Rook", "Rowan", "Sail",
	"Shore", "Sparrow", "Spire", "Stile", "Strand", "Stream", "Swan", "Tern", "Thicket", "Thrush", "Tower", "Vale", "Wharf", "Willow", "Wood", "Wren",
}
