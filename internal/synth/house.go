package synth

import (
	"fmt"
	"strings"
	"unicode"
)

// Person is one protected person, as people.toml has them.
type Person struct {
	ID, Name           string
	Names, Addresses   []string
	Role, Office       string
	Organisation       string
	Topics, Committees []string
	Staff, Delegates   []string // ids of people.toml
	Language           string   // what they write in
	Foreign            bool     // sits in another country's parliament
	given, family      word
}

// Latin is the name in Latin letters, given name first.
func (p *Person) Latin() string { return p.given.latin + " " + p.family.latin }

// Mailbox is the folder name of the person's mailbox.
func (p *Person) Mailbox() string {
	local, _, _ := strings.Cut(p.Addresses[0], "@")
	return local
}

// Organisation is a body with names and domains: the house itself, a partner, an outlet.
type Organisation struct {
	Name                string
	Names               []string
	Domains, LoginHosts []string
	Own                 bool
}

// House is an invented parliament with everybody around it.
type House struct {
	Country, Name string
	Domain        string // the main one
	AuthServID    string // whose Authentication-Results its gateway writes
	People        []Person
	Organisations []Organisation // own ones first; the house itself is the first of all
	Outlets       []Organisation
	Partners      []Organisation
	Bulk          []Organisation // providers that send newsletters for others
	cultures      []culture
}

// realm is a country and its institutions. Even seeds take even places.
type realm struct {
	country, name, short, domain, second, ministry, foreign, login string
}

var realms = []realm{
	{"Verania", "Parliament of Verania", "Verania Parliament", "parliament.example", "verania-parliament.example", "Ministry of Foreign Affairs of Verania", "foreign-affairs.example", "login.parliament.example"},
	{"Marenland", "National Assembly of Marenland", "Marenland Assembly", "assembly.marenland.example", "marenland-assembly.example", "Marenland Ministry for Europe and Trade", "trade.marenland.example", "sso.assembly.marenland.example"},
	{"Calmera", "Chamber of Deputies of Calmera", "Calmera Chamber", "chamber-calmera.example", "calmera-deputies.example", "Calmera Ministry of the Interior", "interior-calmera.example", "portal.chamber-calmera.example"},
	{"Torvia", "Council of Torvia", "Torvian Council", "council-torvia.test", "torvia-members.example", "Torvian Foreign Office", "foreignoffice-torvia.example", "signin.council-torvia.test"},
	{"Lindmark", "Diet of Lindmark", "Lindmark Diet", "lindmark-diet.example", "diet-members.example", "Lindmark Ministry of Justice", "justice-lindmark.example", "id.lindmark-diet.example"},
	{"Belmora", "Senate of Belmora", "Belmora Senate", "senate.belmora.example", "belmora-senate.example", "Belmora Ministry of Defence", "defence.belmora.example", "access.senate.belmora.example"},
	{"Orlenza", "Cortes of Orlenza", "Orlenza Cortes", "cortes-orlenza.example", "orlenza-members.test", "Orlenza Ministry of Finance", "finance-orlenza.example", "mail.cortes-orlenza.example"},
	{"Vestria", "Vestrian Parliament", "Parliament of Vestria", "vestria-parliament.test", "vestrianparliament.example", "Vestrian Ministry of Energy", "energy-vestria.example", "webmail.vestria-parliament.test"},
}

var outletList = []string{
	"The Lantern Courier|lantern-courier.example", "Northmoor Herald|northmoorherald.example", "Lindenblatt|lindenblatt.example", "La Gazette du Phare|gazetteduphare.example",
	"The Quayside Times|quaysidetimes.example", "Capital Monitor|capitalmonitor.example", "El Molino Diario|elmolinodiario.example", "Kurier Lipowy|kurierlipowy.example",
	"World Affairs Weekly|worldaffairsweekly.example", "Chamber Wire|chamberwire.example", "De Dijkpost|dijkpost.example", "La Voce del Lago|vocedellago.example",
	"Public Radio Nine|radionine.example", "The Evening Ledger|eveningledger.example", "Lighthouse Radio|lighthouseradio.example", "Auenrundschau|auenrundschau.example",
}

