package meter

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// TestInventedPurposes: where the policy names no purposes a client may say any; what is counted neither grows with them
// nor begins anew.
func TestInventedPurposes(t *testing.T) {
	p := policy(t, "[[budget]]\nname = \"each\"\nper = \"person\"\nday = 1000\nstatements_per_hour = 3000\n")
	m := New(p)
	given, asked := 0, 0
	for i := range 5000 {
		s, err := p.Identify(Claims{User: "alice", SetPurpose: fmt.Sprint("purpose ", i)})
		if err != nil || s.Purpose != fmt.Sprint("purpose ", i) {
			t.Fatal(s, err) // the ledger has it as it was said
		}
		if why, err := m.Statement(t.Context(), s, monday); err == nil && why == nil {
			asked++
		}
		n, _ := charge(t, m, s, []uint64{uint64(i)}, monday)
		given += n
	}
	if given != 1000 || asked != 3000 {
		t.Errorf("%d voters and %d statements, want 1000 and 3000", given, asked)
	}
	if len(m.accounts) != 1 {
		t.Errorf("%d accounts of one person", len(m.accounts))
	}
}

// TestPurposesRemembered: what the ledger has of purposes that the policy does not name makes no counts of their own, and a
// purpose that is named has its own.
func TestPurposesRemembered(t *testing.T) {
	p := policy(t, "[[purpose]]\nname = \"enquiry\"\n[[budget]]\nname = \"for all\"\nper = \"purpose\"\nyear = 100\n[[budget]]\nname = \"each\"\nper = \"person\"\nyear = 10000\n")
	m := New(p)
	for i := range 5000 {
		m.Replay(p.SubjectOf("alice", "desk", fmt.Sprint("purpose ", i)), []uint64{uint64(i)}, monday.Add(-time.Hour), monday)
	}
	m.Replay(p.SubjectOf("alice", "desk", "enquiry"), run(0, 40), monday.Add(-time.Hour), monday)
	if n := m.State().Subjects; n > 3 {
		t.Errorf("%d counts", n)
	}
	s := p.SubjectOf("alice", "desk", "enquiry")
	if n, why := charge(t, m, s, run(20_000, 20_100), monday); n != 60 || why == nil || why.Budget != "for all" {
		t.Errorf("%d, %v; want the 60 that are left of the purpose", n, why)
	}
	left, err := m.Left(t.Context(), s, monday)
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range left {
		if l.Budget == "each" && l.Used != 5000+60 {
			t.Errorf("the person has had %d", l.Used)
		}
	}
}

// TestRecipientNames: nobody who reads is called like the recipient of an extract.
func TestRecipientNames(t *testing.T) {
	p := policy(t, "[identity]\ndefault_role = \"clerk\"\n[[budget]]\nname = \"each\"\nper = \"person\"\nday = 1\n")
	if s, err := p.Identify(Claims{User: Recipient("alice")}); err == nil {
		t.Errorf("a database user is taken for %q", s.Person)
	}
	if s, err := p.Identify(Claims{User: "x"}); err != nil || s.Person != "x" {
		t.Error(s, err)
	}
	_, err := Parse("register.toml", []byte(head+"[[person]]\nname = \"recipient: alice\"\nrole = \"clerk\"\n"))
	if err == nil || !strings.Contains(err.Error(), "recipients of extracts") {
		t.Error(err)
	}
}

// TestEmergencyAtOnce: who only asks whether there is an emergency hears what holds.
func TestEmergencyAtOnce(t *testing.T) {
	m := New(policy(t, "[[budget]]\nname = \"each\"\nper = \"person\"\nday = 1\n"))
	if m.Emergency(monday) {
		t.Error("before one is declared")
	}
	d := Declaration{By: []string{"carol", "dave"}, Reason: "polling day", For: time.Hour, Rehearsal: true}
	for _, d.Rehearsal = range []bool{true, false} {
		if _, err := m.Declare(d, monday); err != nil {
			t.Fatal(err)
		}
		if m.Emergency(monday) == d.Rehearsal {
			t.Errorf("rehearsal %v: %v", d.Rehearsal, m.Emergency(monday))
		}
	}
	if m.Emergency(monday.Add(time.Hour)) {
		t.Error("after its end")
	}
	m.EndEmergency()
	if m.Emergency(monday) {
		t.Error("after it was ended")
	}
}
