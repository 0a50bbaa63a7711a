package assessment_test

import (
	"database/sql"
	"slices"
	"strings"
	"testing"

	"portcullis.example/portcullis/internal/assessment"
	"portcullis.example/portcullis/internal/chain"
	"portcullis.example/portcullis/internal/store"
)

const sensors = "own sensors"

// seen is a piece of evidence that these are one campaign, as the machine drafts it.
func seen(id, origin string, rung assessment.Rung) assessment.Evidence {
	return assessment.Evidence{ID: id, Claim: "alike:" + id, Kind: id, Origin: origin, Vertex: assessment.Infrastructure, Grade: "A2", Time: noon, Note: id + " agrees",
		Likelihood: map[assessment.Proposition]map[string]assessment.Rung{assessment.OneCampaign: {assessment.HoldsID: assessment.Expected, assessment.Unknown: rung}}}
}

// ownCase is what the machine asks and sees by itself.
func ownCase(evidence ...assessment.Evidence) assessment.Case {
	c := assessment.Case{Campaign: campaignID, Evidence: evidence}
	for _, p := range []assessment.Proposition{assessment.OneCampaign, assessment.Accessed} {
		c.Questions = append(c.Questions, assessment.PlainQuestion(p, assessment.DefaultStanding(p)))
	}
	return c
}

// besides is a log in which a machine and people write by turns.
type besides struct {
	*testing.T
	store *store.Store
	at    int64 // the log as it was looked at last
}

func (b *besides) observe(evidence ...assessment.Evidence) (entered bool) {
	b.Helper()
	must(b, b.store.Tx(b.Context(), func(tx *sql.Tx) (err error) {
		entered, err = assessment.NewWriter(tx).Observe(b.Context(), "machine", noon, ownCase(evidence...))
		return err
	}))
	return entered
}

// person has somebody change the case as it stands.
func (b *besides) person(who string, change func(c *assessment.Case)) {
	b.Helper()
	c, _, err := assessment.NewReader(b.store.DB()).Case(b.Context(), campaignID)
	must(b, err)
	change(&c)
	record(b.T, b.store, who, c)
}

// entries are those since the last look, as "who kind subject".
func (b *besides) entries() string {
	b.Helper()
	list, err := chain.Entries(b.Context(), b.store.DB(), assessment.LogOf(campaignID), b.at, 500)
	must(b, err)
	var words []string
	for _, e := range list {
		b.at = e.Seq
		if e.Kind == "assessed" {
			e.Subject = ""
		}
		words = append(words, strings.TrimSpace(e.Who+" "+e.Kind+" "+e.Subject))
	}
	return strings.Join(words, "; ")
}

func (b *besides) want(what, want string) {
	b.Helper()
	if got := b.entries(); got != want {
		b.Errorf("%s: the log gained\n%q, want\n%q", what, got, want)
	}
}

// ids are those of the evidence that counts.
func (b *besides) ids() (ids []string) {
	b.Helper()
	c, _, err := assessment.NewReader(b.store.DB()).Case(b.Context(), campaignID)
	must(b, err)
	for _, e := range c.Evidence {
		ids = append(ids, e.ID)
	}
	return ids
}

func strike(id string) func(c *assessment.Case) {
	return func(c *assessment.Case) {
		c.Evidence = slices.DeleteFunc(c.Evidence, func(e assessment.Evidence) bool { return e.ID == id })
	}
}

func enter(e assessment.Evidence) func(c *assessment.Case) {
	return func(c *assessment.Case) { c.Evidence = append(c.Evidence, e) }
}

func TestMachineBesidePeople(t *testing.T) {
	onBoth(t, func(t *testing.T, s *store.Store) {
		b := &besides{T: t, store: s}
		host, text, host2 := seen("own host", sensors, assessment.Rare), seen("own text", sensors, assessment.Improbable), seen("own host", sensors, assessment.Excluded)
		b.observe(host, text)
		b.want("first", "machine question campaign; machine question accessed; machine evidence own host; machine evidence own text; machine assessed")
		if b.observe(host, text) {
			t.Error("the same was entered again")
		}
		worded := text
		worded.Note = "seen in 7 mails"
		if b.observe(host, worded) {
			t.Error("other words for what is weighed alike were entered")
		}
		b.person("anna", enter(seen("desk 1", "a provider", assessment.Rare)))
		b.want("anna", "anna evidence desk 1; anna assessed")

		b.observe(host2, text, seen("own time", sensors, assessment.Even))
		b.want("new findings", "machine evidence own host; machine evidence own time; machine assessed")
		b.observe(host2, text)
		b.want("a finding less", "machine withdrawn evidence own time; machine assessed")

		b.person("ben", strike("own text"))
		b.want("ben strikes", "ben withdrawn evidence own text; ben assessed")
		if b.observe(host2, seen("own text", sensors, assessment.Excluded)) {
			t.Error("what ben struck came back")
		}
		changed := seen("own host", sensors, assessment.Even)
		b.person("ben", func(c *assessment.Case) { strike("own host")(c); enter(changed)(c) })
		b.want("ben changes", "ben evidence own host; ben assessed")
		if b.observe(host2) {
			t.Error("what ben changed was changed back")
		}
		if got := strings.Join(b.ids(), ", "); got != "desk 1, own host" {
			t.Errorf("what counts is %s", got)
		}
		r, err := assessment.NewReader(s.DB()).Replay(t.Context(), campaignID)
		must(t, err)
		if r.Same != 6 || len(r.Differ) > 0 {
			t.Errorf("replay: %+v", r)
		}
	})
}

