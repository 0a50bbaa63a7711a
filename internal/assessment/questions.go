package assessment

// Standing are the priors of the rivals that are always there. The rest of the
// probability is shared by the hypotheses for which the proposition holds.
type Standing struct {
	Unknown   float64 `json:"unknown"`
	Ordinary  float64 `json:"ordinary"`
	FalseFlag float64 `json:"false_flag"`
	// None is the plain contrary ("nothing was accessed"), where there is one.
	None float64 `json:"none,omitempty"`
}

// DefaultStanding are the priors where a file declares none. For the actor it is one chance
// in three that it is none of those listed. They are a declaration: change them in the
// file, and the record says who did.
func DefaultStanding(p Proposition) Standing {
	switch p {
	case Actor:
		return Standing{Unknown: 0.25, Ordinary: 0.05, FalseFlag: 0.05}
	case StateAffiliated:
		return Standing{Unknown: 0.40, Ordinary: 0.05, FalseFlag: 0.05, None: 0.20}
	case OneCampaign:
		return Standing{Unknown: 0.25, Ordinary: 0.20, FalseFlag: 0.05}
	}
	return Standing{Unknown: 0.05, Ordinary: 0.10, FalseFlag: 0.02, None: 0.58}
}

// Ids of the hypotheses of OneCampaign, Accessed and Taken.
const (
	HoldsID = "yes"
	NoneID  = "no"
)

var standingTitles = map[Proposition]map[string]string{
	Actor: {
		Unknown: "an actor like none listed", Ordinary: "ordinary marketing or research", FalseFlag: "somebody who plants marks of a listed actor",
	},
	StateAffiliated: {
		AffiliatedID: "affiliated with a state", IndependentID: "acting for itself", Unknown: "an actor of whom nobody can say",
		Ordinary: "ordinary marketing or research", FalseFlag: "somebody who plants marks of another",
	},
	OneCampaign: {
		HoldsID: "one campaign by one hand", Unknown: "several unknown actors who have nothing to do with one another",
		Ordinary: "ordinary marketing or research", FalseFlag: "somebody who copies another's campaign",
	},
	Accessed: {
		HoldsID: "accessed by this campaign", NoneID: "not accessed", Unknown: "accessed by somebody else",
		Ordinary: "access in the ordinary course: the owner, a device, a service", FalseFlag: "made to look as if it had been accessed",
	},
	Taken: {
		HoldsID: "taken by this campaign", NoneID: "nothing was taken", Unknown: "taken by somebody else",
		Ordinary: "copied in the ordinary course: a backup, a device, a service", FalseFlag: "a claim to have taken it that is not true",
	},
}

// ActorQuestion asks which of the listed actors it is.
func ActorQuestion(actors []Profile, s Standing) Question {
	q := standingQuestion(Actor, s)
	left := 1 - s.Unknown - s.Ordinary - s.FalseFlag
	for _, a := range actors {
		q.Hypotheses = append(q.Hypotheses, Hypothesis{ID: a.ID, Title: a.Name, Holds: true, Prior: left / float64(len(actors))})
	}
	return q
}

// PlainQuestion asks one of the propositions that have no list of actors.
func PlainQuestion(p Proposition, s Standing) Question {
	q := standingQuestion(p, s)
	yes, no := HoldsID, NoneID
	if p == StateAffiliated {
		yes, no = AffiliatedID, IndependentID
	}
	left := 1 - s.Unknown - s.Ordinary - s.FalseFlag - s.None
	q.Hypotheses = append(q.Hypotheses, Hypothesis{ID: yes, Title: standingTitles[p][yes], Holds: true, Prior: left})
	if p != OneCampaign {
		q.Hypotheses = append(q.Hypotheses, Hypothesis{ID: no, Title: standingTitles[p][no], Prior: s.None})
	}
	return q
}

func standingQuestion(p Proposition, s Standing) Question {
	t := standingTitles[p]
	return Question{Proposition: p, Hypotheses: []Hypothesis{
		{ID: Unknown, Title: t[Unknown], Prior: s.Unknown},
		{ID: Ordinary, Title: t[Ordinary], Prior: s.Ordinary},
		{ID: FalseFlag, Title: t[FalseFlag], Prior: s.FalseFlag},
	}}
}