var partnerList = []string{
	"Inter-Parliamentary Forum on Democracy|ipforum.example", "Institute for Civic Studies|civicstudies.example", "Centre for Maritime Security|maritimecentre.example", "Alliance of Town Reporters|townreporters.example",
	"Foundation for Rule of Law|ruleoflawfoundation.example", "Committee of Election Observers|electionobservers.example", "Global Legislators Network|legislators.example", "Society for Human Rights Dialogue|rightsdialogue.example",
	"Energy Futures Council|energyfutures.example", "Academy of European Studies|eurostudies.example", "Dignity Bureau|dignitybureau.example", "Transatlantic Round Table|roundtable.example",
}

var bulkList = []string{
	"Sendwell|sendwell.example,swlinks.example", "Lettercast|lettercast.example,lc-track.example", "Postgrid|postgrid.example,pgclick.example", "Mailarium|mailarium.example,mlrm.example",
	"Campaignly|campaignly.example,cmply.example", "Newsdesk Cloud|newsdeskcloud.example,ndc-link.example", "Outreach Engine|outreachengine.example,oe-go.example", "Signalpost|signalpost.example,sgnl.example",
}

var committees = []string{"Foreign Affairs", "Defence", "Justice", "Finance", "Budget Control", "Energy and Climate", "Digital Affairs", "Health", "Agriculture", "Transport", "Petitions", "Human Rights", "Intelligence Oversight", "Electoral Affairs", "Education", "Housing"}

// NewHouse invents a parliament with the given number of people: members,
// ministers, staff and some colleagues abroad.
func NewHouse(seed uint64, people int) *House {
	d := newDraw(seed, "house")
	return newHouse(d, own(d, realms), people)
}

func newHouse(d *draw, r realm, people int) *House {
	h := &House{Country: r.country, Name: r.name, Domain: r.domain, AuthServID: "mx." + r.domain, cultures: readCultures()}
	abroad := own(d, realms)
	for abroad.country == r.country {
		abroad = own(d, realms)
	}
	h.Organisations = []Organisation{
		{Name: r.name, Names: []string{r.short}, Domains: []string{r.domain, r.second}, LoginHosts: []string{r.login}, Own: true},
		{Name: r.ministry, Domains: []string{r.foreign}, Own: true},
		{Name: "Electoral Commission of " + r.country, Domains: []string{"elections-" + strings.ToLower(r.country) + ".example"}, Own: true},
		{Name: abroad.name, Names: []string{abroad.short}, Domains: []string{abroad.domain}},
	}
	h.Outlets = organisations(ownAll(d, outletList))
	h.Partners = organisations(ownAll(d, partnerList))
	h.Bulk = organisations(ownAll(d, bulkList))
	h.addPeople(d, people)
	return h
}

// ownAll is the seed's half of a list.
func ownAll[T any](d *draw, list []T) []T {
	var out []T
	for i := d.half; i < len(list); i += 2 {
		out = append(out, list[i])
	}
	return out
}

func organisations(list []string) []Organisation {
	out := make([]Organisation, 0, len(list))
	for _, entry := range list {
		name, domains, _ := strings.Cut(entry, "|")
		out = append(out, Organisation{Name: name, Domains: strings.Split(domains, ",")})
	}
	return out
}

func (h *House) addPeople(d *draw, n int) {
	taken := map[string]bool{}
	for len(h.People) < n {
		p := h.newPerson(d, len(h.People), n)
		if local := p.Mailbox(); !taken[local] {
			taken[local] = true
			h.People = append(h.People, p)
		}
	}
	h.assignStaff(d)
}

