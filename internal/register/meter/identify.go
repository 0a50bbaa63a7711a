package meter

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"
)

// Claims is what a connection says of itself, and what PostgreSQL and TLS have proved.
type Claims struct {
	User, Certificate  string // proved
	Application        string // application_name
	Parameter          string // connection parameter portcullis.purpose
	SetPurpose, SetWho string // SET portcullis.purpose, SET portcullis.person
}

// Unknown says why a connection is nobody. Ask is what to do about it.
type Unknown struct{ Why, Ask string }

func (u *Unknown) Error() string { return u.Why + "; " + u.Ask }

// Recipient is how whoever gets a lawful extract stands in the ledger. No person who reads has such a name.
func Recipient(name string) string { return recipientMark + name }

// IsRecipient tells whether a name in the ledger is of one who got an extract.
func IsRecipient(name string) bool { return strings.HasPrefix(name, recipientMark) }

const recipientMark = "recipient: "

// Identify finds out who somebody is. An error is an *Unknown.
func (p *Policy) Identify(c Claims) (Subject, error) {
	who, err := p.person(c)
	if err != nil {
		return Subject{}, err
	}
	if IsRecipient(who.Name) { // a database user whom the policy does not name
		return Subject{}, &Unknown{fmt.Sprintf("the name %q is kept for recipients of extracts", who.Name), "connect as another database user"}
	}
	s := Subject{Person: who.Name, Role: who.Role, Program: p.program(c.Application)}
	if s.Purpose, err = p.purpose(c, who.Role); err != nil {
		return s, err
	}
	role := p.roles[s.Role]
	if role != nil && len(role.Programs) > 0 && !slices.Contains(role.Programs, s.Program) {
		return s, &Unknown{fmt.Sprintf("the program %q is not one that the role %q uses", c.Application, s.Role), "use one of " + strings.Join(role.Programs, ", ") + " (it is known by application_name)"}
	}
	return s, nil
}

func (p *Policy) person(c Claims) (*Person, error) {
	var who *Person
	for _, from := range p.Identity.Person {
		if from == "certificate" {
			who = p.certs[c.Certificate]
		} else {
			who = p.users[c.User]
		}
		if who != nil {
			break
		}
	}
	switch {
	case who == nil && p.Identity.DefaultRole == "":
		return nil, &Unknown{fmt.Sprintf("the register's policy does not know the database user %q", c.User), "ask the register office to add a [[person]]"}
	case who == nil:
		return &Person{Name: c.User, Role: p.Identity.DefaultRole}, nil
	case len(who.SpeaksFor) == 0:
		return who, nil
	case c.SetWho == "" && who.Role != "":
		return who, nil
	case c.SetWho == "":
		return nil, &Unknown{fmt.Sprintf("%s serves many people and has not said for whom it asks", who.Name), "let it SET portcullis.person first"}
	}
	named := p.people[c.SetWho]
	if named == nil || !slices.Contains(who.SpeaksFor, named.Role) {
		return nil, &Unknown{fmt.Sprintf("%s may not ask for %q", who.Name, c.SetWho), "name a person of the policy whose role it speaks for"}
	}
	return named, nil
}

// purpose finds the purpose and whether the role may have it.
func (p *Policy) purpose(c Claims, role string) (string, error) {
	given := ""
	for _, from := range p.Identity.Purpose {
		switch from {
		case "set":
			given = c.SetPurpose
		case "parameter":
			given = c.Parameter
		case "application":
			_, given, _ = strings.Cut(c.Application, "/")
		}
		if given != "" {
			break
		}
	}
	if given == "" {
		given = p.Identity.DefaultPurpose
	}
	if len(p.Purposes) == 0 {
		return given[:min(len(given), 64)], nil
	}
	q := p.purposes[given]
	if q == nil {
		why := "no purpose was given"
		if given != "" {
			why = fmt.Sprintf("%q is no purpose that the policy knows", given)
		}
		return "", &Unknown{why, "SET portcullis.purpose = '" + strings.Join(p.purposesOf(role), "' or '") + "'"}
	}
	if !slices.Contains(p.purposesOf(role), given) {
		return "", &Unknown{fmt.Sprintf("the role %q does not read for the purpose %q", role, given), "SET portcullis.purpose = '" + strings.Join(p.purposesOf(role), "' or '") + "'"}
	}
	return given, nil
}

