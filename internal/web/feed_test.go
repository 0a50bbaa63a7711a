package web

import (
	"bufio"
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"portcullis.example/portcullis"
)

// TestFeedFollowsAndResumes: a page hears what concerns it, one event for a
// burst, and after a break exactly whether it missed something.
func TestFeedFollowsAndResumes(t *testing.T) {
	for _, c := range []struct {
		name    string
		topics  []string
		subject portcullis.ID
		seen    string // Last-Event-ID, with EPOCH for this run's
		publish []Change
		want    int // change events
	}{
		{"new page, nothing happens", []string{"notices"}, "", "EPOCH-2", nil, 0},
		{"a topic of it", []string{"notices"}, "", "EPOCH-2", []Change{{Topic: "notices"}}, 1},
		{"a burst is one", []string{"notices"}, "", "EPOCH-2", []Change{{Topic: "notices"}, {Topic: "notices"}, {Topic: "notices"}}, 1},
		{"another topic", []string{"notices"}, "", "EPOCH-2", []Change{{Topic: "campaigns"}}, 0},
		{"its subject", nil, "campaign:1", "EPOCH-2", []Change{{Topic: "campaigns", Subject: "campaign:1"}}, 1},
		{"another of its kind", []string{"campaigns"}, "campaign:1", "EPOCH-2", []Change{{Topic: "campaigns", Subject: "campaign:2"}}, 0},
		{"missed one while away", []string{"campaigns"}, "", "EPOCH-1", nil, 1},
		{"was of an earlier run", []string{"audit"}, "", "other-9", nil, 1},
		{"made-up position", []string{"audit"}, "", "EPOCH-99999", nil, 1},
		{"nonsense", []string{"audit"}, "", "\"><script>", nil, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := NewFeed(fakeNow)
				f.Publish(Change{Topic: "notices"}, Change{Topic: "campaigns"})
				w := httptest.NewRecorder()
				sc := &screen{feed: f, topics: c.topics, subject: c.subject, w: w, flush: http.NewResponseController(w)}
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				done := make(chan struct{})
				go func() {
					defer close(done)
					_ = sc.follow(ctx, strings.ReplaceAll(c.seen, "EPOCH", f.epoch))
				}()
				synctest.Wait()
				for _, change := range c.publish {
					f.Publish(change)
				}
				<-done
				if got := strings.Count(w.Body.String(), "event: change"); got != c.want {
					t.Errorf("%d change events, want %d:\n%s", got, c.want, w.Body.String())
				}
				if strings.Count(w.Body.String(), ": still here") < 2 {
					t.Error("no heartbeat within a minute")
				}
			})
		})
	}
}

func TestFeedForgetsTheOldest(t *testing.T) {
	f := NewFeed(fakeNow)
	for range feedKept + 10 {
		f.Publish(Change{Topic: "audit"})
	}
	if _, missed, _, _ := f.since(5); !missed {
		t.Error("what is kept no more counts as heard")
	}
	if changes, missed, _, _ := f.since(20); missed || len(changes) != feedKept-10 {
		t.Errorf("%d changes, missed %v", len(changes), missed)
	}
}

// TestFeedIsBounded: nobody can hold more than their share of open pages, and
// what is closed is free again.
func TestFeedIsBounded(t *testing.T) {
	f := NewFeed(fakeNow)
	for range maxScreensCaller {
		if !f.enter("ada") {
			t.Fatal("refused within the bound")
		}
	}
	if f.enter("ada") {
		t.Error("one too many for one caller")
	}
	f.leave("ada")
	if !f.enter("ada") {
		t.Error("a closed page is not free again")
	}
	n := 0
	for f.enter(string(rune('a' + n/maxScreensCaller%500))) {
		n++
	}
	if n+maxScreensCaller != maxScreens {
		t.Errorf("%d screens in all, want %d", n+maxScreensCaller, maxScreens)
	}
}

func TestLiveOverHTTP(t *testing.T) {
	f := &fakeDesk{}
	srv := httptest.NewServer(newDesk(t, f))
	defer srv.Close()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, "GET", srv.URL+"/live?topics=notices&at="+f.feed.now(), nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	if got := resp.Header.Get("Content-Type"); !strings.HasPrefix(got, "text/event-stream") {
		t.Errorf("content type %q", got)
	}
	lines := bufio.NewScanner(resp.Body)
	for lines.Scan() && lines.Text() != "event: hello" {
	}
	f.feed.Publish(Change{Topic: "notices"})
	for lines.Scan() {
		if lines.Text() == "event: change" {
			return
		}
	}
	t.Error("the stream ended without the change")
}
