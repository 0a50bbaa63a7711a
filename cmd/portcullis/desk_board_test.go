package main

import (
	"context"
	"database/sql"
	"fmt"
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"

	"portcullis.example/portcullis"
	"portcullis.example/portcullis/internal/api"
	"portcullis.example/portcullis/internal/campaigns"
	"portcullis.example/portcullis/internal/mail/records"
	"portcullis.example/portcullis/internal/response"
)

// TestBoardEqualsRecount changes campaigns, notices and the time at random, and compares the
// board that followed each change with one that is made of everything anew.
func TestBoardEqualsRecount(t *testing.T) {
	for seed := range uint64(4) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			w := newBoardWorld(t, seed)
			for step := range 60 {
				what := w.change(t)
				w.desk.board.stale()
				w.desk.board.made = time.Time{}
				got, err := w.desk.board.get(t.Context())
				must(t, err)
				want, err := (&board{desk: w.desk}).get(t.Context())
				must(t, err)
				if where := differs(got, want); where != "" {
					t.Fatalf("after step %d, %s: %s", step, what, where)
				}
			}
			if w.done["merge"]*w.done["split"]*w.done["erase"]*w.done["told"] == 0 {
				t.Errorf("too little happened: %v", w.done)
			}
		})
	}
}

func differs(got, want *boardState) string {
	switch {
	case !reflect.DeepEqual(got.campaigns, want.campaigns):
		return fmt.Sprintf("campaigns are\n%v, want\n%v", idsIn(got.campaigns), idsIn(want.campaigns))
	case !reflect.DeepEqual(got.all, want.all) || !reflect.DeepEqual(got.notices, want.notices):
		return "notices differ"
	case !reflect.DeepEqual(got.clocks, want.clocks):
		return "clocks differ"
	case !reflect.DeepEqual(got.counts, want.counts):
		return fmt.Sprintf("counts are\n%v, want\n%v", got.counts, want.counts)
	}
	for id, p := range want.people {
		if !reflect.DeepEqual(got.people[id], p) {
			return fmt.Sprintf("of %s the board says\n%+v, want\n%+v", id, got.people[id], p)
		}
	}
	if len(got.people) != len(want.people) {
		return fmt.Sprintf("%d people, want %d", len(got.people), len(want.people))
	}
	return ""
}

func idsIn(list []*campaigns.Summary) (ids []string) {
	for _, c := range list {
		ids = append(ids, fmt.Sprintf("%+v", *c))
	}
	return ids
}

// boardWorld is a desk with few people, of whom much is found.
type boardWorld struct {
	desk *deskService
	app  *app
	rand *rand.Rand
	now  time.Time
	next int
	done map[string]int
}

func newBoardWorld(t *testing.T, seed uint64) *boardWorld {
	t.Setenv("XDG_CONFIG_HOME", t.TempDir())
	s := newDesk(t, t.TempDir()+"/data", "../../examples/people.toml", "")
	w := &boardWorld{desk: s.desk, app: s.app, rand: rand.New(rand.NewPCG(seed, 1)), now: time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC), done: map[string]int{}}
	w.desk.now = func() time.Time { return w.now }
	must(t, s.app.tx(t.Context(), func(r *records.Writer) error { return r.PutInput(t.Context(), "busy", "people", nil, w.now) }))
	_, err := w.desk.board.get(t.Context())
	must(t, err)
	return w
}

func (w *boardWorld) person() portcullis.ID {
	return w.desk.dir.People()[w.rand.IntN(8)].ID
}

// change does one thing at random, or several at once.
func (w *boardWorld) change(t *testing.T) string {
	t.Helper()
	if w.rand.IntN(6) == 0 {
		return w.change(t) + " and " + w.change(t)
	}
	acts := map[string]func(*testing.T) bool{"mail": w.mail, "merge": w.merge, "split": w.split, "told": w.told, "delay": w.delay,
		"withdraw": w.withdraw, "erase": w.erase, "time": w.time, "draft": w.draft}
	weight := []string{"mail", "mail", "mail", "mail", "draft", "draft", "draft", "told", "delay", "withdraw", "merge", "split", "erase", "time", "time"}
	what := weight[w.rand.IntN(len(weight))]
	if acts[what](t) {
		w.done[what]++
	}
	return what
}

