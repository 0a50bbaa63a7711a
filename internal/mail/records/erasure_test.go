package records_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"portcullis.example/portcullis"
	"portcullis.example/portcullis/internal/mail"
	"portcullis.example/portcullis/internal/mail/records"
	"portcullis.example/portcullis/internal/store"
)

const peopleFile = `[[person]]
id = "anna"
name = "Anna Keller"
addresses = ["anna@house.example"]
role = "Chair"

[[person]]
id = "bo"
name = "Bo Lind"
addresses = ["bo@house.example"]
staff = ["anna"]

[mailboxes]
"keller" = "anna"
"lind" = "bo"
`

// TestEraseReachesEverything: the bytes of shared mail, what comparisons rest on,
// sentences in findings, and the people files kept for replaying.
func TestEraseReachesEverything(t *testing.T) {
	onBoth(t, func(t *testing.T, s *store.Store) {
		erased := records.Erasure{Person: "person:anna", Addresses: []string{"anna@house.example"}, Names: []string{"Anna Keller"}}
		write(t, s, func(ctx context.Context, w *records.Writer) error {
			for n, to := range []string{"anna", "bo"} {
				if err := arrive(ctx, w, n+1, "a@x.example", "x.example", to); err != nil {
					return err
				}
				sketch, _ := mail.NewSketch("The committee looks at the side letters to the port contract on Tuesday and we publish tomorrow what they say")
				if _, err := w.AddCopy(ctx, mail.Copy{Event: event(n + 1)}, sketch, nil); err != nil {
					return err
				}
			}
			v := verdict(1, "person:anna", "person:bo")
			v.Facts = "group facts" // of a comparison that changed the verdict on one of the copies only
			v.Findings[0].Summary = "It went to ANNA KELLER and to Bo Lind."
			v.Findings[0].Observables = []portcullis.Observable{{Type: portcullis.TypeEmail, Value: "anna@house.example"}}
			if err := put(ctx, w, event(2), v, []byte(`{"group":"g"}`), day(1)); err != nil {
				return err
			}
			if err := w.PutBody(ctx, event(2), "findings", []byte("To: Anna Keller")); err != nil {
				return err
			}
			return w.PutInput(ctx, "hash", "people", []byte(peopleFile), day(1))
		})
		for range 2 { // scanned again with the same file, and erased again
			write(t, s, func(ctx context.Context, w *records.Writer) error {
				if err := w.PutInput(ctx, "hash", "people", []byte(peopleFile), day(2)); err != nil {
					return err
				}
				_, _, err := w.Erase(ctx, erased)
				return err
			})
		}
		r := records.NewReader(s.DB())
		if _, err := r.GroupFacts(t.Context(), "group facts"); err == nil {
			t.Error("the facts of the comparison are still there: they name the recipients of all copies")
		}
		v, _, err := r.Verdict(t.Context(), event(2))
		if err != nil || len(v.Findings) != 1 || v.Findings[0].Summary != "It went to (erased) and to Bo Lind." || len(v.Findings[0].Observables) > 0 {
			t.Errorf("the finding about both: %+v, %v", v, err)
		}
		if _, ok, err := r.Input(t.Context(), "hash"); ok || err != nil {
			t.Errorf("the whole people file is still there (%v)", err)
		}
		left, ok, err := r.Input(t.Context(), records.ErasedInput("hash"))
		if err != nil || !ok {
			t.Fatalf("the people file of the others: %v, %v", ok, err)
		}
		for _, gone := range []string{"Anna", "Keller", "keller", "anna@", "Chair"} {
			if strings.Contains(string(left), gone) {
				t.Errorf("the people file still has %q:\n%s", gone, left)
			}
		}
		for _, stays := range []string{"Bo Lind", "bo@house.example", `"lind" = "bo"`} {
			if !strings.Contains(string(left), stays) {
				t.Errorf("the people file has lost %q:\n%s", stays, left)
			}
		}
	})
}

