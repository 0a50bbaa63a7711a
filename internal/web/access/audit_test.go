package access

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"testing"
	"time"

	"portcullis.example/portcullis/internal/api"
	"portcullis.example/portcullis/internal/chain"
)

func TestAllowWritesDown(t *testing.T) {
	onBoth(t, nil, func(t *testing.T, d *desk) {
		people := standings(t).Of("person:ada")
		o := Object{ID: "event:1", People: people}
		must(t, d.Allow(as(t, "Ida", api.Reader), SeeEvidence, o, nil))
		must(t, d.Allow(as(t, "Ida", api.Reader), SeeCampaigns, o, nil)) // no look
		err := d.Allow(as(t, "Root", api.Admin), SeeEvidence, o, nil)
		if refusal, ok := errors.AsType[*Refusal](err); !ok || refusal.Act != SeeEvidence {
			t.Errorf("got %v", err)
		}
		if err := d.Allow(t.Context(), SeeEvidence, o, nil); err == nil {
			t.Error("nobody may look")
		}
		must(t, d.Allow(as(t, "Ana", api.Analyst), HuntPerson, Object{ID: "hunt"}, map[string]string{"purpose": "case 7"}))
		lines := d.lines(t)
		if len(lines) != 3 || lines[0].Who != "Ana" || !strings.Contains(string(lines[0].Detail), "case 7") || !lines[1].Refused || lines[2].Kind != "see-evidence" {
			t.Errorf("got %+v", lines)
		}
		looks, err := LooksAt(t.Context(), d.store.DB(), "person:ada", 10)
		must(t, err)
		if len(looks) != 1 || looks[0].Who != "Ida" || looks[0].Subject != "event:1" {
			t.Errorf("Ada sees %+v", looks)
		}
	})
}

// TestHiddenLook takes a look out of what the member sees; verifying finds it.
func TestHiddenLook(t *testing.T) {
	onBoth(t, nil, func(t *testing.T, d *desk) {
		must(t, d.Allow(as(t, "Ida", api.Reader), SeeEvidence, Object{ID: "event:1", People: []Subject{ada}}, nil))
		must(t, d.store.Tx(t.Context(), func(tx *sql.Tx) error {
			_, err := tx.ExecContext(t.Context(), `DELETE FROM access_look`)
			return err
		}))
		_, err := VerifyAudit(t.Context(), d.store.DB())
		if broken, ok := errors.AsType[*chain.BrokenError](err); !ok || broken.Seq != 1 {
			t.Errorf("got %v", err)
		}
	})
}

// TestCheckAudit reads what is new each time, and finds what is wrong in it or at its seam.
func TestCheckAudit(t *testing.T) {
	onBoth(t, nil, func(t *testing.T, d *desk) {
		see := func() {
			must(t, d.Allow(as(t, "Ida", api.Reader), SeeEvidence, Object{ID: "event:1", People: []Subject{ada}}, nil))
		}
		execute := func(text string) {
			must(t, d.store.Tx(t.Context(), func(tx *sql.Tx) error {
				_, err := tx.ExecContext(t.Context(), text)
				return err
			}))
		}
		if s := d.CheckAudit(t.Context()); s.Err != nil || s.Head.Seq != 0 {
			t.Errorf("empty: %+v", s)
		}
		see()
		see()
		if s := d.CheckAudit(t.Context()); s.Err != nil || s.Head.Seq != 2 {
			t.Errorf("two: %+v", s)
		}
		see()
		execute(`UPDATE chain_entry SET who='Eve' WHERE seq=3`)
		if s := d.CheckAudit(t.Context()); s.Err == nil || s.Head.Seq != 2 {
			t.Errorf("changed at its end: %+v", s)
		}
		execute(`UPDATE chain_entry SET who='Ida' WHERE seq=3`)
		if s := d.CheckAudit(t.Context()); s.Err == nil {
			t.Error("a contradiction goes away by itself")
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		d.WatchAudit(ctx, time.Hour) // reads once, and cannot: the contradiction stays
		if s := d.checkAudit(t.Context(), true); s.Err != nil || s.Head.Seq != 3 {
			t.Errorf("all anew: %+v", s)
		}
		execute(`DELETE FROM chain_entry WHERE seq=3`)
		execute(`UPDATE chain_head SET seq=2`)
		if s := d.CheckAudit(t.Context()); s.Err == nil {
			t.Error("cut off, and found whole")
		}
	})
}

func TestAuditTakesAnything(t *testing.T) {
	d := newDesk(t, nil, sqliteConfig)
	for _, subject := range []string{"", "event:1", "x\nlevel=INFO msg=forged", "\xff\x00", strings.Repeat("ü", 400), "a\u202eb"} {
		must(t, d.store.Tx(t.Context(), func(tx *sql.Tx) error {
			return Audit(as(t, "Ida", api.Reader), tx, "act", subject, map[string]string{"a": "b\x00\xff"}, "person:ada")
		}))
	}
	for _, l := range d.lines(t) {
		if strings.ContainsAny(l.Subject, "\n\x00\u202e") {
			t.Errorf("subject %q", l.Subject)
		}
	}
	if err := d.store.Tx(t.Context(), func(tx *sql.Tx) error { return Audit(t.Context(), tx, "act", "", nil) }); err == nil {
		t.Error("an act of nobody is written down")
	}
}

func TestRetainAndErase(t *testing.T) {
	onBoth(t, nil, func(t *testing.T, d *desk) {
		o := Object{ID: "event:1", People: []Subject{ada, {Person: "person:bo"}}}
		must(t, d.Allow(as(t, "Ida", api.Reader), SeeEvidence, o, nil))
		must(t, d.Allow(as(t, "Ida", api.Reader), SeePerson, Object{ID: "person:bo", People: []Subject{{Person: "person:bo"}}}, nil))
		var erased, retained int64
		must(t, d.store.Tx(t.Context(), func(tx *sql.Tx) (err error) {
			erased, err = ErasePerson(as(t, "erasure", api.Admin), tx, "person:ada")
			return err
		}))
		must(t, d.store.Tx(t.Context(), func(tx *sql.Tx) (err error) {
			retained, err = Retain(as(t, "retention", api.Admin), tx, time.Now().Add(time.Hour))
			return err
		}))
		lines := d.lines(t)
		if erased != 1 || retained != 2 || len(lines) != 4 || !lines[3].Erased || lines[3].Who != "Ida" || lines[1].Kind != "erase" || lines[0].Kind != "retain" {
			t.Errorf("erased %d, retained %d, left %+v", erased, retained, lines)
		}
		looks, err := LooksAt(t.Context(), d.store.DB(), "person:bo", 10)
		must(t, err)
		if len(looks) != 0 {
			t.Errorf("looks beyond retention: %+v", looks)
		}
	})
}
