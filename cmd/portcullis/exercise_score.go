package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"portcullis.example/portcullis"
	"portcullis.example/portcullis/internal/api"
	"portcullis.example/portcullis/internal/archive"
	"portcullis.example/portcullis/internal/campaigns"
	"portcullis.example/portcullis/internal/mail/message"
	"portcullis.example/portcullis/internal/observable"
	"portcullis.example/portcullis/internal/people"
	"portcullis.example/portcullis/internal/response"
	"portcullis.example/portcullis/internal/web"
)

// game is an exercise that is being played at a desk.
type game struct {
	server *server
	play_  exercise
	ids    map[string]portcullis.ID // of its messages, by Message-ID; set once they are read

	arrived sync.Once
	present chan struct{} // closed once somebody looks at the first page

	mu    sync.Mutex
	score []web.Score // guarded by mu
	done  bool        // guarded by mu
}

func newGame(s *server, plan exercisePlan) *game {
	g := &game{server: s, present: make(chan struct{})}
	g.play_ = exercise{plan: plan, clock: s.clock, scan: s.scan, log: s.log, arrivedMail: s.step, feed: g.feed}
	return g
}

// feed is a partner's file coming in, as if somebody had brought it to the desk.
func (g *game) feed(ctx context.Context, f exerciseFeed, list []portcullis.Indicator, problems []archive.Problem) error {
	added, err := g.server.desk.keepIndicators(api.WithCaller(ctx, machine), list, problems, false)
	if err != nil {
		return fmt.Errorf("feed of %s: %w", f.From, err)
	}
	out := g.server.std.out
	fmt.Fprintf(out, "%s  %s sent %s that are new, seen in %s.", g.server.now().Format("2 Jan 2006"), f.From, count(added.New, "indicator"), count(added.Sightings, "mail"))
	if n := len(added.People); n > 0 {
		fmt.Fprintf(out, " They reached %s of whom nothing was known.", peopleCount(n))
	}
	fmt.Fprintln(out)
	for _, r := range added.Refused {
		fmt.Fprintf(out, "             refused: %s %s\n", printable(r.Value), printable(r.Why))
	}
	return nil
}

// play runs the exercise, and then leaves the desk as it is for whoever works on.
func (g *game) play(ctx context.Context) error {
	if err := g.play_.load(ctx); err != nil {
		return err
	}
	g.ids = g.events()
	deadline := g.play_.plan.deadline()
	fmt.Fprintf(g.server.std.out, "The exercise begins when you sign in. Whoever is reached has to be told within %s, %.0f seconds of yours.\n",
		days(deadline), deadline.Seconds()/g.server.clock.factor)
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-g.present:
	}
	moving, stop := context.WithCancel(ctx)
	go g.move(moving)
	err := g.play_.play(ctx)
	stop()
	if err != nil {
		return err
	}
	if err := g.server.desk.links.settle(ctx); err != nil {
		return err
	}
	fmt.Fprintln(g.server.std.out, "The two years are over. The score is on the first page, and counts what you still do there.")
	g.mu.Lock()
	g.done = true
	g.mu.Unlock()
	for tick := time.NewTicker(time.Second); ; {
		if err := g.count(ctx); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			tick.Stop()
			return ctx.Err()
		case <-tick.C:
			if err := g.server.step(ctx); err != nil {
				return err
			}
		}
	}
}

// move has the first page follow the exercise's clock also while nothing happens.
func (g *game) move(ctx context.Context) {
	tick := time.NewTicker(2 * time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			g.server.desk.feed.Publish(web.Change{Topic: "situation"})
		}
	}
}

// state is what the first page shows. Whoever asks for it is there, and the exercise begins.
func (g *game) state() *web.Exercise {
	g.arrived.Do(func() { close(g.present) })
	c := g.server.clock
	now := c.Now()
	x := &web.Exercise{Name: "Two years at the Parliament of Verania", At: now, Speed: c.factor, Percent: int(100 * now.Sub(c.start) / c.end.Sub(c.start))}
	g.mu.Lock()
	defer g.mu.Unlock()
	x.Done, x.Score = g.done, slices.Clone(g.score)
	return x
}

// count scores the desk against what really happened.
func (g *game) count(ctx context.Context) error {
	t, err := readTruth(g.play_.plan.Truth)
	if err != nil {
		return err
	}
	scores := []web.Score{{
		Name: "One second at the desk", Value: days(time.Duration(g.server.clock.factor * float64(time.Second))),
		Note: "So fast the exercise ran: days here are seconds of yours. What you do after its end counts as done at its end.",
	}}
	real := map[portcullis.ID]bool{} // campaigns that somebody did run
	for _, op := range t.Operations {
		r := reckoning{factor: g.server.clock.factor, people: map[portcullis.ID]time.Time{}, known: map[portcullis.ID]time.Time{}, told: map[portcullis.ID]time.Time{}, in: real}
		for _, m := range op.Mails {
			r.mail(g.ids[m.ID], m.Time, g.server.desk.dir.ByAddress(m.Target))
		}
		if err := g.reckon(ctx, &r); err != nil {
			return err
		}
		scores = append(scores, r.scores(op.Name, op.About, g.server.desk)...)
	}
	needless, err := g.needless(ctx, real)
	if err != nil {
		return err
	}
	scores = append(scores, needless)
	g.mu.Lock()
	changed := !slices.Equal(g.score, scores)
	g.score = scores
	g.mu.Unlock()
	if changed {
		g.server.desk.feed.Publish(web.Change{Topic: "situation"})
	}
	return nil
}

