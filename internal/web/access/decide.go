package access

import (
	"slices"

	"portcullis.example/portcullis"
	"portcullis.example/portcullis/internal/api"
)

// Act is something that somebody may want to do at the desk.
type Act string

// The acts.
const (
	SeeSituation  Act = "see-situation"   // figures, clocks, sensors: no text of any message
	SeeCampaigns  Act = "see-campaigns"   // campaigns, assessments, findings without the message
	SeePerson     Act = "see-person"      // one person's page
	SeeEvidence   Act = "see-evidence"    // a message, or a part of one
	SeeIndicators Act = "see-indicators"  //
	SeeNotices    Act = "see-notices"     //
	SeeAudit      Act = "see-audit"       // who did what when
	SeeAuditWords Act = "see-audit-words" // and what they wrote: purposes, reasons, what was hunted
	SeeOwnLooks   Act = "see-own-looks"   // who looked at one's own mail
	SeeContacts   Act = "see-contacts"    // contacts in danger: the member's alone
	SeeSettings   Act = "see-settings"    //

	Hunt           Act = "hunt"           // for a domain, URL, address range, hash
	HuntPerson     Act = "hunt-person"    // for somebody's address or a subject: purpose and a second person
	AskHunt        Act = "ask-hunt"       // ask for that
	ApproveHunt    Act = "approve-hunt"   // be that second person
	Screen         Act = "screen"         // hold a name against the lists in force
	EditCampaigns  Act = "edit-campaigns" // merge, split, name
	EditIndicator  Act = "edit-indicators"
	Assess         Act = "assess"       // enter evidence and likelihoods
	ExportActor    Act = "export-actor" // who is behind it, with one's own name under it
	DraftNotice    Act = "draft-notice" // write and change
	ApproveNotice  Act = "approve-notice"
	SuspectAccount Act = "suspect-account" // say that an account may be in other hands: no notice goes there by mail
	ClearAccount   Act = "clear-account"
	SendNotice     Act = "send-notice"  // send, hand over, mark as told
	DelayNotice    Act = "delay-notice" // with reason and expiry
	AskGlass       Act = "ask-glass"    // ask for privileged mail
	ApproveGlass   Act = "approve-glass"
	HoldMail       Act = "hold-mail" // put somebody's mail under privilege, or lift that
	ChangeSetting  Act = "change-settings"
)

// Subject is a person whom an object concerns, as far as deciding needs to know them.
type Subject struct {
	Person     portcullis.ID
	Houses     []string
	Party      string
	Privileged string // the ground; "" is not privileged
}

// Object is what an act is done to.
type Object struct {
	ID      string    // for the audit: "event:…", "campaign:…", or the name of a page
	People  []Subject // whom it concerns; of a message whose mailbox it was in
	By      string    // who asked or drafted, where the act is to approve it
	Granted bool      // the caller asked to break the glass for it, and a second person agreed
}

// Decision is the answer. Why is a sentence for the person who asked.
type Decision struct {
	Allowed    bool
	Why        string // empty when allowed
	BreakGlass bool   // it would be allowed after breaking the glass
	Second     bool   // it would be allowed to somebody else
}

// rule says of an act who may do it.
type rule struct {
	roles    []api.Role
	own      bool // a member may, where it concerns them
	evidence bool // holds what somebody wrote: never an administrator's, and privilege counts
	human    bool // no program with a token
	second   bool // not by who asked for it
	global   bool // is about no person, so scope does not bound it
	unbound  bool // is about everybody, so who is bounded has no part in it
}

var (
	readers   = []api.Role{api.Reader} // analysts and approvers include it
	analysts  = []api.Role{api.Analyst}
	approvers = []api.Role{api.Approver}
)

// ruleOf is the table of who may do what. There is no default: an act that is not in it
// is nobody's.
func ruleOf(a Act) (rule, bool) {
	r, ok := map[Act]rule{
		SeeSituation:   {roles: []api.Role{api.Reader, api.Admin}, global: true},
		SeeCampaigns:   {roles: readers}, // not a member's: others are on it
		SeePerson:      {roles: readers, own: true},
		SeeEvidence:    {roles: readers, own: true, evidence: true},
		SeeIndicators:  {roles: readers, global: true},
		SeeNotices:     {roles: readers, own: true},
		SeeAudit:       {roles: []api.Role{api.Approver, api.Admin}, unbound: true},
		SeeAuditWords:  {roles: approvers, unbound: true, evidence: true},
		SeeOwnLooks:    {own: true, human: true},
		SeeContacts:    {own: true, human: true},
		SeeSettings:    {roles: []api.Role{api.Admin}, global: true},
		Hunt:           {roles: analysts, unbound: true, evidence: true},
		HuntPerson:     {roles: analysts, unbound: true, evidence: true, human: true},
		AskHunt:        {roles: analysts, unbound: true, evidence: true, human: true},
		ApproveHunt:    {roles: approvers, unbound: true, evidence: true, human: true, second: true},
		Screen:         {roles: readers, global: true}, // lists are public, and whom they name is in nobody's bounds
		EditCampaigns:  {roles: analysts},
		EditIndicator:  {roles: analysts, global: true},
		Assess:         {roles: analysts},
		ExportActor:    {roles: approvers, human: true},
		DraftNotice:    {roles: analysts},
		ApproveNotice:  {roles: approvers, human: true},
		SuspectAccount: {roles: []api.Role{api.Analyst, api.Approver}, human: true},
		ClearAccount:   {roles: approvers, human: true},
		SendNotice:     {roles: approvers, human: true},
		DelayNotice:    {roles: approvers, human: true},
		AskGlass:       {roles: readers, human: true, evidence: true},
		ApproveGlass:   {roles: approvers, human: true, evidence: true, second: true},
		HoldMail:       {roles: approvers, own: true, human: true},
		ChangeSetting:  {roles: []api.Role{api.Admin}, global: true, human: true},
	}[a]
	return r, ok
}

