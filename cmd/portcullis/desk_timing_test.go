package main

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"portcullis.example/portcullis"
	"portcullis.example/portcullis/internal/api"
	"portcullis.example/portcullis/internal/campaigns"
	"portcullis.example/portcullis/internal/mail/records"
	"portcullis.example/portcullis/internal/response"
	"portcullis.example/portcullis/internal/web"
)

// What lies in the store when the first page is measured.
const (
	busyFindings  = 100_000
	busyCampaigns = 10_000 // of two mails each, to two people each
	busyPeople    = 600
)

// nothing is an archive that has seen everything a few times.
type nothing struct{}

func (nothing) Total(context.Context) (int, error) { return 10 * busyFindings, nil }
func (nothing) Frequency(_ context.Context, values []portcullis.Observable) ([]int, error) {
	counts := make([]int, len(values))
	for i := range counts {
		counts[i] = 2
	}
	return counts, nil
}
func (nothing) Seen(context.Context, portcullis.Observable, int) ([]campaigns.Sighting, error) {
	return nil, nil
}

func busyPerson(n int) portcullis.ID {
	return portcullis.ID(fmt.Sprintf("person:b%03d", n%busyPeople))
}
func busyEvent(n int) portcullis.ID { return portcullis.NewID("event", "busy", itoa(n)) }

// busyDesk is a desk over a store that has seen much.
func busyDesk(b *testing.B) *server {
	b.Setenv("XDG_CONFIG_HOME", b.TempDir())
	dir := b.TempDir()
	var file bytes.Buffer
	for n := range busyPeople {
		fmt.Fprintf(&file, "[[person]]\nid = %q\nname = \"Person Number%d\"\naddresses = [\"p%d@parliament.example\"]\n", strings.TrimPrefix(string(busyPerson(n)), "person:"), n, n)
	}
	people := filepath.Join(dir, "people.toml")
	must(b, os.WriteFile(people, file.Bytes(), 0o600))
	s := newDesk(b, filepath.Join(dir, "data"), people, "")
	began, start := time.Now(), time.Now().Add(-60*24*time.Hour).UTC().Truncate(time.Second)
	must(b, s.app.tx(b.Context(), func(w *records.Writer) error {
		return w.PutInput(b.Context(), "busy", "people", nil, start)
	}))
	for from := 0; from < busyFindings; from += 2000 {
		must(b, s.app.tx(b.Context(), func(w *records.Writer) error { return busyMail(b.Context(), w, from, from+2000, start) }))
	}
	for from := 0; from < busyCampaigns; from += 200 {
		must(b, s.app.store.Tx(b.Context(), func(tx *sql.Tx) error { return busyPlace(b.Context(), tx, from, from+200, start) }))
	}
	b.Logf("filled in %v", time.Since(began).Round(time.Second))
	return s
}

func busyTime(start time.Time, n int) time.Time { return start.Add(time.Duration(n) * time.Minute / 2) }

func busyMail(ctx context.Context, w *records.Writer, from, to int, start time.Time) error {
	var list []records.Judgement
	for n := from; n < to; n++ {
		at := busyTime(start, n)
		if err := w.AddMessage(ctx, records.Message{ID: busyEvent(n), Time: at, TimeKnown: true, Recorded: at, Size: 9, MessageID: itoa(n), Sender: "x", Org: "a.example"}, nil); err != nil {
			return err
		}
		person := busyPerson(n)
		if _, err := w.AddDelivery(ctx, records.Delivery{Message: busyEvent(n), Source: "box", Offset: int64(n), Recipient: "p@parliament.example", Person: person, Recorded: at}); err != nil {
			return err
		}
		v := portcullis.Verdict{Action: portcullis.Tag, Score: 70, Facts: "f", Findings: []portcullis.Finding{{ID: portcullis.NewID("finding", itoa(n)), Rule: "mail/reconnaissance@1", Time: at,
			Severity: portcullis.Medium, Attention: portcullis.Targeted, Summary: "A mail that reports when it is opened", People: []portcullis.ID{person}}}}
		j, err := records.NewJudgement(busyEvent(n), v, nil, "busy")
		if err != nil {
			return err
		}
		list = append(list, j)
	}
	return w.PutVerdicts(ctx, list, start)
}

