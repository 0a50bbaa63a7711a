package records_test

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"

	"portcullis.example/portcullis"
	"portcullis.example/portcullis/internal/mail"
	"portcullis.example/portcullis/internal/mail/records"
	"portcullis.example/portcullis/internal/store"
	"portcullis.example/portcullis/internal/testenv"
)

// onBoth runs a case on SQLite, and on PostgreSQL where there is one.
func onBoth(t *testing.T, fn func(t *testing.T, s *store.Store)) {
	ours := []store.Migrations{{Context: "mail", FS: records.Migrations()}}
	t.Run("sqlite", func(t *testing.T) {
		open(t, store.Config{Dir: t.TempDir(), Migrations: ours}, fn)
	})
	t.Run("postgres", func(t *testing.T) {
		open(t, store.Config{URL: testenv.Database(t), Migrations: ours}, fn)
	})
}

func open(t *testing.T, cfg store.Config, fn func(*testing.T, *store.Store)) {
	s, err := store.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}()
	fn(t, s)
}

func write(t *testing.T, s *store.Store, fn func(ctx context.Context, w *records.Writer) error) {
	t.Helper()
	err := s.Tx(t.Context(), func(tx *sql.Tx) error {
		w := records.NewWriter(tx)
		defer w.Close()
		return fn(t.Context(), w)
	})
	if err != nil {
		t.Fatal(err)
	}
}

func day(n int) time.Time { return time.Date(2026, 3, n, 9, 0, 0, 0, time.UTC) }

func event(n int) portcullis.ID { return portcullis.NewID("event", "mail", fmt.Sprint(n)) }

// arrive stores a message from sender to recipients, as a scan does.
func arrive(ctx context.Context, w *records.Writer, n int, sender, org string, recipients ...string) error {
	var contacts []records.Contact
	for _, r := range recipients {
		contacts = append(contacts, records.Contact{Sender: sender, Org: org, Name: "n:" + sender, Recipient: r, RecipientOrg: "house.example"})
	}
	m := records.Message{ID: event(n), Time: day(n), Recorded: day(n), MessageID: fmt.Sprint("m", n), Sender: sender, Org: org}
	if err := w.AddMessage(ctx, m, contacts); err != nil {
		return err
	}
	for _, r := range recipients {
		if _, err := w.AddDelivery(ctx, records.Delivery{Message: event(n), Source: "box/" + r, Recipient: r, Person: portcullis.ID("person:" + r), How: "to", Recorded: day(n)}); err != nil {
			return err
		}
	}
	return nil
}

func TestHistoryKnowsOnlyWhatCameBefore(t *testing.T) {
	onBoth(t, func(t *testing.T, s *store.Store) {
		write(t, s, func(ctx context.Context, w *records.Writer) error {
			for n := 1; n <= 5; n++ {
				if err := arrive(ctx, w, n, "a@x.example", "x.example", "anna", fmt.Sprint("other", n)); err != nil {
					return err
				}
			}
			// anna answers on day 6
			m := records.Message{ID: event(6), Time: day(6), Recorded: day(6), Sender: "anna", Org: "house.example"}
			return w.AddMessage(ctx, m, []records.Contact{{Sender: "anna", Org: "house.example", Recipient: "a@x.example", RecipientOrg: "x.example"}})
		})
		r := records.NewReader(s.DB())
		for _, c := range []struct{ before, mails, reached, to, replied int }{
			{1, 0, 0, 0, 0}, {3, 2, 3, 2, 0}, {6, 5, 6, 5, 0}, {7, 5, 6, 5, 1},
		} {
			h, err := r.History(t.Context(), records.Ask{Sender: "a@x.example", Org: "x.example", Recipients: []string{"anna"}, Before: day(c.before)})
			if err != nil {
				t.Fatal(err)
			}
			got := []int{h.SenderMails, h.SenderReached, h.ToRecipient, h.Replied}
			if want := []int{c.mails, c.reached, c.to, c.replied}; !slices.Equal(got, want) {
				t.Errorf("before day %d: mails, reached, to, replied = %v, want %v", c.before, got, want)
			}
		}
	})
}