// newPerson gives the i-th of n people a name, a place and addresses.
func (h *House) newPerson(d *draw, i, n int) Person {
	s := d.stranger(h.cultures)
	p := Person{ID: fmt.Sprintf("p%04d", i+1), given: s.given, family: s.family, Language: s.lang}
	p.Organisation = h.Name
	org := h.Organisations[0]
	switch place := i * 100 / n; {
	case place < 60:
		p.Role = one(d, []string{"Member of Parliament", "Member of Parliament", "Committee chair", "Whip", "Deputy Speaker"})
		p.Office = "Office " + fmt.Sprint(d.between(101, 599))
	case place < 68:
		p.Role, org = "Minister", h.Organisations[1]
		p.Organisation = org.Name
	case place < 86:
		p.Role = one(d, []string{"Parliamentary assistant", "Office manager", "Researcher", "Committee clerk", "Press officer"})
	case place < 90:
		org = h.Organisations[2]
		p.Role, p.Organisation = "Commission officer", org.Name
	default:
		org = h.Organisations[3]
		p.Role, p.Organisation, p.Foreign = "Member of Parliament", org.Name, true
	}
	p.name(d)
	p.addresses(d, org.Domains)
	if p.Role != "Parliamentary assistant" && p.Role != "Office manager" {
		p.Committees = some(d, committees, d.between(1, 2))
		p.Topics = some(d, topicKeys(), d.between(2, 4))
	}
	return p
}

// name decides which spellings people.toml has: some people gave every one,
// some only one script.
func (p *Person) name(d *draw) {
	p.Name = p.Latin()
	if p.given.native != "" {
		native := p.native()
		switch k := d.IntN(100); {
		case k < 60:
			p.Names = append(p.Names, native)
		case k < 80:
			p.Name = native
			p.Names = append(p.Names, p.Latin())
		}
	}
	// Everybody knows that Mike is Michael; other pet names have to be told.
	if p.given.nick != "" && (p.Language != "en" || d.chance(30)) {
		p.Names = append(p.Names, p.given.nick+" "+p.family.latin)
	}
}

// native is the name in its own script and order.
func (p *Person) native() string {
	if p.given.native == "" || p.family.native == "" {
		return p.Latin()
	}
	if unicode.In([]rune(p.family.native)[0], unicode.Han) {
		return p.family.native + p.given.native
	}
	return p.given.native + " " + p.family.native
}

func (p *Person) addresses(d *draw, domains []string) {
	local := localPart(p.given.latin) + "." + localPart(p.family.latin)
	p.Addresses = []string{local + "@" + domains[0]}
	if len(domains) > 1 && d.chance(20) {
		p.Addresses = append(p.Addresses, local+"@"+domains[1])
	}
	if d.chance(55) {
		p.Addresses = append(p.Addresses, d.address(p.given.latin, p.family.latin, freemail))
	}
	if d.chance(20) {
		p.Addresses = append(p.Addresses, "office@"+localPart(p.family.latin)+"-"+localPart(p.given.latin)+".example")
	}
}

// assignStaff gives members their assistants, who act for them.
func (h *House) assignStaff(d *draw) {
	members := h.members()
	for i := range h.People {
		if p := &h.People[i]; p.isStaff() && len(members) > 0 {
			boss := one(d, members)
			boss.Staff = append(boss.Staff, p.ID)
			if d.chance(40) {
				boss.Delegates = append(boss.Delegates, p.ID)
			}
		}
	}
}

func (p *Person) isStaff() bool {
	return p.Role == "Parliamentary assistant" || p.Role == "Office manager"
}

func (p *Person) inHouse(h *House) bool { return p.Organisation == h.Name }

// members are those who sit in the house, the ones attacks are about.
func (h *House) members() []*Person {
	var out []*Person
	for i := range h.People {
		p := &h.People[i]
		if p.inHouse(h) && p.Office != "" {
			out = append(out, p)
		}
	}
	return out
}

// others are all people but the given one.
func (h *House) others(p *Person) []*Person {
	var out []*Person
	for i := range h.People {
		if q := &h.People[i]; q != p {
			out = append(out, q)
		}
	}
	return out
}
