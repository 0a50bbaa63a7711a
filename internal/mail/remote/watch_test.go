package remote

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"portcullis.example/portcullis/internal/mail/source"
)

// played is a Source that does what a test says.
type played struct {
	boxes []string
	read  func(ctx context.Context, s Session) error
	wait  func(ctx context.Context, d time.Duration) error
	reads int
}

func (p *played) Name() string        { return "played:x" }
func (p *played) Mailboxes() []string { return p.boxes }
func (p *played) Close() error        { return nil }
func (p *played) Read(ctx context.Context, s Session) error {
	p.reads++
	return p.read(ctx, s)
}
func (p *played) Wait(ctx context.Context, d time.Duration) error {
	if p.wait != nil {
		return p.wait(ctx, d)
	}
	return Sleep(ctx, d)
}

// diary writes down what a Watch tells.
type diary struct {
	states map[string]json.RawMessage
	lines  []string
}

func (d *diary) note(format string, args ...any) {
	d.lines = append(d.lines, fmt.Sprintf(format, args...))
}

func (d *diary) watching() Watching {
	if d.states == nil {
		d.states = map[string]json.RawMessage{}
	}
	return Watching{
		SilentAfter: 6 * time.Hour, Every: time.Minute,
		State: func(key string) (json.RawMessage, bool) { raw, ok := d.states[key]; return raw, ok },
		Emit: func(item Item) error {
			d.note("item %s", item.State)
			d.states[item.Key] = item.State
			return nil
		},
		Advance:   func(key string, state json.RawMessage) error { d.states[key] = state; return nil },
		Problem:   func(p source.Problem) { d.note("problem %s", p.Source) },
		Progress:  func(Progress) {},
		Failed:    func(f *Failure, _ time.Duration) { d.note("failed %s", f) },
		Recovered: func(mailbox string) { d.note("recovered %s", mailbox) },
		Remember: func(_ context.Context, key string, state json.RawMessage, s *Silence) error {
			d.states[key] = state
			switch {
			case s == nil:
			case s.Back.IsZero():
				d.note("silent %q %v %s", s.Mailbox, s.Raised.Sub(s.Since), s.Reason)
			default:
				d.note("back %q", s.Mailbox)
			}
			return nil
		},
	}
}

func (d *diary) want(t *testing.T, want ...string) {
	t.Helper()
	if got := strings.Join(d.lines, "\n"); got != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", got, strings.Join(want, "\n"))
	}
}

// TestSilence has a source fail for two days: its silence is told once, and its end.
func TestSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		down := func() bool { d := time.Since(began); return d > time.Hour && d < 49*time.Hour }
		src := &played{boxes: []string{""}, read: func(_ context.Context, s Session) error {
			if down() {
				return Fail(Temporary, "", "no route")
			}
			s.Answered("")
			return nil
		}}
		var d diary
		ctx, cancel := context.WithTimeout(t.Context(), 60*time.Hour)
		defer cancel()
		if err := Watch(ctx, src, d.watching()); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatal(err)
		}
		if len(d.lines) != 4 || !strings.HasPrefix(d.lines[1], `silent "" 6h`) {
			t.Fatalf("got %q", d.lines)
		}
		d.lines[1] = "silent"
		d.want(t, "failed no route", "silent", `back ""`, "recovered ")
		if src.reads < 48*60/5/2 || src.reads > 12*60+48*60 {
			t.Errorf("it was read %d times in 60 hours", src.reads)
		}
	})
}

