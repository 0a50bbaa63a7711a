package mail

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"time"

	"portcullis.example/portcullis"
)

// SightedFacts is what a revision rests on that came about because an indicator
// was learnt after the mail was judged. It needs none of the mail's bytes, which may
// not have been kept: the archive knows where in the mail the indicator was seen.
type SightedFacts struct {
	Schema     int             `json:"schema"`
	Sighted    portcullis.ID   `json:"sighted"` // the event; GroupFacts have none, which tells them apart
	People     string          `json:"people"`
	Config     string          `json:"config"`
	Model      string          `json:"model,omitempty"`
	Time       time.Time       `json:"time"`
	TimeKnown  bool            `json:"time_known"`
	Targets    []portcullis.ID `json:"targets,omitempty"` // protected people it was delivered to
	House      bool            `json:"house,omitempty"`   // it lies in a mailbox of the house
	Indicators []Match         `json:"indicators"`        // those learnt now
}

// Encode returns the stored form and its hash.
func (f *SightedFacts) Encode() (hash string, encoded []byte, err error) {
	if encoded, err = json.Marshal(f); err != nil {
		return "", nil, err
	}
	sum := sha256.Sum256(encoded)
	return hex.EncodeToString(sum[:]), encoded, nil
}

// Sight adds to what was said of a mail before what indicators say that were learnt
// since. What was said of the same indicators gives way to it; everything else stays.
func (j *Judge) Sight(base portcullis.Verdict, f *SightedFacts) portcullis.Verdict {
	facts := &Facts{Event: string(f.Sighted), Time: f.Time, TimeKnown: f.TimeKnown, Indicators: f.Indicators}
	in := &Input{F: facts, Targets: f.Targets, House: f.House}
	kept := slices.Clone(base.Findings)
	for _, s := range judgeIndicator(in) {
		s.Points = j.cfg.scale(indicatorRule.Name, s.Points)
		said := s.finding(indicatorRule, facts)
		kept = append(slices.DeleteFunc(kept, func(x portcullis.Finding) bool { return x.ID == said.ID }), said)
	}
	unknown := slices.Concat(base.Unknown, in.unknowns())
	slices.Sort(unknown)
	return j.cfg.Verdict(kept, slices.Compact(unknown))
}