func (w *boardWorld) list(t *testing.T) []campaigns.Summary {
	t.Helper()
	list, err := w.desk.campaignRecords().Campaigns(t.Context(), campaigns.Query{})
	must(t, err)
	return list
}

func (w *boardWorld) mail(t *testing.T) bool {
	own := portcullis.Observable{Type: portcullis.TypeDomain, Value: fmt.Sprintf("t%d.example", w.rand.IntN(12))}
	must(t, w.app.store.Tx(t.Context(), func(tx *sql.Tx) error {
		c := campaigns.NewWriter(tx, campaigns.Deps{Archive: nothing{}, Now: w.desk.now})
		defer c.Close()
		for range 2 {
			w.next++
			_, err := c.Put(t.Context(), campaigns.Item{Event: busyEvent(w.next), Sensor: "mail", Time: w.now.Add(-time.Duration(w.rand.IntN(1000)) * time.Hour), People: []portcullis.ID{w.person()},
				Features: []campaigns.Feature{{Kind: campaigns.RoleRemote, Observable: own}, {Kind: campaigns.RoleSender, Observable: own}, {Kind: campaigns.RoleReplyTo, Observable: own}},
				Findings: []campaigns.FindingRef{{ID: portcullis.NewID("finding", itoa(w.next)), Rule: "mail/reconnaissance@1", Severity: portcullis.Severity(1 + w.rand.IntN(4)), Attention: portcullis.Targeted}}})
			if err != nil {
				return err
			}
		}
		return nil
	}))
	return true
}

func (w *boardWorld) merge(t *testing.T) bool {
	list := w.list(t)
	if len(list) < 2 {
		return false
	}
	at := w.rand.Perm(len(list))
	return w.acts(t, func(c *campaigns.Writer) error {
		_, err := c.Merge(t.Context(), "anna", "they are one", list[at[0]].ID, list[at[1]].ID, list[at[0]].Version)
		return err
	})
}

func (w *boardWorld) split(t *testing.T) bool {
	for _, s := range w.list(t) {
		full, err := w.desk.campaignRecords().Campaign(t.Context(), s.ID)
		must(t, err)
		if len(full.Members) < 3 {
			continue
		}
		return w.acts(t, func(c *campaigns.Writer) error {
			_, err := c.Split(t.Context(), "anna", "it is another", s.ID, []portcullis.ID{full.Members[0].Event}, s.Version)
			return err
		})
	}
	return false
}

func (w *boardWorld) acts(t *testing.T, do func(c *campaigns.Writer) error) bool {
	must(t, w.app.store.Tx(t.Context(), func(tx *sql.Tx) error {
		c := campaigns.NewWriter(tx, campaigns.Deps{Archive: nothing{}, Now: w.desk.now})
		defer c.Close()
		return do(c)
	}))
	return true
}

func (w *boardWorld) draft(t *testing.T) bool {
	list := w.list(t)
	if len(list) == 0 {
		return false
	}
	c := list[w.rand.IntN(len(list))]
	reach := response.Reach{Person: w.person(), Name: "Person", Addresses: []string{"p@parliament.example"}, Campaign: c.ID}
	for range 1 + w.rand.IntN(3) {
		w.next++
		reach.Events = append(reach.Events, response.Received{Event: busyEvent(w.next), Time: c.Last, Address: "p@parliament.example", Sender: "A <a@a.example>", Subject: "s"})
	}
	w.notices(t, func(n *response.Writer) error {
		_, err := n.Draft(t.Context(), machine, reach)
		return err
	})
	return true
}

