package access

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"portcullis.example/portcullis/internal/api"
)

const huntPurpose = "Incident 12: whom else did this sender write to?"

func TestPersonalHunt(t *testing.T) {
	onBoth(t, nil, func(t *testing.T, d *desk) {
		ana, cem := as(t, "Ana", api.Analyst), as(t, "Cem", api.Approver)
		for _, purpose := range []string{"", "because", strings.Repeat("x", 3000), "a purpose with \x00 in it"} {
			if _, err := d.AskHunt(ana, "who@mail.example", purpose); err == nil {
				t.Errorf("purpose %.20q is taken", purpose)
			}
		}
		asked, err := d.AskHunt(ana, "who@mail.example", huntPurpose, standings(t).Of("person:bo")...)
		must(t, err)
		if _, err := d.RunHunt(ana, asked.ID); !errors.Is(err, ErrNoHunt) {
			t.Errorf("before anybody agreed: %v", err)
		}
		for who, ctx := range map[string]context.Context{
			"the one who asked":              as(t, "Ana", api.Approver),
			"the one who asked, in capitals": as(t, "ANA", api.Approver),
			"an analyst":                     as(t, "Bea", api.Analyst),
			"an administrator":               as(t, "Root", api.Admin, api.Approver),
			"a program":                      api.WithCaller(t.Context(), api.Caller{Name: "token x", Roles: api.Roles(), Via: api.ViaToken}),
			"one who is bounded":             api.WithCaller(t.Context(), api.Caller{Name: "Dee", Roles: []api.Role{api.Approver}, Scope: api.Scope{Houses: []string{"Lower House"}}, Via: api.ViaOIDC}),
			"nobody":                         t.Context(),
		} {
			if _, err := d.DecideHunt(ctx, asked.ID, true, ""); err == nil {
				t.Errorf("%s may agree", who)
			}
			if list, err := d.PersonalHunts(ctx); who != "the one who asked" && !strings.HasPrefix(who, "the one") && (err != nil || len(list) != 0) {
				t.Errorf("%s sees %v: %v", who, list, err)
			}
		}
		list, err := d.PersonalHunts(cem)
		must(t, err)
		if len(list) != 1 || list[0].Purpose != huntPurpose || list[0].Pattern != "who@mail.example" {
			t.Errorf("to decide: %+v", list)
		}
		_, err = d.DecideHunt(cem, asked.ID, true, "")
		must(t, err)
		if _, err := d.DecideHunt(cem, asked.ID, false, ""); !errors.Is(err, ErrDecided) {
			t.Errorf("deciding twice: %v", err)
		}
		if _, err := d.RunHunt(cem, asked.ID); !errors.Is(err, ErrNoHunt) {
			t.Errorf("who agreed runs it: %v", err)
		}
		h, err := d.RunHunt(ana, asked.ID)
		must(t, err)
		if h.Pattern != "who@mail.example" {
			t.Errorf("runs %q", h.Pattern)
		}
		looks, err := LooksAt(t.Context(), d.store.DB(), "person:bo", 50)
		must(t, err)
		var kinds []string
		for _, l := range looks {
			kinds = append(kinds, l.Kind+" by "+l.Who)
		}
		if got := strings.Join(kinds, ", "); got != "hunt-person by Ana, agree-hunt by Cem, ask-hunt by Ana" {
			t.Errorf("whose address it is sees %s", got)
		}
		d.clock.pass(9 * time.Hour)
		if _, err := d.RunHunt(ana, asked.ID); !errors.Is(err, ErrNoHunt) {
			t.Errorf("after its time: %v", err)
		}
	})
}

func TestPersonalHuntRefusedAndForgotten(t *testing.T) {
	onBoth(t, nil, func(t *testing.T, d *desk) {
		ana, cem := as(t, "Ana", api.Analyst), as(t, "Cem", api.Approver)
		for who, ctx := range map[string]context.Context{"a reader": as(t, "Rea", api.Reader), "an administrator": as(t, "Root", api.Admin, api.Analyst),
			"a program": api.WithCaller(t.Context(), api.Caller{Name: "token x", Roles: api.Roles(), Via: api.ViaToken})} {
			if _, err := d.AskHunt(ctx, "who@mail.example", huntPurpose); err == nil {
				t.Errorf("%s asks", who)
			}
		}
		asked, err := d.AskHunt(ana, "who@mail.example", huntPurpose)
		must(t, err)
		_, err = d.DecideHunt(cem, asked.ID, false, "too wide")
		must(t, err)
		if _, err := d.RunHunt(ana, asked.ID); !errors.Is(err, ErrNoHunt) {
			t.Errorf("refused, and run: %v", err)
		}
		late, err := d.AskHunt(ana, "other@mail.example", huntPurpose)
		must(t, err)
		d.clock.pass(25 * time.Hour)
		if _, err := d.DecideHunt(cem, late.ID, true, ""); !errors.Is(err, ErrDecided) {
			t.Errorf("after a day: %v", err)
		}
		_, err = d.AskHunt(ana, "third@mail.example", huntPurpose) // what is over is forgotten
		must(t, err)
		all, err := queryHunts(t.Context(), d.store.DB(), ``)
		must(t, err)
		if len(all) != 1 || all[0].Pattern != "third@mail.example" {
			t.Errorf("kept: %+v", all)
		}
		if _, err := VerifyAudit(t.Context(), d.store.DB()); err != nil {
			t.Error(err)
		}
	})
}

// TestGlassForAsLongAsAsked opens for the time that was asked for, and never for longer than
// the configuration lets.
func TestGlassForAsLongAsAsked(t *testing.T) {
	d := newDesk(t, func(c *Config) { c.GlassMinutes = 120 }, sqliteConfig)
	o := privilegedObject(t)
	ana, cem := as(t, "Ana", api.Analyst), as(t, "Cem", api.Approver)
	for _, wanted := range []time.Duration{0, -time.Hour, 121 * time.Minute} {
		if _, err := d.AskGlass(ana, o, goodReason, wanted); err == nil {
			t.Errorf("%v is taken", wanted)
		}
	}
	asked, err := d.AskGlass(ana, o, goodReason, 90*time.Minute)
	must(t, err)
	waiting, err := d.WaitingGlass(t.Context())
	must(t, err)
	if len(waiting) != 1 || waiting[0].Wanted != 90*time.Minute {
		t.Errorf("waiting: %+v", waiting)
	}
	_, err = d.DecideGlass(cem, asked.ID, true)
	must(t, err)
	d.clock.pass(89 * time.Minute)
	must(t, d.Allow(ana, SeeEvidence, o, nil))
	d.clock.pass(2 * time.Minute)
	if d.Allow(ana, SeeEvidence, o, nil) == nil {
		t.Error("open for longer than was asked")
	}
}
