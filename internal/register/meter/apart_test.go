//go:build unix

package meter

import (
	"context"
	"errors"
	"testing"
	"time"
)

// scripted is a store and an exchange of which a test says what happens.
type scripted struct {
	version  int64
	raw      []byte
	storing  func() // while a change is being stored
	told     [][]byte
	waits    int // how often it was asked for a count
	patience int // and by somebody who waits for ever
}

func (x *scripted) Common(context.Context) (int64, []byte, error) { return x.version, x.raw, nil }

func (x *scripted) Change(_ context.Context, fn func([]byte) ([]byte, error)) (int64, error) {
	next, err := fn(x.raw)
	if err != nil {
		return 0, err
	}
	if x.storing != nil {
		x.storing()
	}
	x.version, x.raw = x.version+1, next
	return x.version, nil
}

func (x *scripted) Tell(context.Context, string, []byte) error      { return nil }
func (x *scripted) Heard(context.Context, string) ([][]byte, error) { return x.told, nil }
func (x *scripted) Begin(ctx context.Context, _ []string) (StoreTx, error) {
	x.waits++
	if _, bounded := ctx.Deadline(); !bounded {
		x.patience++
	}
	return nil, errors.New("away")
}

// TestDecideWhileOthersDo: what was decided here holds here, though this guard hears of an earlier decision of another while
// its own is being stored.
func TestDecideWhileOthersDo(t *testing.T) {
	x := &scripted{}
	m := New(policy(t, together))
	must(t, m.Join(t.Context(), x, monday))
	x.version, x.raw = x.version+1, []byte(`{"brake_why":"pulled elsewhere"}`)
	x.storing = func() {
		if news, err := m.Sync(t.Context(), monday); err != nil || !news {
			t.Errorf("the other guard's decision is no news: %v, %v", news, err)
		}
	}
	must(t, m.Decide(t.Context(), func() error {
		_, err := m.Declare(Declaration{By: []string{"carol", "dave"}, Reason: "polling day", For: time.Hour}, monday)
		return err
	}))
	x.storing = nil
	if _, err := m.Sync(t.Context(), monday); err != nil || m.Brake(monday).Emergency == nil {
		t.Errorf("decided and stored, and not in force here: %+v, %v", m.Brake(monday), err)
	}
}

// TestHearDamage: what the store says of other guards cannot end this one.
func TestHearDamage(t *testing.T) {
	x := &scripted{told: [][]byte{[]byte(`{"":{"u":1,"a":1,"n":[]},"t":{"u":5000000,"a":-9223372036854775808,"n":[7]}}`), []byte(`[]`), nil}}
	m := New(policy(t, together))
	must(t, m.Join(t.Context(), x, monday))
}

// TestStoreIsNotWaitedForEver: whoever counts in a store, or gives back, waits for a bounded time.
func TestStoreIsNotWaitedForEver(t *testing.T) {
	x := &scripted{}
	m := New(policy(t, together))
	m.Share(x)
	must(t, m.Join(t.Context(), x, monday))
	ctx := context.WithoutCancel(t.Context())
	_, _, reserved := m.Reserve(ctx, alice, run(0, 5), monday)
	_, left := m.Left(ctx, alice, monday)
	h := &Hold{m: m, voters: run(0, 5), marks: make([]mark, 1), shared: true}
	if given := h.cancelShared(ctx); reserved == nil || left == nil || given == nil || x.waits != 3 || x.patience != 0 {
		t.Errorf("%v, %v, %v: %d waited, %d of them for ever", reserved, left, given, x.waits, x.patience)
	}
}