func (w *boardWorld) notices(t *testing.T, do func(n *response.Writer) error) {
	t.Helper()
	must(t, w.app.store.Tx(t.Context(), func(tx *sql.Tx) error {
		return do(response.NewWriter(tx, response.DefaultConfig(), w.now))
	}))
}

// one is a notice whose clock runs.
func (w *boardWorld) one(t *testing.T) (n response.Notice, ok bool) {
	t.Helper()
	list, err := w.desk.noticeRecords().Notices(t.Context(), response.Query{Open: true})
	must(t, err)
	list = slices.DeleteFunc(list, func(n response.Notice) bool { return n.State != response.Drafted && n.State != response.Approved })
	if len(list) == 0 {
		return n, false
	}
	return list[w.rand.IntN(len(list))], true
}

var boardOfficer = api.Caller{Name: "officer", Roles: []api.Role{api.Reader, api.Analyst, api.Approver}, Via: api.ViaLocalLink}

func (w *boardWorld) told(t *testing.T) bool {
	n, ok := w.one(t)
	if !ok {
		return false
	}
	w.notices(t, func(r *response.Writer) error {
		if n.State == response.Drafted {
			if _, err := r.Approve(t.Context(), boardOfficer, n.ID, n.Version); err != nil {
				return err
			}
			n.Version++
		}
		_, err := r.Told(t.Context(), boardOfficer, n.ID, n.Version, response.Handing{Way: response.ByTelephone, With: "Person", When: w.now})
		return err
	})
	return true
}

func (w *boardWorld) delay(t *testing.T) bool {
	n, ok := w.one(t)
	if !ok {
		return false
	}
	w.notices(t, func(r *response.Writer) error {
		_, err := r.Delay(t.Context(), boardOfficer, n.ID, n.Version, "the investigation is not over", w.now.Add(time.Duration(1+w.rand.IntN(60))*time.Hour))
		return err
	})
	return true
}

func (w *boardWorld) withdraw(t *testing.T) bool {
	n, ok := w.one(t)
	if !ok {
		return false
	}
	w.notices(t, func(r *response.Writer) error {
		_, err := r.Withdraw(t.Context(), boardOfficer, n.ID, n.Version, "it was a drill of the house")
		return err
	})
	return true
}

func (w *boardWorld) erase(t *testing.T) bool {
	if w.rand.IntN(2) == 0 {
		return false
	}
	w.notices(t, func(r *response.Writer) error {
		_, err := r.Erase(t.Context(), w.person())
		return err
	})
	return true
}

// time passes: minutes, days, or so long that campaigns are closed.
func (w *boardWorld) time(*testing.T) bool {
	w.now = w.now.Add([]time.Duration{20 * time.Minute, 30 * time.Hour, 30 * time.Hour, 40 * 24 * time.Hour}[w.rand.IntN(4)])
	return true
}

// TestBoardsDoNotChange holds on to each state while later ones are made.
func TestBoardsDoNotChange(t *testing.T) {
	w := newBoardWorld(t, 9)
	type held struct {
		is  *boardState
		was boardState
	}
	var all []held
	for range 30 {
		w.change(t)
		w.desk.board.stale()
		w.desk.board.made = time.Time{}
		s, err := w.desk.board.get(context.Background())
		must(t, err)
		was := *s
		was.campaigns, was.all, was.notices = slices.Clone(s.campaigns), slices.Clone(s.all), slices.Clone(s.notices)
		was.people, was.counts, was.clocks = maps.Clone(s.people), maps.Clone(s.counts), maps.Clone(s.clocks)
		for id, list := range was.clocks {
			was.clocks[id] = slices.Clone(list)
		}
		all = append(all, held{s, was})
	}
	for i, h := range all {
		if where := differs(h.is, &h.was); where != "" {
			t.Errorf("state %d changed after it was handed out: %s", i, where)
		}
	}
}