// TestEraseSources: where mail lay, how far mailboxes were read, and why one did not answer.
func TestEraseSources(t *testing.T) {
	onBoth(t, func(t *testing.T, s *store.Store) {
		erased := records.Erasure{Person: "person:anna", Addresses: []string{"anna@house.example"}, Names: []string{"Anna Keller"}}
		positions := map[string][2]string{
			"link":      {`{"link":"https://graph.example/v1.0/users/ANNA%40house.example/messages/delta?x"}`, ""},
			"other's":   {`{"link":"https://graph.example/v1.0/users/bo%40house.example/messages/delta?x"}`, `{"link":"https://graph.example/v1.0/users/bo%40house.example/messages/delta?x"}`},
			"numbers":   {`{"uidvalidity":7,"uid":12}`, `{"uidvalidity":7,"uid":12}`},
			"her own":   {`{"answered":"2026-03-01T00:00:00Z","first":"2026-02-01T00:00:00Z","reason":"NO user Anna@house.example is locked"}`, `{"answered":"2026-03-01T00:00:00Z","first":"2026-02-01T00:00:00Z","reason":"NO user (erased) is locked"}`},
			"untouched": {`{"first":"2026-02-01T00:00:00Z","reason":"NO user bo@house.example is locked"}`, `{"first":"2026-02-01T00:00:00Z","reason":"NO user bo@house.example is locked"}`},
		}
		const sent = "imap:members/anna@house.example/Sent"
		write(t, s, func(ctx context.Context, w *records.Writer) error {
			for file, p := range positions {
				if err := w.PutPosition(ctx, file, []byte(p[0])); err != nil {
					return err
				}
			}
			if err := arrive(ctx, w, 1, "writer@x.example", "x.example", "bo"); err != nil { // somebody else sent it from her mailbox
				return err
			}
			for _, source := range []string{sent, "imap:members/(erased)/Sent", "imap:members/bo@house.example/INBOX"} {
				if _, err := w.AddDelivery(ctx, records.Delivery{Message: event(1), Source: source, Offset: 4, Recipient: "bo", Person: "person:bo", How: "source", Recorded: day(1)}); err != nil {
					return err
				}
			}
			return nil
		})
		for range 2 {
			write(t, s, func(ctx context.Context, w *records.Writer) error {
				_, _, err := w.Erase(ctx, erased)
				return err
			})
		}
		r := records.NewReader(s.DB())
		for file, p := range positions {
			raw, ok, err := r.Position(t.Context(), file)
			if err != nil || ok != (p[1] != "") || string(raw) != p[1] {
				t.Errorf("%s: %s (%v), want %s", file, raw, err, p[1])
			}
		}
		deliveries, err := r.Deliveries(t.Context(), event(1))
		if err != nil {
			t.Fatal(err)
		}
		var places []string
		for _, d := range deliveries {
			if d.Offset == 4 {
				places = append(places, d.Source)
			}
		}
		slices.Sort(places)
		if want := []string{"imap:members/(erased)/Sent", "imap:members/bo@house.example/INBOX"}; !slices.Equal(places, want) {
			t.Errorf("the message lies in %q, want %q", places, want)
		}
	})
}

// TestEraseSilence: that a mailbox was silent, of a person who was not known then as well; and the silence of another's that names them.
func TestEraseSilence(t *testing.T) {
	onBoth(t, func(t *testing.T, s *store.Store) {
		silent := func(ctx context.Context, w *records.Writer, n int, recipient string, person portcullis.ID, summary string) error {
			if err := w.AddMessage(ctx, records.Message{ID: event(n), Time: day(1), Recorded: day(1)}, nil); err != nil {
				return err
			}
			if _, err := w.AddDelivery(ctx, records.Delivery{Message: event(n), Source: "imap:members", Recipient: recipient, Person: person, How: "source", Recorded: day(1)}); err != nil {
				return err
			}
			v := verdict(0)
			v.Facts, v.Findings[0].Summary = "", summary
			if person != "" {
				v.Findings[0].People = []portcullis.ID{person}
			}
			return put(ctx, w, event(n), v, []byte(`{"schema":1}`), day(1))
		}
		write(t, s, func(ctx context.Context, w *records.Writer) error {
			return errors.Join(
				silent(ctx, w, 1, "anna@house.example", "person:anna", "The mailbox anna@house.example has answered nothing."),
				silent(ctx, w, 2, "anna@house.example", "", "The mailbox anna@house.example has answered nothing."),
				silent(ctx, w, 3, "bo@house.example", "person:bo", "The mailbox bo@house.example has answered nothing: anna@house.example is locked."),
				silent(ctx, w, 4, "bo@house.example", "person:bo", "The mailbox bo@house.example has answered nothing."))
		})
		var removed []portcullis.ID
		write(t, s, func(ctx context.Context, w *records.Writer) (err error) {
			removed, _, err = w.Erase(ctx, records.Erasure{Person: "person:anna", Addresses: []string{"anna@house.example"}, Names: []string{"Anna Keller"}})
			return err
		})
		if want := []portcullis.ID{event(1), event(2)}; len(removed) != 2 || !slices.Contains(removed, want[0]) || !slices.Contains(removed, want[1]) {
			t.Errorf("removed %v, want %v", removed, want)
		}
		r := records.NewReader(s.DB())
		for n, want := range map[int]string{3: "The mailbox bo@house.example has answered nothing: (erased) is locked.", 4: "The mailbox bo@house.example has answered nothing."} {
			v, _, err := r.Verdict(t.Context(), event(n))
			if err != nil || len(v.Findings) != 1 || v.Findings[0].Summary != want || (v.Facts == records.Erased) != (n == 3) {
				t.Errorf("silence %d: %+v, %v", n, v, err)
			}
		}
	})
}

