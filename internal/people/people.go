// Package people loads, indexes and looks up protected people and organisations.
//
// A people file is TOML, or CSV for people alone; which one is found out from its
// content. Nothing but name is required. Every key:
//
//	[[person]]
//	name = "Anna Keller"
//	id = "anna-keller"                      # else made from the name
//	names = ["Анна Келлер", "A. M. Keller"] # variants, in any script
//	addresses = ["anna.keller@parliament.example", "anna@home.example"]
//	role = "Member of Parliament"
//	office = "Constituency North"
//	organisation = "Parliament"             # the name of an organisation below
//	party = "Green Lantern"                 # bounds who may see what at the desk
//	telephone = "+000 5550 101"             # where to call when mail is not safe
//	topics = ["energy", "foreign affairs"]
//	committees = ["Foreign Affairs"]
//	languages = ["en", "de"]
//	staff = ["jo-marsh", "office.keller@parliament.example"] # ids or addresses
//	delegates = ["peer@party.example"]      # may write in the person's name
//
//	[[organisation]]
//	name = "Parliament"
//	own = true                              # it is the house itself
//	names = ["The Parliament of Example"]
//	domains = ["parliament.example"]
//	login_hosts = ["login.parliament.example"]
//
//	[[outlet]]                              # news outlets: name, names, domains
//	[[partner]]                             # foreign parliaments, institutions, suppliers: the same
//	[[bulk]]                                # known bulk senders: name, domains
//
//	[mailboxes]                             # whose mail a folder or file holds
//	"keller.mbox" = "anna-keller"           # an id, or an address
//
// A CSV file has a header row with the same names; lists are separated by
// semicolons.
//
// # When two addresses are the same
//
// An address is compared so that nobody else can own one that is equal. Domains
// compare without case and in A-labels (RFC 5890), local parts without the case of
// ASCII letters. What follows a plus (RFC 5233) is ignored where the operator of
// the domain is known to deliver it to the same mailbox: at the providers listed
// in this package, and at domains of own organisations. Full stops in the local
// part are ignored at Gmail alone, since Gmail alone gives both spellings to one
// person.
package people

import (
	"slices"

	"portcullis.example/portcullis"
	"portcullis.example/portcullis/internal/names"
)

// Person is somebody the house protects.
type Person struct {
	ID                                   portcullis.ID // "person:" and the id in the file
	Name                                 string
	Names, Addresses                     []string
	Role, Office, Organisation           string
	Party, Telephone                     string
	Topics, Committees, Staff, Delegates []string
	Languages                            []string
	Line                                 int // in the file
}

// The kinds of organisation.
const (
	KindOwn     = "own"
	KindOutlet  = "outlet"
	KindPartner = "partner"
	KindBulk    = "bulk"
	KindOther   = "other"
)

// Organisation is a house, a news outlet, a partner, or a known bulk sender.
type Organisation struct {
	ID                         portcullis.ID
	Kind                       string
	Name                       string
	Names, Domains, LoginHosts []string
	Line                       int
}

// Problem is something in a file that a person should mend. The entry it stands
// in is loaded as far as it can be; Warning tells that the file is usable as it is.
type Problem struct {
	File                   string
	Line                   int
	Field, Message, Remedy string
	Warning                bool
}

// NameMatch is a person or an organisation whose name a text resembles.
type NameMatch struct {
	Person       *Person       // or nil
	Organisation *Organisation // or nil
	names.Match
}

// DomainMatch is an organisation whose domain another is, belongs to, or resembles.
type DomainMatch struct {
	Organisation *Organisation
	names.DomainMatch
}

// The relations of an address to a person.
const (
	Owner    = "owner"
	Staff    = "staff"
	Delegate = "delegate"
)

// Directory answers questions about one people file. It never changes, so any
// number of goroutines may ask. The zero value is an empty directory.
type Directory struct {
	version       string
	people        []*Person
	organisations []*Organisation
	byID          map[portcullis.ID]*Person
	byAddress     map[string][]*Person
	aides         map[string]relation // addresses of staff and delegates
	mailboxes     map[string]string   // as written → id or address
	own           map[string]bool
	known         map[string]*Organisation
	personNames   *names.Index
	orgNames      *names.Index
	domains       *names.DomainIndex
}

type relation struct {
	to  *Person
	who string
}

// Version is a hash of what the file means, whatever its order and formatting.
func (d *Directory) Version() string { return d.version }

