package meter

import (
	"encoding/hex"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"
)

// check finds what a policy must not say, and builds what it is looked up by.
func (p *Policy) check(c *checker) {
	if p.Mode != "enforce" && p.Mode != "observe" {
		c.at("mode", "%q; want enforce or observe", p.Mode)
	}
	var err error
	if p.zone, err = time.LoadLocation(p.Zone); err != nil {
		c.at("zone", "%q is no time zone: %v", p.Zone, err)
		p.zone = time.UTC
	}
	if p.GroupSize < 2 {
		c.at("group_size", "%d; a group of one is a person: want at least 2", p.GroupSize)
	}
	p.checkProtected(c)
	p.checkRoles(c)
	p.checkPeople(c)
	p.checkNamed(c)
	p.checkIdentity(c)
	p.checkBudgets(c)
	p.checkMasks(c)
	p.checkAllow(c)
	p.checkBounds(c)
	p.checkSupervisors(c)
}

func (p *Policy) checkProtected(c *checker) {
	if len(p.Protected) == 0 {
		c.at("protected", "nothing is protected; name at least one relation and its key column")
	}
	seen := map[string]bool{}
	for i, r := range p.Protected {
		key := fmt.Sprintf("protected[%d]", i)
		if strings.Count(r.Relation, ".") != 1 {
			c.at(key+".relation", "%q; want schema.table", r.Relation)
		}
		if r.Key == "" {
			c.at(key+".key", "missing: the column that tells voters apart")
		}
		if seen[r.Relation] {
			c.at(key+".relation", "%q stands here twice", r.Relation)
		}
		if r.AnonymousSeconds < 1 {
			c.at(key+".anonymous_seconds", "%d; want at least 1", r.AnonymousSeconds)
		}
		seen[r.Relation] = true
	}
}

func (p *Policy) checkRoles(c *checker) {
	p.roles = map[string]*Role{}
	for i := range p.Roles {
		r, key := &p.Roles[i], fmt.Sprintf("role[%d]", i)
		if r.Name == "" || p.roles[r.Name] != nil {
			c.at(key+".name", "%q; every role needs a name of its own", r.Name)
		}
		p.roles[r.Name] = r
	}
}

func (p *Policy) checkPeople(c *checker) {
	p.people, p.users, p.certs = map[string]*Person{}, map[string]*Person{}, map[string]*Person{}
	for i := range p.People {
		q, key := &p.People[i], fmt.Sprintf("person[%d]", i)
		if q.Name == "" || p.people[q.Name] != nil {
			c.at(key+".name", "%q; every person needs a name of their own", q.Name)
		}
		if IsRecipient(q.Name) {
			c.at(key+".name", "%q; such names are kept for recipients of extracts", q.Name)
		}
		p.people[q.Name] = q
		if len(q.SpeaksFor) == 0 || q.Role != "" {
			p.mustRole(c, key+".role", q.Role)
		}
		for _, r := range q.SpeaksFor {
			p.mustRole(c, key+".speaks_for", r)
		}
		claim(c, key+".users", p.users, q.Users, q)
		claim(c, key+".certificates", p.certs, q.Certificates, q)
	}
}

func claim(c *checker, key string, taken map[string]*Person, names []string, q *Person) {
	for _, n := range names {
		if other := taken[n]; other != nil {
			c.at(key, "%q is already %s", n, other.Name)
		}
		taken[n] = q
	}
}

func (p *Policy) mustRole(c *checker, key, name string) {
	if p.roles[name] == nil {
		c.at(key, "there is no role %q", name)
	}
}

// checkNamed checks purposes and programs, and what roles say of them.
func (p *Policy) checkNamed(c *checker) {
	p.purposes = map[string]*Purpose{}
	for i := range p.Purposes {
		q, key := &p.Purposes[i], fmt.Sprintf("purpose[%d]", i)
		if q.Name == "" || p.purposes[q.Name] != nil {
			c.at(key+".name", "%q; every purpose needs a name of its own", q.Name)
		}
		p.purposes[q.Name] = q
		for _, r := range q.Roles {
			p.mustRole(c, key+".roles", r)
		}
	}
	var names []string
	for i := range p.Programs {
		q, key := &p.Programs[i], fmt.Sprintf("program[%d]", i)
		if q.Name == "" || slices.Contains(names, q.Name) {
			c.at(key+".name", "%q; every program needs a name of its own", q.Name)
		}
		names = append(names, q.Name)
		for _, m := range q.Match {
			if _, err := path.Match(m, ""); err != nil {
				c.at(key+".match", "%q: %v", m, err)
			}
		}
		p.programs = append(p.programs, q)
	}
	for i, r := range p.Roles {
		for _, name := range r.Purposes {
			p.mustPurpose(c, fmt.Sprintf("role[%d].purposes", i), name)
		}
		for _, name := range r.Programs {
			if !slices.Contains(names, name) {
				c.at(fmt.Sprintf("role[%d].programs", i), "there is no program %q", name)
			}
		}
	}
}

func (p *Policy) mustPurpose(c *checker, key, name string) {
	if p.purposes[name] == nil {
		c.at(key, "there is no purpose %q", name)
	}
}

func (p *Policy) checkIdentity(c *checker) {
	for _, from := range p.Identity.Person {
		if from != "certificate" && from != "user" {
			c.at("identity.person", "%q; want certificate or user", from)
		}
	}
	for _, from := range p.Identity.Purpose {
		if from != "set" && from != "parameter" && from != "application" {
			c.at("identity.purpose", "%q; want set, parameter or application", from)
		}
	}
	if d := p.Identity.DefaultPurpose; d != "" {
		p.mustPurpose(c, "identity.default_purpose", d)
	}
	if d := p.Identity.DefaultRole; d != "" {
		p.mustRole(c, "identity.default_role", d)
	}
}