// TestSilenceAcrossRuns has a program that is started again and again, for a moment each time.
func TestSilenceAcrossRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		up := true
		src := &played{boxes: []string{"a", "b"}, read: func(_ context.Context, s Session) error {
			s.Answered("b")
			if up {
				s.Answered("a")
				return nil
			}
			return &Failure{Kind: Refused, Mailbox: "a", Err: errors.New("no")}
		}}
		var d diary
		w := d.watching()
		w.Once = true
		for hour := range 40 {
			up = hour < 2 || hour > 30
			err := Watch(t.Context(), src, w)
			if up != (err == nil) {
				t.Fatalf("hour %d: %v", hour, err)
			}
			time.Sleep(time.Hour)
		}
		var kept []string
		for _, line := range d.lines {
			if !strings.HasPrefix(line, "failed") {
				kept = append(kept, line)
			}
		}
		d.lines = kept
		d.want(t, `silent "a" 6h0m0s no`, `back "a"`)
	})
}

// TestSilenceOfAHang has a Read that never returns.
func TestSilenceOfAHang(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := &played{boxes: []string{""}, read: func(ctx context.Context, _ Session) error { <-ctx.Done(); return ctx.Err() }}
		var d diary
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Hour)
		defer cancel()
		_ = Watch(ctx, src, d.watching())
		d.want(t, `silent "" 6h0m0s `)
	})
}

// TestStatesBeforeTheStore has the store be behind: what was emitted counts as read within the run.
func TestStatesBeforeTheStore(t *testing.T) {
	var d diary
	w := d.watching()
	w.Once = true
	w.Emit = func(item Item) error { d.note("item %s", item.State); return nil } // stored later
	src := &played{boxes: []string{""}, read: func(_ context.Context, s Session) error {
		for range 2 {
			n := 0
			if raw, ok := s.State("k"); ok && json.Unmarshal(raw, &n) != nil {
				return errors.New("bad state")
			}
			if err := s.Emit(Item{Key: "k", State: json.RawMessage(fmt.Sprint(n + 1))}); err != nil {
				return err
			}
		}
		s.Answered("")
		return nil
	}}
	if err := Watch(t.Context(), src, w); err != nil {
		t.Fatal(err)
	}
	d.want(t, "item 1", "item 2")
}

// TestStoreFails ends at once: no patience helps.
func TestStoreFails(t *testing.T) {
	full := errors.New("disk full")
	src := &played{boxes: []string{""}, read: func(_ context.Context, s Session) error {
		return fmt.Errorf("as a source may wrap it: %w", s.Emit(Item{}))
	}}
	var d diary
	w := d.watching()
	w.Emit = func(Item) error { return full }
	if err := Watch(t.Context(), src, w); !errors.Is(err, full) || src.reads != 1 {
		t.Errorf("got %v after %d reads", err, src.reads)
	}
}

// TestPatience counts attempts against a server that refuses, or asks to be left alone.
func TestPatience(t *testing.T) {
	for _, c := range []struct {
		f      *Failure
		hours  int
		lo, hi int // reads
	}{
		{Fail(Refused, "", "no"), 24, 12, 40},
		{Fail(Permanent, "", "no"), 24, 20, 80},
		{Fail(Temporary, "", "no"), 1, 10, 60},
		{&Failure{Kind: Throttled, After: 10 * time.Minute, Err: errors.New("slow")}, 10, 50, 60},
	} {
		synctest.Test(t, func(t *testing.T) {
			src := &played{boxes: []string{""}, read: func(context.Context, Session) error { return c.f }}
			var d diary
			ctx, cancel := context.WithTimeout(t.Context(), time.Duration(c.hours)*time.Hour)
			defer cancel()
			w := d.watching()
			w.SilentAfter = -1
			_ = Watch(ctx, src, w)
			if src.reads < c.lo || src.reads > c.hi {
				t.Errorf("%v: read %d times in %d hours, want %d to %d", c.f.Kind, src.reads, c.hours, c.lo, c.hi)
			}
			d.want(t, "failed "+c.f.Error()) // told once
		})
	}
}

