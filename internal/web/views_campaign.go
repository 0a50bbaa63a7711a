package web

import (
	"time"

	"portcullis.example/portcullis"
)

// Campaigns is CampaignQuery's answer.
type Campaigns struct {
	Rows  []CampaignRow
	Total int
	Next  string // "" on the last page
}

// CampaignRow is a campaign in a list.
type CampaignRow struct {
	CampaignRef
	State       string // "open", "closed"
	Severity    portcullis.Severity
	Summary     string // one sentence
	First, Last time.Time
	Events      int
	Findings    int
	People      int   // reached
	Beyond      int   // of them, named by the archive and not by a finding
	Overdue     int   // notices
	Untold      int   // people not yet told, overdue ones included
	Spark       []int // events in equal steps over the campaign's life, at most 40; may be empty
	Techniques  []string
}

// Campaign is one campaign with all that belongs to it.
type Campaign struct {
	CampaignRow
	Version    int
	MergedInto CampaignRef   // set when this one is only a name for another
	MergedFrom []CampaignRef // at most 20
	// Others can be merged with: similar or recent ones, at most 20, with their versions.
	Others []Other
	// Timeline, oldest first; at most 500 steps, quiet ones summed up before.
	Timeline []Moment
	// Targets are the people reached, at most 200.
	Targets      []Target
	TargetsTotal int
	// Members are the events in it, newest first, at most MaxRows.
	Members      []Member
	MembersTotal int
	// Reasons are why they belong together, the strongest first; at most 50.
	Reasons    []Reason
	Graph      Graph
	Indicators []IndicatorRow // at most 50
	// Edits are the merges and splits by people and by the machine, newest first; at most 50.
	Edits      []Edit
	Assessment *Assessment // nil when nothing has been weighed
	// Undrafted is how many of the people reached have no notice, not even a draft.
	Undrafted int
}

// Other is a campaign that this one could be merged with.
type Other struct {
	CampaignRef
	Version int
	Why     string // "shares a tracker host"
}

// Moment is one step of a campaign's timeline.
type Moment struct {
	Time time.Time
	// Kind is "mail", "sign-in", "dns", "indicator", "campaign" (merge, split), "notice", "assessment".
	Kind  string
	Text  string
	Count int // of events summed up in it; 0 counts as 1
	// Link is the finding, notice or campaign it opens; may be empty.
	Link portcullis.ID
}

// Target is somebody a campaign reached, and when.
type Target struct {
	Person PersonRef
	Groups []string // committees, offices, topics
	Times  []Touch  // oldest first, at most 200
	// Beyond is set when no finding named them: the archive did.
	Beyond bool
	Notice portcullis.ID
	State  NoticeState // "" when there is no notice
	Due    time.Time
}

// Touch is one or several events that reached a target at a time.
type Touch struct {
	Time    time.Time
	Count   int           // 0 counts as 1
	Finding portcullis.ID // may be empty
}

// Member is an event in a campaign and why it is there.
type Member struct {
	Event    portcullis.ID
	Finding  portcullis.ID // the strongest one on it; may be empty
	Time     time.Time
	Sensor   string
	Title    string // the subject, or what the event was
	From     string
	People   []PersonRef // at most 5
	More     int         // people beyond those
	Severity portcullis.Severity
	Why      string // "same tracker host, seen in 6 of 41,208 mails; bodies 93 % alike"
	By       string // who put it there; "" is the machine
}

// Reason is one thing that holds a campaign together.
type Reason struct {
	Text   string  // "same tracker host, seen in 6 of 41,208 mails"
	Kind   string  // "link", "sender", "text", "timing", "targets", "person" …
	Value  string  // the shared value, if there is one
	Weight float64 // 0–1, its share in the whole
	Events int
}

// Graph is who and what hangs together. The server draws up to 60 nodes; above
// that the drawing shows the heaviest and a script shows all.
type Graph struct {
	Nodes []Node // at most 2,000
	Edges []Edge // at most 10,000
	Total int    // nodes there are
}

// Node is a thing in a graph.
type Node struct {
	ID portcullis.ID
	// Kind is "mail", "person", "sender", "domain", "url", "ip", "file", "tool", "campaign".
	Kind   string
	Label  string
	Weight float64 // larger is drawn larger; 0 counts as 1
}

// Edge joins two nodes by their ids.
type Edge struct {
	From, To portcullis.ID
	Label    string // "sent to", "links to"
}

// Edit is a merge or split that was made.
type Edit struct {
	When      time.Time
	Who       string // "the machine" too
	What, Why string
	Decision  int64 // that can be taken back; 0 where none can
}

// Assessment is rival explanations weighed, each proposition on its own.
type Assessment struct {
	Version      int
	Propositions []Proposition
	Head         string // sequence and hash of its log: what the record is
	Calibration  string // "calibrated on simulation only"
	Updated      time.Time
	By           string
}

// Proposition is one question and its rival answers.
type Proposition struct {
	Key  string // "one-campaign", "actor", "state-affiliated", "accessed", "taken"
	Text string // "These mails are one campaign"
	// Off says why it is not assessed or not shown ("off by default; an approver can switch it on"); "" when it is.
	Off        string
	Word       string // what may be printed: "highly likely", or a span: "likely to almost certain"
	Leading    string // the hypothesis it speaks of
	Confidence string // "low", "moderate", "high"; stated apart from the word
	Reasons    []string
	Caps       []string     // what held it down: "techniques alone never pass “realistic possibility”"
	Hypotheses []Hypothesis // at most 12
	Rivals     []Rival      // the hypotheses that evidence can be entered for; none where the caller may not; at most 40
	Evidence   []Weighed    // at most 200; its Cells are in the order of Hypotheses
}

// Rival is a hypothesis as forms name it.
type Rival struct{ Key, Name string }

// Hypothesis is one explanation. Probabilities are 0–1.
type Hypothesis struct {
	Name           string
	Prior          float64
	Low, Mid, High float64 // the 5th, 50th and 95th percentile of the draws
	Word           string  // as printed; a span if the draws do not agree
}

// Weighed is one piece of evidence in the matrix.
type Weighed struct {
	Text   string
	Link   portcullis.ID // a finding, if it is one
	Grade  string        // Admiralty: "B2"
	Origin string        // evidence of one origin counts once
	Vertex string        // of the Diamond model: "adversary", "capability", "infrastructure", "victim"
	Hash   string
	Cells  []Cell
	By     string
	At     time.Time
	Note   string // "same origin as 3: counted once"
}

// Cell is how likely a piece of evidence is under one hypothesis.
type Cell struct {
	Word      string  // on the ladder: "very likely", "as likely as not", …
	Effective float64 // after reliability, 0–1
	// Leans is how far it speaks for (above 0) or against (below 0) this
	// hypothesis beside the others, from −3 to 3, for the sign in the matrix.
	Leans int
}