func (p *Policy) checkBudgets(c *checker) {
	seen := map[string]bool{}
	for i := range p.Budgets {
		b, key := &p.Budgets[i], fmt.Sprintf("budget[%d]", i)
		if b.Name == "" || seen[b.Name] {
			c.at(key+".name", "%q; every budget needs a name of its own, for its counts are kept under it", b.Name)
		}
		seen[b.Name] = true
		if !slices.Contains([]string{"person", "role", "purpose", "program"}, b.Per) {
			c.at(key+".per", "%q; want person, role, purpose or program", b.Per)
		}
		if b.Per == "purpose" && len(p.Purposes) == 0 {
			c.at(key+".per", "purpose, but there is no [[purpose]]: whoever invents one would have a budget of their own")
		}
		if b.Role != "" {
			p.mustRole(c, key+".role", b.Role)
		}
		if b.Purpose != "" {
			p.mustPurpose(c, key+".purpose", b.Purpose)
		}
		b.checkLimits(c, key)
	}
}

func (b *Budget) checkLimits(c *checker, key string) {
	any, before, name := int64(0), int64(0), ""
	words := []string{"hour", "day", "days30", "year", "rows_per_minute", "statements_per_hour"}
	for i, n := range []int64{b.Hour, b.Day, b.Days30, b.Year, b.RowsPerMinute, b.StatementsPerHour} {
		if n < 0 {
			c.at(key+"."+words[i], "%d; want 0 for no bound, or more", n)
		}
		any |= n
	}
	if any == 0 {
		c.at(key, "bounds nothing; give at least one of hour, day, days30, year, rows_per_minute, statements_per_hour")
	}
	for w, n := range []int64{b.Hour, b.Day, b.Days30, b.Year} {
		word := words[w]
		if n > 0 && n < before {
			c.at(key+"."+word, "%d is less than %s = %d, which would never be reached", n, name, before)
		}
		if n > 0 {
			before, name = n, word
		}
	}
}

func (p *Policy) checkMasks(c *checker) {
	for i, m := range p.Masks {
		key := fmt.Sprintf("mask[%d]", i)
		if strings.Count(m.Column, ".") != 2 {
			c.at(key+".column", "%q; want schema.table.column", m.Column)
		}
		if !slices.Contains([]string{"year", "none", "text"}, m.Show) {
			c.at(key+".show", "%q; want year, none or text", m.Show)
		}
		p.mustAll(c, key, m.Roles, m.Purposes)
	}
}

func (p *Policy) mustAll(c *checker, key string, roles, purposes []string) {
	for _, r := range roles {
		p.mustRole(c, key+".roles", r)
	}
	for _, q := range purposes {
		p.mustPurpose(c, key+".purposes", q)
	}
}

func (p *Policy) checkAllow(c *checker) {
	for i, a := range p.Allow {
		key := fmt.Sprintf("allow[%d]", i)
		if a.Fingerprint == "" {
			c.at(key+".fingerprint", "missing; `portcullis register policy test` prints it for a statement")
		}
		if a.ListMax < 0 || a.PatternMin < 0 || a.LimitMax < 0 {
			c.at(key, "list_max, pattern_min and limit_max are 0 or more")
		}
		p.mustAll(c, key, a.Roles, a.Purposes)
	}
}

func (p *Policy) checkBounds(c *checker) {
	b := p.Brake
	if b.People < 3 {
		c.at("brake.people", "%d; want at least 3, or a single person could stop everybody", b.People)
	}
	if b.RowsPerMinute < 0 || b.Small < 1 || b.Minutes < 1 {
		c.at("brake", "rows_per_minute is 0 or more, small and minutes at least 1")
	}
	if b.RowsPerMinute > 0 && (b.PersonRowsPerMinute < 1 || b.PersonRowsPerMinute*int64(b.People-1) >= b.RowsPerMinute) {
		c.at("brake.person_rows_per_minute", "%d; want at least 1, and so little that %d people together stay below rows_per_minute = %d", b.PersonRowsPerMinute, b.People-1, b.RowsPerMinute)
	}
	if e := p.Emergency; e.MaxHours < 1 || e.MaxHours > 72 || e.Factor < 1 || e.RehearseEvery < 1 {
		c.at("emergency", "max_hours is 1 to 72, factor and rehearse_every at least 1")
	}
	if n := p.Normals; n.Factor < 1 || n.Floor < 1 || n.Weeks < 1 {
		c.at("normals", "factor, floor and weeks are at least 1")
	}
}

func (p *Policy) checkSupervisors(c *checker) {
	seen := map[string]string{}
	names := map[string]bool{}
	for i, s := range p.Supervisors {
		key := fmt.Sprintf("supervisor[%d]", i)
		if s.Name == "" || names[s.Name] {
			c.at(key+".name", "%q; every supervisor needs a name of their own", s.Name)
		}
		if raw, err := hex.DecodeString(s.Token); err != nil || len(raw) != 32 {
			c.at(key+".token_sha256", "want 64 hexadecimal digits; `portcullis register token` makes a token and prints them")
		}
		if other, twice := seen[s.Token]; twice {
			c.at(key+".token_sha256", "is %s's: two approvals would be one person's", other)
		}
		seen[s.Token], names[s.Name] = s.Name, true
	}
}
