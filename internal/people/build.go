package people

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"portcullis.example/portcullis"
	"portcullis.example/portcullis/internal/names"
)

// directory builds the directory of the records and checks it as it goes.
func (b *builder) directory() *Directory {
	d := &Directory{byID: map[portcullis.ID]*Person{}, byAddress: map[string][]*Person{}, aides: map[string]relation{},
		mailboxes: map[string]string{}, own: map[string]bool{}, known: map[string]*Organisation{}}
	for i := range b.records {
		if r := &b.records[i]; r.section != "person" {
			b.addOrganisation(d, r)
		}
	}
	lines := b.addPeople(d)
	b.addAddresses(d, lines) // needs the own domains, and aides need everyone's id
	b.addAides(d, lines)
	b.addMailboxes(d)
	b.checkPeople(d, lines)
	b.index(d)
	d.version = version(d)
	return d
}

func (b *builder) addOrganisation(d *Directory, r *record) {
	o := &Organisation{Kind: r.section, Name: r.text("name"), Names: r.list("names"), Line: r.line}
	if r.section == "organisation" {
		o.Kind = KindOther
		for _, f := range r.fields {
			if f.name == "own" && f.truth {
				o.Kind = KindOwn
			}
		}
	}
	o.Domains = b.domains(r, "domains", o.Kind)
	o.LoginHosts = b.domains(r, "login_hosts", "")
	if o.Name == "" && o.Kind == KindBulk {
		o.Name = firstOf(o.Domains)
	}
	if o.Name == "" {
		b.problem(r.line, "name", fmt.Sprintf("a [[%s]] without a name", r.section), `write name = "…"`)
		return
	}
	if o.Kind == KindBulk && len(o.Domains) == 0 {
		b.problem(r.line, "domains", "a [[bulk]] sender without domains", `write domains = ["…"]`)
	}
	o.ID = portcullis.ID("organisation:" + slug(r, o.Name))
	for _, domain := range o.Domains {
		if other := d.known[domain]; other != nil {
			b.warn(r.lineOf("domains"), "domains", fmt.Sprintf("%s is a domain of %s (line %d) as well", domain, other.Name, other.Line), "keep it in one")
			if other.Kind != KindBulk {
				continue
			}
		}
		d.known[domain] = o
		if o.Kind == KindOwn {
			d.own[domain] = true
		}
	}
	d.organisations = append(d.organisations, o)
}

// slug is the id of a record: the stated one, or its name in plain letters.
func slug(r *record, name string) string {
	if id := r.text("id"); id != "" {
		return strings.TrimPrefix(strings.TrimPrefix(id, personPrefix), "organisation:")
	}
	return plainID(name)
}

func plainID(name string) string {
	forms := names.Transliterate(name)
	if len(forms) == 0 {
		return ""
	}
	id := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			return r
		case r == ' ' || r == '-':
			return '-'
		}
		return -1
	}, forms[0])
	if id = strings.Trim(id, "-"); id != "" {
		return id
	}
	sum := sha256.Sum256([]byte(name)) // a script without romanisation
	return hex.EncodeToString(sum[:6])
}

// addPeople makes everyone, with ids that depend on the entries alone and not on
// their order, and returns their records in the same order.
func (b *builder) addPeople(d *Directory) (records []*record) {
	for i := range b.records {
		r := &b.records[i]
		if r.section != "person" {
			continue
		}
		name := r.text("name")
		if name == "" {
			b.problem(r.line, "name", "a person without a name", `write name = "…"`)
			if name = firstOf(r.list("names")); name == "" {
				continue
			}
		}
		d.people = append(d.people, &Person{Name: name, Names: r.list("names"), Addresses: r.list("addresses"), Role: r.text("role"),
			Office: r.text("office"), Organisation: r.text("organisation"), Party: r.text("party"), Telephone: r.text("telephone"), Topics: r.list("topics"), Committees: r.list("committees"),
			Staff: r.list("staff"), Delegates: r.list("delegates"), Languages: r.list("languages"), Line: r.line})
		records = append(records, r)
	}
	b.assignIDs(d, records)
	return records
}

// assignIDs gives each person an id. Namesakes without an own id are told apart by
// their addresses.
func (b *builder) assignIDs(d *Directory, records []*record) {
	bearers := map[portcullis.ID]int{}
	for i, p := range d.people {
		p.ID = portcullis.ID(personPrefix + slug(records[i], p.Name))
		bearers[p.ID]++
	}
	for i, p := range d.people {
		if bearers[p.ID] > 1 {
			b.tellApart(p, records[i])
		}
		if other := d.byID[p.ID]; other != nil {
			b.problem(records[i].lineOf("id"), "id", fmt.Sprintf("%s (line %d) has the id %q as well", other.Name, other.Line, p.ID),
				"give each person an id of their own")
			p.ID = portcullis.ID(fmt.Sprintf("%s-line-%d", p.ID, p.Line))
		}
		d.byID[p.ID] = p
	}
}

func (b *builder) tellApart(p *Person, r *record) {
	if r.text("id") != "" || len(p.Addresses) == 0 {
		return
	}
	b.warn(r.line, "id", fmt.Sprintf("somebody else is called %s too and has no id", p.Name), "give each of them an id")
	sorted := slices.Sorted(slices.Values(p.Addresses))
	sum := sha256.Sum256([]byte(lowerASCII(sorted[0])))
	p.ID += portcullis.ID("-" + hex.EncodeToString(sum[:3]))
}