func TestThread(t *testing.T) {
	onBoth(t, func(t *testing.T, s *store.Store) {
		write(t, s, func(ctx context.Context, w *records.Writer) error {
			return arrive(ctx, w, 1, "printer@print.example", "print.example", "anna")
		})
		r := records.NewReader(s.DB())
		got, err := r.Thread(t.Context(), records.Ask{Sender: "printer@pr1nt.example", Org: "pr1nt.example", Name: "n:printer@print.example"}, []string{"m1", "m9"})
		if err != nil {
			t.Fatal(err)
		}
		if !got.Known || got.Mails != 1 || got.SenderInIt || got.DomainInIt || got.NameInIt != "print.example" {
			t.Errorf("a newcomer with a participant's name: %+v", got)
		}
		none, err := r.Thread(t.Context(), records.Ask{}, []string{"m9"})
		if err != nil || none.Known {
			t.Errorf("an unknown thread: %+v, %v", none, err)
		}
	})
}

func verdict(revision int, people ...portcullis.ID) portcullis.Verdict {
	f := portcullis.Finding{ID: portcullis.NewID("finding", fmt.Sprint(people)), Rule: "mail/test@1", Severity: portcullis.High, Attention: portcullis.Targeted, Time: day(1), People: people}
	return portcullis.Verdict{Action: portcullis.Hold, Score: 80, Revision: revision, Facts: fmt.Sprint("facts", revision), Findings: []portcullis.Finding{f}}
}

func TestFindingsAndRevisions(t *testing.T) {
	onBoth(t, func(t *testing.T, s *store.Store) {
		write(t, s, func(ctx context.Context, w *records.Writer) error {
			if err := arrive(ctx, w, 1, "a@x.example", "x.example", "anna"); err != nil {
				return err
			}
			if err := put(ctx, w, event(1), verdict(0, "person:anna"), []byte(`{"schema":1}`), day(1)); err != nil {
				return err
			}
			return put(ctx, w, event(1), verdict(1, "person:anna", "person:bo"), []byte(`{"schema":1}`), day(1))
		})
		r := records.NewReader(s.DB())
		for person, want := range map[portcullis.ID]int{"person:anna": 1, "person:bo": 1, "person:cy": 0} {
			found, err := r.Findings(t.Context(), records.Filter{People: []portcullis.ID{person}})
			if err != nil || len(found) != want {
				t.Errorf("findings about %s = %d, %v; want %d", person, len(found), err, want)
			}
		}
		if v, ok, err := r.Verdict(t.Context(), event(1)); err != nil || !ok || v.Revision != 1 {
			t.Errorf("current verdict = %+v, %v, %v; want revision 1", v, ok, err)
		}
		if _, ok, err := r.VerdictJSON(t.Context(), event(1), 0); err != nil || !ok {
			t.Errorf("revision 0 is gone: %v, %v", ok, err)
		}
	})
}

