package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/pelletier/go-toml/v2"

	"portcullis.example/portcullis"
	"portcullis.example/portcullis/internal/archive"
	"portcullis.example/portcullis/internal/mail/message"
	"portcullis.example/portcullis/internal/mail/source"
)

// An exercise plays mail that lies ready as if it came in now, a day every few
// moments, with a clock of its own that everything else follows. What a partner
// sends in its course lies ready too. At the end it says how the people at the desk did.

// exercisePlan is exercise.toml.
type exercisePlan struct {
	Start        time.Time      `toml:"start"`
	End          time.Time      `toml:"end"`
	Seconds      int            `toml:"seconds"`       // how long it takes at speed 1
	People       string         `toml:"people"`        // file of protected people
	Mail         string         `toml:"mail"`          // file or folder
	Truth        string         `toml:"truth"`         // what really happened; read at the end
	TrustedHosts []string       `toml:"trusted_hosts"` // the house's own mail servers
	Feeds        []exerciseFeed `toml:"feed"`

	dir string
}

// exerciseFeed is a file of indicators that a partner sends.
type exerciseFeed struct {
	At      time.Time `toml:"at"`
	File    string    `toml:"file"`
	From    string    `toml:"from"`
	Marking string    `toml:"marking"`
}

func readPlan(dir string) (exercisePlan, error) {
	p := exercisePlan{dir: dir}
	name := filepath.Join(dir, "exercise.toml")
	raw, err := os.ReadFile(name)
	if err != nil {
		return p, fmt.Errorf("exercise: %w; name a folder that holds exercise.toml, examples/exercise for instance", err)
	}
	err = toml.NewDecoder(bytes.NewReader(raw)).DisallowUnknownFields().Decode(&p)
	var strict *toml.StrictMissingError
	var syntax *toml.DecodeError
	switch {
	case errors.As(err, &strict):
		line, _ := strict.Errors[0].Position()
		return p, fmt.Errorf("%s:%d: unknown key %q", name, line, strings.Join(strict.Errors[0].Key(), "."))
	case errors.As(err, &syntax):
		line, column := syntax.Position()
		return p, fmt.Errorf("%s:%d:%d: %w", name, line, column, err)
	case err != nil:
		return p, fmt.Errorf("%s: %w", name, err)
	}
	return p, p.validate(name)
}

func (p *exercisePlan) validate(name string) error {
	var errs []error
	if !p.End.After(p.Start) {
		errs = append(errs, fmt.Errorf("%s: end must be after start", name))
	}
	if p.Seconds < 1 || p.Seconds > 24*3600 {
		errs = append(errs, fmt.Errorf("%s: seconds is %d; want 1 to 86400", name, p.Seconds))
	}
	for what, file := range map[string]*string{"people": &p.People, "mail": &p.Mail, "truth": &p.Truth} {
		if *file == "" {
			errs = append(errs, fmt.Errorf("%s: %s is missing", name, what))
			continue
		}
		*file = p.path(*file)
	}
	for i, f := range p.Feeds {
		if f.At.Before(p.Start) || f.At.After(p.End) {
			errs = append(errs, fmt.Errorf("%s: feed %d (%s) arrives at %s, which is not within the exercise", name, i+1, f.File, f.At.Format(time.RFC3339)))
		}
		p.Feeds[i].File = p.path(f.File)
	}
	slices.SortFunc(p.Feeds, func(a, b exerciseFeed) int { return a.At.Compare(b.At) })
	return errors.Join(errs...)
}

// deadline is by when people have to be told in the exercise. Three days would be over in the
// blink of an eye; a sixth of it is 20 seconds of two minutes.
func (p *exercisePlan) deadline() time.Duration { return max(p.End.Sub(p.Start)/6, 24*time.Hour) }

func (p *exercisePlan) path(file string) string {
	if filepath.IsAbs(file) {
		return file
	}
	return filepath.Join(p.dir, filepath.FromSlash(file))
}

// exerciseClock runs as fast as the exercise does, and stands still at its end.
type exerciseClock struct {
	start, end time.Time
	factor     float64 // exercise time per real time
	began      atomic.Pointer[time.Time]
}

func newExerciseClock(p exercisePlan, speed float64) *exerciseClock {
	return &exerciseClock{start: p.Start.UTC(), end: p.End.UTC(), factor: p.End.Sub(p.Start).Seconds() / float64(p.Seconds) * speed}
}

func (c *exerciseClock) begin() { now := time.Now(); c.began.Store(&now) }

// Now is the exercise's time.
func (c *exerciseClock) Now() time.Time { return c.at(time.Now()) }

