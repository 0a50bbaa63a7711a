package register

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"sync"
	"time"

	"portcullis.example/portcullis"
	"portcullis.example/portcullis/internal/register/ledger"
	"portcullis.example/portcullis/internal/register/meter"
	"portcullis.example/portcullis/internal/register/wire"
)

// The rules of the guard's findings.
const (
	RuleBudget  = "register/budget-ended@1" // a budget, a rate, or the brake stopped somebody
	RuleRefused = "register/refused@1"      // a statement was refused
	RuleUnusual = "register/unusual@1"      // far beyond what is normal in the role
	RuleHoney   = "register/honey@1"        // a honey voter left
	RuleGap     = "register/gap@1"          // there are times of which the ledger cannot tell
	RuleSilent  = "register/silent@1"       // the guard has not said that it lives
)

// Kinds of the guard's own entries in the ledger.
const (
	KindPolicy    = "policy"
	KindRefused   = "refused"
	KindStopped   = "stopped"
	KindUnusual   = "unusual"
	KindHoney     = "honey"
	KindRequest   = "request"
	KindApproval  = "approval"
	KindGrant     = "grant"
	KindWithdrawn = "withdrawn"
	KindEmergency = "emergency"
	KindRehearsal = "rehearsal"
	KindBrake     = "brake"
	KindReleased  = "brake-released"
	KindEnded     = "emergency-ended"
	KindLook      = "look" // somebody asked the ledger
)

const critical = portcullis.Critical

// Exfiltration over the channel that is there anyway, and data from an information repository.
const (
	techniqueRepository = "T1213" // ATT&CK: Data from Information Repositories
	techniqueAutomated  = "T1119" // ATT&CK: Automated Collection
)

// finding is what the guard states, before it has an id.
type finding struct {
	rule      string
	who       meter.Subject
	severity  portcullis.Severity
	technique string
	statement uint64
	summary   string
	status    string // OCSF status: what became of it
}

// raise puts a finding with its event into the spool, for the mail side.
func (g *Guard) raise(f finding) {
	now := time.Now().UTC()
	if g.clock != nil {
		now = g.clock.Now().UTC()
	}
	if err := g.spool.Put(f.raised(now)); err != nil {
		g.log.Error("a finding could not be kept", "rule", f.rule, "summary", f.summary, "error", err)
	}
	g.log.Warn("finding", "rule", f.rule, "person", f.who.Person, "summary", f.summary)
}

// raised gives a finding its ids, from what it states and when.
func (f finding) raised(at time.Time) Raised {
	if f.severity == 0 {
		f.severity = portcullis.Medium
	}
	key := []string{f.rule, f.who.Person, f.who.Program, f.who.Purpose, strconv.FormatUint(f.statement, 16), at.Format(time.RFC3339Nano)}
	event := portcullis.Event{
		ID: portcullis.NewID("event", append([]string{"register"}, key...)...), Sensor: "register", Time: at, Recorded: at, Detail: ocsf(f, at),
	}
	return Raised{Schema: 1, Event: event, Finding: portcullis.Finding{
		ID: portcullis.NewID("finding", key...), Rule: f.rule, Time: at, Attention: portcullis.Targeted, Severity: f.severity, Confidence: 90,
		Technique: f.technique, Summary: f.summary, Evidence: []portcullis.Evidence{{Event: event.ID, Part: "/", Note: f.summary}},
	}}
}

// ocsf is the event as Datastore Activity (class 6005) of OCSF 1.3.
func ocsf(f finding, at time.Time) json.RawMessage {
	const read = 1
	raw, err := json.Marshal(map[string]any{
		"class_uid": 6005, "class_name": "Datastore Activity", "category_uid": 6, "category_name": "Application Activity",
		"activity_id": read, "activity_name": "Read", "type_uid": 6005*100 + read, "time": at.UnixMilli(), "severity_id": int(f.severity),
		"status": f.status, "message": f.summary,
		"metadata":     map[string]any{"version": "1.3.0", "product": map[string]string{"name": "Portcullis", "vendor_name": "Portcullis", "feature": f.rule}},
		"actor":        map[string]any{"user": map[string]any{"name": f.who.Person, "groups": []map[string]string{{"name": f.who.Role}}}, "app_name": f.who.Program},
		"src_endpoint": map[string]string{"name": f.who.Program}, "database": map[string]any{"name": "register", "type_id": 1, "type": "Relational"},
		"unmapped": map[string]string{"purpose": f.who.Purpose, "statement": fmt.Sprintf("%016x", f.statement)},
	})
	if err != nil {
		return nil
	}
	return raw
}

// quiet keeps what repeats from filling the ledger and the spool: whoever is refused a
// thousand times a second is worth one line a minute.
type quiet struct {
	mu   sync.Mutex
	last map[string]time.Time
}