// One origin speaks once: where a person says at first hand what the sensors show, the
// machine withdraws what it said of them, and only there; an echo silences nobody.
func TestPersonSpeaksForOrigin(t *testing.T) {
	s, err := store.Open(t.Context(), config(t))
	must(t, err)
	defer s.Close()
	b := &besides{T: t, store: s}
	host := seen("own host", sensors, assessment.Rare)
	b.observe(host)
	echo := seen("desk echo", sensors, assessment.Rare)
	echo.Via = "a partner"
	b.person("anna", enter(echo))
	b.entries()
	if b.observe(host) {
		t.Error("an echo changed what the machine says: " + b.entries())
	}
	b.person("anna", enter(seen("desk 1", sensors, assessment.Improbable)))
	b.entries()
	b.observe(host)
	b.want("anna spoke for the sensors", "machine withdrawn evidence own host; machine assessed")
	b.person("anna", strike("desk 1"))
	b.entries()
	b.observe(host)
	b.want("and no longer does", "machine evidence own host; machine assessed")
}

// What is not asked any more, or of other hypotheses, is not answered by the machine.
func TestMachineKeepsToWhatPeopleAsk(t *testing.T) {
	s, err := store.Open(t.Context(), config(t))
	must(t, err)
	defer s.Close()
	b := &besides{T: t, store: s}
	host := seen("own host", sensors, assessment.Rare)
	b.observe(host)
	b.person("anna", func(c *assessment.Case) {
		c.Questions, c.Evidence = c.Questions[1:], nil // what is left is whether something was accessed
	})
	b.want("anna asks less", "machine question campaign; machine question accessed; machine evidence own host; machine assessed; anna withdrawn question campaign; anna withdrawn evidence own host; anna assessed")
	if b.observe(host, seen("own text", sensors, assessment.Rare)) {
		t.Error("what nobody asks was answered: " + b.entries())
	}
}

func TestRecordBesideNamesTheMachine(t *testing.T) {
	s, err := store.Open(t.Context(), config(t))
	must(t, err)
	defer s.Close()
	b := &besides{T: t, store: s}
	own := []assessment.Evidence{seen("own host", sensors, assessment.Rare)}
	c := ownCase(append(own, seen("report", "a provider", assessment.Rare))...)
	must(t, s.Tx(t.Context(), func(tx *sql.Tx) error {
		_, err := assessment.NewWriter(tx).RecordBeside(t.Context(), "anna", "machine", own, noon, c)
		return err
	}))
	b.want("by file", "anna question campaign; anna question accessed; machine evidence own host; anna evidence report; anna assessed")
	b.observe(seen("own host", sensors, assessment.Excluded))
	b.want("and goes on", "machine evidence own host; machine assessed")
	hands, err := assessment.NewReader(s.DB()).Hands(t.Context(), campaignID)
	must(t, err)
	if hands["own host"].Who != "machine" || hands["report"].Who != "anna" {
		t.Errorf("hands: %+v", hands)
	}
}

// TestRecordBesideLeavesPeoplesWord: what somebody mended or struck of the machine's own is not undone by another's file.
func TestRecordBesideLeavesPeoplesWord(t *testing.T) {
	s, err := store.Open(t.Context(), config(t))
	must(t, err)
	defer s.Close()
	b := &besides{T: t, store: s}
	own := []assessment.Evidence{seen("own host", sensors, assessment.Rare), seen("own text", sensors, assessment.Rare)}
	b.observe(own...)
	b.person("anna", strike("own text"))
	b.person("anna", func(c *assessment.Case) {
		i := slices.IndexFunc(c.Evidence, func(e assessment.Evidence) bool { return e.ID == "own host" })
		c.Evidence[i].Note = "seen elsewhere too"
	})
	b.entries()
	must(t, s.Tx(t.Context(), func(tx *sql.Tx) error {
		_, err := assessment.NewWriter(tx).RecordBeside(t.Context(), "bela", "machine", own, noon, ownCase(own...))
		return err
	}))
	b.want("bela's file", "bela assessed")
}
