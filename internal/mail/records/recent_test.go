package records_test

import (
	"context"
	"database/sql"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"portcullis.example/portcullis/internal/mail/records"
	"portcullis.example/portcullis/internal/store"
)

// TestHistoryFromMemory: what a transaction remembers of contacts answers as the store does, in
// whatever order mail comes, at one moment or at many, and after removals.
func TestHistoryFromMemory(t *testing.T) {
	onBoth(t, func(t *testing.T, s *store.Store) {
		r := rand.New(rand.NewPCG(1, 2))
		n := 0
		for range 3 { // transactions: the later ones find much
			err := s.Tx(t.Context(), func(tx *sql.Tx) error {
				w := records.NewWriter(tx)
				defer w.Close()
				for range 250 {
					n++
					if err := remembered(t, w, records.NewReader(tx), r, n); err != nil {
						return err
					}
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
		}
	})
}

// remembered asks, stores a message, and now and then removes one.
func remembered(t *testing.T, w *records.Writer, plain *records.Reader, r *rand.Rand, n int) error {
	ctx := context.WithoutCancel(t.Context())
	at := day(1).Add(time.Duration(n) * time.Minute) // mailboxes come in the order of time
	switch r.IntN(4) {
	case 0:
		at = day(1).Add(time.Duration(r.IntN(700)) * time.Minute) // another mailbox does not
	case 1:
		at = day(1).Add(time.Duration(n/20) * time.Hour) // many at one moment
	}
	sender := fmt.Sprintf("s%d@x.example", r.IntN(3))
	ask := records.Ask{Sender: sender, Org: "x.example", Name: "n", Before: at, Recipients: []string{fmt.Sprint("r", r.IntN(9)), "r1"}}
	got, err := w.History(ctx, ask)
	if err != nil {
		return err
	}
	want, err := plain.History(ctx, ask)
	if err != nil {
		return err
	}
	if got != want {
		t.Fatalf("message %d: history from memory\n%+v, from the store\n%+v", n, got, want)
	}
	var contacts []records.Contact
	for i := range 1 + r.IntN(4) {
		contacts = append(contacts, records.Contact{Sender: sender, Org: "x.example", Name: "n", Recipient: fmt.Sprint("r", (n+i)%40), RecipientOrg: "house.example"})
	}
	m := records.Message{ID: event(n), Time: at, Recorded: at, Sender: sender, Org: "x.example"}
	if r.IntN(40) == 0 && n > 10 {
		return w.Remove(ctx, event(n-r.IntN(10)-1))
	}
	return w.AddMessage(ctx, m, contacts)
}
