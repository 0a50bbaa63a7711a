package web

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"portcullis.example/portcullis"
	"portcullis.example/portcullis/internal/api"
)

// Change says that something is not as it was; it does not say how. A page that
// hears of it asks for itself again, through the same checks as before, so that
// nothing leaves here that its reader may not see.
type Change struct {
	Topic   string        // "situation", "campaigns", "people", "indicators", "notices", "audit"
	Subject portcullis.ID // what changed; may be empty
}

// Limits of live pages. Each open page costs a goroutine and a connection.
const (
	maxScreens       = 400
	maxScreensCaller = 12
	feedKept         = 1024             // changes kept for those who come back
	heartbeat        = 20 * time.Second // below what proxies cut at
	screenLife       = 15 * time.Minute // then the browser comes back and is checked anew
	gatherFor        = 250 * time.Millisecond
	writeWithin      = 30 * time.Second
)

// Feed tells open pages what changed. Publish never waits for them.
type Feed struct {
	epoch string // differs per run, so that an id of an earlier run is known as such

	mu      sync.Mutex
	kept    []Change // guarded by mu: the latest, at most feedKept
	last    int64    // guarded by mu: number of the last of them; the first ever is 1
	wake    chan struct{}
	screens map[string]int // guarded by mu: open ones per caller
	open    int            // guarded by mu
}

// NewFeed makes a feed. The run is anything that differs from start to start.
func NewFeed(run time.Time) *Feed {
	return &Feed{epoch: strconv.FormatInt(run.UnixMicro(), 36), wake: make(chan struct{}), screens: map[string]int{}}
}

// Publish tells all open pages.
func (f *Feed) Publish(changes ...Change) {
	if len(changes) == 0 {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.kept = append(f.kept, changes...)
	if over := len(f.kept) - feedKept; over > 0 {
		f.kept = slices.Delete(f.kept, 0, over)
	}
	f.last += int64(len(changes))
	close(f.wake)
	f.wake = make(chan struct{})
}

// now is the id of the last change, for a page to say what it was made from.
func (f *Feed) now() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return fmt.Sprintf("%s-%d", f.epoch, f.last)
}

// since returns the changes after a number, whether some of them are kept no
// more, the number of the last one, and a channel that closes at the next.
func (f *Feed) since(after int64) (changes []Change, missed bool, last int64, next <-chan struct{}) {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := f.last - after
	if n < 0 || n > int64(len(f.kept)) {
		return nil, true, f.last, f.wake
	}
	return slices.Clone(f.kept[int64(len(f.kept))-n:]), false, f.last, f.wake
}

// enter counts a screen; false means that there are too many.
func (f *Feed) enter(caller string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.open >= maxScreens || f.screens[caller] >= maxScreensCaller {
		return false
	}
	f.open++
	f.screens[caller]++
	return true
}

func (f *Feed) leave(caller string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.open--
	if f.screens[caller]--; f.screens[caller] <= 0 {
		delete(f.screens, caller)
	}
}

// position reads an event id, "epoch-number". An id that is not of this run
// counts as having missed something.
func (f *Feed) position(id string) (after int64, ok bool) {
	epoch, number, _ := strings.Cut(id, "-")
	n, err := strconv.ParseInt(number, 10, 64)
	return n, err == nil && epoch == f.epoch && n >= 0
}

// screen is one open page that follows the feed.
type screen struct {
	alive   func(context.Context) bool // nil: as long as the connection
	feed    *Feed
	topics  []string
	subject portcullis.ID
	w       http.ResponseWriter
	flush   *http.ResponseController
	at      int64
}

// live is the stream of server-sent events. Query: "topics", comma-separated,
// and "subject", the one thing the page is about. A browser that comes back
// says by Last-Event-ID what it has heard.
func (s *site) live(w http.ResponseWriter, r *http.Request) error {
	if s.Feed == nil {
		return ErrNotFound
	}
	caller, _ := api.CallerFrom(r.Context())
	if !s.Feed.enter(caller.Name) {
		w.Header().Set("Retry-After", "60")
		http.Error(w, "Too many live pages are open. Close some and reload.", http.StatusServiceUnavailable)
		return nil
	}
	defer s.Feed.leave(caller.Name)
	sc := &screen{feed: s.Feed, alive: s.Alive, w: w, flush: http.NewResponseController(w), subject: portcullis.ID(typed(r, "subject"))}
	if topics := typed(r, "topics"); topics != "" {
		sc.topics = strings.Split(topics, ",")
	}
	w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
	w.Header().Set("X-Accel-Buffering", "no") // a proxy in front must not gather
	ctx, cancel := context.WithTimeout(r.Context(), screenLife)
	defer cancel()
	seen := r.Header.Get("Last-Event-ID")
	if seen == "" {
		seen = r.FormValue("at") // what the page itself was made from
	}
	return sc.follow(ctx, seen)
}

// follow writes until the reader is gone. An error in writing means just that.
func (sc *screen) follow(ctx context.Context, lastSeen string) error {
	after, known := sc.feed.position(lastSeen)
	if !known {
		_, _, after, _ = sc.feed.since(0)
	}
	sc.at = after
	if sc.write("retry: 3000\n"+sc.id()+"event: hello\ndata: {}\n\n") != nil ||
		(lastSeen != "" && !known && sc.write(sc.id()+"event: change\ndata: {}\n\n") != nil) {
		return nil
	}
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	for {
		changes, missed, last, next := sc.feed.since(sc.at)
		sc.at = last
		if (missed || sc.concerns(changes)) && sc.write(sc.id()+"event: change\ndata: {}\n\n") != nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return nil
		case <-beat.C:
			if sc.alive != nil && !sc.alive(ctx) { // signed out meanwhile
				return nil
			}
			if sc.write(": still here\n\n") != nil {
				return nil
			}
		case <-next:
			if !pause(ctx, gatherFor) { // a burst becomes one event
				return nil
			}
		}
	}
}

func pause(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}

func (sc *screen) id() string { return fmt.Sprintf("id: %s-%d\n", sc.feed.epoch, sc.at) }

func (sc *screen) concerns(changes []Change) bool {
	return slices.ContainsFunc(changes, func(c Change) bool {
		if c.Subject != "" && c.Subject.Kind() == sc.subject.Kind() {
			return c.Subject == sc.subject // another thing of the page's own kind
		}
		return slices.Contains(sc.topics, c.Topic)
	})
}

// write sends, or finds out within writeWithin that nobody takes it any more.
func (sc *screen) write(s string) error {
	_ = sc.flush.SetWriteDeadline(time.Now().Add(writeWithin)) // not every writer has one
	if _, err := sc.w.Write([]byte(s)); err != nil {
		return fmt.Errorf("write to a live page: %w", err)
	}
	return sc.flush.Flush()
}