// TestEraseDropsSharedBytes: bytes that were addressed to the erased person go,
// though others got them too.
func TestEraseDropsSharedBytes(t *testing.T) {
	onBoth(t, func(t *testing.T, s *store.Store) {
		write(t, s, func(ctx context.Context, w *records.Writer) error {
			if err := arrive(ctx, w, 1, "a@x.example", "x.example", "anna", "bo"); err != nil {
				return err
			}
			if err := w.PutBody(ctx, event(1), "findings", []byte("To: anna, bo")); err != nil {
				return err
			}
			_, _, err := w.Erase(ctx, records.Erasure{Person: "person:anna", Addresses: []string{"anna"}})
			return err
		})
		if _, ok, err := records.NewReader(s.DB()).Body(t.Context(), event(1)); ok || err != nil {
			t.Errorf("the bytes are still there (%v)", err)
		}
	})
}

// TestRetainTrustsNoSender: only a trusted server's time makes a message old.
func TestRetainTrustsNoSender(t *testing.T) {
	onBoth(t, func(t *testing.T, s *store.Store) {
		messages := []records.Message{
			{ID: event(1), Time: day(1), TimeKnown: false, Recorded: day(20)}, // Date says so: stays
			{ID: event(2), Time: day(1), TimeKnown: true, Recorded: day(20)},  // a server says so: goes
			{ID: event(3), Time: day(30), TimeKnown: false, Recorded: day(2)}, // from the future, kept long enough: goes
			{ID: event(4), Time: day(15), TimeKnown: true, Recorded: day(20)}, // young: stays
		}
		write(t, s, func(ctx context.Context, w *records.Writer) error {
			for _, m := range messages {
				if err := w.AddMessage(ctx, m, nil); err != nil {
					return err
				}
			}
			for hash, at := range map[string]int{"old": 1, "new": 20} {
				if err := w.PutInput(ctx, hash, "people", []byte(peopleFile), day(at)); err != nil {
					return err
				}
			}
			for {
				ids, err := w.Retain(ctx, day(10), 1)
				if err != nil || len(ids) == 0 {
					return err
				}
			}
		})
		r := records.NewReader(s.DB())
		for i, want := range []bool{true, false, false, true} {
			if known, err := r.Known(t.Context(), messages[i].ID); known != want || err != nil {
				t.Errorf("message %d is there: %v, %v; want %v", i+1, known, err, want)
			}
		}
		for hash, want := range map[string]bool{"old": false, "new": true} {
			if _, ok, err := r.Input(t.Context(), hash); ok != want || err != nil {
				t.Errorf("people file %s is there: %v, %v; want %v", hash, ok, err, want)
			}
		}
	})
}

// TestCommonName: who else used a name is found among the latest mails, however
// many one sender has sent under it.
func TestCommonName(t *testing.T) {
	onBoth(t, func(t *testing.T, s *store.Store) {
		write(t, s, func(ctx context.Context, w *records.Writer) error {
			for n := 1; n <= 3; n++ {
				sender := "a@x.example"
				if n == 2 {
					sender = "b@y.example"
				}
				contact := records.Contact{Sender: sender, Org: "x.example", Name: "n", Recipient: "anna", RecipientOrg: "house.example"}
				if err := w.AddMessage(ctx, records.Message{ID: event(n), Time: day(n)}, []records.Contact{contact}); err != nil {
					return err
				}
			}
			h, err := w.History(ctx, records.Ask{Sender: "a@x.example", Name: "n", Before: day(9)})
			if h.NameAddresses != 1 || h.NameOther != 1 {
				t.Errorf("others with that name: %d addresses, %d mails; want 1 and 1", h.NameAddresses, h.NameOther)
			}
			return err
		})
	})
}
