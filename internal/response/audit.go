package response

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"slices"
	"strings"
	"time"

	"portcullis.example/portcullis"
	"portcullis.example/portcullis/internal/chain"
)

// Audit is who knew what, when: the clocks of each person and campaign, and everything
// that happened, from the chain. It is made from the chain alone, so it says what was
// recorded even where the notices themselves are gone.
type Audit struct {
	Schema  int         `json:"schema"`
	Made    time.Time   `json:"made"`
	Head    chain.Head  `json:"head"`             // the last entry that fits
	Broken  string      `json:"broken,omitempty"` // why the log cannot be trusted from there on
	Clocks  []AuditLine `json:"clocks"`
	Entries []AuditStep `json:"entries"`
}

// AuditLine is the clock of one notice as the chain has it.
type AuditLine struct {
	Notice     portcullis.ID `json:"notice"`
	Person     portcullis.ID `json:"person,omitempty"` // "" where it was erased
	Campaign   portcullis.ID `json:"campaign,omitempty"`
	Round      int           `json:"round,omitempty"`
	State      State         `json:"state,omitempty"`
	CouldKnow  time.Time     `json:"could_know,omitzero"`
	Knew       time.Time     `json:"knew,omitzero"`
	Told       time.Time     `json:"told,omitzero"`
	Due        time.Time     `json:"due,omitzero"`
	ApprovedBy string        `json:"approved_by,omitempty"`
	Way        Way           `json:"way,omitempty"`
	Late       string        `json:"late,omitempty"` // how long after it was due, told or not
}

// AuditStep is one entry.
type AuditStep struct {
	Seq     int64         `json:"seq"`
	Time    time.Time     `json:"time"`
	Who     string        `json:"who"`
	Kind    string        `json:"kind"`
	Notice  portcullis.ID `json:"notice"`
	Erased  bool          `json:"erased,omitempty"`
	Hash    string        `json:"hash"`
	Details Happening     `json:"details"`
}

// AuditQuery chooses what an audit tells; the zero value is all. The chain is verified
// whole in any case.
type AuditQuery struct {
	Person, Campaign portcullis.ID
	Allowed          func(portcullis.ID) bool // nil is everybody
}

// Audit reads the chain and verifies it. A broken chain is no error: the audit says where
// it breaks, and goes on, for that is when it is needed most.
func (r *Reader) Audit(ctx context.Context, q AuditQuery) (*Audit, error) {
	a := &Audit{Schema: 1, Made: r.now, Clocks: []AuditLine{}, Entries: []AuditStep{}}
	head, err := chain.Verify(ctx, r.q, Log)
	a.Head = head
	if broken, ok := errors.AsType[*chain.BrokenError](err); ok {
		a.Broken = broken.Error()
	} else if err != nil {
		return nil, fmt.Errorf("verify the log of notices: %w", err)
	}
	lines := map[portcullis.ID]*AuditLine{}
	var after int64
	for {
		batch, err := chain.Entries(ctx, r.q, Log, after, 1000)
		if err != nil {
			return nil, err
		}
		for _, e := range batch {
			after = e.Seq
			if err := a.add(e, q, lines); err != nil {
				return nil, err
			}
		}
		if len(batch) == 0 {
			break
		}
	}
	a.finish(lines, r.now)
	return a, nil
}

func (a *Audit) add(e chain.Entry, q AuditQuery, lines map[portcullis.ID]*AuditLine) error {
	step := AuditStep{Seq: e.Seq, Time: e.Time, Who: e.Who, Kind: e.Kind, Notice: portcullis.ID(e.Subject), Erased: e.Erased(), Hash: e.Hash}
	if len(e.Body) > 0 {
		if err := unmarshal(e.Body, &step.Details); err != nil {
			return fmt.Errorf("entry %d of the log of notices: %w", e.Seq, err)
		}
	}
	h := step.Details
	bounded := q.Person != "" || q.Campaign != "" || q.Allowed != nil
	switch {
	case bounded && h.Person == "", // erased: nobody can tell whom it was about
		q.Person != "" && h.Person != q.Person,
		q.Campaign != "" && h.Campaign != q.Campaign,
		q.Allowed != nil && !q.Allowed(h.Person):
		return nil
	}
	a.Entries = append(a.Entries, step)
	if step.Notice.Kind() != "notice" {
		return nil
	}
	l := lines[step.Notice]
	if l == nil {
		l = &AuditLine{Notice: step.Notice}
		lines[step.Notice] = l
	}
	l.follow(step)
	return nil
}