func (b *builder) addAddresses(d *Directory, records []*record) {
	for i, p := range d.people {
		kept := p.Addresses[:0:0]
		for _, a := range p.Addresses {
			if !b.checkAddress(a, records[i], "addresses") {
				continue
			}
			key := d.canonical(a)
			owners := d.byAddress[key]
			if slices.Contains(owners, p) {
				b.warn(records[i].lineOf("addresses"), "addresses", a+" stands twice, or in two spellings of the same mailbox", "keep one")
				continue
			}
			for _, o := range owners {
				b.problem(records[i].lineOf("addresses"), "addresses", fmt.Sprintf("%s is an address of %s (line %d) as well", a, o.Name, o.Line),
					"an address has one owner; put shared ones under staff or delegates")
			}
			d.byAddress[key] = append(owners, p)
			kept = append(kept, a)
		}
		p.Addresses = kept
	}
}

// addAides resolves staff and delegates, who are named by id or by address.
func (b *builder) addAides(d *Directory, records []*record) {
	for i, p := range d.people {
		b.addAidesOf(d, p, p.Staff, Staff, records[i])
		b.addAidesOf(d, p, p.Delegates, Delegate, records[i])
	}
}

func (b *builder) addAidesOf(d *Directory, p *Person, aides []string, who string, r *record) {
	field := map[string]string{Staff: "staff", Delegate: "delegates"}[who]
	for _, aide := range aides {
		addresses := []string{aide}
		if !strings.Contains(aide, "@") {
			of := d.Person(portcullis.ID(aide))
			if of == nil {
				b.problem(r.lineOf(field), field, fmt.Sprintf("nobody has the id %q", aide), "name an id of this file, or an address")
				continue
			}
			addresses = of.Addresses
		} else if !b.checkAddress(aide, r, field) {
			continue
		}
		for _, a := range addresses {
			if key := d.canonical(a); d.aides[key].to == nil {
				d.aides[key] = relation{p, who}
			}
		}
	}
}

func (b *builder) addMailboxes(d *Directory) {
	for _, f := range b.boxes {
		target := f.values[0]
		name := strings.Trim(strings.ReplaceAll(f.name, "\\", "/"), "/")
		_, twice := d.mailboxes[name]
		switch {
		case twice:
			b.problem(f.line, f.name, fmt.Sprintf("mailbox %q stands twice", f.name), "keep one")
			continue
		case name == "" || target == "":
			b.problem(f.line, f.name, "an empty mailbox or target", `write "mailbox" = "id"`)
			continue
		case !strings.Contains(target, "@") && d.Person(portcullis.ID(target)) == nil:
			b.problem(f.line, f.name, fmt.Sprintf("nobody has the id %q", target), "name an id of this file, or an address")
			continue
		}
		d.mailboxes[name] = target
	}
}

// index builds the look-ups by name and by domain.
func (b *builder) index(d *Directory) {
	var people, organisations []names.Entry
	for i, p := range d.people {
		people = append(people, names.Entry{Key: i, Name: p.Name})
		for _, n := range p.Names {
			people = append(people, names.Entry{Key: i, Name: n})
		}
	}
	var domains []names.DomainEntry
	for i, o := range d.organisations {
		if o.Kind == KindBulk {
			continue
		}
		organisations = append(organisations, names.Entry{Key: i, Name: o.Name})
		for _, n := range o.Names {
			organisations = append(organisations, names.Entry{Key: i, Name: n})
		}
		for _, domain := range o.Domains {
			domains = append(domains, names.DomainEntry{Key: i, Domain: domain})
		}
		for _, host := range o.LoginHosts {
			if k := d.KnownDomain(host); k != o {
				domains = append(domains, names.DomainEntry{Key: i, Domain: host})
			}
		}
	}
	d.personNames, d.orgNames, d.domains = names.NewIndex(people), names.NewOrganisationIndex(organisations), names.NewDomainIndex(domains)
}

// version hashes what the directory means: every entry by itself, lists sorted
// where their order means nothing, then the hashes sorted.
func version(d *Directory) string {
	var sums []string
	var buf []byte
	add := func(parts ...[]string) {
		buf = buf[:0]
		for _, list := range parts {
			buf = binary.AppendUvarint(buf, uint64(len(list)))
			for _, s := range list {
				buf = append(binary.AppendUvarint(buf, uint64(len(s))), s...)
			}
		}
		sum := sha256.Sum256(buf)
		sums = append(sums, string(sum[:]))
	}
	for _, p := range d.people {
		add([]string{"person", string(p.ID), p.Name, p.Role, p.Office, p.Organisation, p.Party, p.Telephone}, sorted(p.Names), sorted(p.Addresses), sorted(p.Topics),
			sorted(p.Committees), sorted(p.Staff), sorted(p.Delegates), sorted(p.Languages))
	}
	for _, o := range d.organisations {
		add([]string{o.Kind, string(o.ID), o.Name}, sorted(o.Names), sorted(o.Domains), sorted(o.LoginHosts))
	}
	for name, target := range d.mailboxes {
		add([]string{"mailbox", name, target})
	}
	slices.Sort(sums)
	all := sha256.Sum256([]byte(strings.Join(sums, "")))
	return hex.EncodeToString(all[:16])
}

func sorted(list []string) []string {
	if slices.IsSorted(list) {
		return list
	}
	return slices.Sorted(slices.Values(list))
}
