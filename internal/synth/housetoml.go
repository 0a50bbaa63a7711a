package synth

import (
	"fmt"
	"slices"
	"strings"
)

// PeopleTOML writes the house as the people.toml that protects it.
func (h *House) PeopleTOML() string {
	var b strings.Builder
	for i := range h.People {
		h.People[i].writeTOML(&b)
	}
	for _, o := range h.Organisations {
		o.writeTOML(&b, "organisation")
	}
	for _, o := range h.Outlets {
		o.writeTOML(&b, "outlet")
	}
	for _, o := range h.Partners {
		o.writeTOML(&b, "partner")
	}
	for _, o := range h.Bulk {
		o.writeTOML(&b, "bulk")
	}
	b.WriteString("[mailboxes]\n")
	for i := range h.People {
		fmt.Fprintf(&b, "%s = %s\n", quoteTOML(h.People[i].Mailbox()), quoteTOML(h.People[i].ID))
	}
	return b.String()
}

func (p *Person) writeTOML(b *strings.Builder) {
	b.WriteString("[[person]]\n")
	writeKey(b, "id", p.ID)
	writeKey(b, "name", p.Name)
	writeList(b, "names", p.Names)
	writeList(b, "addresses", p.Addresses)
	writeKey(b, "role", p.Role)
	writeKey(b, "office", p.Office)
	writeKey(b, "organisation", p.Organisation)
	writeList(b, "topics", p.Topics)
	writeList(b, "committees", p.Committees)
	writeList(b, "staff", p.Staff)
	writeList(b, "delegates", p.Delegates)
	b.WriteByte('\n')
}

func (o Organisation) writeTOML(b *strings.Builder, table string) {
	fmt.Fprintf(b, "[[%s]]\n", table)
	writeKey(b, "name", o.Name)
	writeList(b, "names", o.Names)
	writeList(b, "domains", o.Domains)
	writeList(b, "login_hosts", o.LoginHosts)
	if o.Own {
		b.WriteString("own = true\n")
	}
	b.WriteByte('\n')
}

func writeKey(b *strings.Builder, key, value string) {
	if value != "" {
		fmt.Fprintf(b, "%s = %s\n", key, quoteTOML(value))
	}
}

func writeList(b *strings.Builder, key string, values []string) {
	if len(values) == 0 {
		return
	}
	quoted := make([]string, len(values))
	for i, v := range values {
		quoted[i] = quoteTOML(v)
	}
	fmt.Fprintf(b, "%s = [%s]\n", key, strings.Join(quoted, ", "))
}

// quoteTOML writes a basic string; the names used here hold no control characters.
func quoteTOML(s string) string {
	return `"` + tomlEscapes.Replace(s) + `"`
}

var tomlEscapes = strings.NewReplacer(`\`, `\\`, `"`, `\"`)

// Directory invents n people as a people.toml, to load a detector with as many
// names as a large legislature and its staff have. The names are those of
// ordinary life: among 20,000 there is nearly every common pair of given and
// family name, so that strangers in any mail collection collide with them.
func Directory(seed uint64, n int) string {
	d := newDraw(seed, "directory")
	h := newHouse(d, own(d, realms), 0)
	var b strings.Builder
	taken := map[string]int{}
	for i := range n {
		p := h.newPerson(d, i, max(n, 1))
		p.ID = fmt.Sprintf("d%05d", i+1)
		local := p.Mailbox()
		if taken[local]++; taken[local] > 1 {
			p.Addresses[0] = strings.Replace(p.Addresses[0], "@", fmt.Sprintf("%d@", taken[local]), 1)
		}
		p.Addresses = slices.DeleteFunc(p.Addresses, func(address string) bool { // a namesake has it
			taken[address]++
			return taken[address] > 1
		})
		p.writeTOML(&b)
	}
	for _, o := range h.Organisations {
		o.writeTOML(&b, "organisation")
	}
	return b.String()
}
