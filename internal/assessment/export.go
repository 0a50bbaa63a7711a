package assessment

import (
	"context"
	"errors"
	"slices"
	"time"

	"portcullis.example/portcullis"
)

// Calibrations that an exported assessment states.
const (
	OnSimulation = "calibrated on simulation only"
	OnHistory    = "calibrated on simulation and on a scored history"
)

// Exported is an assessment as it leaves the house.
type Exported struct {
	Schema      int           `json:"schema"`
	Method      string        `json:"method"`
	Campaign    portcullis.ID `json:"campaign"`
	Entry       int64         `json:"entry"` // of the record
	Assessed    time.Time     `json:"assessed"`
	Calibration string        `json:"calibration"`
	// Approver is who let statements about the actor leave the house; empty where
	// there are none.
	Approver string     `json:"approver,omitempty"`
	Answers  []Released `json:"answers"`
	Missing  []string   `json:"missing,omitempty"`
}

// Released is one statement with its confidence, without the matrix.
type Released struct {
	Proposition Proposition `json:"proposition"`
	Statement   string      `json:"statement"`
	Likelihood  Statement   `json:"likelihood"`
	Confidence  Analysis    `json:"confidence"`
	Posteriors  []Share     `json:"posteriors"`
}

// ErrNoApprover refuses to let attribution leave the house without a name.
var ErrNoApprover = errors.New("who did it leaves the house only with an approver's name; name one, or export without attribution")

// Export is an assessment for other organisations. Without attribution it names no actor
// and no state; with it, it needs the name of who approved.
func (s Stored) Export(h History, attribution bool, approver string) (Exported, error) {
	if attribution && approver == "" {
		return Exported{}, ErrNoApprover
	}
	e := Exported{
		Schema: 1, Method: s.Assessment.Method, Campaign: s.Assessment.Campaign, Entry: s.Seq, Assessed: s.At,
		Calibration: h.Calibration(), Answers: []Released{}, Missing: s.Assessment.Missing,
	}
	for _, a := range s.Assessment.Answers {
		if a.Proposition.Attribution() {
			if !attribution {
				continue
			}
			e.Approver = approver
		}
		e.Answers = append(e.Answers, Released{a.Proposition, a.Statement, a.Likelihood, a.Confidence, a.Posteriors})
	}
	return e, nil
}

// ForPerson is what a form meant for a person may say: the words for what happened to
// them. Who did it is never among it, whoever approves; nor are the numbers, which
// would be read for more than they are.
func (a Assessment) ForPerson() []Said {
	var list []Said
	for _, answer := range a.Answers {
		if answer.Proposition.Attribution() {
			continue
		}
		list = append(list, Said{answer.Proposition, answer.Statement, answer.Likelihood.Word, answer.Confidence.Level})
	}
	return list
}

// Said is a statement in words alone.
type Said struct {
	Proposition Proposition `json:"proposition"`
	Statement   string      `json:"statement"`
	Likelihood  string      `json:"likelihood"`
	Confidence  Level       `json:"confidence"`
}

// WithoutAttribution is the assessment without who did it, for whoever is not to see it.
func (a Assessment) WithoutAttribution() Assessment {
	a.Answers = slices.DeleteFunc(slices.Clone(a.Answers), func(x Answer) bool { return x.Proposition.Attribution() })
	return a
}

// Approved enters into the record that attribution left the house under somebody's
// name, and returns what may leave. It is the only way to get it.
func (w *Writer) Approved(ctx context.Context, approver string, at time.Time, campaign portcullis.ID, why string) (Exported, error) {
	if approver == "" {
		return Exported{}, ErrNoApprover
	}
	if why == "" {
		return Exported{}, errors.New("say why attribution is to leave the house; it is kept with the approver's name")
	}
	s, ok, err := w.Latest(ctx, campaign)
	if err != nil {
		return Exported{}, err
	}
	if !ok {
		return Exported{}, ErrNotAssessed
	}
	h, err := w.History(ctx)
	if err != nil {
		return Exported{}, err
	}
	body := struct {
		Entry int64  `json:"entry"`
		Why   string `json:"why"`
	}{s.Seq, why}
	if err := w.enter(ctx, campaign, approver, at, logged{entryExported, "attribution", body}); err != nil {
		return Exported{}, err
	}
	return s.Export(h, true, approver)
}

// ErrNotAssessed says that there is nothing yet.
var ErrNotAssessed = errors.New("this campaign has not been assessed; `portcullis assess CAMPAIGN --hypotheses FILE` does it")