// follow brings a line up to date with one entry.
func (l *AuditLine) follow(s AuditStep) {
	h := s.Details
	if h.Person == "" {
		return
	}
	l.Person, l.Campaign, l.Round, l.State = h.Person, h.Campaign, h.Round, cmp.Or(h.State, l.State)
	if !h.Knew.IsZero() {
		l.CouldKnow, l.Knew, l.Told, l.Due = h.CouldKnow, h.Knew, h.Told, h.Due
	}
	switch s.Kind {
	case "approved":
		l.ApprovedBy = s.Who
	case "redrafted":
		if h.State == Drafted {
			l.ApprovedBy = ""
		}
	case "sent", "handed over":
		l.Way = h.Way
	}
}

func (a *Audit) finish(lines map[portcullis.ID]*AuditLine, now time.Time) {
	for _, l := range lines {
		end := l.Told
		if end.IsZero() && l.State != Withdrawn {
			end = now
		}
		if !l.Due.IsZero() && end.After(l.Due) {
			l.Late = span(end.Sub(l.Due))
		}
		a.Clocks = append(a.Clocks, *l)
	}
	slices.SortFunc(a.Clocks, func(x, y AuditLine) int {
		return cmp.Or(x.Knew.Compare(y.Knew), strings.Compare(string(x.Person), string(y.Person)), strings.Compare(string(x.Notice), string(y.Notice)))
	})
}

// span writes a duration as people say it.
func span(d time.Duration) string {
	switch {
	case d < time.Hour:
		return fmt.Sprintf("%d min", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h", int(d.Hours()))
	}
	return fmt.Sprintf("%d days", int(d.Hours()/24))
}

func unmarshal(raw json.RawMessage, into any) error {
	if err := json.Unmarshal(raw, into); err != nil {
		return fmt.Errorf("what the log of notices holds cannot be read: %w", err)
	}
	return nil
}

// JSON is the audit for machines.
func (a *Audit) JSON() ([]byte, error) {
	raw, err := json.MarshalIndent(a, "", "  ")
	return append(raw, '\n'), err
}

// at writes a time for the audit; nothing where there is none.
func at(t time.Time) string {
	if t.IsZero() {
		return "–"
	}
	return t.UTC().Format("2006-01-02 15:04")
}

// Text is the audit for the terminal. name says what people are called; nil is their ids.
func (a *Audit) Text(name func(portcullis.ID) string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "Who knew what, when (UTC), made %s\n%s\n\n", at(a.Made), a.standing())
	for _, l := range a.Clocks {
		fmt.Fprintf(&b, "%s  %s%s\n", shortID(l.Notice), person(l.Person, name), inCampaign(l.Campaign))
		fmt.Fprintf(&b, "    could have known  %s\n    knew              %s\n    told              %s%s\n", at(l.CouldKnow), at(l.Knew), at(l.Told), l.how())
		if l.Late != "" {
			fmt.Fprintf(&b, "    late by           %s\n", l.Late)
		}
	}
	b.WriteString("\nEntries\n")
	for _, s := range a.Entries {
		fmt.Fprintf(&b, "%6d  %s  %s  %s  %s%s\n", s.Seq, at(s.Time), plain(s.Who), s.Kind, shortID(s.Notice), s.more())
	}
	return b.String()
}

// standing says whether the log is whole.
func (a *Audit) standing() string {
	if a.Broken != "" {
		return "THE LOG IS BROKEN: " + a.Broken
	}
	return fmt.Sprintf("The log is whole: %d entries, the last hash is %s", a.Head.Seq, cmp.Or(a.Head.Hash, "none"))
}