// at is the exercise's time at a moment of the real clock.
func (c *exerciseClock) at(real time.Time) time.Time {
	began := c.began.Load()
	if began == nil || real.Before(*began) {
		return c.start
	}
	now := c.start.Add(time.Duration(float64(real.Sub(*began)) * c.factor)).Truncate(time.Microsecond)
	if now.After(c.end) {
		return c.end
	}
	return now
}

// exercise plays a plan into a running desk.
type exercise struct {
	plan  exercisePlan
	clock *exerciseClock
	scan  *scanner
	log   *slog.Logger
	// arrivedMail runs after mail came in and was judged; feed when a partner's file arrives.
	arrivedMail func(ctx context.Context) error
	feed        func(ctx context.Context, f exerciseFeed, list []portcullis.Indicator, problems []archive.Problem) error

	mails []exerciseMail
}

type exerciseMail struct {
	at   time.Time
	item source.Item
}

// load reads all mail of the exercise, in the order in which it will arrive.
func (x *exercise) load(ctx context.Context) error {
	var unread []error
	err := source.Walk(ctx, []string{x.plan.Mail}, source.Config{}, func(item source.Item) error {
		received := message.Parse(item.Raw, message.DefaultLimits()).Received()
		if len(received) == 0 || received[0].Time.IsZero() {
			return fmt.Errorf("%s at byte %d has no Received field that says when it came", item.Source, item.Offset)
		}
		x.mails = append(x.mails, exerciseMail{received[0].Time.UTC(), item})
		return nil
	}, func(p source.Problem) { unread = append(unread, errors.New(printable(fmt.Sprint(p)))) })
	if err = errors.Join(append(unread, err)...); err != nil {
		return fmt.Errorf("exercise: %w", err)
	}
	if len(x.mails) == 0 {
		return fmt.Errorf("exercise: there is no mail in %s", x.plan.Mail)
	}
	slices.SortStableFunc(x.mails, func(a, b exerciseMail) int {
		return cmp.Or(a.at.Compare(b.at), cmp.Compare(a.item.Source, b.item.Source))
	})
	return nil
}

// exerciseStep is how often mail that is due comes in.
const exerciseStep = 250 * time.Millisecond

// play runs until the exercise's end.
func (x *exercise) play(ctx context.Context) error {
	x.clock.begin()
	mails, feeds := x.mails, x.plan.Feeds
	tick := time.NewTicker(exerciseStep)
	defer tick.Stop()
	for {
		now := x.clock.Now()
		n, _ := slices.BinarySearchFunc(mails, now, func(m exerciseMail, t time.Time) int {
			if m.at.After(t) {
				return 1
			}
			return -1
		})
		if n > 0 {
			if err := x.arrive(ctx, mails[:n]); err != nil {
				return err
			}
			mails = mails[n:]
		}
		for len(feeds) > 0 && !feeds[0].At.After(now) {
			if err := x.receive(ctx, feeds[0]); err != nil {
				return err
			}
			feeds = feeds[1:]
		}
		if !now.Before(x.clock.end) {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}

// arrive judges and stores what is due.
func (x *exercise) arrive(ctx context.Context, due []exerciseMail) error {
	b := &batch{positions: map[string]source.Position{}}
	for _, m := range due {
		b.arrived = append(b.arrived, &arrived{item: m.item})
	}
	parseAll(b)
	if err := x.scan.commit(ctx, b); err != nil {
		return err
	}
	if err := x.scan.settle(ctx); err != nil {
		return err
	}
	return x.arrivedMail(ctx)
}

// receive reads a partner's file as it arrives.
func (x *exercise) receive(ctx context.Context, f exerciseFeed) error {
	file, err := os.Open(f.File)
	if err != nil {
		return fmt.Errorf("exercise: feed: %w", err)
	}
	defer file.Close()
	list, problems, err := archive.ReadIndicators(filepath.Base(f.File), file)
	if err != nil {
		return fmt.Errorf("exercise: feed: %w", err)
	}
	for i := range list {
		list[i].Source, list[i].Marking = f.From, f.Marking
	}
	return x.feed(ctx, f, list, problems)
}

// exerciseTruth is what really happened.
type exerciseTruth struct {
	Schema     int `json:"schema"`
	Operations []struct {
		Name  string   `json:"name"`
		About string   `json:"about"`
		Hosts []string `json:"hosts"`
		Mails []struct {
			Time   time.Time `json:"time"`
			Target string    `json:"target"`
			ID     string    `json:"message_id"`
		} `json:"mails"`
	} `json:"operations"`
}

func readTruth(file string) (t exerciseTruth, err error) {
	raw, err := os.ReadFile(file)
	if err != nil {
		return t, fmt.Errorf("exercise: %w", err)
	}
	if err := json.Unmarshal(raw, &t); err != nil {
		return t, fmt.Errorf("exercise: %s: %w", file, err)
	}
	return t, nil
}