// May decides whether the caller may do the act to the object. It looks at nothing but
// its arguments, and whatever it does not know is no.
//
// The order matters: what concerns oneself comes first, for privilege is the member's and
// not held against them; then role, then scope, then what needs two people, and privilege
// last, so that breaking the glass is offered to those only who lack nothing else.
func May(c api.Caller, a Act, o Object) Decision {
	r, known := ruleOf(a)
	switch {
	case !known:
		return no("This is nothing that can be done here.")
	case c.Name == "":
		return no("Sign in first.")
	case r.human && (c.Via == api.ViaToken || c.Via == ""):
		return no("This must be done by a person who has signed in, not by a program.")
	case r.own && c.Has(api.Member) && concerns(o, c.Person):
		return Decision{Allowed: true}
	case r.evidence && c.Has(api.Admin):
		return no("Administrators cannot read evidence or what was written about it.")
	case !slices.ContainsFunc(r.roles, c.Has):
		return no(lacking(r))
	}
	return bounded(c, r, a, o)
}

// bounded decides for a caller who has the role.
func bounded(c api.Caller, r rule, a Act, o Object) Decision {
	switch {
	case r.unbound && !c.Scope.Unbounded():
		return no("This concerns everybody, and your rights are bounded to some.")
	case !r.global && !r.unbound && !inScope(c.Scope, o):
		return no("This concerns nobody within your bounds.")
	case r.second && o.By == "":
		return no("It is not known who asked for this, so nobody can approve it.")
	case r.second && samePerson(c.Name, o.By):
		return Decision{Why: "You asked for this yourself: a second person must approve it.", Second: true}
	case a == SeeEvidence && privileged(o) != "" && !o.Granted:
		return Decision{Why: "This message is privileged (" + privileged(o) + "). It can be opened only by breaking the glass: give a reason, and a second person must agree. The member is told.", BreakGlass: true}
	}
	return Decision{Allowed: true}
}

// Visible are those of the people whom the caller may see named: all within their
// bounds, and a member themselves.
func Visible(c api.Caller, people []Subject) (visible []Subject) {
	for _, p := range people {
		own := c.Has(api.Member) && concerns(Object{People: []Subject{p}}, c.Person)
		if own || c.Has(api.Reader) && within(c.Scope, p) {
			visible = append(visible, p)
		}
	}
	return visible
}

func no(why string) Decision { return Decision{Why: why} }

func lacking(r rule) string {
	switch {
	case len(r.roles) == 0:
		return "This is shown to the member it concerns, and to nobody else."
	case len(r.roles) == 1:
		return "This needs the role " + string(r.roles[0]) + "."
	}
	return "This needs the role " + string(r.roles[0]) + " or " + string(r.roles[1]) + "."
}

func concerns(o Object, person portcullis.ID) bool {
	return person != "" && slices.ContainsFunc(o.People, func(s Subject) bool { return s.Person == person })
}

// inScope tells whether an object concerns anybody within the scope. What concerns nobody
// who is known is for those without bounds.
func inScope(s api.Scope, o Object) bool {
	return s.Unbounded() || slices.ContainsFunc(o.People, func(p Subject) bool { return within(s, p) })
}

// within tells whether somebody is in each kind of bound there is.
func within(s api.Scope, p Subject) bool {
	house := func(h string) bool { return slices.Contains(s.Houses, h) }
	return (len(s.Houses) == 0 || slices.ContainsFunc(p.Houses, house)) &&
		(len(s.Parties) == 0 || p.Party != "" && slices.Contains(s.Parties, p.Party)) &&
		(len(s.People) == 0 || slices.Contains(s.People, p.Person))
}

// privileged is the first ground on which an object is, "" if it is not.
func privileged(o Object) string {
	for _, p := range o.People {
		if p.Privileged != "" {
			return p.Privileged
		}
	}
	return ""
}