// SubjectOf is the subject of an entry in the ledger, with the role that the person has now.
func (p *Policy) SubjectOf(person, program, purpose string) Subject {
	s := Subject{Person: person, Role: p.Identity.DefaultRole, Program: program, Purpose: purpose}
	if who := p.people[person]; who != nil {
		s.Role = who.Role
	}
	return s
}

// purposesOf are the purposes a role may read for.
func (p *Policy) purposesOf(role string) (names []string) {
	r := p.roles[role]
	for _, q := range p.Purposes {
		if (r == nil || len(r.Purposes) == 0 || slices.Contains(r.Purposes, q.Name)) && (len(q.Roles) == 0 || slices.Contains(q.Roles, role)) {
			names = append(names, q.Name)
		}
	}
	return names
}

func (p *Policy) program(application string) string {
	name, _, _ := strings.Cut(application, "/")
	for _, q := range p.programs {
		for _, m := range q.Match {
			if ok, err := path.Match(m, name); ok && err == nil {
				return q.Name
			}
		}
	}
	return "other"
}

// Role tells what the policy says of a role.
func (p *Policy) Role(name string) (Role, bool) {
	r := p.roles[name]
	if r == nil {
		return Role{}, false
	}
	return *r, true
}

// working tells whether somebody of a role works at a time.
func (p *Policy) working(role string, at time.Time) bool {
	r := p.roles[role]
	if r == nil || len(r.Hours) == 0 {
		return true
	}
	at = at.In(p.zone)
	for _, h := range r.Hours {
		if h.include(at) {
			return true
		}
	}
	return slices.ContainsFunc(r.ExtraHours, func(e ExtraHours) bool { return e.include(at) })
}

// MasksFor are the masks for a subject.
func (p *Policy) MasksFor(s Subject) (masks []Mask) {
	for _, m := range p.Masks {
		if oneOf(m.Roles, s.Role) && oneOf(m.Purposes, s.Purpose) {
			masks = append(masks, m)
		}
	}
	return masks
}

func oneOf(list []string, s string) bool { return len(list) == 0 || slices.Contains(list, s) }

// SupervisorOf tells whose token that is.
func (p *Policy) SupervisorOf(token string) (string, bool) {
	sum := sha256.Sum256([]byte(strings.TrimSpace(token)))
	have := []byte(hex.EncodeToString(sum[:]))
	for _, s := range p.Supervisors {
		if subtle.ConstantTimeCompare(have, []byte(strings.ToLower(s.Token))) == 1 {
			return s.Name, true
		}
	}
	return "", false
}

// Shape is how far a statement goes, as far as a fingerprint does not tell.
type Shape struct {
	List       int   // longest list
	Arrays     int   // lists whose length cannot be seen
	Prefix     int   // fewest literal characters at the beginning of a pattern; -1: there is none
	Limit      int64 // LIMIT; -1: there is none, or it is a parameter
	Statements int   // in the text
}

// Allowed tells whether the allow-list has a statement, and if not, why.
func (p *Policy) Allowed(s Subject, fingerprint string, shape Shape) (bool, string) {
	why := "the allow-list has no such statement"
	for i := range p.Allow {
		a := &p.Allow[i]
		if a.Fingerprint != fingerprint || !oneOf(a.Roles, s.Role) || !oneOf(a.Purposes, s.Purpose) {
			continue
		}
		if why = a.exceeded(shape); why == "" {
			return true, ""
		}
	}
	return false, why
}

// exceeded says what of a shape goes too far.
func (a *Statement) exceeded(shape Shape) string {
	switch {
	case shape.List > a.ListMax:
		return fmt.Sprintf("its list has %d values, the allow-list has at most %d", shape.List, a.ListMax)
	case shape.Arrays > 0 && !a.Arrays:
		return "it has a list whose length cannot be seen"
	case shape.Prefix >= 0 && shape.Prefix < a.PatternMin:
		return fmt.Sprintf("its pattern begins with %d letters, the allow-list wants at least %d", shape.Prefix, a.PatternMin)
	case a.LimitMax > 0 && (shape.Limit < 0 || shape.Limit > a.LimitMax):
		return fmt.Sprintf("the allow-list wants LIMIT %d or less", a.LimitMax)
	}
	return ""
}