// needless counts those who were told of something that was no operation.
func (g *game) needless(ctx context.Context, real map[portcullis.ID]bool) (web.Score, error) {
	list, err := g.server.desk.noticeRecords().Notices(ctx, response.Query{Limit: 10_000})
	if err != nil {
		return web.Score{}, err
	}
	var names []string
	for _, n := range list {
		if name := g.server.desk.person(n.Person).Name; !n.Told.IsZero() && !real[n.Campaign] && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return web.Score{Name: "People told without need", Value: itoa(len(names)), Note: strings.Join(names, ", ")}, nil
}

// events are the ids of the exercise's messages, by their Message-ID.
func (g *game) events() map[string]portcullis.ID {
	ids := map[string]portcullis.ID{}
	for _, m := range g.play_.mails {
		parsed := message.Parse(m.item.Raw, message.DefaultLimits())
		if id, err := observable.MessageID(parsed.MessageID()); err == nil {
			ids[id] = portcullis.NewID("event", "mail", parsed.Digest())
		}
	}
	return ids
}

// reckoning is how one operation went.
type reckoning struct {
	factor   float64 // exercise time per real time
	first    time.Time
	events   []portcullis.ID
	people   map[portcullis.ID]time.Time // when first reached
	detected time.Time                   // when it first stood on the desk
	name     string                      // by which it goes on the desk
	known    map[portcullis.ID]time.Time // since when a notice lay ready
	told     map[portcullis.ID]time.Time
	in       map[portcullis.ID]bool // the campaigns it was in
}

func (r *reckoning) mail(event portcullis.ID, at time.Time, owners []*people.Person) {
	if r.first.IsZero() || at.Before(r.first) {
		r.first = at
	}
	r.events = append(r.events, event)
	for _, p := range owners {
		if have, ok := r.people[p.ID]; !ok || at.Before(have) {
			r.people[p.ID] = at
		}
	}
}

// reckon asks the store when the operation was seen and who was told.
func (g *game) reckon(ctx context.Context, r *reckoning) error {
	d := g.server.desk
	seen := map[portcullis.ID]bool{}
	for _, event := range r.events {
		list, err := d.campaignRecords().Campaigns(ctx, campaigns.Query{Event: event, Limit: 1, Ordinary: true})
		if err != nil {
			return err
		}
		for _, c := range list {
			if seen[c.ID] {
				continue
			}
			seen[c.ID], r.in[c.ID] = true, true
			if made := c.Made; r.detected.IsZero() || made.Before(r.detected) {
				r.detected, r.name = made, handle(c.ID)
			}
			notices, err := d.noticeRecords().Notices(ctx, response.Query{Campaign: c.ID})
			if err != nil {
				return err
			}
			for _, n := range notices {
				if have, ok := r.known[n.Person]; !ok || n.Drafted.Before(have) {
					r.known[n.Person] = n.Drafted
				}
				if have, ok := r.told[n.Person]; !n.Told.IsZero() && (!ok || n.Told.Before(have)) {
					r.told[n.Person] = n.Told
				}
			}
		}
	}
	return nil
}

// scores are the lines of one operation.
func (r *reckoning) scores(name, about string, d *deskService) []web.Score {
	detect := web.Score{Name: name + ": time to detect", Value: "not detected", Note: about}
	if !r.detected.IsZero() {
		name = r.name + " (" + name + ")"
		detect = web.Score{Name: name + ": time to detect", Value: days(r.detected.Sub(r.first)), Note: about}
	}
	var waits []time.Duration
	var missed []string
	for id := range r.people {
		if told, ok := r.told[id]; ok {
			waits = append(waits, max(0, told.Sub(r.known[id])))
		} else {
			missed = append(missed, d.person(id).Name)
		}
	}
	slices.Sort(waits)
	slices.Sort(missed)
	tell := web.Score{Name: name + ": time to tell", Value: "nobody was told", Note: "Their notices lie ready."}
	if len(waits) > 0 {
		wait := waits[len(waits)/2]
		tell.Value = days(wait)
		tell.Note = fmt.Sprintf("%.0f seconds of yours, from when a notice lay ready until the person was told; the middle of all.", wait.Seconds()/r.factor)
	}
	miss := web.Score{Name: name + ": people missed", Value: fmt.Sprintf("%d of %d", len(missed), len(r.people)), Note: "Everybody was told."}
	if len(missed) > 0 {
		miss.Note = "Not told: " + strings.Join(missed, ", ") + "."
	}
	return []web.Score{detect, tell, miss}
}

// days says a span as people do.
func days(d time.Duration) string {
	switch {
	case d < time.Hour:
		return "less than an hour"
	case d < 48*time.Hour:
		return fmt.Sprintf("%d hours", int(d.Hours()))
	}
	return fmt.Sprintf("%d days", int(d.Hours()/24))
}