func TestCopiesFindEachOther(t *testing.T) {
	onBoth(t, func(t *testing.T, s *store.Store) {
		text := "The committee looks at the side letters to the port contract on Tuesday and we publish tomorrow what they say about the members of your parliament"
		groups := map[string]int{}
		write(t, s, func(ctx context.Context, w *records.Writer) error {
			for n := 1; n <= 3; n++ {
				if err := arrive(ctx, w, n, "a@x.example", "x.example", "anna"); err != nil {
					return err
				}
				sketch, _ := mail.NewSketch(fmt.Sprintf("Hello member %s. %s", []string{"Anna", "Bo", "Cy"}[n-1], text))
				g, err := w.AddCopy(ctx, mail.Copy{Event: event(n)}, sketch, nil)
				if err != nil {
					return err
				}
				groups[g]++
			}
			if err := arrive(ctx, w, 9, "b@y.example", "y.example", "anna"); err != nil {
				return err
			}
			other, _ := mail.NewSketch("Books can be returned at the gate all day, and the reading room opens again at nine")
			g, err := w.AddCopy(ctx, mail.Copy{Event: event(9)}, other, nil)
			groups[g]++
			return err
		})
		if len(groups) != 2 {
			t.Errorf("groups = %v, want three copies in one and the other mail in its own", groups)
		}
		dirty, err := records.NewReader(s.DB()).Dirty(t.Context())
		if err != nil || len(dirty) != 1 {
			t.Errorf("dirty groups = %v, %v; want that of the copies: a mail alone has nothing to be compared with", dirty, err)
		}
	})
}

func TestEraseLeavesNoTrace(t *testing.T) {
	onBoth(t, func(t *testing.T, s *store.Store) {
		write(t, s, func(ctx context.Context, w *records.Writer) error {
			for n, to := range [][]string{{"anna"}, {"anna", "bo"}, {"bo"}} {
				if err := arrive(ctx, w, n+1, "a@x.example", "x.example", to...); err != nil {
					return err
				}
				var people []portcullis.ID
				for _, p := range to {
					people = append(people, portcullis.ID("person:"+p))
				}
				if err := put(ctx, w, event(n+1), verdict(0, people...), []byte(`{"schema":1}`), day(1)); err != nil {
					return err
				}
			}
			return nil
		})
		write(t, s, func(ctx context.Context, w *records.Writer) error {
			removed, kept, err := w.Erase(ctx, records.Erasure{Person: "person:anna", Addresses: []string{"anna"}})
			if len(removed) != 1 || len(kept) != 1 {
				t.Errorf("removed %v, kept %v; want one each", removed, kept)
			}
			return err
		})
		for table, columns := range map[string]string{
			"mail_delivery": "recipient || person", "mail_contact": "recipient || sender", "mail_concerns": "person",
		} {
			var n int
			if err := s.DB().QueryRow(`SELECT count(*) FROM ` + table + ` WHERE ` + columns + ` LIKE '%anna%'`).Scan(&n); err != nil || n > 0 {
				t.Errorf("%s still names the person in %d rows (%v)", table, n, err)
			}
		}
		v, ok, err := records.NewReader(s.DB()).Verdict(t.Context(), event(2))
		if err != nil || !ok || !slices.Equal(v.Findings[0].People, []portcullis.ID{"person:bo"}) {
			t.Errorf("the shared message's finding: %+v, %v", v, err)
		}
	})
}

func TestRetain(t *testing.T) {
	onBoth(t, func(t *testing.T, s *store.Store) {
		write(t, s, func(ctx context.Context, w *records.Writer) error {
			for n := 1; n <= 4; n++ {
				if err := arrive(ctx, w, n, "a@x.example", "x.example", "anna"); err != nil {
					return err
				}
			}
			ids, err := w.Retain(ctx, day(3), 100)
			if len(ids) != 2 {
				t.Errorf("removed %v, want the two from before day 3", ids)
			}
			return err
		})
		totals, err := records.NewReader(s.DB()).Totals(t.Context())
		if err != nil || totals.Messages != 2 || totals.Deliveries != 2 {
			t.Errorf("left: %+v, %v; want 2 messages, 2 deliveries", totals, err)
		}
	})
}

// put stores a revision as a scan does: the first judges the message alone.
func put(ctx context.Context, w *records.Writer, message portcullis.ID, v portcullis.Verdict, facts []byte, now time.Time) error {
	encode := records.NewJudgement
	if v.Revision > 0 {
		encode = records.NewComparison
	}
	j, err := encode(message, v, facts, "people 1")
	if err != nil {
		return err
	}
	return w.PutVerdicts(ctx, []records.Judgement{j}, now)
}