// maxQuiet bounds what is remembered.
const maxQuiet = 10_000

func (q *quiet) once(key string, every time.Duration) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	now := time.Now()
	if last, ok := q.last[key]; ok && now.Sub(last) < every {
		return false
	}
	if len(q.last) >= maxQuiet {
		clear(q.last)
	}
	q.last[key] = now
	return true
}

// note writes to the ledger; that it fails keeps nobody from being refused.
func (g *Guard) note(ctx context.Context, e ledger.Entry) {
	if err := g.book.Note(context.WithoutCancel(ctx), e); err != nil {
		g.log.Error("the ledger did not take a note", "kind", e.Kind, "error", err)
	}
}

func entryOf(kind string, who meter.Subject, statement uint64, text string) ledger.Entry {
	return ledger.Entry{Kind: kind, Principal: who.Person, Program: who.Program, Purpose: who.Purpose, Statement: statement, Text: clip(text)}
}

func clip(s string) string { return s[:min(len(s), 2000)] }

// refused notes and tells that a statement was refused.
func (g *Guard) refused(ctx context.Context, who meter.Subject, statement uint64, r *wire.Refusal) {
	if !g.quiet.once("refused/"+who.Person+"/"+r.Code+strconv.FormatUint(statement, 16), time.Minute) {
		return
	}
	status := "Failure"
	what := "was refused a statement"
	if !g.meter.Policy().Enforcing() {
		status, what = "Success", "sent a statement that would have been refused and was not metered"
	}
	g.note(ctx, entryOf(KindRefused, who, statement, r.Code+" "+r.Message))
	g.raise(finding{rule: RuleRefused, who: who, severity: portcullis.Low, technique: techniqueRepository, statement: statement, status: status,
		summary: fmt.Sprintf("%s %s: %s.", who.Person, what, r.Message)})
}

// stopped notes and tells that a budget has ended.
func (g *Guard) stopped(ctx context.Context, j *judgement, why *meter.Stop) {
	if !g.quiet.once(fmt.Sprintf("stopped/%s/%s/%s/%s", why.Reason, why.Budget, why.Who, why.Window), time.Minute) {
		return
	}
	f := finding{rule: RuleBudget, who: j.subject, technique: techniqueAutomated, statement: j.fingerprint, status: "Failure", severity: portcullis.High}
	f.summary = fmt.Sprintf("%s was stopped: %s.", j.subject.Person, why.Error())
	if !g.meter.Policy().Enforcing() {
		f.status, f.summary = "Success", fmt.Sprintf("%s would have been stopped: %s.", j.subject.Person, why.Error())
	}
	if why.Reason == meter.OutOfHours {
		f.severity = portcullis.Medium
	}
	g.note(ctx, entryOf(KindStopped, j.subject, j.fingerprint, why.Error()))
	g.raise(f)
}

// unusual tells of reading beyond what is normal. The ledger gets no note: what is normal is
// staff monitoring, and stays out of a record that is kept for years.
func (g *Guard) unusual(all []meter.Unusual) {
	for _, u := range all {
		g.raise(finding{rule: RuleUnusual, who: meter.Subject{Person: u.Person, Role: u.Role}, technique: techniqueAutomated, severity: portcullis.Medium, status: "Success",
			summary: fmt.Sprintf("%s read %d %s; in the role %q more than %d is unusual, %d is typical.", u.Person, u.Value, u.What, u.Role, u.Bound, u.Typical)})
	}
}

// honey tells that a honey voter was read.
func (g *Guard) honey(w Watch, j *judgement, voters []uint64) {
	for _, n := range voters {
		copyName, hit := w.Hit(n)
		if hit && g.quiet.once("honey/"+j.subject.Person+"/"+copyName, time.Minute) {
			g.note(context.Background(), entryOf(KindHoney, j.subject, j.fingerprint, "a honey voter of "+copyName))
			g.raise(finding{rule: RuleHoney, who: j.subject, severity: portcullis.High, technique: techniqueRepository, statement: j.fingerprint, status: "Success",
				summary: fmt.Sprintf("%s read a honey voter of %s.", j.subject.Person, copyName)})
		}
	}
}

// noteGap says for which time the ledger cannot tell.
func (g *Guard) noteGap(ctx context.Context, from time.Time, why string) {
	until := time.Now()
	g.note(ctx, ledger.Entry{Kind: ledger.KindGap, From: from.UTC(), Until: until.UTC(), Text: why})
	g.raise(finding{rule: RuleGap, severity: portcullis.High, summary: fmt.Sprintf("The ledger cannot tell what was read from %s to %s: %s.", from.UTC().Format(time.RFC3339), until.UTC().Format(time.RFC3339), why)})
}