// People returns everyone, in the order of the file. Don't change them.
func (d *Directory) People() []*Person { return d.people }

// Organisations returns all, in the order of the file. Don't change them.
func (d *Directory) Organisations() []*Organisation { return d.organisations }

// Empty tells whether there is nobody and nothing to protect.
func (d *Directory) Empty() bool { return len(d.people) == 0 && len(d.organisations) == 0 }

// Person returns the person with the id, with or without "person:" before it, or nil.
func (d *Directory) Person(id portcullis.ID) *Person {
	if p := d.byID[id]; p != nil {
		return p
	}
	return d.byID[personPrefix+id]
}

const personPrefix = "person:"

// ByAddress returns the people whose true address addr is.
func (d *Directory) ByAddress(addr string) []*Person {
	if len(d.byAddress) == 0 {
		return nil
	}
	return d.byAddress[d.canonical(addr)]
}

// Whose returns the person an address belongs to, or works for, and which: Owner,
// Staff or Delegate. A person's own address is hers even if she works for another.
func (d *Directory) Whose(addr string) (p *Person, who string) {
	key := d.canonical(addr)
	if owners := d.byAddress[key]; len(owners) > 0 {
		return owners[0], Owner
	}
	r := d.aides[key]
	return r.to, r.who
}

// maxMatches bounds what MatchName and MatchLocal return.
const maxMatches = 16

// MatchName returns the people and organisations that a display name resembles,
// best first.
func (d *Directory) MatchName(display string) []NameMatch {
	out := d.matchPeople(nil, d.personNames, display, (*names.Index).Lookup)
	if d.orgNames != nil {
		for _, m := range d.orgNames.Lookup(display) {
			out = append(out, NameMatch{Organisation: d.organisations[m.Key], Match: m})
		}
	}
	slices.SortStableFunc(out, func(a, b NameMatch) int {
		switch {
		case a.Score > b.Score:
			return -1
		case a.Score < b.Score:
			return 1
		}
		return 0
	})
	return out[:min(len(out), maxMatches)]
}

// MatchLocal returns the people named in the local part of an address, best first.
func (d *Directory) MatchLocal(local string) []NameMatch {
	return d.matchPeople(nil, d.personNames, local, (*names.Index).LookupLocal)
}

func (d *Directory) matchPeople(out []NameMatch, x *names.Index, text string, lookup func(*names.Index, string) []names.Match) []NameMatch {
	if x == nil {
		return out
	}
	for _, m := range lookup(x, text) {
		out = append(out, NameMatch{Person: d.people[m.Key], Match: m})
	}
	return out
}

// MatchDomain returns the organisations whose domain this one is, belongs to, or
// resembles, best first. Bulk senders are not imitated, so they are left out.
func (d *Directory) MatchDomain(domain string) []DomainMatch {
	if d.domains == nil {
		return nil
	}
	var out []DomainMatch
	for _, m := range d.domains.Lookup(domain) {
		out = append(out, DomainMatch{Organisation: d.organisations[m.Key], DomainMatch: m})
	}
	return out
}

// OwnDomain tells whether domain belongs to the house, as a domain of one of its
// organisations or below one.
func (d *Directory) OwnDomain(domain string) bool {
	for rest := asciiDomain(domain); rest != ""; rest = parent(rest) {
		if d.own[rest] {
			return true
		}
	}
	return false
}

// KnownDomain returns the organisation, of whatever kind, that domain belongs to,
// or nil.
func (d *Directory) KnownDomain(domain string) *Organisation {
	for rest := asciiDomain(domain); rest != ""; rest = parent(rest) {
		if o := d.known[rest]; o != nil {
			return o
		}
	}
	return nil
}

// Mailbox returns whose mail a source holds, by the mapping in the file. name is
// the path of the source or a part of it: the whole path is looked up first, then
// each of its parts from the right, with and without its extensions. The address
// is set where the mapping names one; it may be nobody's.
func (d *Directory) Mailbox(name string) (p *Person, address string, ok bool) {
	if len(d.mailboxes) == 0 {
		return nil, "", false
	}
	for _, part := range pathParts(name) {
		target, found := d.mailboxes[part]
		if !found {
			continue
		}
		if p := d.Person(portcullis.ID(target)); p != nil {
			return p, firstOf(p.Addresses), true
		}
		p, _ := d.Whose(target)
		return p, target, true
	}
	return nil, "", false
}

func firstOf(list []string) string {
	if len(list) == 0 {
		return ""
	}
	return list[0]
}
