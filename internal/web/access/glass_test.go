package access

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"portcullis.example/portcullis/internal/api"
)

const goodReason = "The implant in this message must be taken apart today."

// privilegedObject is a message in the mailbox of Bo, whose mail is privileged.
func privilegedObject(t testing.TB) Object {
	return Object{ID: "event:secret", People: standings(t).Of("person:bo")}
}

func TestBreakGlass(t *testing.T) {
	onBoth(t, nil, func(t *testing.T, d *desk) {
		o := privilegedObject(t)
		ana, cem := as(t, "Ana", api.Analyst), as(t, "Cem", api.Approver)
		refusal, _ := errors.AsType[*Refusal](d.Allow(ana, SeeEvidence, o, nil))
		if refusal == nil || !refusal.BreakGlass {
			t.Fatalf("privileged mail: %v", refusal)
		}
		asked, err := d.AskGlass(ana, o, goodReason, time.Hour)
		must(t, err)
		if err := d.Allow(ana, SeeEvidence, o, nil); err == nil {
			t.Error("asking alone opens it")
		}
		for who, ctx := range map[string]context.Context{
			"the one who asked":              as(t, "Ana", api.Approver),
			"the one who asked, in capitals": as(t, "ANA", api.Approver),
			"an analyst":                     as(t, "Bea", api.Analyst),
			"an administrator":               as(t, "Root", api.Admin),
			"one who is both":                as(t, "Root", api.Admin, api.Approver),
			"a program":                      api.WithCaller(t.Context(), api.Caller{Name: "token x", Roles: api.Roles(), Via: api.ViaToken}),
			"one of the other house":         api.WithCaller(t.Context(), api.Caller{Name: "Dee", Roles: []api.Role{api.Approver}, Scope: api.Scope{Houses: []string{"Lower House"}}, Via: api.ViaOIDC}),
			"nobody":                         t.Context(),
		} {
			if _, err := d.DecideGlass(ctx, asked.ID, true); err == nil {
				t.Errorf("%s may agree", who)
			}
		}
		waiting, err := d.WaitingGlass(t.Context())
		must(t, err)
		if len(waiting) != 1 || waiting[0].Reason != goodReason || waiting[0].AskedBy != "Ana" {
			t.Errorf("waiting: %+v", waiting)
		}
		decided, err := d.DecideGlass(cem, asked.ID, true)
		must(t, err)
		if !decided.Open(d.clock.Now()) || decided.DecidedBy != "Cem" || len(d.told) == 0 || d.told[0].People[0] != "person:bo" {
			t.Errorf("decided %+v, told %+v", decided, d.told)
		}
		must(t, d.Allow(ana, SeeEvidence, o, nil))
		for who, err := range map[string]error{
			"another analyst": d.Allow(as(t, "Bea", api.Analyst), SeeEvidence, o, nil),
			"who agreed":      d.Allow(cem, SeeEvidence, o, nil),
			"another message": d.Allow(ana, SeeEvidence, Object{ID: "event:other", People: o.People}, nil),
			"deciding twice":  second(d.DecideGlass(cem, asked.ID, false)),
		} {
			if err == nil {
				t.Errorf("%s: allowed", who)
			}
		}
		d.clock.pass(61 * time.Minute)
		if err := d.Allow(ana, SeeEvidence, o, nil); err == nil {
			t.Error("open after its time")
		}
		looks, err := LooksAt(t.Context(), d.store.DB(), "person:bo", 50)
		must(t, err)
		var kinds []string
		for _, l := range looks {
			kinds = append(kinds, l.Kind+" by "+l.Who)
		}
		if got := strings.Join(kinds, ", "); got != "see-evidence by Ana, break-glass by Cem, ask-glass by Ana" {
			t.Errorf("the member sees %s", got)
		}
		if !strings.Contains(string(looks[2].Detail), goodReason) || looks[0].Detail != nil {
			t.Errorf("the member reads %s and %s", looks[2].Detail, looks[0].Detail)
		}
		if looks[0].Glass != asked.ID {
			t.Errorf("the look does not say by what: %+v", looks[0])
		}
	})
}

func second(_ Glass, err error) error { return err }