func (l AuditLine) how() string {
	switch {
	case !l.Told.IsZero() && l.Way != "":
		return fmt.Sprintf(" (%s; approved by %s)", l.Way, plain(l.ApprovedBy))
	case l.Told.IsZero() && l.State != "":
		return fmt.Sprintf(" (%s; due %s)", l.State, at(l.Due))
	}
	return ""
}

// more is what an entry says beside who, when and what.
func (s AuditStep) more() string {
	if s.Erased {
		return "  (erased)"
	}
	var parts []string
	for _, p := range []string{string(s.Details.Way), s.Details.To, s.Details.Reason, s.Details.Outcome, s.Details.Format, s.Details.MessageID} {
		if p != "" {
			parts = append(parts, plain(p))
		}
	}
	if !s.Details.Until.IsZero() {
		parts = append(parts, "until "+at(s.Details.Until))
	}
	if len(parts) == 0 {
		return ""
	}
	return "  " + strings.Join(parts, "; ")
}

func person(id portcullis.ID, name func(portcullis.ID) string) string {
	switch {
	case id == "":
		return "somebody who was erased"
	case name == nil:
		return string(id)
	}
	return plain(name(id))
}

func inCampaign(id portcullis.ID) string {
	if id == "" {
		return ""
	}
	return ", " + string(id)
}

var auditPage = template.Must(template.New("audit").Funcs(template.FuncMap{"at": at, "short": shortID}).Parse(frame + `<body>
<main>
<h1>{{.Title}}</h1>
<p{{if .Audit.Broken}} class="mark"{{end}}>{{.Standing}}</p>
<p>All times are UTC. Made {{at .Audit.Made}}.</p>
<h2 id="clocks">Clocks</h2>
<table aria-labelledby="clocks"><thead><tr><th scope="col">Person</th><th scope="col">Campaign</th><th scope="col">Could have known</th><th scope="col">Knew</th><th scope="col">Told</th><th scope="col">How</th><th scope="col">Late by</th></tr></thead>
<tbody>
{{range .Clocks}}<tr><td>{{.Name}}</td><td>{{short .Campaign}}</td><td>{{at .CouldKnow}}</td><td>{{at .Knew}}</td><td>{{if eq .State "withdrawn"}}withdrawn{{else}}{{at .Told}}{{end}}</td><td>{{.How}}</td><td>{{.Late}}</td></tr>
{{end}}</tbody></table>
<h2 id="entries">Entries</h2>
<table aria-labelledby="entries"><thead><tr><th scope="col">No.</th><th scope="col">Time</th><th scope="col">Who</th><th scope="col">What</th><th scope="col">Notice</th><th scope="col">More</th></tr></thead>
<tbody>
{{range .Steps}}<tr><td>{{.Seq}}</td><td>{{at .Time}}</td><td>{{.Who}}</td><td>{{.Kind}}</td><td>{{short .Notice}}</td><td>{{.More}}</td></tr>
{{end}}</tbody></table>
</main>
<footer>{{.Audit.Head.Seq}} entries; last hash {{.Audit.Head.Hash}}</footer>
</body>
</html>
`))

type auditClock struct {
	AuditLine
	Name, How string
}

type auditEntry struct {
	AuditStep
	More string
}

// HTML is the audit as a page to print.
func (a *Audit) HTML(name func(portcullis.ID) string) ([]byte, error) {
	p := struct {
		framed
		Language, Direction, Title, Standing string
		Audit                                *Audit
		Clocks                               []auditClock
		Steps                                []auditEntry
	}{framed: newFrame(), Language: "en", Direction: "ltr", Title: "Who knew what, when", Standing: a.standing(), Audit: a}
	for _, l := range a.Clocks {
		p.Clocks = append(p.Clocks, auditClock{l, person(l.Person, name), strings.TrimSpace(l.how())})
	}
	for _, s := range a.Entries {
		p.Steps = append(p.Steps, auditEntry{s, strings.TrimSpace(s.more())})
	}
	var out bytes.Buffer
	if err := auditPage.Execute(&out, p); err != nil {
		return nil, fmt.Errorf("write the audit: %w", err)
	}
	return out.Bytes(), nil
}