func busyPlace(ctx context.Context, tx *sql.Tx, from, to int, start time.Time) error {
	w := campaigns.NewWriter(tx, campaigns.Deps{Archive: nothing{}})
	defer w.Close()
	n := response.NewWriter(tx, response.DefaultConfig(), start.Add(50*24*time.Hour))
	for c := from; c < to; c++ {
		for k := range 2 {
			own := portcullis.Observable{Type: portcullis.TypeDomain, Value: fmt.Sprintf("t%d.example", c)}
			at := busyTime(start, 2*c+k)
			p, err := w.Put(ctx, campaigns.Item{Event: busyEvent(2*c + k), Sensor: "mail", Time: at, People: []portcullis.ID{busyPerson(2*c + k)},
				Features: []campaigns.Feature{{Kind: campaigns.RoleRemote, Observable: own}, {Kind: campaigns.RoleSender, Observable: own}, {Kind: campaigns.RoleReplyTo, Observable: own}},
				Findings: []campaigns.FindingRef{{ID: portcullis.NewID("finding", itoa(2*c+k)), Rule: "mail/reconnaissance@1", Severity: portcullis.Medium, Attention: portcullis.Targeted}}})
			if err != nil {
				return err
			}
			if k == 0 {
				continue
			}
			if p.Campaign == "" {
				return fmt.Errorf("mail %d is in no campaign", 2*c+k)
			}
			for both := range 2 {
				reach := response.Reach{Person: busyPerson(2*c + both), Name: "Person", Addresses: []string{"p@parliament.example"}, Campaign: p.Campaign,
					Events: []response.Received{{Event: busyEvent(2*c + both), Time: at, Address: "p@parliament.example", Sender: "A <a@a.example>", Subject: strings.Repeat("subject ", 8), Hosts: []string{own.Value}}}}
				if _, err := n.Draft(ctx, machine, reach); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// newDesk is a desk without a listener, over a new store.
func newDesk(tb testing.TB, data, people, more string) *server {
	tb.Helper()
	dir := tb.TempDir()
	file := filepath.Join(dir, "portcullis.toml")
	must(tb, os.WriteFile(file, []byte(more), 0o600))
	cfg, err := loadConfig(&Globals{Config: file, Data: data})
	must(tb, err)
	a, err := openApp(tb.Context(), cfg, false, false)
	must(tb, err)
	tb.Cleanup(func() { _ = a.close() })
	who, err := loadPeople(people)
	must(tb, err)
	std := stdio{out: &bytes.Buffer{}, err: &bytes.Buffer{}}
	s := &server{std: std, app: a, now: time.Now, log: slog.New(slog.DiscardHandler), every: time.Second}
	must(tb, s.wire(tb.Context(), who, std))
	return s
}

// BenchmarkSituation makes the model of the first page over 100,000 findings in 10,000
// campaigns, for the first time and when nothing changed; and serves it as a browser gets it right after something
// did: a step of a notice, new mail, a merge.
func BenchmarkSituation(b *testing.B) {
	s := busyDesk(b)
	ctx := api.WithCaller(b.Context(), api.Caller{Name: "officer", Roles: []api.Role{api.Reader, api.Approver}, Via: api.ViaLocalLink})
	first := func(b *testing.B) {
		b.Helper()
		page, err := s.desk.Situation(ctx)
		if err != nil || page.Totals.Campaigns != busyCampaigns || page.Totals.Findings != busyFindings || page.Totals.Running == 0 {
			b.Fatalf("the page shows %+v: %v", page.Totals, err)
		}
	}
	b.Run("first", func(b *testing.B) {
		for b.Loop() {
			s.desk.board = &board{desk: s.desk}
			first(b)
		}
	})
	b.Run("unchanged", func(b *testing.B) {
		for b.Loop() {
			first(b)
		}
	})
	b.Run("notices", func(b *testing.B) {
		for b.Loop() {
			if _, err := s.desk.Notices(ctx, web.NoticeQuery{Limit: 50}); err != nil {
				b.Fatal(err)
			}
		}
	})
	page, err := s.desk.Notices(ctx, web.NoticeQuery{State: "drafted", Limit: 100})
	must(b, err)
	list, err := s.desk.campaignRecords().Campaigns(ctx, campaigns.Query{Limit: busyCampaigns})
	must(b, err)
	pages, err := web.New(web.Config{Desk: s.desk, Now: time.Now, Guard: func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { next.ServeHTTP(w, r.WithContext(ctx)) })
	}})
	must(b, err)
	served := func(b *testing.B) {
		b.Helper()
		answer := httptest.NewRecorder()
		if pages.ServeHTTP(answer, httptest.NewRequest("GET", "/", nil)); answer.Code != http.StatusOK {
			b.Fatalf("the page answers %d", answer.Code)
		}
	}
	for _, change := range []struct {
		name string
		make func(n int)
	}{
		{"notice", func(n int) {
			_, err := s.desk.Document(ctx, page.Rows[n%len(page.Rows)].Notice, "md") // writes to the log of notices
			must(b, err)
		}},
		{"mail", func(n int) { // two of one kind in one of the campaigns, with what their readers are to be told
			must(b, s.app.store.Tx(ctx, func(tx *sql.Tx) error {
				return busyPlace(ctx, tx, busyCampaigns+n, busyCampaigns+n+1, time.Now().Add(-60*24*time.Hour))
			}))
		}},
		{"merge", func(n int) { // of two that were not merged yet
			must(b, s.app.store.Tx(ctx, func(tx *sql.Tx) error {
				w := campaigns.NewWriter(tx, campaigns.Deps{Archive: nothing{}})
				defer w.Close()
				_, err := w.Merge(ctx, "officer", "they are one", list[2*n].ID, list[2*n+1].ID, list[2*n].Version)
				return err
			}))
		}},
	} {
		b.Run("served after a "+change.name, func(b *testing.B) {
			slowest, n := time.Duration(0), 0
			for b.Loop() {
				b.StopTimer()
				change.make(n)
				n++
				s.desk.board.stale()
				time.Sleep(boardPause)
				began := time.Now()
				b.StartTimer()
				served(b)
				slowest = max(slowest, time.Since(began))
			}
			b.ReportMetric(float64(slowest.Milliseconds()), "slowest-ms")
		})
	}
}