func TestGlassRefusedAndClosed(t *testing.T) {
	onBoth(t, nil, func(t *testing.T, d *desk) {
		o := privilegedObject(t)
		ana, cem := as(t, "Ana", api.Analyst), as(t, "Cem", api.Approver)
		for _, reason := range []string{"", "because", strings.Repeat("x", 3000), "a reason with \x00 in it"} {
			if _, err := d.AskGlass(ana, o, reason, time.Hour); err == nil {
				t.Errorf("reason %.20q is taken", reason)
			}
		}
		if _, err := d.AskGlass(ana, Object{ID: "event:plain", People: standings(t).Of("person:ada")}, goodReason, time.Hour); err == nil {
			t.Error("a glass where there is none")
		}
		if _, err := d.AskGlass(as(t, "Root", api.Admin), o, goodReason, time.Hour); err == nil {
			t.Error("an administrator asks")
		}
		asked, err := d.AskGlass(ana, o, goodReason, time.Hour)
		must(t, err)
		decided, err := d.DecideGlass(cem, asked.ID, false)
		must(t, err)
		if decided.Approved || d.Allow(ana, SeeEvidence, o, nil) == nil || len(d.told) != 0 {
			t.Errorf("refused, and open: %+v", decided)
		}
		asked, err = d.AskGlass(ana, o, goodReason, time.Hour)
		must(t, err)
		d.clock.pass(25 * time.Hour)
		if _, err := d.DecideGlass(cem, asked.ID, true); !errors.Is(err, ErrDecided) {
			t.Errorf("after a day: %v", err)
		}
		asked, err = d.AskGlass(ana, o, goodReason, time.Hour)
		must(t, err)
		_, err = d.DecideGlass(cem, asked.ID, true)
		must(t, err)
		if d.CloseGlass(as(t, "Bea", api.Analyst), asked.ID) == nil {
			t.Error("anybody may close")
		}
		must(t, d.CloseGlass(cem, asked.ID))
		if d.Allow(ana, SeeEvidence, o, nil) == nil {
			t.Error("open after closing")
		}
		if _, err := d.DecideGlass(cem, "glass:none", true); err == nil {
			t.Error("what nobody asked for is decided")
		}
	})
}

// TestGlassNotAnnounced wants nothing opened that the member cannot be told of.
func TestGlassNotAnnounced(t *testing.T) {
	d := newDesk(t, nil, sqliteConfig)
	o := privilegedObject(t)
	asked, err := d.AskGlass(as(t, "Ana", api.Analyst), o, goodReason, time.Hour)
	must(t, err)
	d.deps.Announce = func(context.Context, *sql.Tx, Glass) error { return errors.New("no") }
	if _, err := d.DecideGlass(as(t, "Cem", api.Approver), asked.ID, true); err == nil || d.Allow(as(t, "Ana", api.Analyst), SeeEvidence, o, nil) == nil {
		t.Error("open, and nobody told")
	}
}

// TestGlassConcurrent lets many decide at once: one does, the others are told.
func TestGlassConcurrent(t *testing.T) {
	onBoth(t, nil, func(t *testing.T, d *desk) {
		asked, err := d.AskGlass(as(t, "Ana", api.Analyst), privilegedObject(t), goodReason, time.Hour)
		must(t, err)
		var mu sync.Mutex
		var wg sync.WaitGroup
		decided := 0
		for i := range 6 {
			wg.Go(func() {
				_, err := d.DecideGlass(as(t, "Cem", api.Approver), asked.ID, i%2 == 0)
				mu.Lock()
				defer mu.Unlock()
				if err == nil {
					decided++
				} else if !errors.Is(err, ErrDecided) {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if decided != 1 {
			t.Errorf("%d decided", decided)
		}
	})
}

// TestLocalPairBreaksGlass is the exercise on a single machine: two people, two links.
func TestLocalPairBreaksGlass(t *testing.T) {
	d := newDesk(t, func(c *Config) { c.Local = []string{"Officer", "Second officer"} }, sqliteConfig)
	o := privilegedObject(t)
	local := func(name string) context.Context {
		return api.WithCaller(t.Context(), api.Caller{Name: name, Roles: []api.Role{api.Reader, api.Analyst, api.Approver}, Via: api.ViaLocalLink})
	}
	asked, err := d.AskGlass(local("Officer"), o, goodReason, time.Hour)
	must(t, err)
	refusal, _ := errors.AsType[*Refusal](second(d.DecideGlass(local("Officer"), asked.ID, true)))
	if refusal == nil || !refusal.Second {
		t.Errorf("alone: %v", refusal)
	}
	_, err = d.DecideGlass(local("Second officer"), asked.ID, true)
	must(t, err)
	must(t, d.Allow(local("Officer"), SeeEvidence, o, nil))
}