// TestDue keeps a mailbox that is refused from being asked each time that others are.
func TestDue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tried := 0
		src := &played{boxes: []string{"a", "b"}, read: func(_ context.Context, s Session) error {
			if s.Due("b") {
				s.Answered("b")
			}
			if !s.Due("a") {
				return nil
			}
			tried++
			return errors.Join(&Failure{Kind: Refused, Mailbox: "a", Err: errors.New("no")})
		}}
		var d diary
		ctx, cancel := context.WithTimeout(t.Context(), 12*time.Hour)
		defer cancel()
		_ = Watch(ctx, src, d.watching())
		if src.reads < 12*60-5 || tried > 20 {
			t.Errorf("%d reads, %d of them of the refused mailbox", src.reads, tried)
		}
	})
}

// TestOnceTriesAgain gives up what does not go by.
func TestOnceTriesAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := &played{boxes: []string{""}}
		src.read = func(_ context.Context, s Session) error {
			if src.reads < 3 {
				return fmt.Errorf("read: %w", io.ErrUnexpectedEOF)
			}
			s.Answered("")
			return nil
		}
		var d diary
		w := d.watching()
		w.Once = true
		if err := Watch(t.Context(), src, w); err != nil || src.reads != 3 {
			t.Errorf("got %v after %d reads", err, src.reads)
		}
		src.reads, src.read = 0, func(context.Context, Session) error { return io.ErrUnexpectedEOF }
		if err := Watch(t.Context(), src, w); !errors.Is(err, io.ErrUnexpectedEOF) || src.reads != 4 {
			t.Errorf("got %v after %d reads", err, src.reads)
		}
	})
}

// TestBadLine has a connection break again and again, after a message each time: it is not given up.
func TestBadLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := &played{boxes: []string{"a"}}
		src.read = func(_ context.Context, s Session) error {
			if src.reads > 20 {
				s.Answered("a")
				return nil
			}
			if err := s.Emit(Item{}); err != nil {
				return err
			}
			return &Failure{Kind: Temporary, Mailbox: "a", Err: io.ErrUnexpectedEOF}
		}
		var d diary
		w := d.watching()
		w.Once = true
		if err := Watch(t.Context(), src, w); err != nil || src.reads != 21 {
			t.Errorf("got %v after %d reads", err, src.reads)
		}
	})
}

// TestOnceRefused asks a mailbox that is refused once only, while another is tried again.
func TestOnceRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked := 0
		src := &played{boxes: []string{"a", "b"}}
		src.read = func(_ context.Context, s Session) error {
			var errs []error
			if s.Due("a") {
				asked++
				errs = append(errs, &Failure{Kind: Refused, Mailbox: "a", Err: errors.New("no")})
			}
			if src.reads < 3 {
				errs = append(errs, &Failure{Kind: Temporary, Mailbox: "b", Err: errors.New("later")})
			} else {
				s.Answered("b")
			}
			return errors.Join(errs...)
		}
		var d diary
		w := d.watching()
		w.Once = true
		err := Watch(t.Context(), src, w)
		if f := Failures(err); asked != 1 || src.reads != 3 || len(f) != 1 || f[0].Mailbox != "a" {
			t.Errorf("asked %d times in %d reads: %v", asked, src.reads, err)
		}
	})
}

// TestProblemsOnce tells what cannot be read once, however often it is met.
func TestProblemsOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := &played{boxes: []string{""}, read: func(_ context.Context, s Session) error {
			s.Answered("")
			s.Problem(source.Problem{Source: "x", Offset: 7, Err: errors.New("damaged")})
			return nil
		}}
		var d diary
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		_ = Watch(ctx, src, d.watching())
		d.want(t, "problem x")
	})
}

// TestWaitFails has waiting fail at once, again and again: that is no reason to turn in circles.
func TestWaitFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := &played{boxes: []string{""}, read: func(_ context.Context, s Session) error { s.Answered(""); return nil },
			wait: func(context.Context, time.Duration) error { return io.EOF }}
		var d diary
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		_ = Watch(ctx, src, d.watching())
		if src.reads > 31 {
			t.Errorf("%d reads in a minute", src.reads)
		}
	})
}
